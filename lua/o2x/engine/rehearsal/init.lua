--- A rehearsal: a runbook in a fresh lab that has the structure of what a tenant is now, and none of its data. First
--- the tenant is read, by plans: of the runbook that makes it (MAKES in stdlib/platform.lua), and of the one that is
--- rehearsed. What they saw goes into the lab; all that follows happens there, in processes that know nothing else.

local compare = require "o2x.engine.rehearsal.compare"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local made_up = require "o2x.engine.rehearsal.made_up"
local place = require "o2x.engine.rehearsal.place"
local plain = require "o2x.base.plain"
local preparation = require "o2x.engine.preparation"
local run = require "o2x.engine.run"
local runbook_files = require "o2x.project.runbook_files"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"
local witness = require "o2x.engine.rehearsal.witness"

local M = {}

---@class o2x.rehearsal.asked
---@field project table
---@field config table
---@field file string of the runbook
---@field tenant string
---@field params table<string, string>
---@field words string[] the parameters, as they were typed
---@field store table of runs, in production
---@field secrets string?
---@field take_over string[]?
---@field own string? the tenant, if its own versions of runbooks count
---@field report table
---@field keep boolean?
---@field say fun(text: string) what happens, for people
---@field on_line fun(line: string, stream: string) a line of the run in the lab

-- ---- reading production ----

local function prepare(asked, seen, file, params)
  local this = preparation.run {
    mode = "plan",
    project = asked.project,
    config = asked.config,
    file = file,
    tenant = asked.tenant,
    params = params,
    secrets = asked.secrets,
    take_over = file == asked.file and asked.take_over or nil,
    report = asked.report,
    witness = seen,
  }
  table.insert(asked.looks, this)
  return this
end

local function close_looks(asked)
  for _, this in ipairs(asked.looks) do
    this.close_clients()
  end
  asked.looks = {}
end

local UNREADABLE <const> = { unreachable = true, unauthorised = true, timeout = true }

-- What could be read is in the rehearsal, problem and all.
local function note_problems(left, seen, plan)
  for _, problem in ipairs(plan.problems) do
    local at = problem.key or problem.path
    if UNREADABLE[problem.error.kind] or problem.key and not seen:knows(problem.kind, problem.key) then
      left[#left + 1] = { what = at ~= "" and at or "the rest", why = tostring(problem.error) }
    end
  end
end

-- A plan whose reads are noted. One that fails is a part that is not in the rehearsal.
local function look(asked, seen, left, file, params)
  local this = prepare(asked, seen, file, params)
  local ok, plan = xpcall(run.plan, errors.handler, this, true)
  if ok then
    note_problems(left, seen, plan)
    seen:add_plan(plan)
    return this, plan
  end
  local err = errors.wrap(plan)
  if err.kind == "cancelled" or err.kind == "bug" or file == asked.file then error(err, 0) end
  left[#left + 1] = { what = this.runbook.name, why = tostring(err) }
  return this
end

-- Reads the tenant by plans. That of the runbook that makes it comes first: in its order, things can be made.
-- -> the run and plan of the rehearsed runbook
local function read(asked, seen, left)
  local maker = preparation.place(asked.project).platform.MAKES
  local file = type(maker) == "string" and runbook_files.find(asked.project, maker, asked.own)
  if file and file ~= asked.file then look(asked, seen, left, file, {}) end
  return look(asked, seen, left, asked.file, asked.params)
end

-- ---- what is brought ----

-- A Secret's values are base64. A record of helm is encoded as helm does, without compression, which it reads too.
local function object_of(texts, object)
  if not object.helm_record then return texts:clear(object, object.kind == "Secret") end
  local manifest = require "o2x.client.helm.manifest"
  local crypto = require "o2x.base.crypto"
  local record = object.helm_record
  local function text_of(item)
    if type(item) ~= "table" then return item end
    for _, one in ipairs(item) do
      one.data, one.stringData = texts:clear(one.data), texts:clear(one.stringData)
      for name, value in pairs(one.data or {}) do
        one.data[name] = crypto.base64(value)
      end
    end
    return manifest.text(item)
  end
  record.manifest = text_of(record.manifest)
  for _, hook in ipairs(record.hooks ~= json.null and record.hooks or {}) do
    hook.manifest = text_of(hook.manifest)
  end
  local kept = object.object
  kept.data = { release = crypto.base64(crypto.base64(secret.scrub(json.encode(record)))) }
  return kept
end

-- No text of a secret that this process knows leaves it, wherever it stood in clear.
local function objects_of(texts, list)
  local objects = {}
  for i, object in ipairs(list) do
    objects[i] = json.decode(secret.scrub(json.encode(object_of(texts, object))), "object")
  end
  return objects
end

local function secrets_of(this, texts)
  local secrets = this.tenant.secrets
  return secrets and texts:clear(secrets) or nil
end

-- ---- in the lab ----

local function words_of(asked, command, ...)
  local words = { command, asked.runbook, asked.tenant, table.unpack(asked.words) }
  for _, key in ipairs(asked.take_over or {}) do
    words[#words + 1] = "--take-over=" .. key
  end
  return table.move({ ... }, 1, select("#", ...), #words + 1, words)
end

local function measured(result, name, fn, ...)
  local start = task.now()
  local first, second = fn(...)
  result.seconds[name] = task.now() - start
  return first, second
end

-- -> code, totals, message, left: what could not be taken back
local function outcome_of(data, ended)
  local left = {}
  for line in ended.stderr:gmatch "not undone: ([^\n]*)" do
    left[#left + 1] = line
  end
  return {
    code = ended.code,
    totals = data and data.totals,
    message = ended.stderr:match "o2x: ([^\n]*)",
    left = json.array(left),
  }
end

local function take_back(at, id, confirm) return outcome_of(at:json { "undo", id, confirm, "--json" }) end

local function changed(data)
  local totals = data and data.totals or {}
  return (totals.create or 0) + (totals.change or 0) + (totals.delete or 0) > 0
end

-- Runs it, once more, and takes it back.
local function perform(at, asked, result)
  local confirm = "--confirm=" .. asked.tenant
  local ran = measured(result, "run", at.o2x, at, words_of(asked, "run", confirm), { on_line = asked.on_line })
  result.code = ran.code or 1
  result.run = at:json { "show", "--json" }
  if result.code ~= 0 then
    result.message = ran.stderr:match "o2x: ([^\n]*)"
    return
  end
  local again, second = measured(result, "again", at.json, at, words_of(asked, "run", confirm, "--json"))
  result.again = outcome_of(again, second)
  if not result.run then return end
  if changed(again) then take_back(at, again.run, confirm) end
  result.undo = measured(result, "undo", take_back, at, result.run.id, confirm)
end

local function trial(at, asked, real, result)
  local plan, planned = measured(result, "plan", at.json, at, words_of(asked, "plan", "--json"))
  if not plan then
    result.differs = { { what = "the plan", why = planned.stderr:match "o2x: ([^\n]*)" or "there is none here" } }
  else
    result.differs = compare.plans(real, plan)
  end
end

---@class o2x.rehearsal.result
---@field code integer exit code of the run
---@field left { what: string, why: string }[] what is not in the rehearsal
---@field differs { what: string, why: string }[] where its plan differs from production's
---@field brought integer how many things came into the lab
---@field run table? of `o2x show --json`
---@field message string? of a run that failed
---@field again table? code, totals, message of the second run
---@field undo table? the same of its undo, and `left`: what cannot be taken back
---@field seconds table<string, number>
---@field folder string? of a lab that is kept
---@field commands string[]? what looks at it

--- Rehearses a runbook.
---@param asked o2x.rehearsal.asked
---@return o2x.rehearsal.result
function M.perform(asked)
  local result = { left = {}, seconds = {} }
  local seen, texts = witness.new(), made_up.new()
  asked.looks = {}
  local _looks <close> = defer(function() close_looks(asked) end)
  asked.say(("reading %s, as it is now"):format(asked.tenant))
  local this, plan = measured(result, "read", read, asked, seen, result.left)
  seen:look_on(this, result.left)
  local luggage = seen:pack(this, texts)
  local ground = this.platform.ground and this.platform.ground(this.tenant)
  local objects, secrets = objects_of(texts, luggage.objects), secrets_of(this, texts)
  local real = plan:data()
  close_looks(asked)
  if not ground then
    errors.input(
      "stdlib/platform.lua does not say what all tenants share, so no lab can be made for one",
      "write its function ground(tenant), in the words of lab/seed.yaml"
    )
  end
  table.move(luggage.left, 1, #luggage.left, #result.left + 1, result.left)
  result.brought = #luggage.items + #objects

  asked.say(("making a lab with %d things of %s"):format(result.brought, asked.tenant))
  local at = place.new(asked.project, asked.config)
  local _end <close> = defer(function() at:close() end)
  asked.runbook = at:runbook(asked.project, asked.file)
  at:lay_ground(plain.of(ground), objects, secrets, asked.tenant)
  for _, one in ipairs(measured(result, "lab", at.start, at, asked.keep)) do
    table.insert(result.left, one)
  end
  local brought = { items = luggage.items, id = this.tenant.id }
  for _, one in ipairs(measured(result, "arrive", at.arrive, at, brought, asked.tenant)) do
    table.insert(result.left, one)
  end
  at:bring_runs(asked.store, asked.tenant)
  trial(at, asked, real, result)
  if asked.before_run then asked.before_run(result) end
  perform(at, asked, result)
  if asked.keep then
    at:keep()
    result.folder, result.commands = at.folder, at:commands()
  else
    measured(result, "end", at.close, at)
  end
  return result
end

return M
