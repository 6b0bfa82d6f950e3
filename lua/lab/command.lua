--- The command of the lab's program: `o2x lab`, or `o2x-lab`.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local lab = require "lab"
local suggest = require "o2x.base.suggest"
local out = require "o2x.report.out"

local WORDS = { up = 0, down = 0, status = 0, env = 0, reset = 0, serve = 0, fault = 2, ["advance-clock"] = 1 }
local FAULT_OPTIONS = { times = true, match = true, seconds = true }
local SHOWN = { "up", "down", "status", "env", "reset", "fault", "advance-clock" }
local USAGE = "lab up|down|status|env|reset|fault|advance-clock"

-- The words of the command, and the name=value words of a fault.
local function parse(words, options)
  local what, rest = words[1], {}
  if not WORDS[what] then
    errors.input(("lab knows no %s%s"):format(out.printable(what), suggest.did_you_mean(what, SHOWN)), "o2x help lab")
  end
  for i = 2, #words do
    local key, value = words[i]:match "^(%l+)=(.*)$"
    if what == "fault" and key and FAULT_OPTIONS[key] then
      options[key] = value
    else
      rest[#rest + 1] = words[i]
    end
  end
  if #rest > WORDS[what] then
    errors.input(("lab %s: what is %q?"):format(what, rest[WORDS[what] + 1]), "o2x help lab")
  end
  return what, rest
end

local function say(format, ...) out.say(format:format(...)) end

-- For any POSIX shell: nothing in a value is special between single quotes but the quote itself.
local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What would make a client look elsewhere in spite of our variables.
local UNSET = "AWS_PROFILE AWS_SESSION_TOKEN PGDATABASE PGOPTIONS PGPASSFILE PGSERVICE PGSSLMODE VAULT_NAMESPACE"

-- curl and the AWS command line would ask a proxy for 127.0.0.1 as well.
local function print_no_proxy()
  for _, name in ipairs { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do
    if os.getenv(name) then
      local known = os.getenv "no_proxy" or os.getenv "NO_PROXY"
      local text = quote((known and known ~= "" and known .. "," or "") .. "127.0.0.1,localhost")
      io.stdout:write("export no_proxy=", text, " NO_PROXY=", text, "\n")
      return
    end
  end
end

-- Not by out.data: what is printed here is for a shell, passwords and all.
local function print_env(env, as_json)
  if as_json then
    io.stdout:write(json.pretty(env), "\n")
    return
  end
  local names = {}
  for name in pairs(env) do
    names[#names + 1] = name
  end
  table.sort(names)
  io.stdout:write("unset ", UNSET, "\n")
  print_no_proxy()
  for _, name in ipairs(names) do
    io.stdout:write("export ", name, "=", quote(env[name]), "\n")
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
  local names, rows = {}, { { "SERVICE", "ADDRESS" } }
  for name in pairs(status.servers) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
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
  if #rules == 0 then say("no faults are in force") end
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
    say(lab.reset(options) and "the lab is in its first state and up" or "the lab is in its first state; it was not up")
  end,
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
    print_rules(lab.fault(options), options.json)
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
  summary = "the platform in miniature on this machine: to try, to learn, to test",
  options = {
    { "dir", value = "FOLDER", help = "where it is kept; default .o2x/lab in the project, or $O2X_LAB_DIR" },
    { "platform", value = "FOLDER", help = "up, reset: the tree it gets a copy of; default examples/platform" },
    { "json", help = "status, env, fault: as JSON" },
  },
  help = [[
  up                  starts it: PostgreSQL, Redis, Vault, Kubernetes, Route 53 and DNS, message broker, services
  down                stops it; what it holds stays on disk
  status              what runs, and where; exit code 1 when it is not up
  env                 the variables for psql, redis-cli, kubectl, helm, vault, aws, dig and o2x: eval "$(o2x lab env)"
  reset               back to the first state
  fault               lists the faults that are in force
  fault SERVICE KIND [times=N] [match=TEXT]
                      what goes wrong with the next requests: 429, 500 or another status; timeout (after the effect),
                      hang, drop, drop-after, slow; and the service's own, such as vault sealed, k8s broken-pods,
                      postgres down; off takes it back
  advance-clock SECONDS
                      moves the lab's clock forward]],
  run = function(options, words)
    local what, rest = parse(words, options)
    return ACTIONS[what](rest, options) or 0
  end,
}
