--- versions.lock beside the runbooks: the content that each version of each runbook has. What was changed under an
--- unchanged version does not run, unless somebody says so.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"

local M = {}

local HEAD = "# name, version, sha256 of its content; written by o2x lock\n"

local function path_of(project) return fs.join(project.runbooks, "versions.lock") end

-- A tenant's own version has a name of its own, and NAME@1.lua the name NAME: a version keeps its content when it moves.
local function name_of(runbook)
  local tenant = runbook.path:match("runbooks/tenants/([^/]+)/[^/]+$")
  return tenant and ("tenants/%s/%s"):format(tenant, runbook.name) or runbook.name
end

local function parse(path)
  local list, number = {}, 0
  for line in ((fs.read_if(path) or "") .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    if not line:match("^%s*#") and not line:match("^%s*$") then
      local name, version, hash = line:match("^(%S+)%s+(%d+%.%d+%.%d+)%s+(%x+)%s*$")
      if not hash or #hash ~= 64 then
        errors.input("name, version and sha256 expected", "write it anew: o2x lock", ("%s:%d"):format(path, number))
      end
      list[name .. " " .. version] = hash:lower()
    end
  end
  return list
end

--- What the lock has.
---@param project table
---@return table<string, string> "name version" → sha256
function M.read(project) return parse(path_of(project)) end

--- How a runbook stands to the lock.
---@param locked table<string, string>
---@param runbook table name, version, path
---@param text string
---@return "locked"|"new"|"edited"
function M.standing(locked, runbook, text)
  local hash = locked[name_of(runbook) .. " " .. runbook.version]
  if not hash then return "new" end
  return hash == crypto.sha256(text) and "locked" or "edited"
end

--- The error of a runbook whose content was changed under an unchanged version.
---@param runbook table
---@return table
function M.problem(runbook)
  return errors.new {
    kind = "refused",
    module = "versions",
    where = runbook.path,
    message = ("its content was changed, its version is still %s (versions.lock)"):format(runbook.version),
    hint = "raise its version, then o2x lock; in an emergency: --allow-edited",
  }
end

--- The runbooks that a sandbox has loaded and that are not what the lock says.
---@param sandbox table
---@return table[] runbooks
function M.edited(sandbox)
  local locked, list = M.read(sandbox.project), {}
  for _, runbook in ipairs(sandbox.runbooks) do
    if M.standing(locked, runbook, sandbox.texts[runbook.path]) == "edited" then list[#list + 1] = runbook end
  end
  return list
end

--- Takes runbooks into the lock.
---@param project table
---@param loaded {runbook: table, text: string}[]
---@param replace boolean? also those whose content was changed under an unchanged version
---@return string[] added names and versions that are new in it
function M.update(project, loaded, replace)
  local locked, added = M.read(project), {}
  for _, one in ipairs(loaded) do
    local standing = M.standing(locked, one.runbook, one.text)
    if standing == "edited" and not replace then error(M.problem(one.runbook), 0) end
    if standing ~= "locked" then
      local id = name_of(one.runbook) .. " " .. one.runbook.version
      locked[id] = crypto.sha256(one.text)
      added[#added + 1] = id
    end
  end
  local lines = {}
  for id, hash in pairs(locked) do
    lines[#lines + 1] = id .. " " .. hash .. "\n"
  end
  table.sort(lines)
  fs.write(path_of(project), HEAD .. table.concat(lines), { mode = tonumber("644", 8) })
  return added
end

return M
