--- Messages to the operators' own systems: require "o2x.webhook". One address, from the configuration (webhook.url);
--- a chat message, a ticket. Sent at least once: a resumed run that cannot know sends again, with the same
--- Idempotency-Key.

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local value = require "o2x.base.value"

local TIMEOUT = 15 -- seconds

local message = {
  kind = "webhook.message",
  class = "idempotent",
  undo = { before = "nothing", how = "not at all", cannot = "a message that was sent" },
  key = function(target) return target.title end,
  read = function(_, target) return target.sent end, -- nobody can be asked; what this run sent, it knows
  write = function(ctx, target, desired, _, effect_key)
    local response = http.request {
      module = "webhook",
      method = "POST",
      url = ctx.config.webhook.url,
      json = desired,
      timeout = TIMEOUT,
      headers = { ["Idempotency-Key"] = effect_key },
    }
    if response.status >= 300 then
      errors.raise {
        kind = "failed",
        module = "webhook",
        retryable = response.status >= 500,
        message = ("the web hook answers %d"):format(response.status),
        hint = "o2x config explain shows webhook.url",
      }
    end
    target.sent = desired
  end,
  show = function(target, _, after) return { title = target.title, lines = { "+ " .. json.encode(after) } } end,
}

return {
  name = "webhook",
  declares = "webhook:write",
  types = { message },
  api = function(ctx)
    return {
      --- Sends a message to the configured address, as JSON.
      ---@param title string what the run calls it
      ---@param body table such as { text = "…" }
      send = function(title, body)
        if type(title) ~= "string" or type(body) ~= "table" then
          errors.input("webhook.send: a title and a table expected", 'webhook.send("chat", { text = "…" })')
        end
        if value.has_secret(body) then ctx:refuse("webhook.send: the message has a secret in it") end
        if not ctx.config.webhook.url then
          errors.input("there is no web hook configured", "set O2X_WEBHOOK_URL, or webhook: {url: …} in o2x.yaml")
        end
        ctx:effect("webhook.message", { title = title }, body)
      end,
    }
  end,
}
