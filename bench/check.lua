--- o2x check, of one runbook with all that it calls, and of the whole project.

local fs = require "o2x.base.fs"

-- Adds the paths of all scripts below a folder.
local function scripts(folder, into)
  for _, name in ipairs(fs.list(folder)) do
    local path = fs.join(folder, name)
    if name:find "%.lua$" then
      into[#into + 1] = path
    elseif fs.is_folder(path) then
      scripts(path, into)
    end
  end
  return into
end

return {
  title = "check onboard, check: all runbooks and stdlib",
  differs = "luac -p compiles the same files and checks nothing else; luacheck knows no API of o2x",
  contenders = function()
    local files = scripts("stdlib", scripts("runbooks", {}))
    local function good(result) assert(result.stdout:find("✓", 1, true) and not result.stdout:find("✗", 1, true)) end
    return {
      { name = "floor: empty C", argv = { "build/bench/empty" } },
      { name = "luac -p", argv = { "luac5.4", "-p", table.unpack(files) }, missing = "apt-get install lua5.4" },
      { name = "o2x check onboard", argv = { "build/o2x", "check", "onboard" }, check = good },
      { name = "o2x check", argv = { "build/o2x", "check" }, check = good },
      {
        name = "luacheck",
        argv = { "luacheck", "--no-cache", "-q", "runbooks", "stdlib" },
        missing = "apt-get install lua-check",
      },
    }
  end,
  must = { { "o2x check onboard", 32, "floor: empty C" }, { "o2x check", 97, "floor: empty C" } },
}
