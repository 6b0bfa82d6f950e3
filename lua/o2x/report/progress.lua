--- Progress of a run. Every event goes to the run's log as JSON. People see a live view on a terminal (live.lua), and
--- otherwise one line per event and a heartbeat.

local clock = require "o2x.base.clock"
local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local live = require "o2x.report.live"
local out = require "o2x.report.out"
local proposed = require "o2x.report.proposed"
local sink = require "o2x.base.sink"
local task = require "o2x.base.task"
local units = require "o2x.base.units"
local value = require "o2x.base.value"

local M = {}

local HEARTBEAT = 10 -- seconds without a line, if there is no live view
local SIGNS = { created = "+", changed = "~", deleted = "-", unchanged = "=", recalled = "=" }

local Report = {}
Report.__index = Report

--- A report.
---@param options table? quiet, verbose, planning, live (decided by the terminal if absent)
---@return table report
function M.new(options)
  options = options or {}
  local on_terminal = options.live
  if on_terminal == nil then on_terminal = out.is_terminal(2) end
  local style = out.style(2)
  local self = setmetatable({
    quiet = options.quiet,
    verbose = options.verbose,
    planning = options.planning,
    style = style,
    under = "",
    active = {},
    order = {},
    counts = { created = 0, changed = 0, deleted = 0, unchanged = 0, recalled = 0 },
    notes = {}, -- what is said again at the end
    last = task.now(),
    outside = { path = "", start = task.now(), changed = 0, planned = 0 },
  }, Report)
  if on_terminal and not options.quiet then self.live = live.new(self, style) end
  return self
end

--- Also writes every event to a log file, in the platform's JSON format.
---@param path string
---@param identity {tenant: table, run: string}
function Report:log_to(path, identity)
  local log, why = io.open(path, "a")
  if not log then sink.lose("the log of the run", why) end
  self.log, self.identity = log, identity
end

--- Writes an entry to the log of the run; nothing without log_to.
---@param level string "DEBUG", "INFO", "WARN" or "ERROR"
---@param message string
---@param context table? more fields
function Report:write_log(level, message, context)
  if not self.log then return end
  local tenant = self.identity.tenant
  local entry = {
    timestamp = clock.iso(nil, 3),
    level = level,
    service = "o2x",
    tenant_id = tenant.id or tenant.name,
    correlation_id = self.identity.run,
    message = value.text(message),
    context = context,
  }
  local ok, problem = pcall(json.encode, entry)
  if not ok then entry.context = { left_out = value.text(problem) } end -- a bad log entry must not fail the run
  sink.log(self.log, entry)
end

-- ---- lines for people ----

--- Prints one line: above the live view, or with time and step where there is none.
---@param path string of the step; "" for none
---@param text string
function Report:line(path, text)
  self.last = task.now()
  if self.quiet then return end
  if self.live then return self.live:print(text) end
  text = os.date("%H:%M:%S ") .. (path ~= "" and path .. ": " or "") .. text
  sink.line("stderr", text)
end

local function indent(path)
  local _, depth = path:gsub("/", "")
  return ("  "):rep(depth)
end

local function name_of(path) return path:match("[^/]*$") end

local function parent_of(path) return path:match("^(.*)/[^/]*$") end

--- On a terminal a finished step is a line in a tree. Branches finish in any order, so the parent's name is printed
--- again when the previous line belonged to another parent.
---@param path string of a step
function Report:headline(path)
  if path == "" or self.under == path then return end
  if self.under:sub(1, #path + 1) ~= path .. "/" then
    self:headline(parent_of(path) or "")
    self:line("", indent(path) .. self.style.bold(name_of(path)))
  end
  self.under = path
end

--- Prints the line of a finished step of the tree.
---@param path string of the step
---@param mark string "✓" or "✗"
---@param text string
function Report:tree_line(path, mark, text)
  self:headline(parent_of(path) or "")
  self:line("", ("%s%s %s"):format(indent(path), mark, text))
  self.under = parent_of(path) or ""
end

--- A line within a step.
---@param path string of the step
---@param text string
function Report:inner_line(path, text)
  if not self.live then return self:line(path, text) end
  self:headline(path)
  self:line("", (path == "" and "" or indent(path) .. "  ") .. text)
end

--- Adds a step to those that are active.
---@param path string
function Report:begin(path)
  self.active[path] = { path = path, start = task.now(), changed = 0, planned = 0 }
  self.order[#self.order + 1] = path
end

--- Removes a step from those that are active.
---@param path string
---@return { path: string?, start: number?, changed: integer, planned: integer, waiting: string? } entry
function Report:finish(path)
  local entry = self.active[path] or { changed = 0, planned = 0 }
  self.active[path] = nil
  for i, other in ipairs(self.order) do
    if other == path then
      table.remove(self.order, i)
      break
    end
  end
  return entry
end

--- What is under way at a path. What happens outside of all steps has an entry of its own.
---@param path string of a step; "" outside of all steps
---@return { path: string, start: number, waiting: string? }? entry
function Report:entry(path) return self.active[path] or path == "" and self.outside or nil end

--- Something has ended: if it was outside of all steps, nothing is waited for there any more.
---@param path string of a step; "" outside of all steps
function Report:outside_goes_on(path)
  if path == "" then
    self.outside.start, self.outside.waiting = task.now(), nil
  end
end

-- ---- events ----

--- A step starts.
---@param path string
function Report:step_started(path)
  self:begin(path)
  self:write_log("INFO", "step started", { step = path })
  if not self.live and self.verbose then self:line(path, "…") end
end

--- A step is done.
---@param path string
---@param seconds number it took
function Report:step_done(path, seconds)
  local entry = self:finish(path)
  self:write_log("INFO", "step done", { step = path, seconds = seconds, changed = entry.changed })
  local tail = units.duration(seconds) .. (entry.changed > 0 and (", %d changed"):format(entry.changed) or "")
  if entry.planned > 0 then tail = ("%s, %d to change"):format(tail, entry.planned) end
  if self.live then
    return self:tree_line(path, self.style.green("✓"), ("%s  %s"):format(name_of(path), self.style.dim(tail)))
  end
  -- Of a plan, what it finds is shown as it finds it.
  if not self.planning or self.verbose or entry.planned > 0 then
    self:line(path, (self.planning and "read (" or "done (") .. tail .. ")")
  end
end

--- A step was done before the run was resumed, by the run or by hand.
---@param path string
---@param reason string? why it was done by hand
function Report:step_recalled(path, reason)
  local text = reason and "skipped: " .. reason or "already done"
  self:write_log("INFO", reason and "step skipped" or "step already done", { step = path, reason = reason })
  if self.live then
    return self:tree_line(path, self.style.dim("✓"), self.style.dim(("%s  %s"):format(name_of(path), text)))
  end
  self:line(path, text)
end

--- A step failed.
---@param path string
---@param err table error object
---@param seconds number it took
function Report:step_failed(path, err, seconds)
  self:finish(path)
  local fields = {
    step = path,
    seconds = seconds,
    problem = tostring(err),
    kind = err.kind,
    details = err.details and table.move(err.details, 1, #err.details, 1, {}),
    traceback = err.traceback,
  }
  self:write_log("ERROR", "step failed", fields)
  if self.live then return self:tree_line(path, self.style.red("✗"), name_of(path)) end
  if self.verbose then self:line(path, err.kind == "cancelled" and "interrupted" or "failed: " .. tostring(err)) end
end

--- An effect starts: its step waits for it.
---@param path string of the step
---@param kind string of the effect
---@param key string of its target
function Report:effect_started(path, kind, key)
  local entry = self:entry(path)
  if entry then entry.waiting = kind .. " " .. key end
end

--- Counts an effect, for the run and for the steps around it.
---@param path string? of the step
---@param outcome string "created", "changed", "deleted", "unchanged" or "recalled"
---@return boolean changed whether it changed something
function Report:count(path, outcome)
  self.counts[outcome] = self.counts[outcome] + 1
  if outcome == "unchanged" or outcome == "recalled" then return false end
  while path do
    if self.active[path] then self.active[path].changed = self.active[path].changed + 1 end
    path = path:match("^(.*)/[^/]*$")
  end
  return true
end

--- An effect is done.
---@param path string of the step
---@param kind string of the effect
---@param key string of its target
---@param outcome string see count
---@param seconds number it took
function Report:effect_done(path, kind, key, outcome, seconds)
  local changed = self:count(path, outcome)
  if self.active[path] then self.active[path].waiting = nil end
  self:outside_goes_on(path)
  self:write_log(changed and "INFO" or "DEBUG", outcome, { step = path, kind = kind, target = key, seconds = seconds })
  if self.verbose or changed and not self.live then
    local sign = SIGNS[outcome]
    self:inner_line(path, self.style.sign(sign, ("%s %s"):format(sign, kind)) .. " " .. key)
  end
end

--- A plan would make a change.
---@param path string of the step
---@param kind string of the effect
---@param key string of its target
---@param outcome string "created", "changed" or "deleted"
function Report:planned(path, kind, key, outcome)
  self:write_log("INFO", "planned: " .. outcome, { step = path, kind = kind, target = key })
  if self.active[path] then self.active[path].planned = self.active[path].planned + 1 end
  if self.verbose then self:line(path, ("%s %s %s"):format(SIGNS[outcome], kind, key)) end
end

--- An operation failed and is tried again.
---@param path string of the step
---@param key string of the target
---@param attempt integer attempts made
---@param err table the last error
---@param seconds number until the next attempt
function Report:retry(path, key, attempt, err, seconds)
  self:write_log("WARN", "retry", { step = path, target = key, attempt = attempt, problem = tostring(err) })
  local text = ("retry in %.1f s (attempt %d): %s: %s"):format(seconds, attempt + 1, key, tostring(err))
  local entry = self:entry(path)
  if entry then entry.waiting = text end
  if self.verbose or seconds > 2 and not self.live then self:line(path, self.style.yellow(text)) end
end

--- A check ended.
---@param path string of the step
---@param name string of the check
---@param ok boolean
---@param found any what it found, or the error
function Report:check(path, name, ok, found)
  self:outside_goes_on(path)
  self:write_log(
    ok and "INFO" or "ERROR",
    ok and "check passed" or "check failed",
    { step = path, check = name, found = found ~= nil and type(found) ~= "table" and tostring(found) or nil }
  )
  if self.planning and ok and not self.verbose then return end
  local detail = type(found) == "string" and found ~= "" and ": " .. found or ""
  local mark = ok and self.style.green("✓") or self.style.red("✗")
  self:inner_line(path, ("%s %s%s"):format(mark, name, ok and detail or ""))
end

-- Converts what a script passes to log into fields that JSON can hold.
local function plain_fields(fields)
  if type(fields) ~= "table" then return fields ~= nil and { value = diff.inline(fields) } or nil end
  local plain = {}
  for name, field in next, fields do
    local kind = type(field)
    plain[value.text(name)] = (kind == "number" or kind == "boolean") and field or diff.inline(field)
  end
  return plain
end

--- A message of a script or of the engine.
---@param path string of the step; "" for none
---@param level string "debug", "info", "warn" or "error"
---@param text string
---@param fields table? more for the log
function Report:message(path, level, text, fields)
  self:write_log(level:upper(), text, plain_fields(fields))
  if fields and fields.last == true then self.notes[#self.notes + 1] = text end
  if level == "debug" and not self.verbose then return end
  self:inner_line(path, proposed.text(text))
end

--- Shows what a step is waiting for; nil ends it.
---@param path string
---@param text string?
function Report:waiting(path, text)
  local entry = self:entry(path)
  if not entry or entry.waiting == text then return end
  entry.waiting = text
  if text then self:write_log("DEBUG", "waiting", { step = path, ["for"] = text }) end
  if text and self.verbose and not self.live then self:line(path, "waiting: " .. text) end
end

-- ---- time ----

--- The innermost running steps, in the order in which they started; while there is none, what is waited for outside.
---@return { path: string, start: number, waiting: string? }[] entries
function Report:leaves()
  local leaves = {}
  for _, path in ipairs(self.order) do
    local inner = false
    for _, other in ipairs(self.order) do
      inner = inner or other:sub(1, #path + 1) == path .. "/"
    end
    if not inner then leaves[#leaves + 1] = self.active[path] end
  end
  if #leaves == 0 and self.outside.waiting then leaves[1] = self.outside end
  return leaves
end

--- Prints what is under way, for those who read a log.
function Report:heartbeat()
  for _, entry in ipairs(self:leaves()) do
    self:line(
      entry.path,
      ("still running after %s%s"):format(
        units.duration(task.now() - entry.start),
        entry.waiting and ": " .. entry.waiting or ""
      )
    )
  end
end

--- Updates the view, or prints heartbeats, while fn runs.
---@param fn function
---@param ... any arguments of fn
---@return any
function Report:during(fn, ...)
  local ticker = task.spawn(function()
    while true do
      task.sleep(self.live and live.INTERVAL or 1)
      if self.live then
        self.live:redraw()
      elseif task.now() - self.last >= HEARTBEAT then
        self:heartbeat()
      end
    end
  end)
  local results = table.pack(xpcall(fn, require("o2x.base.error").handler, ...))
  ticker:cancel()
  ticker:wait(nil, true)
  if self.live then self.live:clear() end
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- Closes the log of the run.
function Report:close()
  if self.log then self.log:close() end
  self.log = nil
end

return M
