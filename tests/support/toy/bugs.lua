--- Bugs to be planted in the toy, one at a time (TOY_BUG=NAME): o2x prove has to catch each.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local points = require "o2x.base.points"

local M = {}

local function path_of(name) return fs.join(os.getenv("TOY"), name) end

local function type_of(toy, kind)
  for _, one in ipairs(toy.types) do
    if one.kind == kind then return one end
  end
  error("the toy has no " .. kind)
end

local function note(text) fs.append(path_of ".writes", text .. "\n") end

local function count_up()
  local path = path_of "counter"
  fs.write(path, tostring(1 + tonumber(fs.read_if(path) or "0")))
end

-- A moment in which a process may die.
local function gap()
  points.before("toy", "gap", true)
  points.after("toy", "gap", true)
end

-- NAME → function(toy): plants it.
M.PLANT = {
  -- A write that adds to what is there, and so must not be sent again: a migration without a transaction.
  ["not repeatable"] = function(toy)
    local value = type_of(toy, "toy.value")
    local write = value.write
    value.write = function(...)
      count_up()
      return write(...)
    end
  end,

  ["write outside the gate"] = function(toy)
    local api = toy.api
    toy.api = function(ctx)
      local made = api(ctx)
      local ensure = made.ensure
      made.ensure = function(...)
        note "sneaked in"
        return ensure(...)
      end
      return made
    end
  end,

  ["wrong undo"] = function(toy)
    local undo = {}
    for name, text in pairs(type_of(toy, "toy.value").undo) do
      undo[name] = text
    end
    undo.restore = function(_, past) return { target = past.target, desired = { gone = true } } end
    type_of(toy, "toy.value").undo = undo
  end,

  ["wrong probe: done"] = function(toy)
    type_of(toy, "toy.once").probe = function() return "done" end
  end,

  ["wrong probe: absent"] = function(toy)
    type_of(toy, "toy.once").probe = function() return "absent" end
    type_of(toy, "toy.once").read = function() return nil end
    type_of(toy, "toy.once").equal = function(current, desired) return current == desired end
    local write = type_of(toy, "toy.once").write
    type_of(toy, "toy.once").write = function(ctx, target, desired)
      pcall(write, ctx, target, desired)
      note("once " .. target.name)
      return nil, desired
    end
  end,

  -- Nobody can know whether it took place, and the type says that everybody can.
  ["wrong class"] = function(toy)
    local value = type_of(toy, "toy.value")
    local read, write = value.read, value.write
    value.read = function(ctx, target) return not target.name:find "^room" and read(ctx, target) or nil end
    value.write = function(ctx, target, desired, ...)
      write(ctx, target, desired, ...)
      return nil, desired
    end
  end,

  ["plan that lies"] = function(toy)
    local value = type_of(toy, "toy.value")
    local read = value.read
    value.read = function(ctx, target)
      if ctx.mode == "plan" and target.name == "room-2" then return { name = "2", chairs = 4 } end
      return read(ctx, target)
    end
  end,

  -- What came between the read and the write is taken for a half of this run's own write, and is lost.
  ["lost update"] = function(toy)
    type_of(toy, "toy.value").interim = function() return true end
  end,

  -- Whether a write was done is told by the run and the target, and not by what was wanted.
  ["stuck on its own marker"] = function(toy)
    local value = type_of(toy, "toy.value")
    local write = value.write
    value.write = function(ctx, target, desired, before, id, ...)
      local marker = path_of((".marker-%s-%s"):format(ctx.run_id, target.name))
      if (fs.read_if(marker) or id) ~= id then
        errors.raise { kind = "conflict", message = "the marker is there already: " .. target.name }
      end
      fs.write(marker, id)
      return write(ctx, target, desired, before, id, ...)
    end
  end,

  ["step results that change type"] = function()
    local step = require "o2x.engine.history"
    local result = step.result
    step.result = function(...)
      local past = result(...)
      if past and math.type(past.result) == "integer" then past.result = tostring(past.result) end
      return past
    end
  end,

  ["a foreign change overwritten"] = function()
    require("o2x.engine.memory").new = (function(new)
      return function(...)
        local memory = new(...)
        memory.takes_over = function() return true end
        return memory
      end
    end)(require("o2x.engine.memory").new)
  end,

  -- A request that may have been carried out is sent again, as another one.
  ["a retry that doubles"] = function(toy)
    local value = type_of(toy, "toy.value")
    local write = value.write
    value.write = function(ctx, target, ...)
      local tried = path_of(".tried-" .. target.name)
      if fs.exists(tried) then write(ctx, target, ...) end
      fs.write(tried, "")
      return write(ctx, target, ...)
    end
  end,

  ["a read from a stale cache"] = function(toy)
    local value = type_of(toy, "toy.value")
    local read, write = value.read, value.write
    value.read = function(ctx, target)
      local kept = fs.read_if(path_of(".cache-" .. target.name))
      if kept then return json.decode(kept) end
      return read(ctx, target)
    end
    value.write = function(ctx, target, desired, ...)
      fs.write(path_of(".cache-" .. target.name), json.encode(desired))
      gap()
      return write(ctx, target, desired, ...)
    end
  end,

  ["an intent after the write"] = function()
    local journal = require "o2x.engine.journal"
    local create, held = journal.create, nil
    local function late(made)
      local append = made.append
      made.append = function(self, record, ...)
        if record.t == "intent" then
          held = record
          return
        end
        local first = held
        held = nil
        if first then append(self, first, true) end
        return append(self, record, ...)
      end
      return made
    end
    journal.create = function(...) return late(create(...)) end
  end,

  ["a secret where a step fails"] = function(toy)
    local value = type_of(toy, "toy.value")
    local read = value.read
    value.read = function(...)
      local now = read(...)
      if now and now.chairs == 5 then io.stderr:write "cannot log in with toy-secret\n" end
      return now
    end
  end,

  ["a lock that outlives a kill"] = function(toy)
    local value = type_of(toy, "toy.value")
    local write = value.write
    value.write = function(...)
      local lock = path_of ".lock"
      if fs.exists(lock) then errors.raise { kind = "conflict", message = "it is locked" } end
      fs.write(lock, "")
      gap()
      write(...)
      fs.remove(lock)
    end
  end,

  ["a temporary file left"] = function(toy)
    local value = type_of(toy, "toy.value")
    local write = value.write
    value.write = function(...)
      local path = fs.join(os.getenv "TMPDIR", "half-done")
      fs.write(path, "")
      gap()
      write(...)
      fs.remove(path)
    end
  end,

  ["an undo of somebody else's change"] = function()
    require("o2x.engine.memory").names_any = function() return true end
  end,

  ["a plan that shows more"] = function(toy)
    local value = type_of(toy, "toy.value")
    local read = value.read
    value.read = function(ctx, target)
      if ctx.mode ~= "plan" and target.name == "room-2" then return { name = "2", chairs = 4 } end
      return read(ctx, target)
    end
  end,

  -- Two steps, of which the second attempt meets the first one's half: it can never be finished.
  ["cannot be resumed"] = function(toy)
    local once = type_of(toy, "toy.once")
    local write, read = once.write, once.read
    once.read = function(ctx, target)
      if fs.exists(path_of(target.name .. "-ready")) then return read(ctx, target) end
    end
    once.probe = function(ctx, target) return once.read(ctx, target) and "done" or "absent" end
    once.write = function(ctx, target, desired, ...)
      write(ctx, target, desired, ...)
      if desired then
        fs.write(path_of(target.name .. "-ready"), "{}")
      else
        fs.remove(path_of(target.name .. "-ready"))
      end
    end
  end,
}

--- Plants a bug.
---@param toy table the module with the toy's effects
---@param name string?
function M.plant(toy, name)
  if name then M.PLANT[name](toy) end
end

return M
