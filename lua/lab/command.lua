--- The command of the lab's program: `o2x lab`, or `o2x-lab`.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local lab = require "lab"
local shell = require "o2x.base.shell"
local sink = require "o2x.base.sink"
local suggest = require "o2x.base.suggest"
local out = require "o2x.report.out"
local sorted_keys = require "o2x.base.sorted_keys"

local MAX_ARGUMENTS = {
  up = 0,
  down = 0,
  status = 0,
  env = 0,
  reset = 0,
  remove = 0,
  serve = 0,
  requests = 0,
  fault = 2,
  copy = 1,
  ["advance-clock"] = 1,
}
local FAULT_OPTIONS = { times = true, nth = true, match = true, seconds = true }
local ACTION_NAMES = { "up", "down", "status", "env", "reset", "remove", "fault", "requests", "copy", "advance-clock" }
local USAGE = "lab up|down|status|env|reset|remove|fault|requests|copy|advance-clock"

-- The action and its arguments. The name=value arguments of a fault go into the options.
local function parse(words, options)
  local action, rest = words[1], {}
  if not MAX_ARGUMENTS[action] then
    local hint = suggest.did_you_mean(action, ACTION_NAMES)
    errors.input(("lab: unknown action %q%s"):format(out.printable(action), hint), "o2x help lab")
  end
  for i = 2, #words do
    local key, value = words[i]:match "^(%l+)=(.*)$"
    if action == "fault" and key and FAULT_OPTIONS[key] then
      options[key] = value
    else
      rest[#rest + 1] = words[i]
    end
  end
  local unexpected = rest[MAX_ARGUMENTS[action] + 1]
  if unexpected then
    errors.input(("lab %s: unexpected argument %q"):format(action, out.printable(unexpected)), "o2x help lab")
  end
  return action, rest
end

local function say(format, ...) out.say(format:format(...)) end

-- Variables that would point a client elsewhere in spite of ours.
local UNSET = "AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL_RDS AWS_ENDPOINT_URL_ROUTE_53 AWS_ENDPOINT_URL_S3 "
  .. "AWS_ENDPOINT_URL_STS AWS_IGNORE_CONFIGURED_ENDPOINT_URLS AWS_PROFILE AWS_REGION AWS_SECURITY_TOKEN "
  .. "AWS_SESSION_TOKEN PGDATABASE PGOPTIONS PGPASSFILE PGSERVICE PGSSLMODE VAULT_AGENT_ADDR "
  .. "VAULT_CACERT VAULT_CACERT_BYTES VAULT_CAPATH VAULT_HTTP_PROXY VAULT_NAMESPACE VAULT_PROXY_ADDR "
  .. "VAULT_TLS_SERVER_NAME"

-- Not through out.data, which would hide the passwords: a shell reads this.
local function print_bare(line) sink.bare("stdout", line .. "\n") end

-- curl and the AWS command line would send requests for 127.0.0.1 to a proxy.
local function print_no_proxy()
  for _, name in ipairs { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do
    if os.getenv(name) then
      local current = os.getenv "no_proxy" or os.getenv "NO_PROXY"
      local text = shell.quote((current and current ~= "" and current .. "," or "") .. "127.0.0.1,localhost")
      print_bare(("export no_proxy=%s NO_PROXY=%s"):format(text, text))
      return
    end
  end
end

local function print_env(env, as_json)
  if as_json then
    print_bare(json.pretty(env))
    return
  end
  print_bare("unset " .. UNSET)
  print_no_proxy()
  for _, name in ipairs(sorted_keys(env)) do
    print_bare(("export %s=%s"):format(name, shell.quote(env[name])))
  end
end

local function print_status(status, as_json)
  if as_json then
    out.json { up = status.up, dir = status.dir, pid = status.pid, servers = status.servers }
    return
  end
  if not status.up then
    out.data(("the lab in %s is not up"):format(status.dir))
    return
  end
  local rows = { { "SERVICE", "ADDRESS" } }
  for _, name in ipairs(sorted_keys(status.servers)) do
    local port = status.servers[name].port
    rows[#rows + 1] = { name, port and ("127.0.0.1:%d"):format(port) or "-" }
  end
  out.columns(rows, out.data)
  out.data(("the lab is up: process %d, %s"):format(status.pid, status.dir))
end

local function print_rules(rules, as_json)
  if as_json then
    out.json(rules)
    return
  end
  local rows = {}
  for i, rule in ipairs(rules) do
    rows[i] = {
      rule.service,
      rule.kind,
      ("%d time%s"):format(rule.times, rule.times == 1 and "" or "s"),
      rule.match and "match=" .. rule.match or "",
    }
  end
  out.columns(rows, out.data)
  if #rules == 0 then say("no request is set to fail") end
end

local function print_requests(requests, as_json)
  if as_json then
    out.json(requests)
    return
  end
  local rows = {}
  for _, line in ipairs(sorted_keys(requests)) do
    rows[#rows + 1] = { tostring(requests[line]), line }
  end
  out.columns(rows, out.data)
end

local ACTIONS = {
  up = function(_, options)
    options.on_start = function(dir) say("starting the lab in %s", dir) end
    local state = lab.up(options)
    say("the lab is up%s: process %d, %s", state.started and "" or " already", state.pid, state.dir)
    say('next: eval "$(%s env)"', arg[0])
  end,
  down = function(_, options) say(lab.down(options) and "the lab is down" or "the lab was not up") end,
  reset = function(_, options)
    say(lab.reset(options) and "the lab is reset and up" or "the lab is reset; it is not up")
  end,
  remove = function(_, options) say(lab.remove(options) and "the lab is gone" or "there was no lab") end,
  env = function(_, options) print_env(lab.env(options), options.json) end,
  status = function(_, options)
    local status = lab.status(options)
    print_status(status, options.json)
    return status.up and 0 or 1
  end,
  serve = function(_, options) return require("lab.serve").run(lab.place(options)) end,
  fault = function(words, options)
    if #words == 1 then errors.input("lab fault " .. words[1] .. ": which fault?", "o2x help lab") end
    options.service, options.kind = words[1], words[2]
    local rules = lab.fault(options)
    if words[1] and not options.json then
      say(words[2] == "off" and "the faults of %s are cleared" or "%s: %s", words[1], words[2])
    else
      print_rules(rules, options.json)
    end
  end,
  requests = function(_, options) print_requests(lab.requests(options), options.json) end,
  copy = function(words, options)
    if #words == 0 then errors.input("lab copy: which tenant?", "o2x list --tenants") end
    options.tenant = words[1]
    local names = lab.copy(options)
    if options.json then return out.json(json.array(names)) end
    say(
      "%d cop%s of %s: %s",
      #names,
      #names == 1 and "y" or "ies",
      words[1],
      #names > 2 and names[1] .. " to " .. names[#names] or table.concat(names, ", ")
    )
  end,
  ["advance-clock"] = function(words, options)
    options.seconds = tonumber(words[1])
    if not options.seconds or options.seconds < 0 then
      errors.input("lab advance-clock: by how many seconds?", "o2x help lab")
    end
    say("the lab's time is %s", lab.advance_clock(options))
  end,
}

return {
  name = "lab",
  usage = USAGE,
  least = 1,
  needs = "a subcommand",
  summary = "run the platform in miniature on this machine, to try, learn and test",
  options = {
    { "dir", value = "FOLDER", help = "the lab's folder; default $O2X_LAB_DIR, or .o2x/lab in the project" },
    { "platform", value = "FOLDER", help = "up, reset: the platform tree to copy; default examples/platform" },
    { "memory", help = "up: keep nothing, write nothing to the disk; for tests, which put a lab back often" },
    { "tenants", value = "WHICH", help = "up, at the first start: seed these whole, too; `all`, or names with commas" },
    { "real", value = "WHICH", help = "up, at the first start: these as real servers, not simulated: vault, k8s" },
    { "owner", value = "PROCESS", help = "up: end with the process of this number" },
    { "count", value = "N", help = "copy: how many; default 1" },
    { "json", help = "status, env, fault, requests, copy: print JSON" },
  },
  help = [[
  up                  start PostgreSQL, Redis, Vault, Kubernetes, Route 53, DNS, message broker and services
  down                stop all of it; the data stay on disk
  status              show the address of each server; exit code 1 if the lab is not up
  env                 print variables for psql, redis-cli, kubectl, helm, vault, aws, dig and o2x:
                      eval "$(o2x lab env)"
  reset               restore the initial state
  remove              stop it and remove its folder, with all that it holds
  fault               list the requests that are set to fail
  fault SERVICE KIND [times=N] [nth=N] [match=TEXT]
                      make the next requests fail, times=N of them, from the nth on; default 1 and 1.
                      KIND: an HTTP status such as 429 or 500; hang, drop, refused, restart (no effect);
                      timeout, drop-after, truncated (effect, but no or half of a response); slow;
                      a fault of the service itself, such as vault sealed, k8s broken-pods, postgres down;
                      off clears the faults of the service
  requests            count what the HTTP servers were asked since the start
  copy TENANT --count=N
                      copy an onboarded tenant N times, with names and ids of their own: a fleet to try things on
  advance-clock SECONDS
                      move the lab's clock forward]],
  run = function(options, words)
    local action, rest = parse(words, options)
    return ACTIONS[action](rest, options) or 0
  end,
}
