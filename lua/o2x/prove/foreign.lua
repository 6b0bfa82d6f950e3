--- Somebody else changes the target of an effect: by the effect type itself, with another value than the run wants. So
--- each type has it, and no type needs a word about it.

local contract = require "o2x.engine.contract"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local sorted_keys = require "o2x.base.sorted_keys"
local value = require "o2x.base.value"

local M = {}

local OTHER <const> = {
  string = function(text) return text .. "-foreign" end,
  boolean = function(truth) return not truth end,
  number = function(n) return n + 1 end,
}

--- A copy of a value in which the first leaf that can be another one is.
---@param wanted any
---@return any other
---@return boolean whether it is another one
function M.other(wanted)
  if secret.is(wanted) then return secret.new("foreign", "foreign"), true end
  if OTHER[type(wanted)] then return OTHER[type(wanted)](wanted), true end
  if type(wanted) ~= "table" then return wanted, false end
  local copy, done = {}, false
  for _, key in ipairs(sorted_keys(wanted)) do
    if done then
      copy[key] = wanted[key]
    else
      copy[key], done = M.other(wanted[key])
    end
  end
  return setmetatable(copy, getmetatable(wanted)), done
end

--- A value as a text that can be compared.
---@param e table type, key
---@param now any
---@return string
function M.text(e, now) return json.encode { value.plain(now, e.key) } end

-- Is a value somebody else's? What the effect found counts as not written: a resumed run cannot tell that somebody has
-- put it back after the write.
local function is_foreign(e, now, before)
  if contract.equal(e.type, now, e.desired) or value.equal(now, before) then return false end
  return e.before == nil or not value.equal(now, e.before)
end

-- The new value is written in each way that is possible, until one is in place.
local function write(gate, e)
  local before = gate:read_live(e)
  local other, is_other = M.other(e.desired)
  for _, wanted in ipairs { { other, is_other }, { M.other(other) }, { M.other(before) }, { nil, before ~= nil } } do
    if wanted[2] then
      pcall(e.type.write, gate.ctx, e.target, wanted[1], gate:read_live(e), ("f"):rep(32))
      local now = gate:read_live(e)
      if is_foreign(e, now, before) then return now end
    end
  end
end

--- Changes the target of the effect at whose point this is, and says so in a file.
---@param act { to: string } the file: kind, key, and the value as a text, or why there is none
---@param more { gate: table, effect: table }
function M.change(act, more)
  local e, said = more.effect
  local ok, now = pcall(write, more.gate, e)
  if ok and now ~= nil then
    said = { kind = e.type.kind, key = e.key, value = M.text(e, now) }
  else
    said = { kind = e.type.kind, key = e.key, problem = tostring(now) }
  end
  fs.write(act.to, json.encode(said))
end

return M
