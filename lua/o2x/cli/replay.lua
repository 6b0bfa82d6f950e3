--- The command o2x replay: runs a packed run again, without any system.

local lazy = require "o2x.base.lazy"
local capsule = lazy "o2x.engine.capsule"
local common = lazy "o2x.cli.common"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fs = lazy "o2x.base.fs"
local history = lazy "o2x.engine.history"
local mask = lazy "o2x.base.mask"
local limits = lazy "o2x.base.limits"
local out = require "o2x.report.out"
local player = lazy "o2x.engine.player"
local program = require "o2x.core.program"
local project = lazy "o2x.project.project"
local replay = lazy "o2x.engine.replay"
local test_of = lazy "o2x.cli.replay_test"

local DIVERGED <const> = 2 -- exit code
local SIGNS <const> = { created = "+", changed = "~", deleted = "-", unchanged = "=", begun = "?", failed = "!" }

-- The records up to the end of each attempt, by its number.
local function counts_of(records)
  local ends = {}
  for i, record in ipairs(records) do
    if record.t == "resume" then ends[#ends + 1] = i - 1 end
  end
  ends[#ends + 1] = #records
  return ends
end

-- The effects that an attempt began or settled, by the step in which they were.
local function effects_of(records, ends, number)
  local from, to = ends[number - 1] or 0, ends[number]
  local touched, by_step = {}, {}
  for i = from + 1, to do
    local record = records[i]
    if record.effect ~= nil then touched[record.effect] = true end
  end
  for _, e in ipairs(history.of(table.move(records, 1, to, 1, {})).effects) do
    if touched[e.id] and e.path then
      by_step[e.path] = by_step[e.path] or {}
      table.insert(by_step[e.path], e)
    end
  end
  return by_step
end

local function answer_text(answer)
  local text = player.text(answer.call, answer.given)
  if answer.raised then return ("%s ! %s"):format(text, tostring(mask.shown(answer.raised.message))) end
  if answer.cancelled then return text .. " … was cancelled" end
  local gave = type(answer.gave) == "table" and player.text("", answer.gave):sub(2, -2) or ""
  return gave ~= "" and ("%s → %s"):format(text, gave) or text
end

-- Prints what happens, as it happens.
local function printer(file)
  local ends, effects = counts_of(file.records), {}
  local function depth(path) return path == "" and "" or ("  "):rep(select(2, path:gsub("/", "")) + 1) end
  local function write_effects(record)
    for _, e in ipairs(effects[record.path] or {}) do
      out.data(("%s%s %s %s"):format(depth(record.path), SIGNS[e.outcome] or "?", e.kind, e.key))
    end
  end
  local write = {
    done = write_effects,
    attempt = function(record)
      effects = effects_of(file.records, ends, record.number)
      out.data(record.number == 1 and "attempt 1" or ("attempt %d, resumed"):format(record.number))
    end,
    skip = function(record)
      local path = mask.shown(record.path)
      out.data(("▸ %s: skipped by %s: %s"):format(path, mask.shown(record.user), mask.shown(record.reason)))
      write_effects { path = path }
    end,
    step = function(record) out.data(depth(record.path):sub(3) .. "▸ " .. record.path) end,
    answer = function(record) out.data(depth(mask.shown(record.path)) .. answer_text(record)) end,
    check = function(record)
      local detail = record.found or record.message
      out.data(
        ("%s%s %s%s"):format(
          depth(record.path),
          record.ok and "✓" or "✗",
          record.name,
          detail and ": " .. detail or ""
        )
      )
    end,
    message = function(record) out.data(depth(record.path) .. record.text) end,
    fail = function(record)
      write_effects(record)
      out.data(depth(record.path) .. "failed: " .. record.message)
    end,
  }
  return function(what, record)
    if write[what] then write[what](record) end
  end
end

local function data_of(file, result)
  local header, run = file.records[1], history.of(file.records)
  return {
    run = header.id,
    runbook = header.runbook.name,
    version = header.runbook.version,
    tenant = header.tenant,
    status = run.status or "crashed",
    same = result.divergence == nil,
    attempts = result.attempts,
    answers = result.answers,
    attempt = result.attempt,
    divergence = result.divergence,
    incomplete = result.lost,
    o2x = header.o2x,
    packed = { o2x = file.header.o2x, at = file.header.at, tools = file.header.tools },
  }
end

local function show(data)
  local what = ("%s, %s %s for %s"):format(data.run, data.runbook, data.version, data.tenant)
  local found = data.divergence
  if not found then
    out.data(
      ("the same%s: %s: %d answers in %s, %s"):format(
        data.incomplete and ", as far as it was kept" or "",
        what,
        data.answers,
        data.attempts == 1 and "1 attempt" or ("%d attempts"):format(data.attempts),
        data.status
      )
    )
    if data.incomplete then out.say("note: replayed up to an answer that was not kept: " .. data.incomplete) end
    return
  end
  out.data(("diverged: %s"):format(what))
  local place = found.step ~= "" and ("step %s"):format(found.step) or "outside of steps"
  if found.lane then place = ("%s, branch %s"):format(place, found.lane) end
  if data.attempts > 1 then place = ("attempt %d, %s"):format(data.attempt, place) end
  out.data("  where:    " .. place)
  out.data("  recorded: " .. found.recorded)
  out.data("  came:     " .. found.came)
end

local function project_of(options)
  if not options.project then return nil end
  if not fs.is_folder(options.project) then
    local why = fs.exists(options.project) and "this is no folder" or "there is no such folder"
    errors.input(why, "--project=FOLDER: the folder that has runbooks/", options.project)
  end
  local found = project.at(fs.realpath(options.project))
  if not fs.is_folder(found.runbooks) then
    errors.input("no project: it has no runbooks/", "give the folder that has them: --project=FOLDER", options.project)
  end
  return found
end

-- What the run said, a JSON record a line.
local function show_log(file)
  for line in (fs.read_if(file.log) or ""):gmatch "[^\n]+" do
    out.data(line)
  end
end

local function perform(options, arguments)
  if options.out and not options.to_test then errors.input "--out needs --to-test" end
  program.memory_limit(limits.bytes "memory") -- the scripts may be anybody's
  local folder = fs.temp_folder()
  local _remove <close> = defer(function() fs.remove_tree(folder) end)
  capsule.forget_key()
  local file = capsule.read(arguments[1], folder)
  if options.log then return show_log(file) end
  local used = project_of(options)
  if options.to_test then return test_of.write(arguments[1], file, folder, options) end
  if used and file.undoes then out.say "note: an undo has no scripts, so --project changes nothing" end
  local result = replay.perform(file, {
    folder = folder,
    project = used,
    on = options.step_by_step and not options.json and printer(file) or nil,
  })
  local data = data_of(file, result)
  if options.json then
    out.json(data)
  else
    show(data)
  end
  return result.divergence and DIVERGED or 0
end

return {
  least = 1,
  most = 1,
  needs = "a capsule that o2x capsule wrote",
  help = [[
Runs the scripts of the capsule again. What they ask is answered as it was
answered then: no system is contacted, and nothing is written outside of a
temporary folder. Where they do something else than the record says, the replay
ends, with exit code 2, and shows what was recorded and what came.

With --project=FOLDER the scripts of that project are run instead: would they
have done otherwise?]],
  options = {
    { "step-by-step", help = "print each step, what it asked and was told, and what it changed" },
    { "project", value = "FOLDER", help = "run the scripts of this project instead of those of the capsule" },
    { "to-test", help = "write a test that replays the capsule with the project's scripts, and the capsule beside it" },
    { "out", value = "FILE", help = "where to write the test; default: RUN_spec.lua" },
    { "log", help = "print the run's log instead, a JSON record a line" },
    { "json", help = "print the result as JSON" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
