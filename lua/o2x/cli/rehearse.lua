--- The command o2x rehearse: runs a runbook in a fresh lab that has the structure of what a tenant is now.

local lazy = require "o2x.base.lazy"
local args = require "o2x.cli.args"
local arrival = lazy "o2x.engine.rehearsal.arrival"
local common = lazy "o2x.cli.common"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local progress = lazy "o2x.report.progress"
local rehearsal = lazy "o2x.engine.rehearsal"
local preparation = lazy "o2x.engine.preparation"
local run = lazy "o2x.engine.run"
local units = lazy "o2x.base.units"

-- The lab's side, in a process of its own.
local function arrive(options, arguments, folder)
  local project, config = common.load_project(options)
  local this = preparation.run {
    mode = "apply",
    project = project,
    config = config,
    tenant = arguments[2],
    params = {},
    arrival = arrival.open(folder, config),
    report = progress.new { quiet = true },
  }
  local _, err = run.apply(this)
  if err then error(err, 0) end
end

local function list(title, items)
  if #items == 0 then return end
  out.data(title)
  for _, item in ipairs(items) do
    out.data(("  %s: %s"):format(item.what, item.why))
  end
end

local function totals(of)
  local t = of or {}
  return ("%d created, %d changed, %d deleted"):format(t.create or 0, t.change or 0, t.delete or 0)
end

local function changes(of)
  local t = of or {}
  return (t.create or 0) + (t.change or 0) + (t.delete or 0)
end

local function say_run(result)
  local style, ran = out.style(1), result.run
  local failed = ran and ran.error and ran.error.message or result.message
  if result.code == 0 or not failed then
    out.data(
      style.bold(style.green "would work")
        .. (": %s in %s"):format(totals(ran and ran.totals), units.duration(result.seconds.run))
        .. (result.code ~= 0 and (", and end with exit code %d"):format(result.code) or "")
    )
  else
    local step = ran and ran.error and ran.error.step
    out.data(style.bold(style.red "would fail") .. (step and " at step " .. step or "") .. ": " .. tostring(failed))
  end
end

local function say_more(name, one)
  if not one then return end
  if one.code ~= 0 then
    local why = #one.left > 0 and ("%d things cannot be taken back"):format(#one.left)
    out.data(("%s: %s"):format(name, one.message or why or ("exit code %s"):format(tostring(one.code))))
    for _, line in ipairs(one.left) do
      out.data("  " .. line)
    end
  elseif name == "second run" then
    local count = changes(one.totals)
    out.data(count == 0 and "second run: 0 changes" or "second run: " .. totals(one.totals))
  else
    out.data(("%s: %s"):format(name, totals(one.totals)))
  end
end

-- How a run says what to type next: in a line of its own, or at the end of one.
local PROPOSED <const> = { "to go back", "done by hand", "next", "check it; to overwrite it" }

-- A line of the run in the lab, without the commands that it proposes: the lab is gone when somebody types them.
local function show_line(line)
  for _, words in ipairs(PROPOSED) do
    if line:find("^%s*" .. words .. ": ") then return end
    line = line:gsub("; " .. words .. ": .*", "")
  end
  out.say("  " .. line)
end

local function before_run(options)
  return function(result)
    if options.json then return end
    list("the rehearsal differs from production here:", result.differs)
    list("not in the rehearsal:", result.left)
  end
end

local function say(result, options)
  if options.json then
    return out.json {
      code = result.code,
      left = json.array(result.left),
      differs = json.array(result.differs),
      brought = result.brought,
      run = result.run,
      message = result.message,
      again = result.again,
      undo = result.undo,
      seconds = result.seconds,
      folder = result.folder,
      commands = result.commands and json.array(result.commands),
    }
  end
  say_run(result)
  say_more("second run", result.again)
  say_more("undo", result.undo)
  local all, parts = 0, {}
  for _, part in ipairs { "read", "lab", "arrive", "plan", "run", "again", "undo", "end" } do
    local seconds = result.seconds[part]
    if seconds then
      all = all + seconds
      parts[#parts + 1] = ("%s %s"):format(part, units.duration(seconds))
    end
  end
  out.data(("took %s: %s"):format(units.duration(all), table.concat(parts, ", ")))
  for i, command in ipairs(result.commands or {}) do
    out.data((i == 1 and "the lab is kept; to look at it: " or "to remove it: ") .. command)
  end
end

local function perform(options, arguments)
  local folder = os.getenv(arrival.VARIABLE)
  if folder and folder ~= "" then return arrive(options, arguments, folder) end
  args.need_tenant("rehearse", arguments)
  local project, config = common.load_project(options, arguments[1])
  local store = common.open_store(config) -- its key makes the tags of secrets
  common.print_warnings(config)
  local result = rehearsal.perform {
    project = project,
    config = config,
    store = store,
    file = common.runbook(project, options, arguments),
    tenant = arguments[2],
    params = args.assignments(arguments, 3),
    words = table.move(arguments, 3, #arguments, 1, {}),
    secrets = options.secrets,
    take_over = options.take_over,
    own = not options.standard and arguments[2] or nil,
    keep = options.keep,
    report = progress.new { quiet = true, planning = true },
    say = function(text) out.say(text) end,
    on_line = show_line,
    before_run = before_run(options),
  }
  say(result, options)
  return result.code
end

return {
  least = 1,
  needs = "a runbook and a tenant",
  help = [[
Reads the tenant as it is now, by the reads of a plan, and makes a fresh lab that
has its structure: rows that runbooks manage, migrations, releases with their
revisions, objects, records, queues, and texts made up in the place of secrets.
Data are not brought: what is not in the rehearsal is listed. Then it runs the
runbook there, runs it again, and takes it back. Production is only read.

The exit code is that of the run in the lab.]],
  options = {
    args.SECRETS,
    args.STANDARD,
    args.TAKE_OVER,
    { "keep", help = "keep the lab, and say how to look at it" },
    { "json", help = "print the result as JSON" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}
