--- Stand-ins for the secrets of a run that is replayed. A capsule has their tags only. For each tag there is one secret
--- of no meaning, so that scripts can pass it on as they did. What a script makes of one (a URL with a password) gets
--- another tag than it had; it counts as the same as long as it always stands at the same places.

local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local plain = require "o2x.base.plain"
local secret = require "o2x.base.secret"

local M = {}

local StandIns = {}
StandIns.__index = StandIns

--- No stand-ins yet.
---@return table stand_ins
function M.new() return setmetatable({ by_tag = {}, was = {} }, StandIns) end

-- The secret that stands for a tag. Base64, because scripts may decode what they expect to be encoded.
local function stand_in(self, label, tag)
  local found = self.by_tag[tag]
  if not found then
    found = secret.new(crypto.base64("stands for " .. tag), label)
    self.by_tag[tag], self.was[secret.fingerprint(found)] = found, tag
  end
  return found
end

local function revive(self, v)
  if type(v) ~= "table" or v == json.null then return v end
  if plain.is_secret(v) then return stand_in(self, tostring(v["$secret"]), tostring(v.fp)) end
  if mask.is_reference(v) then return v["$masked"] end
  for key, item in next, v do
    if type(item) == "table" then v[key] = revive(self, item) end
  end
  return v
end

--- The value that a record keeps, with stand-ins where it has tags.
---@param kept any
---@return any
function StandIns:revive(kept) return revive(self, plain.revive(kept)) end

-- Is the tag of a secret of the replay the one that the record has?
local function is_tag(self, recorded, came)
  local was = self.was[came]
  if not was then self.was[came] = recorded end
  return was == nil or was == recorded
end

local function differing(self, recorded, came, path)
  if mask.is_reference(recorded) then return nil end -- what it was, nobody knows
  if type(recorded) ~= "table" or type(came) ~= "table" or recorded == json.null or came == json.null then
    if recorded == came then return nil end
    return { path = path, recorded = recorded, came = came }
  end
  if plain.is_secret(recorded) and plain.is_secret(came) then
    return not is_tag(self, recorded.fp, came.fp) and { path = path, recorded = recorded, came = came } or nil
  end
  for key, item in next, recorded do
    local found = differing(self, item, came[key], ("%s.%s"):format(path, key))
    if found then return found end
  end
  for key, item in next, came do
    if recorded[key] == nil then return { path = ("%s.%s"):format(path, key), came = item } end
  end
end

--- The first place at which two values differ, as records keep them.
---@param recorded any
---@param came any of the replay
---@return { path: string, recorded: any, came: any }? difference
function StandIns:difference(recorded, came) return differing(self, recorded, came, "") end

return M
