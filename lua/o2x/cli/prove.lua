--- The command o2x prove: plays everything that can go wrong with a runbook, in labs of its own.

local lazy = require "o2x.base.lazy"
local args = require "o2x.cli.args"
local cases = require "o2x.prove.cases"
local certificate = lazy "o2x.prove.certificate"
local common = lazy "o2x.cli.common"
local config = lazy "o2x.project.config"
local entry = require "o2x.cli.entry"
local errors = require "o2x.base.error"
local fork = lazy "o2x.prove.fork"
local forks = lazy "o2x.prove.forks"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local proposed = require "o2x.report.proposed"
local project = lazy "o2x.project.project"
local prove = lazy "o2x.prove"
local runbook_files = lazy "o2x.project.runbook_files"
local shell = lazy "o2x.base.shell"
local task = require "o2x.base.task"
local fs = require "o2x.base.fs"

local EVERY <const> = 5 -- seconds between two lines of progress

-- What the commands of a case need; a fork has them already.
local AHEAD <const> = {
  "o2x.cli.common",
  "o2x.cli.ending",
  "o2x.cli.output",
  "o2x.cli.plan",
  "o2x.cli.resume",
  "o2x.cli.run",
  "o2x.cli.undo",
  "o2x.engine.history",
  "o2x.engine.plan",
  "o2x.engine.run",
  "o2x.engine.undo",
  "o2x.prove.fork",
  "o2x.report.progress",
  "o2x.script.constants",
  "o2x.script.signature",
  "o2x.client.aws.credentials.explain",
  "o2x.client.http",
  "o2x.client.kubeconfig",
  "o2x.client.kubeconfig.exec",
  "o2x.client.kubeconfig.files",
  "o2x.client.pg.pool",
  "o2x.base.yaml",
}

local function words_of(options, arguments)
  local words = table.move(arguments, 1, #arguments, 1, {})
  for _, name in ipairs { "confirm", "secrets" } do
    if options[name] then words[#words + 1] = ("--%s=%s"):format(name, options[name]) end
  end
  return words
end

-- "o2x run scale …" → its words; the program may be named by a path
local function split(line)
  local words = {}
  for word in line:gmatch "%S+" do
    words[#words + 1] = word
  end
  if words[1] and fs.name(words[1]) == "o2x" then table.remove(words, 1) end
  if #words == 0 then errors.input("--after is empty", "--after 'o2x run RUNBOOK TENANT'") end
  return words
end

local function number(options, name)
  local text = options[name]
  local n = text and math.tointeger(tonumber(text))
  if text and (not n or n < 0) then errors.input(("--%s=%s: expected a number"):format(name, text)) end
  return n
end

local function kinds_in(option, list)
  local known, wanted = {}, {}
  for _, kind in ipairs(cases.KINDS) do
    known[kind[1]] = true
  end
  for word in list:gmatch "[^,%s]+" do
    if not known[word] then
      local names = {}
      for _, kind in ipairs(cases.KINDS) do
        names[#names + 1] = kind[1]
      end
      errors.input(("--%s=%s: there is no such kind"):format(option, word), "kinds: " .. table.concat(names, ", "))
    end
    wanted[word] = true
  end
  return wanted
end

-- The kinds that are wanted; nil: all.
local function kinds_of(options)
  if not options.cases and not options.without then return nil end
  local wanted = options.cases and kinds_in("cases", options.cases) or {}
  for _, kind in ipairs(options.cases and {} or cases.KINDS) do
    wanted[kind[1]] = true
  end
  for kind in pairs(options.without and kinds_in("without", options.without) or {}) do
    wanted[kind] = nil
  end
  return wanted
end

-- What is proved, with what comes first.
local function whole(words, options)
  local all = table.move(words, 1, #words, 1, {})
  for _, line in ipairs(options.after or {}) do
    all[#all + 1] = "--after=" .. line
  end
  return all
end

-- The command that plays again what failed.
local function command_of(words, options, one)
  local all, ids = whole(words, options), {}
  for i, case in ipairs(one.together or { one.case }) do
    ids[i] = case.id
  end
  all[#all + 1] = "--only=" .. table.concat(ids, ",")
  return "o2x prove " .. shell.command(all)
end

local function what_of(one)
  local case = one.case
  if one.together then return ("%d cases, of which none fails alone"):format(#one.together) end
  return case.label or case.line and ("%s at %s"):format(case.fault, case.line) or ""
end

local function progress(options)
  local start, said = task.now(), task.now()
  return function(one, result)
    local now, done = task.now(), 0
    if options.json then return end
    if one.problem then out.say(("failed  %s  %s: %s"):format(one.case.id, what_of(one), one.problem)) end
    if now - said < EVERY then return end
    said = now
    for _, count in pairs(result.counts) do
      done = done + count.played + count.skipped
    end
    out.say(
      ("%d of %d cases, %d failed, %.1f a second"):format(done, result.cases, #result.failures, done / (now - start))
    )
  end
end

local function of_classes(count)
  local covered = count.covered < count.classes and ("%d of "):format(count.covered) or ""
  return (", of %d in %s%d classes"):format(count.all, covered, count.classes)
end

local function show(result, words, options)
  local played = 0
  for _, kind in ipairs(cases.KINDS) do
    local count = result.counts[kind[1]]
    played = played + count.played
    if count.played + count.skipped > 0 then
      local same = result.same[kind[1]] and (", %d points are the same as these"):format(result.same[kind[1]]) or ""
      local skipped = count.skipped > 0 and (", %d do not fit"):format(count.skipped) or ""
      local rest = count.all > count.played + count.skipped and of_classes(count) or ""
      out.data(("%-12s  %4d played, %d failed%s%s%s"):format(kind[1], count.played, count.failed, rest, skipped, same))
    end
  end
  for _, one in ipairs(result.failures) do
    out.data(("failed  %s  %s: %s"):format(one.case.id, what_of(one), one.problem))
    out.data("        again: " .. command_of(words, options, one))
  end
  local mark = #result.failures == 0 and "proved" or "not proved"
  out.say(
    ("%s  %s: %d cases in %.1f s, %.1f a second; %d commands, %.0f s of CPU, %.0f ms a case"):format(
      mark,
      table.concat(words, " "),
      played,
      result.seconds,
      played / math.max(result.seconds, 0.001),
      result.commands,
      result.cpu,
      1000 * result.cpu / math.max(played, 1)
    )
  )
end

local function data_of(result, words, options)
  local failures = json.array {}
  for i, one in ipairs(result.failures) do
    failures[i] = {
      case = one.case.id,
      what = what_of(one),
      problem = one.problem,
      again = command_of(words, options, one),
    }
  end
  return {
    words = json.array(whole(words, options)),
    points = result.points,
    cases = result.cases,
    all = result.all,
    same = result.same,
    counts = result.counts,
    failures = failures,
    seconds = result.seconds,
    cpu = result.cpu,
    commands = result.commands,
  }
end

local function start_lab() return require("o2x.prove.lab").start {} end

local function perform(options, arguments, servers)
  local words, after = words_of(options, arguments), {}
  for i, line in ipairs(options.after or {}) do
    after[i] = split(line)
  end
  local result = prove.run {
    words = words,
    after = after,
    servers = servers,
    start_lab = start_lab,
    choose = {
      tenant = arguments[2],
      kinds = kinds_of(options),
      only = options.only,
      all = options.all,
      sample = number(options, "sample"),
      seed = number(options, "seed"),
    },
    alone = options.alone,
    on_case = progress(options),
  }
  if options.only and result.cases == 0 then
    errors.input(("--only=%s: there is no such case"):format(options.only), "without --only, all are played")
  end
  if options.json then
    out.json(data_of(result, words, options))
  else
    show(result, words, options)
  end
  if options.certificate then certificate.write(options.certificate, data_of(result, words, options)) end
  return #result.failures == 0 and 0 or 1
end

-- A fork does one command of o2x, as the program's main function does.
local function command(commands)
  return function(words)
    proposed.called("o2x", words, commands.taking_set, function(key) return config.is_key(key) end)
    local found, runbook = commands.find(words[1])
    local options, rest = args.parse(found, table.move(words, runbook and 1 or 2, #words, 1, {}))
    entry.set_output(options)
    return found.run(options, rest, commands)
  end
end

local function processors()
  local count = 0
  for _ in (fs.read_if "/proc/cpuinfo" or ""):gmatch "processor%s*:" do
    count = count + 1
  end
  return math.max(count, 1)
end

return {
  needs = "a runbook and a tenant",
  help = [[
Runs the runbook in labs of its own, one a processor, and then again and again:
killed at each point (before and after each write of the journal, each sync,
request and child), with power lost there, with each fault at each request, with
somebody else's change between crash and resume, undone, undone and killed. After
each, the run is resumed, and its end must be that of the undisturbed run, with
nothing done twice. Cases in which the same code is disturbed in the same way are
a class; three of each are played.

--after commands come first:
  o2x prove maintenance urbanos mode=off --confirm=urbanos \
    --after='o2x run maintenance urbanos mode=on --confirm=urbanos'

A certificate names what was proved, by hashes; --check=FILE says whether it
still holds.]],
  options = {
    { "confirm", value = "TENANT", help = "of the run; required by severe runbooks" },
    args.SECRETS,
    { "after", value = "COMMAND", many = true, help = "a command of o2x that comes first" },
    { "only", value = "CASE,…", help = "play one case (kill:37), or some in one run" },
    { "alone", help = "play each case in a run of its own, not many in one" },
    {
      "cases",
      value = "KIND,…",
      help = "play these kinds: plan, again, kill, leave, power, twice, fault, foreign, undo",
    },
    { "without", value = "KIND,…", help = "leave these kinds out" },
    { "sample", value = "N", help = "play at most N cases of each kind" },
    { "all", help = "play every case, not three of each class" },
    { "seed", value = "N", help = "which of a class, and which sample" },
    { "jobs", value = "N", help = "how many labs (default: the number of processors)" },
    { "certificate", value = "FILE", help = "write what was proved" },
    { "check", value = "FILE", help = "say whether a certificate still holds" },
    { "json", help = "print the result as JSON" },
  },
  run = function(options, arguments, commands)
    if options.check then return certificate.check(options.check) end
    args.need_tenant("prove", arguments)
    runbook_files.find(project.find(arguments[1]), arguments[1], arguments[2]) -- before labs start for nothing
    local jobs = options.only and 1 or number(options, "jobs") or processors()
    local servers, order = forks.start(jobs, AHEAD)
    if order then return fork.run(order, command(commands)) end
    return common.interruptible(perform, options, arguments, servers)
  end,
}
