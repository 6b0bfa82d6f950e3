--- Selects services and walks them in start or stop order.

local catalogue = require "stdlib.catalogue"
local text = require "o2x.text"

local M = {}

--- Seconds for one service to become ready, unless a run says otherwise (timeout=).
M.TIMEOUT = 600

--- What services= may have, for the declaration of a parameter: a wrong name is refused before anything else is asked.
M.CHOICES = { "all", table.unpack(catalogue.names()) }

--- The named services, in the catalogue's order. All services without names or for "all". An input error for an unknown
--- name.
---@param names string[]?
---@return string[] services
---@return boolean named whether they were given by name
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

--- The waves in which services start.
---@param services string[]
---@return string[][] waves
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

--- The waves in which services stop: dependants first.
---@param services string[]
---@return string[][] waves
function M.reverse_waves(services)
  local waves, reversed = M.waves(services), {}
  for i = #waves, 1, -1 do
    reversed[#reversed + 1] = waves[i]
  end
  return reversed
end

--- Calls fn for each item in a step of its own, inside a step per wave. Items of one wave run side by side.
---@param waves any[][] names of services, or tables that have a name
---@param fn fun(item: any): any
---@param options { is_over: (fun(results: table<any, any>): boolean)?, ahead: fun(item: any)? }? is_over: called after
---  each wave; true ends the walk. ahead: called for the items of the next wave while a wave runs
---@return table<any, any> results by item; false if fn returned nothing
function M.each(waves, fn, options)
  local is_over, ahead = options and options.is_over, options and options.ahead
  local results = {}
  local function take(item) return step(type(item) == "table" and item.name or item, fn, item) or false end
  for number, wave in ipairs(waves) do
    local found = parallel({
      function()
        return step(("Wave %d"):format(number), function() return parallel.each(wave, take, { limit = 4 }) end)
      end,
      function() parallel.each(ahead and waves[number + 1] or {}, ahead, { limit = 2 }) end,
    })[1]
    for i, item in ipairs(wave) do
      results[item] = found[i]
    end
    if is_over and is_over(results) then break end
  end
  return results
end

return M
