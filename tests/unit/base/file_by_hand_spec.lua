local by_hand = require "o2x.base.file_by_hand"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local LONG <const> = ("a line\n"):rep(100)

local TEXTS <const> = {
  "",
  "\n",
  "one line\n",
  "no last line break",
  "EOF\n",
  "$HOME `id` \\ 'x'\n",
  "a tab\there\n",
  "\27[31m red \r\n",
  "\u{202E}backwards\n",
  "bytes \0\xff\n",
  LONG,
  LONG:gsub("\n$", ""),
  LONG .. "one more\n",
  "first\n" .. LONG,
  LONG .. "a tab\t\n",
}

local function lines_of(list)
  local lines = {}
  for _, line in ipairs(list) do
    lines[#lines + 1] = type(line) == "table" and line.line or line
  end
  return table.concat(lines, "\n")
end

describe("a file by hand", function()
  it("gets its text, whatever was there", function()
    local dir <close> = folder()
    local count = 0
    local befores = { table.unpack(TEXTS) }
    befores[#befores + 1] = false
    for _, before in ipairs(befores) do
      for _, text in ipairs(TEXTS) do
        local path = "below/it's here.txt"
        fs.remove_tree(dir:at "below")
        if before then dir:write(path, before) end
        local commands = lines_of(by_hand.lines(path, text, before or nil))
        local result = proc.run {
          argv = { "bash", "-e", "-c", commands },
          cwd = dir.path,
          env = { PATH = os.getenv "PATH" },
        }
        assert.equal(0, result.code, commands .. result.stderr)
        assert.equal(text, fs.read(dir:at(path)), commands)
        count = count + 1
      end
    end
    assert.equal(#TEXTS * (#TEXTS + 1), count)
  end)

  it("is patched where that is shorter", function()
    assert.matches("^patch ", by_hand.lines("f", LONG .. "one more\n", LONG)[1])
    assert.matches("^cat > f <<'EOF'\n", by_hand.lines("f", "other\n", LONG)[1])
  end)
end)
