local json = require "o2x.base.json"
local printable = require "o2x.base.printable"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"

-- Words that would be more than words, if the quoting were wrong.
local WORDS <const> = {
  "plain",
  "a=b/c.d",
  "",
  "two words",
  "it's",
  "'",
  "''",
  "$HOME",
  "${HOME}",
  "$(touch /tmp/o2x-broken-out)",
  "`id`",
  "a\\b",
  "\\",
  "\\'",
  'say "x"',
  "~",
  "#",
  "*",
  "!1",
  "a\nb",
  "\n",
  "EOF",
  "x\nEOF\nid\n",
  "\t\27[31m\r",
  "\7\8\127",
  "é – ü",
  "\u{202E}txt.exe\u{200B}",
  "\xff\xfe",
  "$'x'",
  "-n",
  "; id",
  "| id",
  "&& id",
  "> /tmp/o2x-broken-out",
  "<<EOF",
  "@{name}",
  '\\(env.HOME)"',
}

local function run(command, env)
  env = env or {}
  env.PATH = os.getenv "PATH"
  local result = proc.run { argv = { "bash", "-c", command }, env = env }
  assert.equal(0, result.code, command .. "\n" .. result.stderr)
  return result.stdout
end

describe("a word in a command", function()
  it("is what the shell takes it for", function()
    local command = shell.command { "printf", "%s\\0", table.unpack(WORDS) }
    assert.equal(table.concat(WORDS, "\0") .. "\0", run(command))
  end)

  it("is the same when it was shown on one line and pasted", function()
    local command = printable.line(shell.command { "printf", "%s\\0", table.unpack(WORDS) })
    assert.equal(table.concat(WORDS, "\0") .. "\0", run(command))
  end)

  it(
    "is not quoted without need",
    function() assert.equal("o2x run a/b.lua x=1", shell.command { "o2x", "run", "a/b.lua", "x=1" }) end
  )
end)

describe("a variable in a word", function()
  it("is its value, whatever that is", function()
    local word = "it's " .. shell.variable "ONE" .. "$HOME" .. shell.variable "TWO"
    local command = shell.command { "printf", "%s", word }
    for _, one in ipairs(WORDS) do
      assert.equal("it's " .. one .. "x$HOMEtwo", run(command, { ONE = one .. "x", TWO = "two" }))
    end
  end)

  it("stops the command if it is not set", function()
    local result = proc.run { argv = { "bash", "-c", shell.command { "echo", shell.variable "ONE" } } }
    assert.is_true(result.code ~= 0)
    assert.matches("ONE", result.stderr)
  end)

  it("is nobody else's to write", function()
    for _, word in ipairs { "@{ONE}", "@{0000000000000000:ONE}", "${ONE}", '"${ONE:?}"' } do
      assert.equal(word, run(shell.command { "printf", "%s", word }, { ONE = "secret" }))
    end
  end)
end)

describe("a text on standard input", function()
  it("is what it is, whatever its lines are", function()
    for _, word in ipairs(WORDS) do
      if shell.is_printable(word) then
        local text = word .. "\nEOF\nEOF_\n" .. word .. "\n"
        assert.equal(text, run(shell.heredoc("cat", text)))
      end
    end
    assert.equal("A\n", run(shell.heredoc("cat", "a\n", "tr a A")))
  end)

  it("is not printed as it is where a page would hide something", function()
    for _, text in ipairs { "a\tb", "\27[31m", "a\rb", "a\u{202E}b", "\xff" } do
      assert.is_false(shell.is_printable(text))
    end
    assert.is_true(shell.is_printable "é\nü\n")
  end)
end)

describe("JSON on standard input", function()
  it("has the values", function()
    local document = { list = json.array(WORDS), map = {}, n = 1 }
    for i, word in ipairs(WORDS) do
      if utf8.len(word) then document.map[word] = i end
    end
    document.list = json.array {}
    for _, word in ipairs(WORDS) do
      if utf8.len(word) then document.list[#document.list + 1] = word end
    end
    assert.same(document, json.decode(run(shell.with_json(document, "cat"))))
    assert.same(document, json.decode(run(shell.with_json(document, "cat", "jq ."))))
    document.one = "x"
    local given = { list = document.list, map = document.map, n = 1, one = shell.variable "ONE" }
    assert.same(document, json.decode(run(shell.with_json(given, "cat"), { ONE = "x" })))
  end)

  it("has variables that cannot end a string", function()
    local document = { whole = shell.variable "ONE", part = 'a "' .. shell.variable "ONE" .. "\\(" }
    for _, word in ipairs(WORDS) do
      if utf8.len(word) then
        local found = json.decode(run(shell.with_json(document, "cat"), { ONE = word }))
        assert.same({ whole = word, part = 'a "' .. word .. "\\(" }, found)
      end
    end
  end)

  it("is not made if a variable is not set", function()
    local command = shell.with_json({ one = shell.variable "ONE" }, "cat")
    local result = proc.run { argv = { "bash", "-o", "pipefail", "-c", command } }
    assert.is_true(result.code ~= 0)
    assert.equal("", result.stdout)
    assert.matches("set ONE", result.stderr)
  end)
end)

describe("a text that stands for a variable", function()
  before_each(function() shell.stand_in("ID-999", "TENANT_ID") end)
  after_each(function() shell.stand_in() end)

  local function out_of(line)
    local env = { PATH = os.getenv "PATH", TENANT_ID = [[it's "7" & \\1 %1]] }
    local result = proc.run { argv = { "bash", "-euo", "pipefail", "-c", line }, env = env }
    assert.equal(0, result.code, line .. result.stderr)
    return result.stdout
  end

  it("is the variable in words, documents and JSON, whatever that holds", function()
    local id = [[it's "7" & \\1 %1]]
    assert.equal(id .. ".q", out_of(shell.command { "printf", "%s", "ID-999.q" }))
    assert.equal("a " .. id .. "\nb $x\n", out_of(shell.heredoc("cat", "a ID-999\nb $x\n")))
    assert.equal("  " .. id .. "\n", out_of(shell.heredoc("cat", "ID-999\n", "sed 's/^/  /'")))
    local read = out_of(shell.with_json({ a = "x.ID-999", b = "ID-999" }, "cat"))
    assert.same({ a = "x." .. id, b = id }, json.decode(read))
  end)

  it("is shown as the variable, and is none any more when that is over", function()
    assert.equal("$TENANT_ID.q", shell.shown "ID-999.q")
    assert.is_true(shell.has_variable "ID-999")
    shell.stand_in()
    assert.equal("ID-999", shell.quote(shell.shown "ID-999"))
  end)

  it("is needed: a command fails without it", function()
    for _, line in ipairs { shell.command { "echo", "ID-999" }, shell.heredoc("cat", "ID-999\n") } do
      local env = { PATH = os.getenv "PATH" }
      local result = proc.run { argv = { "bash", "-euo", "pipefail", "-c", line }, env = env }
      assert.are_not.equal(0, result.code)
      assert.truthy(result.stderr:find("TENANT_ID", 1, true), result.stderr)
    end
  end)
end)
