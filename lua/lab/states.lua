--- The simulators' states: plain tables by name, kept on disk as JSON. A lab in memory writes them
--- once, at its start, so that its servers are found if it is killed.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local task = require "o2x.base.task"

local M = {}

local SAVE_DELAY <const> = 0.3 -- seconds; changes within this time are written together
local PRIVATE <const> = 0x180 -- 0600

local function nothing() end

local function read_json(path)
  local text = fs.read_if(path)
  return text and json.decode(text, path) or nil
end

--- Opens the states below a folder.
---@param folder string
---@param memory boolean whether only flush writes
---@return fun(name: string): table state
---@return fun(name: string?) save writes one soon, or all
---@return fun() flush writes all now
---@return table<string, table> states those that were asked for, by name
function M.open(folder, memory)
  local states, written, changed = {}, {}, {}
  fs.mkdir(folder, 0x1c0)

  local function state(name)
    states[name] = states[name] or read_json(fs.join(folder, name .. ".json")) or {}
    return states[name]
  end

  local function write(name)
    local text = json.encode(states[name])
    if text == written[name] then return end
    fs.write(fs.join(folder, name .. ".json"), text, { mode = PRIVATE })
    written[name] = text
  end

  local function flush()
    for name in pairs(states) do
      write(name)
    end
    changed = {}
  end

  if memory then return state, nothing, flush, states end

  -- Changes in quick succession are written together.
  local pending = false
  local function save(name)
    for each in pairs(name and { [name] = true } or states) do
      changed[each] = true
    end
    if pending then return end
    pending = true
    task.spawn(function()
      task.sleep(SAVE_DELAY)
      pending = false
      local names = changed
      changed = {}
      for each in pairs(names) do
        write(each)
      end
    end)
  end

  return state, save, flush, states
end

return M
