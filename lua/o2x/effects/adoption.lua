--- Taking over a tenant that was made by hand: what would the runbook that makes tenants change, if the tenant's file
--- said this? For runbooks that write that file (adopts). Reads only.

local errors = require "o2x.base.error"
local secret = require "o2x.base.secret"
local yaml = require "o2x.base.yaml"

-- The fields that a run has looked at: as long as they are held, their texts are hidden.
local held = setmetatable({}, { __mode = "k" })

-- What is asked of Vault at a path; nil if it cannot be asked for or read, which `odd` then says. People give names
-- that a server may read otherwise ("..", "?", "%2e"), and JSON deeper than o2x reads.
local function at(path, odd, ask, ...)
  local ok, result = pcall(ask, ...)
  if ok then return result end
  if not errors.is(result) or result.kind ~= "refused" and result.kind ~= "input" then error(result, 0) end
  odd[#odd + 1] = { path = path, why = result.message }
end

-- The paths of all secrets of a folder.
local function paths_below(client, folder, paths, odd)
  for _, name in ipairs(at(folder, odd, client.list, client, (folder:gsub("/$", ""))) or {}) do
    if name:sub(-1) == "/" then
      paths_below(client, folder .. name, paths, odd)
    else
      paths[#paths + 1] = folder .. name
    end
  end
  return paths
end

-- Where Vault does not let this user list, those that the standard has.
local function paths_of(ctx, client, folder, usual, odd)
  local ok, paths = pcall(paths_below, client, folder, {}, odd)
  if ok then return paths end
  if not (errors.is(paths) and paths.kind == "unauthorised") then error(paths, 0) end
  ctx:log("warn", "Vault does not let this user list: secrets at other paths than the standard's are not known")
  paths = {}
  for i, path in ipairs(usual) do
    paths[i] = folder .. path
  end
  return paths
end

-- Scripts get nothing of it but what could not be read, so nothing of it is in the journal.
local function hold_secrets(ctx, is_secret, usual)
  local client, list, odd = ctx:client "vault", {}, {}
  for _, folder in ipairs(ctx.scope.vault or {}) do
    for _, path in ipairs(paths_of(ctx, client, folder, usual, odd)) do
      for name, field in pairs(at(path, odd, client.read, client, path) or {}) do
        if secret.is(field) and is_secret(path:sub(#folder + 1), name) then
          list[#list + 1] = field
        elseif secret.is(field) then
          secret.wipe(field)
        end
      end
    end
  end
  held[ctx] = list
  return odd
end

return {
  name = "adoption",
  api = function(ctx)
    return {
      --- From here on, the texts of the tenant's secrets in Vault are hidden in what is read (‹secret›), whatever their
      --- spelling, and nothing is written that has one. Comes first: what was read before is in the journal already.
      ---@param is_secret fun(path: string, field: string): boolean whether a field is one: path below the tenant's
      ---@param usual string[] the paths of the standard
      ---@return { path: string, why: string }[] odd paths that could not be read, so their texts are not hidden
      hide_secrets = function(is_secret, usual)
        return ctx:ask("vault", function() return hold_secrets(ctx, is_secret, usual) end)
      end,

      --- What a tenant's file says.
      ---@param text string
      ---@return any file without what is null
      parse = function(text) return yaml.read(text, "the tenant's file", { exact = true }) end,

      --- What differs from what a tenant's file would say.
      ---@param text string of the file
      ---@return { differences: table[], problems: table[], failed: table[] } found differences: what ("KIND KEY"),
      --- key, kind, title, step, way ("missing", "different", "left over"), lines, and tag, by which the file keeps it
      --- (nil: a secret is in it), text of a file that is missing; problems: what could not be looked at; failed:
      --- checks that fail, each with step, name, message, hint
      differences = function(text) return ctx:differences(yaml.read(text, "the tenant's file", { exact = true })) end,
    }
  end,
}
