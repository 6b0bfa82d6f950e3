--- `o2x lab`: the platform in miniature.

local errors = require "o2x.error"
local json = require "o2x.json"
local lab = require "o2x.lab"

local M = {
  name = "lab",
  summary = "The platform in miniature on this machine: to try, to learn, to test",
  usage = "o2x lab up|down|status|env|reset|fault|wind [--dir=FOLDER] [--json]",
  help = [[
  up                  start it (PostgreSQL, Redis, Vault, Kubernetes, Route 53 and DNS, broker, services); ready in seconds
  down                stop it; what it holds stays on disk
  status              what runs, and where
  env                 the variables for psql, redis-cli, kubectl, helm, vault, aws, dig and o2x: eval "$(o2x lab env)"
  reset               back to the first state
  fault               list the faults that are in force
  fault SERVICE KIND [times=N] [match=TEXT]
                      what goes wrong with the next requests: 429 409 500 …, timeout (after the effect), hang, drop, drop-after,
                      slow, and what the service knows itself, such as vault sealed; off takes it back
  wind SECONDS        move the lab's clock on

  --dir=FOLDER        where it is kept (default: .o2x/lab in the project; $O2X_LAB_DIR)
  --platform=FOLDER   up, reset: the platform tree it gets a copy of (default: examples/platform)
  --json              env, status, fault: as JSON
]],
}

local WORDS = { up = 0, down = 0, status = 0, env = 0, reset = 0, serve = 0, fault = 2, wind = 1 }
local FLAGS = { dir = "text", platform = "text", json = "flag" }
local FAULT_OPTIONS = { times = true, match = true, seconds = true }

local function parse_flag(arguments, i, options)
  local name, value = arguments[i]:match "^%-%-([%w-]+)=?(.*)$"
  local kind = name and FLAGS[name]
  if not kind then errors.input("unknown option " .. arguments[i], "o2x help lab") end
  if kind == "flag" then
    options[name] = true
  elseif value ~= "" then
    options[name] = value
  else
    i = i + 1
    if not arguments[i] then errors.input(("--%s wants a folder"):format(name)) end
    options[name] = arguments[i]
  end
  return i
end

local function parse(arguments)
  local words, options, i = {}, {}, 1
  while arguments[i] do
    local word = arguments[i]
    local key, value = word:match "^(%l+)=(.*)$"
    if word:sub(1, 2) == "--" then
      i = parse_flag(arguments, i, options)
    elseif key and FAULT_OPTIONS[key] and words[1] == "fault" then
      options[key] = value
    else
      words[#words + 1] = word
    end
    i = i + 1
  end
  local what = table.remove(words, 1)
  if not what then errors.input("lab: up, down, status, env, reset, fault or wind?", "o2x help lab") end
  if not WORDS[what] then errors.input(("lab knows no '%s'"):format(what), M.usage) end
  if #words > WORDS[what] then errors.input(("lab %s: '%s' is too much"):format(what, words[WORDS[what] + 1]), M.usage) end
  return what, words, options
end

local function say(format, ...) io.stderr:write(format:format(...), "\n") end

-- For any POSIX shell: nothing in a value is special between single quotes but the quote itself.
local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What would make a client look elsewhere in spite of our variables.
local UNSET = "AWS_PROFILE AWS_SESSION_TOKEN PGDATABASE PGOPTIONS PGPASSFILE PGSERVICE PGSSLMODE VAULT_NAMESPACE"

local function print_env(env, as_json)
  if as_json then
    io.stdout:write(json.pretty(env), "\n")
    return
  end
  local names = {}
  for name in pairs(env) do names[#names + 1] = name end
  table.sort(names)
  io.stdout:write("unset ", UNSET, "\n")
  for _, name in ipairs(names) do io.stdout:write("export ", name, "=", quote(env[name]), "\n") end
end

local function print_status(status, as_json)
  if as_json then
    io.stdout:write(json.pretty { up = status.up, dir = status.dir, pid = status.pid, servers = status.servers }, "\n")
    return
  end
  if not status.up then
    io.stdout:write("the lab in ", status.dir, " is not up\n")
    return
  end
  local names = {}
  for name in pairs(status.servers) do names[#names + 1] = name end
  table.sort(names)
  io.stdout:write(("%-10s %s\n"):format("SERVICE", "ADDRESS"))
  for _, name in ipairs(names) do
    local port = status.servers[name].port
    io.stdout:write(("%-10s %s\n"):format(name, port and ("127.0.0.1:%d"):format(port) or "-"))
  end
  io.stdout:write(("the lab is up: process %d, %s\n"):format(status.pid, status.dir))
end

local function print_rules(rules, as_json)
  if as_json then
    io.stdout:write(json.pretty(rules), "\n")
    return
  end
  for _, rule in ipairs(rules) do
    io.stdout:write(("%-8s %-10s %d time%s%s\n"):format(rule.service, rule.kind, rule.times, rule.times == 1 and "" or "s",
      rule.match and " match=" .. rule.match or ""))
  end
  if #rules == 0 then say("no faults are in force") end
end

local ACTIONS = {
  up = function(_, options)
    local state = lab.up(options)
    say(state.started and "the lab is up: process %d, %s" or "the lab is up already: process %d, %s", state.pid, state.dir)
    say('next: eval "$(o2x lab env)"')
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
  serve = function(_, options) return require("o2x.lab.serve").run(lab.place(options)) end,
  fault = function(words, options)
    if #words == 1 then errors.input("lab fault " .. words[1] .. ": which fault?", M.usage) end
    options.service, options.kind = words[1], words[2]
    print_rules(lab.fault(options), options.json)
  end,
  wind = function(words, options)
    options.seconds = tonumber(words[1])
    if not options.seconds or options.seconds < 0 then errors.input("lab wind: by how many seconds?", M.usage) end
    say("the lab's time is %s", lab.wind(options))
  end,
}

--- Runs the command.
---@param arguments string[] what follows `o2x lab`
---@return integer exit code
function M.run(arguments)
  local what, words, options = parse(arguments)
  return ACTIONS[what](words, options) or 0
end

return M
