--- Which of a tenant's services are meant, and in which order they are taken.

local catalogue = require "stdlib.catalogue"
local text = require "o2x.text"

local M = {}

--- Seconds that one service may take to become ready, unless a run says otherwise (timeout=).
M.TIMEOUT = 600

--- The services that are named, in the catalogue's order; all if none is, or for "all".
---@param names string[]?
---@return string[] services
---@return boolean named were they asked for by name?
function M.choose(names)
  if not names or (#names == 1 and names[1] == "all") then return catalogue.names(), false end
  local wanted, chosen = {}, {}
  for _, name in ipairs(names) do
    if not catalogue.find(name) then
      invalid(
        ("there is no service '%s'%s"):format(name, text.suggest(name, catalogue.names())),
        "services: " .. table.concat(catalogue.names(), ", ")
      )
    end
    wanted[name] = true
  end
  for _, name in ipairs(catalogue.names()) do
    if wanted[name] then chosen[#chosen + 1] = name end
  end
  return chosen, true
end

--- The waves in which some services start.
---@param services string[]
---@return string[][]
function M.waves(services)
  local wanted, waves = {}, {}
  for _, name in ipairs(services) do
    wanted[name] = true
  end
  for _, wave in ipairs(catalogue.waves()) do
    local some = {}
    for _, name in ipairs(wave) do
      if wanted[name] then some[#some + 1] = name end
    end
    if #some > 0 then waves[#waves + 1] = some end
  end
  return waves
end

--- The waves in which they stop: dependants first.
---@param services string[]
---@return string[][]
function M.reverse_waves(services)
  local waves, reversed = M.waves(services), {}
  for i = #waves, 1, -1 do
    reversed[#reversed + 1] = waves[i]
  end
  return reversed
end

--- Takes services wave by wave, a step a wave and a step a service, side by side within a wave.
---@param waves any[][] names of services, or tables that have a name
---@param fn fun(item: any): any
---@param is_over (fun(results: table<any, any>): boolean)? asked after each wave; the next one begins if it says false
---@return table<any, any> results by item; false for one that gave nothing
function M.each(waves, fn, is_over)
  local results = {}
  local function take(item) return step(type(item) == "table" and item.name or item, fn, item) or false end
  for number, wave in ipairs(waves) do
    local found = step(("Wave %d"):format(number), function() return parallel.each(wave, take, { limit = 4 }) end)
    for i, item in ipairs(wave) do
      results[item] = found[i]
    end
    if is_over and is_over(results) then break end
  end
  return results
end

return M
