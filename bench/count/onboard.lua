-- A tenant is onboarded, and looked at again. A run waits for the cluster, so its requests are not repeatable; its
-- children and syncs are. A plan asks the same each time.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

return function(count)
  local lab = count.lab()
  -- A cache of its own: what another run has kept there would count as saved. helm may be in the user's.
  local path = fs.folder(proc.find "helm") .. ":" .. os.getenv "PATH"
  local env = lab:environment { XDG_CACHE_HOME = fs.join(count.folder, "cache"), PATH = path }
  local run = count.calls({ "build/o2x", "run", "onboard", "newclient" }, { env = env })
  local plan = { "build/o2x", "plan", "onboard", "newclient", "--detailed-exitcode" }
  local requests = count.requests(plan, { env = env })
  local calls = count.calls(plan, { env = env })
  return {
    ["run, children"] = { run.children, 0.1 },
    ["run, syncs"] = { run.syncs, 0.1 }, -- releases that are written at the same time share some
    ["run, parts sent to PostgreSQL"] = { run.sends, 0.1 },
    ["plan, requests"] = requests,
    ["plan, children"] = calls.children,
    ["plan, syncs"] = calls.syncs,
    ["plan, parts sent to PostgreSQL"] = { calls.sends, 0.1 },
    -- valgrind 3.19 cannot start the children of ours
    ["plan, instructions"] = calls.children == 0 and count.instructions(plan, { env = env }) or nil,
  }
end
