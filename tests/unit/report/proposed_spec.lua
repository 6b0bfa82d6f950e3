local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local proposed = require "o2x.report.proposed"

local COMMANDS <const> = { run = true, resume = true, undo = true, lab = false }

describe("a proposed command", function()
  after_each(function() proposed.called("o2x", {}, {}) end)

  -- What a child of this program prints that was called in some way.
  local function child(env, called, words, text)
    local script = os.tmpname()
    fs.write(
      script,
      ([[local proposed = require "o2x.report.proposed"
        proposed.called(%q, { %s }, { run = true, resume = true, undo = true, lab = false })
        io.write(proposed.text(%q), "\n", proposed.again("--confirm=a"))]]):format(called, words, text)
    )
    local found = proc.run { argv = { fs.realpath "/proc/self/exe", script }, env = env }
    os.remove(script)
    return found.stdout
  end

  local CASES <const> = {
    -- how it was called, its arguments, the text, what is shown, what is typed again
    { "o2x", "'run', 'a'", "next: o2x resume R-1", "next: o2x resume R-1", "o2x run a --confirm=a" },
    {
      "build/o2x",
      "'run', 'a b'",
      "next: o2x resume R-1",
      "next: build/o2x resume R-1",
      "build/o2x run 'a b' --confirm=a",
    },
    {
      "my tools/o2x",
      "",
      "o2x undo R; next: o2x resume R",
      "'my tools/o2x' undo R; next: 'my tools/o2x' resume R",
      "'my tools/o2x' --confirm=a",
    },
    {
      "o2x",
      "'run', '--set=state=/a b'",
      "o2x resume R",
      "o2x resume '--set=state=/a b' R",
      "o2x run '--set=state=/a b' --confirm=a",
    },
    {
      "o2x",
      "'--set', 'x=y', 'run'",
      "o2x lab env, o2x undo R",
      "o2x lab env, o2x undo --set=x=y R",
      "o2x --set x=y run --confirm=a",
    },
    {
      "o2x",
      "'run', '--set=bad', '--', 'a'",
      "o2x resume R",
      "o2x resume R",
      "o2x run --set=bad --confirm=a -- a",
    },
    {
      "./o2x",
      "",
      "o2x refuses what o2x-lab or build/o2x run says",
      "o2x refuses what o2x-lab or build/o2x run says",
      "./o2x --confirm=a",
    },
  }
  for _, case in ipairs(CASES) do
    local called, words, text, shown, again = table.unpack(case)
    it(
      ("%s %s: %s"):format(called, words, text),
      function()
        assert.equal(shown .. "\n" .. again, child({ O2X_COMMAND = "", PATH = "/nonexistent" }, called, words, text))
      end
    )
  end

  it("names what starts o2x, where that is something else", function()
    local env = { O2X_COMMAND = "sudo -u ops o2x" }
    assert.equal(
      "sudo -u ops o2x resume R\nsudo -u ops o2x --confirm=a",
      child(env, "/usr/lib/o2x", "", "o2x resume R")
    )
  end)

  it("stays as it is once it is so", function()
    local script = os.tmpname()
    fs.write(
      script,
      [[local proposed = require "o2x.report.proposed"
        proposed.called("o2x", { "run", "--set=a=b" }, { run = true, resume = true })
        proposed.carry("--local-lock", { resume = true })
        local once = proposed.text "next: o2x resume R; o2x run x"
        io.write(once, "\n", proposed.text(once))]]
    )
    for _, start in ipairs { "", "sudo o2x", "./o2x" } do
      local env = { O2X_COMMAND = start, PATH = "/nonexistent" }
      local once, twice =
        proc.run({ argv = { fs.realpath "/proc/self/exe", script }, env = env }).stdout:match "(.*)\n(.*)"
      assert.equal(once, twice)
      local o2x = start == "" and "o2x" or start
      assert.equal(("next: %s resume --set=a=b --local-lock R; %s run --set=a=b x"):format(o2x, o2x), once)
    end
    os.remove(script)
  end)

  it("is so in data, in the fields that are typed", function()
    local script = os.tmpname()
    fs.write(
      script,
      [[local proposed = require "o2x.report.proposed"
        proposed.called("./o2x", {}, { run = true, undo = true })
        local list, fix = { next = "o2x undo R" }, { "o2x run b" }
        local data = { { mend = "o2x run a", text = "o2x run a", list = list, fix = fix } }
        local made, had = proposed.data(data)[1], data[1]
        print(had.mend, made.mend, made.text, made.list.next, made.fix[1])]]
    )
    local env = { O2X_COMMAND = "", PATH = "/nonexistent" }
    local printed = proc.run({ argv = { fs.realpath "/proc/self/exe", script }, env = env }).stdout
    os.remove(script)
    assert.equal("o2x run a\t./o2x run a\to2x run a\t./o2x undo R\t./o2x run b\n", printed)
  end)

  it("is short where the shell finds this very program", function()
    local folder = fs.folder(fs.realpath "/proc/self/exe")
    local env = { O2X_COMMAND = "", PATH = folder }
    assert.equal("o2x resume R\no2x --confirm=a", child(env, folder .. "/o2x", "", "o2x resume R"))
    env.PATH = "/usr/bin:/bin"
    assert.matches("^'?/.*/o2x'? resume R\n", child(env, folder .. "/o2x", "", "o2x resume R"))
  end)

  it("is left alone as long as nobody has said how the process was called", function()
    assert.equal("o2x resume R", proposed.text "o2x resume R")
    proposed.called("o2x", {}, COMMANDS)
    assert.equal("no command", proposed.text "no command")
  end)
end)
