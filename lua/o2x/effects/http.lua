--- Reads the tenant's own HTTP endpoints: require "o2x.http". Only granted hosts, and only methods that change nothing:
--- a write by a plain request would be in no plan and could not be resumed.

local cleartext = require "o2x.client.cleartext"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local rules = require "o2x.client.request_rules"
local scope = require "o2x.base.scope"
local value = require "o2x.base.value"

local PORTS = { http = 80, https = 443 }
local FIELDS = { method = true, url = true, headers = true, timeout = true, once = true }

local function check(ctx, request)
  for name in pairs(request) do
    if not FIELDS[name] then
      errors.input(("http.request: unknown field %q (method, url, headers, timeout, once)"):format(tostring(name)))
    end
  end
  local method = rules.read_method(request.method, "http.request")
  local scheme, host, port = http.split(tostring(request.url))
  if not scheme then errors.input(("'%s' is not an http or https URL"):format(tostring(request.url))) end
  scope.domain(ctx.scope.http, host, "the HTTP host")
  if port and port ~= PORTS[scheme] then scope.name(ctx.scope.http, host .. ":" .. port, "the HTTP host and port") end
  local path = request.url:match("^%w+://[^/?#]*(.*)$")
  if path ~= "" then rules.read_path(rules.path(path, "path of a URL"), "http.request") end
  return method, scheme
end

return {
  name = "http",
  secrets = { request = { "^headers%.[^.]+$" } },
  api = function(ctx)
    local https = ctx.config.https or {}
    return {
      --- Sends a GET, HEAD or OPTIONS request to a granted host. After a lost answer, and while the host says that it
      --- is overloaded or not available, it is sent again within retry.seconds.
      ---@param request { url: string, method: string?, headers: table?, timeout: number?, once: boolean? } once: send
      ---  it only once, where the question is whether the host answers now
      ---@return { status: integer, headers: table<string, string>, body: string }
      request = function(request)
        local method, scheme = check(ctx, request)
        if value.has_secret(request.headers) then cleartext.check_url(ctx.config, request.url, "http.request") end
        local function send()
          return http.plain(http.request {
            module = "http",
            method = method,
            url = request.url,
            headers = rules.headers(request.headers, ctx.scope.headers),
            timeout = request.timeout or 30,
            connect_to = scheme == "https" and https.connect_to or nil,
            ca_file = scheme == "https" and https.ca or nil,
          })
        end
        if request.once then return send() end
        local _, host = http.split(request.url)
        local function again(fn) return ctx:ask("http " .. host, fn) end
        return http.read(again, "service", { method = method, to = request.url:gsub("%?.*", "") }, send)
      end,
    }
  end,
}
