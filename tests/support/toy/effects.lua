--- Effect types over plain files, for the engine's own tests. $TOY is their system: one file a target, and a list of
--- all writes that really took place (.writes), so that a test can see that nothing was done twice.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"

local function path_of(name) return fs.join(os.getenv("TOY"), name) end

local function read(_, target)
  local down = fs.read_if(path_of ".down") -- the kind of its error
  if down then errors.raise { kind = down ~= "" and down or "unreachable", message = "the toy does not answer" } end
  local text = fs.read_if(path_of(target.name))
  return text and json.decode(text)
end

local function note(what) fs.append(path_of(".writes"), what .. "\n") end

-- A fault that a test left for a target: removed when it strikes.
local function strike(target)
  local text = fs.read_if(path_of(".fault-" .. target.name))
  if not text then return end
  fs.remove(path_of(".fault-" .. target.name))
  local kind, done = text:match("^(%S+)%s*(%S*)")
  if done == "done" or kind == "rot" then return kind end
  errors.raise { kind = kind, message = "the toy has a fault", retryable = kind == "unreachable" }
end

local function write(_, target, desired, _, _, taken)
  if not taken and fs.exists(path_of(".theirs-" .. target.name)) then
    errors.raise { kind = "conflict", code = "foreign_change", message = target.name .. " belongs to others" }
  end
  local late = strike(target)
  if late == "rot" then desired = { rotten = true } end
  if desired == nil then
    fs.remove(path_of(target.name))
  else
    fs.write(path_of(target.name), json.encode(desired))
  end
  note(target.name .. " " .. (desired == nil and "gone" or json.encode(desired)))
  if late and late ~= "rot" then errors.raise { kind = late, message = "the answer was lost" } end
end

local function key(target) return target.name end

-- Can only be made once: a second time is an error, as with CREATE DATABASE.
local function create(ctx, target, desired)
  if desired and fs.exists(path_of(target.name)) then
    errors.raise { kind = "conflict", message = target.name .. " is there already" }
  end
  write(ctx, target, desired)
end

local function next_number(ctx, target)
  local last = 0
  for _, name in ipairs(fs.list(os.getenv("TOY"))) do
    last = math.max(last, tonumber(name:match("^number%-(%d+)$")) or 0)
  end
  return last + 1, ctx, target
end

-- The file by the commands of a person.
local function by_hand(ctx, target, desired)
  local path = '"$TOY"/' .. shell.quote(target.name or target.owner)
  if desired == nil then return { "rm -f -- " .. path } end
  return { shell.with_json(ctx:filled(desired), "jq -jc . > " .. path) }
end

-- With TOY_OTHERWISE, as a version of o2x that takes no value back.
local NEEDLESS <const> = { before = "nothing", how = "not needed: a test", needless = true }
local UNDO = { before = "the value", how = "the file that was there is written again" }

local types = {
  {
    kind = "toy.value",
    by_hand = by_hand,
    class = "idempotent",
    guard = "none: a test",
    key = key,
    read = read,
    write = write,
    undo = os.getenv "TOY_OTHERWISE" and NEEDLESS or UNDO,
  },
  {
    kind = "toy.once",
    by_hand = by_hand,
    undo = UNDO,
    class = "probed",
    guard = "none: a test",
    key = key,
    read = read,
    write = create,
    probe = function(ctx, target, desired)
      local there = read(ctx, target) ~= nil
      return there == (desired ~= nil) and "done" or "absent"
    end,
  },
  {
    kind = "toy.part",
    by_hand = by_hand,
    undo = UNDO,
    class = "idempotent",
    guard = "none: a test",
    key = key,
    read = function(ctx, target)
      if not fs.exists(path_of(target.whole)) then
        errors.raise { kind = "failed", message = "asked for a part of nothing" }
      end
      return read(ctx, target)
    end,
    write = write,
    parent = function(target) return "toy.once", { name = target.whole } end,
  },
  {
    kind = "toy.blind",
    by_hand = by_hand,
    undo = { before = "nothing", how = "not possible", never = true, cannot = "what was heard" },
    class = "unprovable",
    guard = "none: a test",
    key = key,
    read = function() return nil end,
    write = function(...)
      write(...)
      return nil, select(3, ...)
    end,
    equal = function(current, desired) return current == desired end,
  },
  {
    kind = "toy.owned",
    by_hand = by_hand,
    undo = UNDO,
    class = "idempotent",
    guard = "none: a test",
    key = key,
    read = read,
    write = write,
    predict = function(_, target, desired, _, taken)
      if taken or not fs.exists(path_of(".theirs-" .. target.name)) then return desired end
      errors.raise { kind = "conflict", code = "foreign_change", message = target.name .. " belongs to others" }
    end,
  },
  {
    kind = "toy.number",
    by_hand = function(ctx, target, desired, before)
      local name = "number-" .. (type(before) == "table" and before.number or 1)
      local wanted = desired and { owner = target.name, number = 1 } or nil
      return by_hand(ctx, { name = name }, wanted)
    end,
    undo = UNDO,
    class = "idempotent",
    guard = "none: a test",
    key = key,
    read = function(ctx, target)
      for _, name in ipairs(fs.list(os.getenv("TOY"))) do
        local found = name:match("^number%-(%d+)$") and json.decode(fs.read(path_of(name)))
        if found and found.owner == target.name then return found end
      end
    end,
    equal = function(current, desired) return (current ~= nil) == (desired ~= nil) end,
    write = function(ctx, target, desired, before)
      if not desired then return write(ctx, { name = "number-" .. before.number }, nil) end
      local number = next_number(ctx, target)
      write(ctx, { name = "number-" .. number }, { owner = target.name, number = number })
    end,
    predict = function(_, _, desired) return desired and { number = require("o2x.base.value").unknown } end,
  },
}

return {
  name = "toy",
  declares = "toy:write",
  types = types,
  api = function(ctx)
    return {
      ensure = function(name, value) return ctx:effect("toy.value", { name = name }, value) end,
      once = function(name, value) return ctx:effect("toy.once", { name = name }, value) end,
      owned = function(name, value) return ctx:effect("toy.owned", { name = name }, value) end,
      part = function(whole, name, value) return ctx:effect("toy.part", { whole = whole, name = name }, value) end,
      blind = function(name, value) return ctx:effect("toy.blind", { name = name }, value) end,
      number = function(name) return ctx:effect("toy.number", { name = name }, { owner = name }).number end,
      read = function(name) return ctx:read("toy.value", { name = name }) end,
      wait = function(seconds) task.sleep(seconds) end,
      stubborn = function(seconds)
        fs.write(path_of(".stubborn"), "")
        local deadline = task.now() + seconds
        while task.now() < deadline do
          pcall(task.wait, task.event(), 0.05, true)
        end
      end,
      -- Somebody removes the run store while the run goes on.
      forget_runs = function() fs.remove_tree(ctx.config.state) end,
      -- Somebody types a command while the run goes on; $STATE is the run store, $RUN the run's folder.
      somebody = function(command)
        local state = ctx.config.state
        local env = { STATE = state, RUN = fs.join(state, ctx.run_id), PATH = os.getenv "PATH" }
        local result = proc.run { argv = { "sh", "-ec", command }, env = env }
        assert(result.code == 0, result.stderr)
      end,
      tick = function()
        local n = tonumber(fs.read_if(path_of(".ticks")) or "0") + 1
        fs.write(path_of(".ticks"), tostring(n))
        return n
      end,
      recorded = function(name, fn) return ctx:recorded(name, fn) end,
    }
  end,
}
