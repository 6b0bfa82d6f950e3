--- The tenant's alerts: silences in Alertmanager (API v2), through the API server's proxy. A silence matches only the
--- tenant's label, so it silences no other tenant's alerts.

local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local http = require "o2x.client.http"
local support = require "o2x.effects.k8s.support"
local mask = require "o2x.base.mask"
local shape = require "o2x.base.shape"
local shell = require "o2x.base.shell"
local value = require "o2x.base.value"

local BY <const> = "o2x"

local function ask(ctx, where, o)
  o.namespace, o.shared = where.namespace, true
  local answer = ctx:client("k8s"):request(where.service, where.port, o)
  if answer.status >= 200 and answer.status < 300 then return answer.json end
  http.raise_mood("http", answer, { method = o.method, module = "alerts", to = "Alertmanager" })
  errors.raise {
    kind = "failed",
    retryable = false,
    module = "alerts",
    op = o.method,
    message = ("Alertmanager: HTTP %d: %s"):format(answer.status, mask.text(answer.body or ""):sub(1, 200)),
  }
end

local SILENCES <const> = {
  "each",
  {
    id = "string",
    createdBy = "string?",
    endsAt = "string",
    status = { "?", state = "string?" },
    matchers = { "each", { name = "string", value = "string" } },
  },
}

local function is_of_tenant(silence, label, name)
  local matcher = silence.matchers[1]
  return #silence.matchers == 1
    and matcher.name == label
    and matcher.value == name
    and not matcher.isRegex
    and matcher.isEqual ~= false
end

-- The tenant's active silence that o2x created, as Alertmanager has it.
local function find(ctx, target)
  local silences = ask(ctx, target.where, { path = "/api/v2/silences" })
  shape.check(silences, SILENCES, "Alertmanager: the silences", "alerts")
  for _, silence in ipairs(silences) do
    local over = silence.status and silence.status.state == "expired"
    local ours = silence.createdBy == BY and is_of_tenant(silence, target.label, target.value)
    if ours and not over then return silence end
  end
end

local silence = {
  kind = "alerts.silence",
  class = "idempotent",
  guard = "looked at right before: Alertmanager takes no condition; the silence is read back",
  undo = {
    before = "the end and the comment of the silence",
    how = "restores the silence; ends a new one",
    cannot = "a silence that would be over by now",
    traces = "Alertmanager lists silences that have ended until it forgets them",
    restore = function(_, past)
      local over = past.before and clock.parse(past.before.until_time) <= clock.now()
      if over and not past.now then return nil, "it would be over by now" end
      return { target = past.target, desired = not over and past.before or nil }
    end,
  },
}

function silence.key(target) return ("%s=%s"):format(target.label, target.value) end

local function value_of(found)
  return found and { until_time = clock.iso(clock.parse(found.endsAt)), comment = found.comment } or nil
end

function silence.read(ctx, target) return value_of(find(ctx, target)) end

function silence.write(ctx, target, desired, before)
  local found = find(ctx, target)
  if not value.equal(value_of(found), before) then guard.refuse("alerts", "silence of " .. silence.key(target)) end
  if not desired then
    if found then ask(ctx, target.where, { method = "DELETE", path = "/api/v2/silence/" .. found.id }) end
    return
  end
  -- A conflict comes from the API server in between: nothing was written, and the gate looks again.
  support.guarded(ask, ctx, target.where, {
    method = "POST",
    path = "/api/v2/silences",
    json = {
      id = found and found.id,
      startsAt = found and found.startsAt or clock.iso(),
      endsAt = desired.until_time,
      createdBy = BY,
      comment = desired.comment,
      matchers = { { name = target.label, value = target.value, isRegex = false, isEqual = true } },
    },
  })
end

function silence.show(target, before, after)
  local title = ("silence of the alerts with %s=%s"):format(target.label, target.value)
  local function text(one) return one and tostring(one.until_time) or "none" end
  return { title = title, lines = { ("~ until: %s → %s"):format(text(before), text(after)) } }
end

-- Alertmanager through the API server's proxy, as kubectl reaches it.
local function raw(where, path)
  return ("/api/v1/namespaces/%s/services/http:%s:%s/proxy%s"):format(where.namespace, where.service, where.port, path)
end

-- The id of the silence that is there.
local function id_by_hand(ctx, target)
  local filter = (
    '.[] | select(.createdBy == "%s" and .status.state != "expired" and (.matchers | length) == 1'
    .. " and .matchers[0].name == $name and .matchers[0].value == $value) | .id"
  ):format(BY)
  local get = shell.command { "kubectl", "get", "--raw", raw(target.where, "/api/v2/silences") }
  local jq = shell.command { "jq", "-r", "--arg", "name", target.label, "--arg", "value", target.value, filter }
  return ctx:variable("SILENCE", get .. " | " .. jq)
end

function silence.by_hand(ctx, target, desired, before)
  local id = before and id_by_hand(ctx, target) or nil
  if not desired then
    return { shell.command { "kubectl", "delete", "--raw", raw(target.where, "/api/v2/silence/") .. id } }
  end
  local document = {
    id = type(before) == "table" and not value.is_unknown(before) and id or nil,
    startsAt = clock.iso(),
    endsAt = desired.until_time,
    createdBy = BY,
    comment = desired.comment,
    matchers = { { name = target.label, value = target.value, isRegex = false, isEqual = true } },
  }
  local create = { "kubectl", "create", "--raw", raw(target.where, "/api/v2/silences"), "-f", "-" }
  return { shell.with_json(document, shell.command(create)) }
end

local function target_of(ctx, where)
  local label = ctx.scope.k8s and ctx.scope.k8s.label
  if not label then
    errors.raise {
      kind = "refused",
      module = "alerts",
      message = "the grants have no label that identifies the tenant's alerts",
    }
  end
  return { where = where, label = label[1], value = label[2] }
end

return {
  name = "alerts",
  declares = "alerts:write",
  types = { silence },
  api = function(ctx)
    return {
      --- Ensures that the tenant's alerts are silent until a time.
      ---@param where { service: string, port: integer, namespace: string } Alertmanager's Service
      ---@param o { until_time: string, comment: string } until_time: ISO 8601
      ---@return string outcome
      silence = function(where, o)
        local ends = o.until_time
        if not value.is_unknown(ends) then ends = clock.iso(clock.parse(ends)) end
        local desired = { until_time = ends, comment = o.comment }
        local _, outcome = ctx:effect("alerts.silence", target_of(ctx, where), desired)
        return outcome
      end,

      --- Ends the silence of the tenant's alerts.
      ---@param where { service: string, port: integer, namespace: string } Alertmanager's Service
      ---@return string outcome
      unsilence = function(where)
        local _, outcome = ctx:effect("alerts.silence", target_of(ctx, where), nil)
        return outcome
      end,
    }
  end,
}
