--- Requests to an API server, for o2x.client.k8s.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local http = require "o2x.client.http"

local TIMEOUT <const> = 30

local Client = {}

local function encode_query(query)
  local parts = {}
  for name, value in pairs(query or {}) do
    parts[#parts + 1] = name .. "=" .. http.percent_encode(tostring(value))
  end
  table.sort(parts)
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

--- What every request to this server has in common.
---@param method string
---@param path string
---@param o table query, headers, body, accept, content_type, timeout (seconds), secret_body
---@return table options of http.request
function Client:request_options(method, path, o)
  local credentials = self.config:credentials()
  local headers = { Accept = o.accept or "application/json", ["User-Agent"] = "o2x", ["Content-Type"] = o.content_type }
  for name, value in pairs(o.headers or {}) do
    headers[name] = value
  end
  for name, value in pairs(self.config.headers and self.config:headers() or {}) do
    headers[name] = value
  end
  return {
    method = method,
    url = self.config.server .. path .. encode_query(o.query),
    headers = headers,
    body = o.body,
    timeout = o.timeout or TIMEOUT,
    ca = self.config.ca,
    cert = credentials.cert,
    key = credentials.key,
    token = credentials.token,
    tls_name = self.config.tls_name,
    proxy = self.config.proxy,
    secret_body = o.secret_body,
    reads = o.reads,
    module = "k8s",
  }
end

--- An unreachable cluster is often the wrong one, so the hint says where its address comes from.
---@param method string
---@param path string
---@param o table as for send
---@return table response status, headers, body
function Client:request_once(method, path, o)
  local options = self:request_options(method, path, o)
  local ok, response = pcall(o.last and http.request_last or http.request, options, o.last)
  if ok then return response end
  if errors.is(response) and response.kind == "unreachable" and response.code ~= "tls" then
    local file = self.config.path
    local hint = ("check the cluster of context %s%s"):format(self.config.context, file and " in " .. file or "")
    errors.amend(response, { hint = hint })
  end
  error(response, 0)
end

--- Sends one request; expired credentials are refreshed once.
---@param method string
---@param path string
---@param o table query, headers, body, accept, content_type, timeout (seconds), secret_body, last (bytes at the end of
---  the answer that are kept; all if absent)
---@return table response status, headers, body
function Client:send(method, path, o)
  -- A list that is under way while the request changes something may have either state.
  local _forget <close> = method ~= "GET" and defer(function() self:forget() end) or nil
  if method ~= "GET" then self:forget() end
  local response = self:request_once(method, path, o)
  if response.status == 401 and self.config:refresh() then response = self:request_once(method, path, o) end
  return response
end

return Client
