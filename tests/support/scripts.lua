--- Runs pieces of script in a sandbox of their own, without a platform.

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
  run.ctx = { log = function() end, waiting = function() end }
  return run
end

--- Runs a script; -> true and its results, or false and its error object.
---@param text string
---@param options {loading: boolean?, seed: integer?}?
function M.run(text, options)
  options = options or {}
  local folder <close> = setmetatable(
    { path = fs.temp_folder("/tmp/o2x-script-") },
    { __close = function(self) fs.remove_tree(self.path) end }
  )
  fs.write(folder.path .. "/script.lua", options.loading and text or "return function() " .. text .. "\nend")
  fs.mkdir(folder.path .. "/stdlib")
  local box = sandbox.new({ root = folder.path, stdlib = folder.path .. "/stdlib" }, options.seed)
  return xpcall(function()
    local chunk = box:load_file(folder.path .. "/script.lua")
    if options.loading then return chunk end
    box.run = run_of(box)
    return chunk()
  end, errors.handler)
end

return M
