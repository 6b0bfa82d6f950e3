-- What the benchmarks of onboarding share: a lab that is new before each round, and who onboards newclient in it.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"

local M = {}

-- helm, noting from when to when it ran. The names are in the script: o2x gives its children few variables.
local HELM <const> = [[
#!/usr/bin/env bash
began=$EPOCHREALTIME
%s "$@"
code=$?
echo "$began $EPOCHREALTIME" >>%s
exit "$code"
]]

--- Starts the lab.
function M.start(folder)
  local state =
    { helm_log = fs.join(folder, "helm.log"), bin = fs.join(folder, "bin"), cache = fs.join(folder, "cache") }
  fs.mkdir(state.bin)
  local script = HELM:format(shell.quote(proc.find "helm"), shell.quote(state.helm_log))
  fs.write(fs.join(state.bin, "helm"), script, { mode = tonumber("755", 8) })
  state.lab = require("tests.support.lab").start()
  return state
end

function M.stop(state) state.lab:stop() end

--- The lab as it was at first. Its passwords are new.
function M.reset(state)
  assert(state.lab:o2x({ "lab", "reset" }).code == 0)
  for name, value in pairs(json.decode(state.lab:o2x({ "lab", "env", "--json" }).stdout)) do
    state.lab.env[name] = value
  end
  fs.write(state.helm_log, "")
  if fs.exists(state.cache) then fs.remove_tree(state.cache) end
end

--- The lab's environment with a helm in front that notes when it ran, and an empty cache.
function M.environment(state)
  return state.lab:environment { PATH = state.bin .. ":" .. os.getenv "PATH", XDG_CACHE_HOME = state.cache }
end

--- The number of helm's processes, and the seconds in which at least one of them ran.
function M.helm(state)
  local runs = {}
  for began, ended in fs.read(state.helm_log):gmatch "(%S+) (%S+)\n" do
    runs[#runs + 1] = { tonumber(began), tonumber(ended) }
  end
  table.sort(runs, function(a, b) return a[1] < b[1] end)
  local total, reached = 0, 0
  for _, run in ipairs(runs) do
    total = total + math.max(0, run[2] - math.max(run[1], reached))
    reached = math.max(reached, run[2])
  end
  return #runs, total
end

--- Was everything made?
function M.check(state)
  local script = [[
    set -e
    [ "$(kubectl get deploy -l tenant=newclient --no-headers | wc -l)" = 16 ]
    [ "$(helm list -q --max 0 --filter '^newclient-' | wc -l)" = 16 ]
    psql -At -d coredb-newclient -c "select 1 / count(*) from core_config.users" >/dev/null
    psql -At -d coredb-newclient -c "select 1 / (count(*) / 3) from core_config.tenant_merchants" >/dev/null
    kubectl get ingress newclient-ingress >/dev/null
    kubectl get prometheusrule -n monitoring newclient-alerts >/dev/null
    [ -n "$(dig +short @"${O2X_LAB_DNS%:*}" -p "${O2X_LAB_DNS##*:}" api.newclient.embrix.com CNAME)" ]
  ]]
  local result = state.lab:run { "bash", "-c", script }
  assert(result.code == 0, result.stdout .. result.stderr)
end

--- The shell of the guide, and o2x.
function M.contenders(state, figure)
  local function contender(name, argv)
    return {
      name = name,
      argv = argv,
      env = function() return M.environment(state) end,
      before = function() M.reset(state) end,
      check = function() M.check(state) end,
      figure = figure,
      also = function() return ("%d helm processes, %.2f s"):format(M.helm(state)) end,
    }
  end
  return {
    contender("guide's shell", { "bench/onboard/guide.sh" }),
    contender("o2x", { "build/o2x", "run", "onboard", "newclient" }),
  }
end

--- What no order of the steps can shorten: the database, and one release of each wave.
function M.path(state)
  local lab = state.lab
  return {
    name = "longest path of the waves",
    argv = { "bench/onboard/path.sh" },
    env = function() return M.environment(state) end,
    before = function()
      M.reset(state)
      local made = lab:run({ "bench/onboard/guide.sh" }, { env = { HELM = "skip" } })
      assert(made.code == 0, made.stderr)
      lab:out("psql", "-X", "-q", "-d", "postgres", "-c", 'DROP DATABASE "coredb-newclient"')
    end,
    check = function() assert(#lab:kubectl("get", "deploy", "-l", "tenant=newclient", "-o", "json").items == 8) end,
    also = function() return ("%d helm processes, %.2f s"):format(M.helm(state)) end,
  }
end

M.DIFFERS = "the shell leaves out Flyway's history (psql instead), customisation, queues, the tests of a customer's "
  .. "workflow, every check and every read-back; curl stands in for the vault command line"

return M
