--- Plans and runs, compared.

local value = require "o2x.base.value"

--- Is a value of the run what the plan said? What the plan could not know may be anything; so may the form of a number.
---@param planned any
---@param done any
---@return boolean
local function fits(planned, done)
  if value.is_unknown(planned) then return true end
  if type(planned) ~= "table" or type(done) ~= "table" or planned["$secret"] then return value.equal(planned, done) end
  for name, item in pairs(planned) do
    if not fits(item, done[name]) then return false end
  end
  for name in pairs(done) do
    if planned[name] == nil then return false end
  end
  return true
end

return fits
