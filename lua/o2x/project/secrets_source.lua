--- Loads a tenant's secrets: from a private file, from standard input, from a folder of such files, or from Vault. They
--- become opaque values here. Runbooks check whether all they need is there.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

local M = {}

local function refuse_open_file(path)
  if fs.private(path) then return end
  errors.raise {
    kind = "input",
    module = "secrets",
    where = path,
    message = "the secrets file is accessible to others; its mode must be 0600",
    hint = ("chmod 600 %s"):format(path),
  }
end

local function read(path)
  if not fs.exists(path) then errors.input("secrets file not found", nil, path) end
  refuse_open_file(path)
  return fs.read(path, 1024 * 1024)
end

-- Every text becomes a secret labelled with its path; other values stay, so that a later check can name them.
local function seal(node, place)
  if type(node) == "string" then return secret.new(node, place) end
  if type(node) ~= "table" or node == json.null then return node end
  local sealed = {}
  for key, item in pairs(node) do
    sealed[key] = seal(item, place == "" and key or ("%s/%s"):format(place, key))
  end
  return sealed
end

local function parse(text, where)
  local document = require("o2x.base.yaml").decode(text, where)
  if document == nil or document == json.null then return {} end
  if type(document) ~= "table" then errors.input("expected a map of secrets", nil, where) end
  return seal(document, "")
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
  if source == "-" then return parse(io.read("a"), "standard input"), "standard input" end
  local path = source and source:match("^vault:(.+)$")
  if path then return from_vault(path, client), source end
  if source then return parse(read(source), source), source end
  local file = folder and fs.join(folder, tenant .. ".yaml")
  if file and fs.exists(file) then return parse(read(file), file), file end
  return nil, file or "no source of secrets"
end

return M
