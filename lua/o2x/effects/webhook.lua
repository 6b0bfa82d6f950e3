--- Messages to the operators' systems: require "o2x.webhook". A chat message or a ticket, sent to the configured
--- address (webhook.url) at least once: if a resumed run cannot know whether it was sent, it sends again with the same
--- Idempotency-Key.

local cleartext = require "o2x.client.cleartext"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local shell = require "o2x.base.shell"
local value = require "o2x.base.value"

local TIMEOUT = 15 -- seconds

local message = {
  kind = "webhook.message",
  class = "idempotent",
  guard = "none: a message overwrites nothing; nothing can be read back",
  undo = { before = "nothing", how = "not possible", never = true, cannot = "a sent message" },
  key = function(target) return target.title end,
  read = function(_, target) return target.sent end, -- the receiver cannot be asked, but the run knows what it sent
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
      http.raise_mood("http", response, { method = "POST", module = "webhook", to = "the webhook" })
      errors.raise {
        kind = "failed",
        module = "webhook",
        retryable = false,
        message = ("the webhook answered %d"):format(response.status),
        hint = "o2x config explain shows webhook.url",
      }
    end
    target.sent = desired
  end,
  by_hand = function(_, _, desired) -- its address is a credential
    local curl = [[curl -fsS -H 'Content-Type: application/json' -d @- "${O2X_WEBHOOK_URL:?}"]]
    return { shell.with_json(desired, curl) }
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
      ---@param title string its name in the run
      ---@param body table such as { text = "…" }
      send = function(title, body)
        if type(title) ~= "string" or type(body) ~= "table" then
          errors.input("webhook.send: expected a title and a table", 'webhook.send("chat", { text = "…" })')
        end
        if value.has_secret(body) then ctx:refuse("webhook.send: the message contains a secret") end
        if not ctx.config.webhook.url then
          errors.input("no webhook is configured", "set O2X_WEBHOOK_URL, or webhook: {url: …} in o2x.yaml")
        end
        cleartext.check_url(ctx.config, ctx.config.webhook.url, "the webhook") -- its address is a credential
        ctx:effect("webhook.message", { title = title }, body)
      end,
    }
  end,
}
