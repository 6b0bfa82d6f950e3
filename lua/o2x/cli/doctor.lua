--- The command o2x doctor: checks that everything is there that runs need.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local defer = require "o2x.base.defer"
local doctor = lazy "o2x.doctor"
local json = lazy "o2x.base.json"
local notes = lazy "o2x.doctor.note"
local out = require "o2x.report.out"
local task = require "o2x.base.task"
local units = lazy "o2x.base.units"

local EVERY <const> = 2 -- seconds between two words about what is waited for

-- Marks for people at a terminal, and words that a pipe and grep can have.
local MARKS <const> = { ok = "✓", found = "!", unreachable = "✗" }
local WORDS <const> = { ok = "ok", found = "!", unreachable = "x" }
local COLOURS <const> = { ok = "green", found = "yellow", unreachable = "red" }

local function show(note, style)
  local state = note:state()
  local mark = (out.is_terminal(1) and MARKS or WORDS)[state]
  local facts = #note.facts > 0 and ": " .. table.concat(note.facts, "; ") or ""
  out.data(("%s %s%s"):format(style[COLOURS[state]](mark), style.bold(note.name), facts))
  for _, one in ipairs(note.findings) do
    out.data(("    %s %s"):format(style[COLOURS[state]](one.code == 4 and "-" or "-"), one.text))
    if one.mend then out.data("      to mend it: " .. one.mend) end
  end
end

-- Says every few seconds what is still waited for.
local function watch(waiting, seconds)
  local start = task.now()
  while true do
    task.sleep(EVERY)
    local names = {}
    for name in pairs(waiting) do
      names[#names + 1] = name
    end
    if not names[1] then return end
    table.sort(names)
    local since = units.duration(task.now() - start)
    out.say(("waiting for %s since %s, at most %d s"):format(table.concat(names, ", "), since, seconds))
  end
end

local function data(note)
  local findings = {}
  for i, one in ipairs(note.findings) do
    findings[i] = { text = one.text, mend = one.mend, unreachable = one.code == notes.UNREACHABLE }
  end
  return { name = note.name, state = note:state(), facts = json.array(note.facts), findings = json.array(findings) }
end

local function perform(options, arguments)
  local project, config = common.load_project(options)
  out.say(("checking %s, at most %d s"):format(project.root, doctor.SECONDS + 2))
  local this, checks, problem = doctor.prepare { project = project, config = config, tenant = arguments[1] }
  local _close <close> = defer(this.close)
  local style, list, waiting, found, code = out.style(1), {}, {}, 0, 0
  if this.tenant then out.say(("the systems are asked as for a run of %s"):format(this.tenant.name)) end
  for _, check in ipairs(checks) do
    waiting[check.name] = true
  end
  local watcher = task.spawn(watch, waiting, doctor.SECONDS)
  local _watch <close> = defer(function() watcher:cancel() end)
  local function done(note)
    waiting[note.name], list[#list + 1] = nil, note
    for _, one in ipairs(note.findings) do
      found, code = found + 1, math.max(code, one.code)
    end
    if not options.json then show(note, style) end
  end
  if problem then
    local note = notes.new "Platform"
    note:error(problem, "o2x config explain shows where it is taken from")
    done(note)
  end
  doctor.run(this, checks, done)
  if options.json then
    for i, note in ipairs(list) do
      list[i] = data(note)
    end
    out.json(json.array(list))
  end
  local words = ("%d findings"):format(found):gsub("^1 findings", "1 finding"):gsub("^0 findings", "nothing to mend")
  out.say(("doctor  %d checks: %s"):format(#list, words))
  return code
end

return {
  most = 1,
  help = [[
Asks each system of the platform whether it answers, as whom we are known there
and which rights are missing; compares clocks and certificates; looks at the
project's folders, runbooks and tenants, at disks, at private files that others
can read, and at the programs on PATH. Each finding has the line that mends it.

It writes nothing. Rights are those of a run for TENANT, or for the first
tenant. All checks run at once, and each has 8 seconds.

Exit code 2: there are findings; 4: a system does not answer or denies access.]],
  options = { { "json", help = "print JSON" } },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
