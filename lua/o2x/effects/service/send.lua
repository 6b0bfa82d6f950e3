--- Requests that change something and leave no object that could be asked for. Nobody can see from outside whether such
--- a request took effect, unless the script says how: by a proof, or because the request may be repeated. Part of
--- o2x.service. Three effect types, one for each case.

local by_hand = require "o2x.effects.service.by_hand"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local requests = require "o2x.effects.service.requests"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

local WITHIN <const>, FIRST_PAUSE <const>, LONGEST_PAUSE <const> = 30, 0.5, 5 -- seconds
local FIELDS <const> = { "name", "result", "proof", "repeatable" }

local function title(target) return ("%s %s"):format(target.request.method, target.request.to) end

-- What the answer says: plain data, for the journal and the script.
local function answer(target, response)
  return {
    sent = title(target),
    status = response.status,
    result = target.result and requests.pick(response.json, target.result) or nil,
  }
end

local function send(ctx, target, headers)
  local response = requests.send(ctx, target.request, headers)
  local wrong = type(response.json) == "table" and response.json.errors
  if response.status >= 300 or wrong then requests.fail(target.request, response, "send") end
  return nil, answer(target, response)
end

-- What a plan knows of the answer.
local function unknown(target) return { sent = title(target), status = value.unknown, result = value.unknown } end

-- The parts that the types have in common.
local function new(fields)
  local sort = {
    secrets = "opaque",
    key = function(target) return target.name or title(target) end,
    record = function(target) return { name = target.name, request = title(target) } end,
    equal = function(current, desired) return current.sent == desired.sent end,
    predict = function(_, target) return unknown(target) end,
    by_hand = function(ctx, target) return { by_hand.command(ctx, target.request) } end,
    show = function(target)
      local lines = {}
      if target.request.json ~= nil then lines = diff.lines(nil, target.request.json) end
      return { title = title(target), lines = lines }
    end,
    parent = function(target)
      if target.request.service then return "helm.release", { name = target.request.service } end
    end,
  }
  for name, field in pairs(fields) do
    sort[name] = field
  end
  return sort
end

local NO_GUARD <const> = "none: what is sent is compared with nothing; only the service knows a condition"
local CANNOT <const> = "what the request did: only the service can undo it"

local once = new {
  kind = "service.request",
  class = "unprovable",
  guard = NO_GUARD,
  undo = { before = "nothing", how = "not possible", never = true, cannot = CANNOT },
  read = function() return nil end,
  write = function(ctx, target) return send(ctx, target) end,
}

local repeatable = new {
  kind = "service.repeatable",
  class = "idempotent",
  guard = NO_GUARD,
  undo = { before = "nothing", how = "not possible", never = true, cannot = CANNOT },
  read = function() return nil end,
  write = function(ctx, target, _, _, id) return send(ctx, target, { ["Idempotency-Key"] = id }) end,
}

-- What the proof shows: the value that it looks for, nil if it is not there.
local function proven(ctx, target)
  if not target.proof then
    errors.raise {
      kind = "unknown",
      module = "service",
      op = "proof",
      message = ("%s: only the step that sent it can ask for its proof"):format(target.request),
    }
  end
  local response = requests.send(ctx, target.proof)
  if response.status >= 300 and response.status ~= 404 then requests.fail(target.proof, response, "proof") end
  local found = requests.pick(response.json, target.found)
  if target.shows ~= nil and found ~= target.shows then return nil end
  return found
end

local proved = new {
  kind = "service.proved",
  class = "probed",
  guard = "none: only the service knows a condition; its proof is read back",
  undo = { before = "whether the proof was there", how = "not possible", never = true, cannot = CANNOT },
  read = function(ctx, target)
    local found = proven(ctx, target)
    return found ~= nil and { sent = title(target), result = found } or nil
  end,
  probe = function(ctx, target) return proven(ctx, target) ~= nil and "done" or "absent" end,
}

-- Waits for the proof of a request that was sent.
local function await(ctx, target)
  local deadline, pause = task.now() + target.within, FIRST_PAUSE
  while proven(ctx, target) == nil do
    if task.now() + pause > deadline then return false end
    ctx:waiting("waiting for the proof of " .. title(target))
    task.sleep(pause)
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
  return true
end

-- After a lost answer nothing is sent again at once: the service may still be at work, and the proof come later.
function proved.write(ctx, target)
  local ok, problem = xpcall(send, errors.handler, ctx, target)
  local err = not ok and errors.wrap(problem) or nil
  if err and err.kind ~= "unknown" then error(err, 0) end
  if await(ctx, target) then return end
  errors.raise {
    kind = "failed",
    module = "service",
    op = "proof",
    message = ("%s: the proof does not show it after %g s%s"):format(
      title(target),
      target.within,
      err and ": " .. err.message or ", although it was answered"
    ),
    hint = "o2x resume asks for the proof again before it sends anything",
  }
end

M.TYPES = { once, repeatable, proved }

--- Sends a request with an effect, as the effect type that fits.
---@param ctx table
---@param given table what the script gave
---@return table answer status, result
function M.send(ctx, given)
  local target = { request = requests.check(ctx, given, "send", FIELDS), name = given.name, result = given.result }
  local desired = { sent = title(target), json = given.json }
  if given.proof ~= nil and given.repeatable then errors.input "service.send: either proof or repeatable, not both" end
  if given.proof == nil then
    return (ctx:effect(given.repeatable and "service.repeatable" or "service.request", target, desired))
  end
  requests.only(given.proof, "service.send: proof", { "find", "found", "shows", "within" })
  target.proof = requests.check_read(ctx, given.proof.find)
  target.found, target.shows = given.proof.found, given.proof.shows
  if type(target.found) ~= "string" then errors.input "service.send: proof.found must say where the answer has it" end
  target.within = given.proof.within or WITHIN
  if type(target.within) ~= "number" or target.within < 0 then
    errors.input "service.send: proof.within must be a number of seconds"
  end
  return requests.effect(ctx, "service.proved", target, desired, title(target)) or unknown(target)
end

return M
