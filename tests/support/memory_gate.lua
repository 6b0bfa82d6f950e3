--- The gate over a system that is a table, with a journal that is a list.

local gate = require "o2x.engine.gate"
local errors = require "o2x.base.error"
local history = require "o2x.engine.history"
local json = require "o2x.base.json"
local plan = require "o2x.engine.plan"
local memory = require "o2x.engine.memory"
local silent = require "tests.support.silent"
local value = require "o2x.base.value"

local M = {}

local G = {}
G.__index = G

local NO_UNDO = { before = "nothing", how = "not possible", never = true, cannot = "what was heard" }
local UNDO = { before = "the value", how = "the value that was there is written again" }

local function key(target) return target end

local function module_over(g)
  local function read(_, target) return g.system[target] end
  local function write(_, target, desired)
    g.attempts[target] = (g.attempts[target] or 0) + 1
    local fault = g.faults[target]
    g.faults[target] = nil
    if fault and not fault.done then errors.raise(fault.err) end
    g.system[target] = desired
    g.trace[#g.trace + 1] = "write " .. target
    if fault then errors.raise(fault.err) end
  end
  local function inside(kind)
    return function(target) return kind, target:match("^(.*)/[^/]*$") end
  end
  local function read_inside(_, target)
    if not g.system[target:match("^[^/]*")] then errors.raise { kind = "failed", message = "no such house" } end
    return g.system[target]
  end
  -- A system with transactions: what is written and its marker appear together.
  local function write_marked(ctx, target, desired, before, id)
    if g.markers[id] then return nil end
    write(ctx, target, desired, before, id)
    g.markers[id] = true
    return nil, desired
  end
  local function by_hand(_, target) return { "# " .. target } end
  return {
    name = "memory",
    declares = "memory:write",
    types = {
      {
        kind = "thing",
        secrets = "opaque",
        class = "idempotent",
        guard = "none: a test",
        key = key,
        read = read,
        write = write,
        undo = UNDO,
        by_hand = by_hand,
      },
      {
        kind = "blind",
        class = "unprovable",
        guard = "none: a test",
        key = key,
        read = function() end,
        write = write,
        undo = NO_UNDO,
        by_hand = by_hand,
      },
      {
        kind = "marked",
        class = "transactional",
        guard = "none: a test",
        key = key,
        read = read,
        write = write_marked,
        marker = function(_, _, id) return g.markers[id] == true end,
        undo = UNDO,
        by_hand = by_hand,
      },
      {
        kind = "asked",
        class = "probed",
        guard = "none: a test",
        key = key,
        read = read,
        write = write,
        probe = function(_, target, desired) return value.equal(g.system[target], desired) and "done" or "absent" end,
        undo = UNDO,
        by_hand = by_hand,
      },
      -- A write in two halves: cut short, it leaves the first.
      {
        kind = "halves",
        class = "idempotent",
        guard = "none: a test",
        key = key,
        read = read,
        write = function(ctx, target, desired)
          g.system[target] = "half"
          if g.cut then error(g.cut, 0) end
          write(ctx, target, desired)
        end,
        interim = function(_, _, _, now) return now == "half" end,
        info = function(_, _, after) return { version = "of " .. tostring(after) } end,
        undo = UNDO,
        by_hand = by_hand,
      },
      {
        kind = "house",
        class = "idempotent",
        guard = "none: a test",
        key = key,
        read = read,
        write = write,
        undo = UNDO,
        by_hand = by_hand,
      },
      {
        kind = "room",
        class = "idempotent",
        guard = "none: a test",
        key = key,
        read = read_inside,
        write = write,
        undo = UNDO,
        by_hand = by_hand,
        parent = inside "house",
      },
      {
        kind = "shelf",
        class = "idempotent",
        guard = "none: a test",
        key = key,
        read = read_inside,
        write = write,
        undo = UNDO,
        by_hand = by_hand,
        parent = inside "room",
      },
      {
        kind = "numbered",
        undo = UNDO,
        by_hand = by_hand,
        class = "idempotent",
        guard = "none: a test",
        key = key,
        read = read,
        write = write,
        predict = function() return { id = value.unknown } end,
      },
    },
  }
end

-- What a test wants to see of a record.
local function brief(record)
  if record.t == "intent" then
    return ("intent %s %s %s → %s"):format(record.kind, record.key, tostring(record.before), tostring(record.desired))
  end
  if record.t == "result" then return ("result %s %s"):format(record.outcome, tostring(record.after)) end
  if record.t == "same" then return ("same %s %s"):format(record.kind, record.key) end
end

local runs = 0

--- A gate. system is the table that effects write to; past and id are those of an earlier one, to resume it.
function M.new(options)
  runs = runs + 1
  local g = setmetatable(
    { system = options.system, attempts = {}, faults = {}, trace = {}, records = {}, markers = options.markers or {} },
    G
  )
  local report = silent()
  g.run = {
    mode = options.mode or "apply",
    id = options.id or "R-" .. runs,
    past = options.past,
    report = report,
    plan = plan.new(),
    declared = { ["memory:write"] = true },
    runbook = { path = "test" },
    now = function() return "2026-02-10T12:00:00Z" end,
    journal = {
      append = function(_, record)
        g.records[#g.records + 1] = json.decode(json.encode(record))
        g.trace[#g.trace + 1] = brief(record)
        if g.crash == record.t then error("crash", 0) end
      end,
    },
  }
  g.gate = gate.new(g.run)
  g.gate:register(module_over(g), {})
  return g
end

function G:effect(...) return self.gate:effect(...) end
function G:read(...) return self.gate:read(...) end

--- Lets the next write of a target fail, after it took place if done.
function G:fail(target, fields, done)
  fields.message = "fault"
  self.faults[target] = { err = fields, done = done }
end

--- Raises after a record of this kind was written.
function G:crash_after(t) self.crash = t end

--- The gate of the run resumed: the same system, and what the journal says. The records of both are kept.
function G:resumed(take_over)
  self.take_over = take_over
  local again = M.new { system = self.system, markers = self.markers, past = self:past(), id = self.run.id }
  again.records = table.move(self.records, 1, #self.records, 1, {})
  return again
end

--- What the journal says of the effects, in order.
function G:effects()
  local list = {}
  for i, entry in ipairs(self:past().history.effects) do
    list[i] = ("%s: %s → %s %s"):format(entry.key, tostring(entry.before), tostring(entry.desired), entry.outcome)
  end
  return list
end

--- What a resumed run knows.
function G:past()
  local records = { { t = "begin", runbook = {}, params = {} } }
  table.move(self.records, 1, #self.records, 2, records)
  return memory.new(history.of(records), self.take_over)
end

function G:plan_text()
  local lines = {}
  local plain = function(text) return text end
  self.run.plan:render(
    function(line) lines[#lines + 1] = line end,
    { bold = plain, dim = plain, sign = function(_, text) return text end }
  )
  return table.concat(lines, "\n")
end

return M
