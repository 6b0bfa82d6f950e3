--- An audit: where a tenant differs from what it should be. What it should be is what the platform's runbook makes of
--- it (MAKES in stdlib/platform.lua), so an audit is a plan of that runbook in which every check is looked at: each
--- change, each failed check, and each thing that cannot be read is a finding, and so is what is there and the plan
--- does not look at. It keeps nothing and writes nothing.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local left_over = require "o2x.engine.left_over"
local never_made = require "o2x.engine.never_made"
local plan = require "o2x.engine.plan"
local registration = require "o2x.engine.registration"
local reviewed = require "o2x.engine.reviewed"
local run = require "o2x.engine.run"
local shell = require "o2x.base.shell"
local story = require "o2x.engine.story"
local take_over = require "o2x.engine.take_over"
local value = require "o2x.base.value"

local M = {}

---@class o2x.finding
---@field rank integer index of M.RANKS
---@field way "missing"|"different"|"renamed"|"left over"|"orphan"|"failed check"|"in the way" how it differs
---@field kind string? of the effect
---@field what string names it for people
---@field key string? names it for o2x
---@field where string? the step that makes or checks it
---@field is any what is there now; absent if it is long
---@field should any what should be; absent if it is long
---@field lines string[] the difference, for people, or its beginning
---@field mend string? the command that mends it
---@field hint string? what else to do
---@field overview boolean? the lines list what it is about: all of them are shown
---@field claims { kind: string, name: string }? as in o2x.reviewed

--- What each rank means: what customers feel first comes first.
M.RANKS = { "customers feel it", "wrong data", "untidy" }
local FELT <const>, DATA <const>, UNTIDY <const> = 1, 2, 3

-- The system of an effect → its rank; the whole kind where it differs from its system.
local RANK_OF <const> = {
  dns = FELT,
  helm = FELT,
  k8s = FELT,
  ["pg.database"] = FELT,
  ["pg.grant"] = FELT,
  ["pg.migration"] = FELT,
  pg = DATA,
  vault = DATA,
  broker = DATA,
}

local WAYS <const> = { created = "missing", changed = "different", deleted = "left over" }

local function rank_of(kind) return RANK_OF[kind] or RANK_OF[kind:match "^[^.]+"] or UNTIDY end

--- The runbook that makes a tenant what it should be.
---@param platform table stdlib/platform.lua
---@return string name
function M.runbook(platform)
  if type(platform.MAKES) == "string" then return platform.MAKES end
  errors.input(
    "stdlib/platform.lua does not name the runbook that makes a tenant what it should be",
    'add to it: M.MAKES = "NAME"'
  )
end

-- What mends all that the plan shows: the runbook itself.
local function run_command(this, more)
  local words = { this.runbook.name, this.tenant_name }
  if this.runbook.severe then words[#words + 1] = "--confirm=" .. this.tenant_name end
  return "o2x run " .. shell.command(words) .. (more and " " .. more or "")
end

-- A report of very many tenants stays small: of whole files and objects, the difference is kept, and its beginning.
local LONGEST <const>, LARGEST <const> = 12, 300 -- lines, bytes

local function brief(any)
  local shown = value.displayed(value.revive(any))
  if type(shown) ~= "table" and type(shown) ~= "string" then return shown end
  return #json.encode(shown) <= LARGEST and shown or nil
end

local function first_lines(lines)
  if #lines <= LONGEST then return lines end
  local first = table.move(lines, 1, LONGEST, 1, {})
  first[LONGEST + 1] = ("… %d more lines"):format(#lines - LONGEST)
  return first
end

-- Of what is inside a thing that is missing, only the number is said.
local function of_changes(this, findings)
  local inside = 0
  for _, change in ipairs(this.plan.changes) do
    if change.inside then
      inside = inside + 1
    else
      findings[#findings + 1] = {
        rank = rank_of(change.kind),
        way = WAYS[change.outcome],
        kind = change.kind,
        what = change.show.title or change.key,
        key = change.key,
        where = change.path,
        is = brief(change.before),
        should = brief(change.after),
        lines = first_lines(change.show.lines or {}),
        mend = run_command(this),
      }
    end
  end
  return inside
end

-- A system that does not answer says nothing about the tenant. That its own addresses and services answer is what a
-- check is for.
local function is_unanswered(err)
  if err.behind or err.module == "http" then return false end
  return registration.UNANSWERED[err.kind]
end

-- List of what was not looked at → reason → its line, of systems that do not answer.
local silent = setmetatable({}, { __mode = "k" })

-- Notes what could not be looked at, once for each reason.
local function note_unanswered(unseen, name, err)
  local why = tostring(err):gsub("^stdlib/%S+:%d+: ", "")
  local reasons = silent[unseen] or {}
  silent[unseen] = reasons
  local line = reasons[why]
  if not line then
    line = #unseen + 1
    reasons[why], unseen[line] = line, why .. ": " .. name
  elseif not unseen[line]:find(name, 1, true) then
    unseen[line] = unseen[line] .. ", " .. name
  end
end

local function of_check(this, findings, unseen, check)
  local err = check.error
  if is_unanswered(err) then return note_unanswered(unseen, check.name, err) end
  if err.kind == "bug" and silent[unseen] then -- it follows from what the script could not read
    return note_unanswered(unseen, check.name, "not before that is looked at")
  end
  findings[#findings + 1] = {
    rank = FELT,
    way = "failed check",
    what = check.name,
    where = check.path,
    is = tostring(err),
    lines = { tostring(err) },
    hint = err.hint,
    -- Where nothing would be changed, the runbook mends nothing; a hint may know a command of its own.
    mend = this.plan:has_changes() and not (err.hint or ""):find("o2x run", 1, true) and run_command(this) or nil,
  }
end

local function of_checks(this, findings, unseen)
  for _, check in ipairs(this.plan.failed) do
    of_check(this, findings, unseen, check)
  end
end

-- Steps that could not be planned have not looked at what they make: then nobody can tell what is left over.
local function looked_at_all(this)
  for _, problem in ipairs(this.plan.problems) do
    if not problem.kind then return false end
  end
  return true
end

local function of_left_overs(this, findings)
  for _, finding in ipairs(looked_at_all(this) and left_over.find(this) or {}) do
    finding.rank = UNTIDY
    findings[#findings + 1] = finding
  end
end

-- A review may know better than the plan: what the plan says of the same type only follows from that.
local function drop_kind(this, findings, kind)
  for _, list in ipairs { findings, this.plan.problems } do
    for i = #list, 1, -1 do
      if list[i].kind == kind then table.remove(list, i) end
    end
  end
end

-- -> the findings from which all others follow, if there are such
local function of_reviews(this, findings, company, unseen)
  local found, first = reviewed.find(this, company, unseen), {}
  for _, finding in ipairs(found) do
    if finding.first then
      finding.rank, finding.first = FELT, nil
      first[#first + 1] = finding
    end
  end
  if first[1] then return first end
  for _, finding in ipairs(found) do
    if finding.instead then drop_kind(this, findings, finding.kind) end
    finding.instead = nil
  end
  for _, finding in ipairs(found) do
    finding.rank = finding.rank or rank_of(finding.kind)
    finding.lines = first_lines(finding.lines)
    findings[#findings + 1] = finding
  end
end

-- Of a tenant of which there is nothing, there is one thing to say.
local function nothing_of(this)
  local finding = {
    rank = FELT,
    way = "missing",
    what = "tenant " .. this.tenant_name,
    lines = { "+ all of it: there is no row in the registry, no database, and nothing in any other system" },
    mend = run_command(this),
  }
  local by_id = this.platform.registry(this.tenant).by_id
  local unseen = by_id and { ("what the tenant's id names, which nobody knows: %s"):format(table.concat(by_id, ", ")) }
  return { tenant = this.tenant_name, findings = { finding }, inside = 0, unseen = unseen or {}, looked = 0 }
end

-- A run is stopped by what stops its plan: as long as it is there, the runbook mends nothing.
local IN_THE_WAY <const> = "see to it first, then: %s"

-- What could not be read or planned; what only follows from that is listed apart.
local function of_problems(this, findings, unseen)
  for _, problem in ipairs(this.plan.problems) do
    local err = problem.error
    if err.code == plan.FOLLOWS then
      unseen[#unseen + 1] = tostring(err)
    elseif is_unanswered(err) then
      note_unanswered(unseen, problem.key or problem.path, err)
    else
      local foreign = err.code == "foreign_change" and take_over.option(problem.key)
      findings[#findings + 1] = {
        rank = problem.kind and rank_of(problem.kind) or FELT,
        way = "in the way",
        kind = problem.kind,
        what = problem.key or problem.path,
        key = problem.key,
        where = problem.path,
        is = tostring(err),
        lines = { tostring(err) },
        hint = not foreign and (err.hint or IN_THE_WAY:format(run_command(this))) or nil,
        mend = foreign and run_command(this, foreign) or nil,
      }
    end
  end
end

-- Of one rank, the run comes last: what has a command of its own may be in its way, such as a migration's lost row.
local function by_rank(findings, run_last)
  for i, finding in ipairs(findings) do
    finding.order = i + (finding.mend == run_last and #findings or 0)
  end
  table.sort(findings, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    return a.order < b.order
  end)
  for _, finding in ipairs(findings) do
    finding.order = nil
  end
  return findings
end

-- What refuses the whole plan is in the way, too: the registry has the tenant under another id.
local function plan_of(this)
  local ok, err = xpcall(run.plan, errors.handler, this, false)
  if ok then return end
  err = errors.wrap(err)
  if err.kind ~= "refused" then error(err, 0) end
  this.plan:problem("", err)
end

--- Audits the tenant of a run that was prepared for it (prepare's `audit`).
---@param this table
---@param company table of engine/company.lua
---@return { tenant: string, findings: o2x.finding[], inside: integer, unseen: string[], looked: integer } report
---  inside: things in what is missing; unseen: what could not be looked at; looked: things that are as they should be
function M.of(this, company)
  if never_made.is(this) then return nothing_of(this) end
  this.looked = {}
  plan_of(this)
  local findings, unseen = {}, {}
  local inside = of_changes(this, findings)
  of_checks(this, findings, unseen)
  local first = of_reviews(this, findings, company, unseen)
  if first then
    findings, inside, this.plan.problems = first, 0, {}
    unseen[#unseen + 1] = "all else: it follows from that"
  end
  if not first then
    findings = story.tell(this, findings, run_command(this))
    of_left_overs(this, findings)
  end
  of_problems(this, findings, unseen)
  if not looked_at_all(this) then unseen[#unseen + 1] = "what is left over: not before all can be planned" end
  return {
    tenant = this.tenant_name,
    findings = by_rank(findings, run_command(this)),
    inside = inside,
    unseen = unseen,
    unanswered = silent[unseen] ~= nil,
    looked = this.plan:counts().unchanged,
  }
end

return M
