--- One or a few of the lab's simulators in a folder of their own, for a test: no process, no PostgreSQL.
local context = require "lab.context"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

---@param names string[] simulators to start, in that order
---@param prepare fun(lab: table)?
---@return table lab with env, run(argv) and stop()
function M.start(names, prepare)
  local folder = os.tmpname()
  fs.remove(folder)
  local lab = context.new(folder)
  if prepare then prepare(lab) end
  lab.env, lab.instances = {}, {}
  for i, name in ipairs(names) do
    local instance = require("lab." .. name).start(lab)
    lab.instances[i] = instance
    for key, value in pairs(instance.env or {}) do
      lab.env[key] = value
    end
  end

  --- Runs an ordinary client against it.
  function lab.run(...) return proc.run { argv = { ... }, env = lab.env, timeout = 300 } end

  function lab.stop()
    for i = #lab.instances, 1, -1 do
      lab.instances[i].stop()
    end
    lab.flush()
    fs.remove_tree(folder)
  end

  return lab
end

--- The same for the length of a function.
---@param names string[]
---@param prepare fun(lab: table)?
---@param body fun(lab: table)
function M.with(names, prepare, body)
  local lab = M.start(names, prepare)
  local ok, problem = xpcall(
    body,
    function(raised) return type(raised) == "string" and debug.traceback(raised, 2) or raised end,
    lab
  )
  lab.stop()
  if not ok then error(problem, 0) end
end

return M
