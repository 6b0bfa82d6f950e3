--- Secrets of the cluster: created, never overwritten unless that is asked for.

local compare = require "o2x.client.k8s.compare"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local kubectl = require "o2x.effects.k8s.commands"
local secret = require "o2x.base.secret"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.k8s.support"
local value = require "o2x.base.value"
local whole_object = require("o2x.effects.k8s.whole").object

local M = {}

local client, key, title, guarded = support.client, support.key, support.title, support.guarded

local function keys_of_others(past)
  local ours, others = (past.desired or {}).data or {}, {}
  for name in pairs(past.now and past.now.data or {}) do
    if ours[name] == nil then others[#others + 1] = name end
  end
  table.sort(others)
  return others
end

local secret_type = {
  kind = "k8s.secret",
  rights = { kubernetes = { "get,create own secrets" } },
  secrets = "stored",
  class = "idempotent",
  key = key,
  guard = "a new one is only created; else uid and resourceVersion of what was read",
  rehearsal = { objects = whole_object },
  undo = {
    before = "the type, and a tag of each key that the run sets",
    how = "deletes a new Secret",
    cannot = "overwritten or deleted content: the journal has no secrets; a Secret that all tenants share",
    gone = "the content of the Secret",
    lost = function() return "the content of the Secret" end,
    restore = function(ctx, past)
      local target = past.target
      if client(ctx).grants:is_shared(target.namespace, target.name) then return nil, support.SHARED end
      if past.before ~= nil then return nil, "its content is a secret, which the journal does not have" end
      local others = keys_of_others(past)
      if others[1] then return nil, "others have added to it: " .. table.concat(others, ", ") end
      return { target = target }
    end,
  },
}

-- What was read → its metadata: the write is bound to that version.
local read_as = setmetatable({}, { __mode = "k" })

function secret_type.read(ctx, target)
  local found = support.get(ctx, target)
  if not found then return nil end
  local content = { type = found.type, data = found.data or {} }
  read_as[content] = found.metadata
  return content
end

--- Refuses to overwrite an object that has other content.
---@param target table
---@param what string which content
---@param hint string
---@param code string?
function M.unequal(target, what, hint, code)
  errors.raise {
    kind = "conflict",
    module = "k8s",
    op = "ensure",
    code = code,
    message = ("%s exists with other content%s: it is not overwritten"):format(title(target), what),
    hint = hint,
  }
end

-- Keys of other clients change when they like.
function secret_type.image(current, desired)
  if desired == nil then return current end
  local data = {}
  for name in pairs(desired.data) do
    data[name] = current.data[name]
  end
  return { type = current.type, data = data }
end

-- Keys of other clients stay. The type of an existing Secret cannot be changed, so it is not compared.
function secret_type.equal(current, desired) return compare.covers(current.data, desired.data) end

--- Refuses a Secret that is there with other content.
---@param ctx table
---@param target table
---@param current table { data }
---@param desired table { data }
function M.refuse_overwriting(ctx, target, current, desired)
  local keys = {}
  for name, item in pairs(desired.data) do
    if not compare.covers(current.data[name], item) then keys[#keys + 1] = name end
  end
  table.sort(keys)
  local shared = client(ctx).grants:is_shared(target.namespace, target.name)
  local way_out = shared and "change the Secret for all who use it" or "overwrite=true replaces it"
  local code = not shared and "foreign_change" or nil
  M.unequal(target, (" (%s)"):format(table.concat(keys, ", ")), "use the current value, or " .. way_out, code)
end

--- The object of a Secret.
---@param target table
---@param desired table { type, data }
---@return table
function M.object(target, desired)
  return {
    apiVersion = "v1",
    kind = "Secret",
    type = desired.type,
    data = desired.data,
    metadata = { name = target.name, namespace = target.namespace },
  }
end

local function check_overwriting(ctx, target, desired, before, taken)
  local shared = client(ctx).grants:is_shared(target.namespace, target.name)
  if before and desired and not target.overwrite and not (taken and not shared) then
    M.refuse_overwriting(ctx, target, before, desired)
  end
end

function secret_type.predict(ctx, target, desired, before, taken)
  check_overwriting(ctx, target, desired, before, taken)
  return desired
end

function secret_type.write(ctx, target, desired, before, _, taken)
  local k8s = client(ctx)
  local metadata = before and read_as[before]
  if desired == nil then
    guarded(k8s.delete, k8s, "Secret", target.name, support.only_as_read(target, metadata))
    return
  end
  check_overwriting(ctx, target, desired, before, taken)
  if before then
    guarded(k8s.apply, k8s, M.object(target, desired), { force = true, onto = metadata })
  else
    guarded(k8s.create, k8s, M.object(target, desired)) -- never the one that came there meanwhile
  end
end

-- Where it is there already, only the keys that differ are sent.
function secret_type.by_hand(ctx, target, desired, before)
  if desired == nil then return { kubectl.delete(target) } end
  local data = {}
  for _, name in ipairs(sorted_keys(desired.data)) do
    local item = desired.data[name]
    local same = type(before) == "table" and not value.is_unknown(before) and compare.covers(before.data[name], item)
    if not same then data[name] = ctx:filled(secret.is(item) and item:unbase64() or item) end
  end
  if before ~= nil and not value.is_unknown(before) then return { kubectl.patch(target, { stringData = data }) } end
  local wanted = M.object(target, { type = desired.type })
  wanted.stringData = data
  return { kubectl.create(wanted) }
end

function secret_type.look(_, target) return { kubectl.describe(target) } end

function secret_type.show(target, before, after)
  local function data(one) return one and { data = one.data } end
  return { title = title(target), lines = diff.lines(data(before), data(after)) }
end

--- The effect type.
M.type = secret_type

return M
