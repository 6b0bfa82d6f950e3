--- Loads a tenant's secrets: from a private file, from standard input, from a folder of such files, or from Vault. They
--- become opaque values here. Runbooks check whether all they need is there.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local input = require "o2x.base.input"
local out = require "o2x.report.out"
local secrets_file = require "o2x.project.secrets_file"
local tty = require "o2x.core.tty"

local M = {}

local function from_file(path)
  if not fs.exists(path) then errors.input("secrets file not found", nil, path) end
  return secrets_file.parse(fs.read_private(path), path)
end

local function from_input()
  if tty.is(0) then out.say "secrets, as YAML, then Ctrl-D (what you type is not shown):" end
  return secrets_file.parse(input.read_secret "standard input", "standard input")
end

local function from_vault(path, client)
  local fields = client("vault"):read(path)
  if not fields then errors.input("no secret at this Vault path", nil, "vault:" .. path) end
  return fields
end

--- The secrets of a tenant.
---@param source string? a file, "-" for standard input, "vault:PATH", or nil for the configured folder
---@param folder string? the configured folder
---@param tenant string
---@param client fun(name: string): table
---@return table? secrets nested as in the file; nil if there is no source
---@return string where they are from, for messages
function M.load(source, folder, tenant, client)
  if source == "-" then return from_input(), "standard input" end
  local path = source and source:match("^vault:(.+)$")
  if path then return from_vault(path, client), source end
  if source then return from_file(source), source end
  local file = folder and fs.join(folder, tenant .. ".yaml")
  if file and fs.exists(file) then return from_file(file), file end
  return nil, file or "no source of secrets"
end

return M
