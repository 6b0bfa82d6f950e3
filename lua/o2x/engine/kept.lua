--- Differences that a tenant's file keeps (`kept`): a tenant that was made by hand was taken over with them (o2x
--- adopt). The runbook that makes tenants leaves such a target as it is, for as long as the difference is the very one
--- that was accepted: another value there, or another one wanted, is a change like any other. --take-over=KEY makes it
--- o2x's.

local contract = require "o2x.engine.contract"
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local plain = require "o2x.base.plain"
local take_over = require "o2x.engine.take_over"
local value = require "o2x.base.value"

local M = {}

local LENGTH <const> = 16 -- hex digits of a tag: it tells accidents apart, not attackers

-- Is there something that no file may have a hash of, or that nobody knows yet? A short secret could be found by
-- trying.
local function is_hidden(any)
  if value.is_unknown(any) or value.has_secret(any) then return true end
  if type(any) ~= "table" then return false end
  if plain.is_secret(any) or mask.is_reference(any) then return true end
  for _, item in pairs(any) do
    if is_hidden(item) then return true end
  end
  return false
end

--- The differences that a run leaves as they are: those of the tenant's file, in the runbook that makes tenants.
---@param run table
---@return table<string, string>? tags by "KIND KEY"; nil if there are none
function M.of(run)
  if run.undo or run.arrival or run.runbook.name ~= run.platform.MAKES then return nil end
  local tags
  for _, one in ipairs(run.tenant.kept or {}) do
    tags = tags or {}
    tags[one.what] = one.tag
  end
  return tags
end

local MISSING <const> = "missing" -- the tag of what is not there, whatever it would be

--- The tag of a difference: of what is there, and of what is wanted. Of a text it is what is there alone: a text that
--- is made names times and versions, and would be another one tomorrow.
---@param effect_type o2x.effect_type
---@param key string
---@param before any what is there now
---@param desired any
---@return string? tag nil: a secret is in it, or something that only the run knows
function M.tag(effect_type, key, before, desired)
  if desired == nil or is_hidden(desired) or is_hidden(before) then return nil end
  if before == nil then return not effect_type.undo.contents and MISSING or nil end -- what has contents is needed
  local image = contract.image(effect_type, before, desired, key)
  if is_hidden(image) then return nil end
  local wanted = type(desired) == "table" and value.plain(desired, key) or nil
  return crypto.sha256(json.encode { effect_type.kind, value.text(key), image, wanted }):sub(1, LENGTH)
end

--- Does the tenant's file keep this difference, and the operator want nothing else?
---@param run table
---@param effect_type o2x.effect_type
---@param key string
---@param before any what is there now
---@param desired any
---@return boolean
function M.covers(run, effect_type, key, before, desired)
  local tag = run.kept and run.kept[effect_type.kind .. " " .. value.text(key)]
  if not tag or tag ~= M.tag(effect_type, key, before, desired) then return false end
  return not take_over.wants(run, effect_type.kind, key)
end

return M
