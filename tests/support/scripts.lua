--- Runs pieces of script in a sandbox of their own, without a platform.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local sandbox = require "o2x.script.sandbox"

local M = {}

local function quiet()
  return setmetatable({}, {
    __index = function()
      return function() end
    end,
  })
end

-- A run that is just enough for the words of the sandbox.
local function run_of(box)
  local run =
    { mode = "apply", id = "test", report = quiet(), seen_steps = {}, sandbox = box, now = function() return "" end }
  run.ctx = { log = function() end, waiting = function() end, look_again = function() end }
  function run.ctx:patience(seconds) return seconds end
  return run
end

--- Runs a script; -> true and its results, or false and its error object.
---@param text string
---@param options {loading: boolean?, seed: integer?}?
function M.run(text, options)
  options = options or {}
  local folder = fs.temp_folder("/tmp/o2x-script-")
  local _remove <close> = defer(function() fs.remove_tree(folder) end)
  fs.write(folder .. "/script.lua", options.loading and text or "return function() " .. text .. "\nend")
  fs.mkdir(folder .. "/stdlib")
  local box = sandbox.new({ root = folder, stdlib = folder .. "/stdlib" }, options.seed)
  return xpcall(function()
    local chunk = box:load_file(folder .. "/script.lua")
    if options.loading then return chunk end
    box.run = run_of(box)
    return chunk()
  end, errors.handler)
end

return M
