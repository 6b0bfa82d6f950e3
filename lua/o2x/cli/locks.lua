--- The command o2x locks: which runs hold tenants.

local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local held = require "o2x.engine.held"
local json = require "o2x.base.json"
local lock_words = require "o2x.engine.lock_words"
local out = require "o2x.report.out"
local shell = require "o2x.base.shell"
local tenants = require "o2x.project.tenants"

local function release(project, config, options, tenant)
  local reason = options.reason
  if type(reason) ~= "string" or not reason:find "%S" then
    errors.input(("%s is released with a reason"):format(tenant), "add --reason='…'")
  end
  local holder = held.release(project, config, tenant, reason)
  if options.json then return out.json { released = holder, reason = reason } end
  out.say(("released  %s: %s; %s"):format(tenant, lock_words.who(holder), reason))
end

local function sign_of(holder)
  if not holder.seconds then return ("process %s"):format(tostring(holder.pid or "?")) end
  local state = holder.ended and ", its process has ended" or holder.expired and ", expired" or ""
  return lock_words.ago(holder.age) .. state
end

local function row_of(holder)
  return {
    holder.tenant,
    ("%s@%s"):format(holder.user or "?", holder.host or "?"),
    holder.runbook or "?",
    holder.run or "?",
    holder.since or "?",
    sign_of(holder),
  }
end

-- A run of this store is in both: the control database knows more of it.
local function merged(everywhere, here)
  local rows, seen = {}, {}
  for _, holder in ipairs(everywhere) do
    rows[#rows + 1], seen[holder.run] = holder, true
  end
  for _, holder in ipairs(here) do
    if not seen[holder.run] then rows[#rows + 1] = holder end
  end
  return rows
end

-- What is in nobody's way: the next run takes it, or it is given back.
local function say_free(list)
  for _, holder in ipairs(list) do
    local why = holder.ended and "its process has ended" or holder.expired and "it has expired"
    if why then
      local words = { "--release=" .. holder.tenant, "--reason=" .. why }
      out.say(("%s: %s, so that the next run takes its place"):format(holder.tenant, why))
      out.say("  to free it: o2x locks " .. shell.command(words))
    end
  end
end

local function say_none(project, config, tenant)
  local released = tenant and held.released(project, config, tenant)
  local how = released and ": " .. lock_words.released(released) or ""
  out.say(tenant and ("no run holds %s%s"):format(tenant, how) or "no run holds a tenant")
end

local function perform(options, arguments)
  local project, config = common.load_project(options)
  local tenant = options.release or arguments[1]
  if tenant then tenants.check_name(tenant) end
  if options.release then return release(project, config, options, tenant) end
  local here = held.here(config, tenant)
  local ok, everywhere = xpcall(held.everywhere, errors.handler, project, config, tenant)
  local list = merged(ok and everywhere or {}, here)
  local rows = { { "TENANT", "HELD BY", "RUNBOOK", "RUN", "SINCE", "SIGN OF LIFE" } }
  for i, holder in ipairs(list) do
    rows[i + 1] = row_of(holder)
  end
  if options.json then
    out.json { locks = json.array(list) }
  elseif #list > 0 then
    out.columns(rows, out.data, out.width())
    say_free(list)
  elseif ok then
    say_none(project, config, tenant)
  end
  if not ok then error(everywhere, 0) end -- the run store knows only its own
end

return {
  most = 1,
  help = [[
One run at a time changes a tenant, whoever started it and on whatever machine.
The run store's file keeps other runs of the same folder out; a row in the
control database, beside the registry, those of all others. The run says every
few seconds that it lives. Without that for lock.seconds (120) it has expired:
it writes nothing more, and the next run takes its place and says so. A run
whose process has ended on the same machine is not waited for.

--release gives back what has expired or ended; the next run would do the same.
The reason is shown by o2x locks TENANT until then, and by o2x log afterwards.
Whose run still lives is interrupted where it runs.]],
  options = {
    { "release", value = "TENANT", help = "give back a tenant whose holder gave no sign of life, or has ended" },
    { "reason", value = "TEXT", help = "with --release: why" },
    { "json", help = "print JSON" },
  },
  run = perform,
}
