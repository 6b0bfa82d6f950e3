--- What a run needs before it may begin: the rights and kinds that its effect types use. Reads only.

local errors = require "o2x.base.error"
local lazy = require "o2x.base.lazy"
local rights = lazy "o2x.policy.rights"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

-- A system that denied a look still says what else it denies; one that did not answer is not asked again.
local function silent_among(problems)
  local silent = {}
  for _, one in pairs(problems) do
    if one.kind ~= "unauthorised" and one.err.module then silent[one.err.module] = true end
  end
  return silent
end

local function missing(ctx, problems)
  local silent = silent_among(problems)
  local this = { config = ctx.config, grants = ctx.scope, tenant = ctx.tenant }
  function this.client(name) return ctx:client(name) end
  function this.reach(system, fn, ...)
    if not silent[system] then return ctx:ask("rights of " .. system, fn, ...) end
  end
  return rights.missing(this, rights.of(ctx:declared_types()))
end

local function ask_broker(ctx)
  for _, prefix in ipairs(ctx.scope.broker or {}) do
    local broker = ctx:client "broker"
    ctx:once("broker " .. prefix, ctx.ask, ctx, "broker", broker.queues, broker, prefix)
  end
end

-- What looks at something has found a problem: its error as an entry of the list. Looks are side by side: each notes
-- for itself how a person sees what it read last.
local function problem_of(fn)
  local last = {}
  local ok, err = xpcall(task.within, errors.handler, "last_look", last, fn)
  if ok then return nil end
  err = errors.wrap(err)
  if err.kind == "cancelled" or err.kind == "bug" then error(err, 0) end
  return {
    text = value.text(err),
    mend = err.hint and value.text(err.hint) or nil,
    err = err,
    kind = err.kind,
    look = last.look,
  }
end

-- Of these systems all rights were asked for: one that is missing explains what was denied for it.
local WHOLE <const> = { pg = true, vault = true, redis = true }

-- Each problem is said once.
local function joined(found, problems, count)
  local list, seen, denied = {}, {}, {}
  for _, one in ipairs(found) do
    denied[one.system] = WHOLE[one.system]
    seen[one.text], list[#list + 1] = true, one
  end
  for i = 1, count do
    local one = problems[i]
    if one and not seen[one.text] and not (one.kind == "unauthorised" and denied[one.err.module]) then
      seen[one.text], list[#list + 1] = true, one
    end
  end
  return list
end

local function refuse(list)
  local first = list[1]
  if not first then return end
  if #list == 1 and first.err then error(first.err, 0) end
  local kind = first.kind or "unauthorised"
  if #list == 1 then errors.raise { kind = kind, module = "rights", message = first.text, hint = first.mend } end
  local details = {}
  for i, one in ipairs(list) do
    local last = not list[i + 1] or list[i + 1].mend ~= one.mend -- what mends several is said once, after them
    details[i] = one.mend and last and ("%s; %s"):format(one.text, one.mend) or one.text
  end
  errors.raise {
    kind = kind,
    module = "rights",
    details = details,
    message = ("%d things are missing, and nothing was written: %s; …"):format(#list, first.text),
    hint = "o2x doctor lists what is missing for all runbooks",
  }
end

local SILENT <const> = { unreachable = true, timeout = true }

-- A run may get by without a system that is declared and down now, and without a table that nobody has made: who needs
-- them says so.
local function denied_of(found)
  local list = {}
  for _, one in ipairs(found) do
    if not (SILENT[one.kind] or one.absent) then list[#list + 1] = one end
  end
  return list
end

return {
  name = "rights",
  --- Raises all that the run may not do of what it may have to, unless it was asked for already. A system that does not
  --- answer is no reason, nor is what is not there.
  ---@param ctx table
  before_writes = function(ctx)
    if not ctx:ask_for_rights() then refuse(denied_of(missing(ctx, {}))) end
  end,
  api = function(ctx)
    return {
      --- Asks each system for the rights and the kinds that the runbook's effects use, runs `looks` beside that, and
      --- raises all that is missing at once. It writes nothing. A plan whose looks find nothing asks for rights only if
      --- something would change.
      ---@param looks (fun())[] each raises what it finds missing
      check = function(looks)
        local found, problems = nil, {}
        local function ask()
          ctx:ask_for_rights()
          found = found or missing(ctx, problems)
        end
        local is_put_off = ctx:look_before_changes(function()
          if found then return end -- it was asked for with the looks, and said
          ask()
          refuse(found)
        end)
        local all = { function() ask_broker(ctx) end, table.unpack(looks or {}) }
        local jobs = is_put_off and {} or { ask }
        for i, look in ipairs(all) do
          jobs[#jobs + 1] = function() problems[i] = problem_of(look) end
        end
        task.each(jobs, function(job) job() end, { limit = #jobs })
        if next(problems) then ask() end
        local list = joined(found or {}, problems, #all)
        local last = task.context().last_look
        if last then last.look = list[1] and list[1].look end
        refuse(list)
      end,
    }
  end,
}
