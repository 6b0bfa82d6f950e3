-- What is left of a secret in the memory of the process: a child reads its own, and looks for a text that no string of
-- its script has.

local build = require "tests.support.build"
local folder = require "tests.support.folder"
local proc = require "o2x.base.proc"

local PRELUDE <const> = [==[
local fs, json = require "o2x.base.fs", require "o2x.base.json"
local secret, secrets_file = require "o2x.base.secret", require "o2x.project.secrets_file"

-- How often is the text in writable memory? The pattern does not match itself.
local function count()
  collectgarbage()
  collectgarbage()
  local hits, memory = 0, io.open("/proc/self/mem", "rb")
  for line in io.lines "/proc/self/maps" do
    local from, to = line:match "^(%x+)%-(%x+) rw"
    local at = tonumber(from or "0", 16)
    while at < tonumber(to or "0", 16) do
      memory:seek("set", at)
      local text = memory:read(math.min(tonumber(to, 16) - at, 1 << 20)) or ""
      hits = hits + select(2, text:gsub("wiped%-[m]arker%-0815", ""))
      at = at + (1 << 20)
    end
  end
  memory:close()
  return hits
end

local function file(text)
  local path = os.getenv "FOLDER" .. "/secret"
  -- the shell makes the text, so that no string here ever has it
  os.execute(("umask 077; rm -f %s; m=wiped-; printf -- '%s' \"${m}marker-0815\" > %s"):format(path, text, path))
  return fs.read_private(path)
end
]==]

-- what is done with the secret, how often its text is in memory afterwards
local CASES <const> = {
  { "a live secret", [[local s = file "%s" print(count()) return s]], 1 },
  { "a wiped secret", [[secret.wipe(file "%s")]] },
  { "a secrets file", [[secret.wipe(secrets_file.parse(file "a: %s").a)]] },
  { "a secrets file without an end", [[local s = file "a: \"%s" pcall(secrets_file.parse, s, "x") secret.wipe(s)]] },
  { "a secrets file with a tab", [[local s = file "a: %s\n\tb: c" pcall(secrets_file.parse, s, "x") secret.wipe(s)]] },
  { "a secrets file that is no map", [[local s = file "- %s" pcall(secrets_file.parse, s, "x") secret.wipe(s)]] },
  { "JSON", [[local s = file "[\"%s\"]" secret.wipe(json.decode_secret(s, "")[1]) secret.wipe(s)]] },
  { "JSON without an end", [[local s = file "[\"%s\"" pcall(json.decode_secret, s, "") secret.wipe(s)]] },
  { "JSON with a comma too much", [[local s = file "[\"%s\",]" pcall(json.decode_secret, s, "") secret.wipe(s)]] },
  { "JSON that is encoded", [[local s = file "%s" secret.wipe(json.encode_secret { s }) secret.wipe(s)]] },
  { "what is not base64", [[local s = file "%s!" s:unbase64() secret.wipe(s)]] },
  { "a joined secret", [[local s = file "%s" secret.wipe(s .. "x") secret.wipe(s)]] },
}

describe("in memory", function()
  for _, case in ipairs(build.sanitized and {} or CASES) do
    it("there is what must be of " .. case[1], function()
      local text = PRELUDE .. "do local _ = (function() " .. case[2] .. " end)() end\n"
      if not case[3] then text = text .. "print(count())\n" end
      local place <close> = folder { ["look.lua"] = text, open = "" }
      local result = proc.run {
        argv = { build.dev, place:at "look.lua" },
        env = { FOLDER = place.path },
        timeout = 60,
      }
      assert.equal("", result.stderr)
      assert.equal(tostring(case[3] or 0), (result.stdout:gsub("%s+$", "")))
    end)
  end
end)
