-- Standard input belongs to the process, so each case is one of its own.
local folder = require "tests.support.folder"
local proc = require "o2x.base.proc"

local READ <const> = [[
  local ok, result = pcall(require("o2x.base.input").read_secret, "x")
  print(ok and "bytes " .. result:length() or tostring(result))
]]

local function said(shell)
  local place <close> = folder { ["read.lua"] = READ }
  local command = shell:format(("build/o2x-dev %s"):format(place:at "read.lua"))
  return proc.run({ argv = { "sh", "-c", command }, timeout = 60 }).stdout
end

describe("standard input", function()
  for what, case in pairs {
    ["a pipe"] = { "printf 12345 | %s", "bytes 5\n" },
    ["a slow pipe"] = { "(printf 123; sleep 0.2; printf 45) | %s", "bytes 5\n" },
    ["a file"] = { "%s < /etc/hostname", "bytes " },
    ["nothing"] = { "%s < /dev/null", "bytes 0\n" },
    ["1 MB"] = { "head -c 1048576 /dev/zero | %s", "bytes 1048576\n" },
    ["more than 1 MB"] = { "head -c 1048577 /dev/zero | %s", "standard input: larger than 1 MB\n" },
    ["a stream without end"] = { "%s < /dev/zero", "standard input: larger than 1 MB\n" },
    ["a closed descriptor"] = { "%s <&-", "standard input: " },
    ["a folder"] = { "%s < /", "standard input: " },
  } do
    it("may be " .. what, function() assert.equal(case[2], said(case[1]):sub(1, #case[2])) end)
  end
end)

describe("a line of standard input", function()
  local LINES <const> = [[
    local input = require "o2x.base.input"
    for _ = 1, 3 do
      local ok, line = pcall(input.line, 0.2)
      print(ok and "line " .. tostring(line) or tostring(line))
    end
  ]]

  for what, case in pairs {
    ["comes without its end"] = { "(printf 'yes\\n'; sleep 0.1; printf '\\n') | %s", "line yes\nline \nline nil\n" },
    ["may come in pieces"] = { "(printf y; sleep 0.1; printf 'es\\n') | %s", "line yes\nline nil\nline nil\n" },
    ["is nil at the end, also in the middle of one"] = { "printf yes | %s", "line nil\nline nil\nline nil\n" },
    ["is nil where nothing can be read"] = { "%s < /", "line nil\nline nil\nline nil\n" },
    ["is waited for no longer than that"] = { "sleep 2 | %s", ("standard input: no answer came\n"):rep(3) },
  } do
    it(what, function()
      local place <close> = folder { ["read.lua"] = LINES }
      local command = case[1]:format("build/o2x-dev " .. place:at "read.lua")
      assert.equal(case[2], proc.run({ argv = { "sh", "-c", command }, timeout = 60 }).stdout)
    end)
  end
end)
