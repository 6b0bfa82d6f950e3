--- runbooks/versions.lock: the content hash of each version of each runbook. A runbook that was edited without a new
--- version does not run unless --allow-edited is given.

local crypto = require "o2x.base.crypto"
local encoding = require "o2x.base.encoding"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"

local M = {}

local HEAD = "# name, version, sha256 of its content; written by o2x lock\n"

local function path_of(project) return fs.join(project.runbooks, "versions.lock") end

-- A tenant's own version is listed as tenants/TENANT/NAME, NAME@1.lua as NAME, so that a renamed file keeps its entry.
local function name_of(runbook)
  local tenant = runbook.path:match("runbooks/tenants/([^/]+)/[^/]+$")
  return tenant and ("tenants/%s/%s"):format(tenant, runbook.name) or runbook.name
end

local function parse(path)
  local list, number = {}, 0
  for line in (encoding.utf8(fs.read_if(path) or "", path) .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    if not line:match("^%s*#") and not line:match("^%s*$") then
      local name, version, hash = line:match("^(%S+)%s+(%d+%.%d+%.%d+)%s+(%x+)%s*$")
      if not hash or #hash ~= 64 then
        local where = ("%s:%d"):format(path, number)
        errors.input("expected name, version and sha256", "fix or delete this line, then run o2x lock", where)
      end
      list[name .. " " .. version] = hash:lower()
    end
  end
  return list
end

--- Reads the lock.
---@param project table
---@return table<string, string> "name version" → sha256
function M.read(project) return parse(path_of(project)) end

--- The status of a runbook with respect to the lock.
---@param locked table<string, string>
---@param runbook table name, version, path
---@param text string
---@return "locked"|"new"|"edited"
function M.status(locked, runbook, text)
  local hash = locked[name_of(runbook) .. " " .. runbook.version]
  if not hash then return "new" end
  return hash == crypto.sha256(text) and "locked" or "edited"
end

--- The error for a runbook that was edited without a new version.
---@param runbook table
---@return table
function M.problem(runbook)
  return errors.new {
    kind = "refused",
    module = "versions",
    where = runbook.path,
    message = ("edited, but its version is still %s (versions.lock)"):format(runbook.version),
    hint = "raise its version and run o2x lock; in an emergency, add --allow-edited",
  }
end

--- The loaded runbooks of a sandbox that were edited without a new version.
---@param sandbox table
---@return table[] runbooks
function M.edited(sandbox)
  local locked, list = M.read(sandbox.project), {}
  for _, runbook in ipairs(sandbox.runbooks) do
    if M.status(locked, runbook, sandbox.texts[runbook.path]) == "edited" then list[#list + 1] = runbook end
  end
  return list
end

--- Adds runbooks to the lock.
---@param project table
---@param loaded {runbook: table, text: string}[]
---@param replace boolean? also those that were edited without a new version
---@return string[] added names and versions
function M.update(project, loaded, replace)
  local locked, added = M.read(project), {}
  for _, one in ipairs(loaded) do
    local status = M.status(locked, one.runbook, one.text)
    if status == "edited" and not replace then error(M.problem(one.runbook), 0) end
    if status ~= "locked" then
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
