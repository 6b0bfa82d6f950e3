--- Starts build/bench/answer, the HTTP server of the benchmarks: a fixed answer, after so many milliseconds.

local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

local SECONDS <const> = 10

---@param milliseconds number?
---@return table server url, child; to be stopped by proc.stop(server.child)
return function(milliseconds)
  assert(proc.run({ argv = { "make", "-s", "build/bench/answer" } }).code == 0, "make build/bench/answer")
  local child = proc.start { argv = { "build/bench/answer", tostring(milliseconds or 0) } }
  local said = ""
  while not said:find "\n" do
    assert(task.wait_fd(child:fd "stdout", "r", SECONDS), "build/bench/answer does not start")
    said = said .. (child:read "stdout" or "")
  end
  return { child = child, url = ("http://127.0.0.1:%d/v1/thing"):format(tonumber(said:match "%d+")) }
end
