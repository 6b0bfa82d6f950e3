--- Which requests are writes, by service. What is not known to read only counts as a write.

local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"

local M = {}

local READ_METHODS <const> = { GET = true, HEAD = true, OPTIONS = true, LIST = true }

local function decoded(body)
  local ok, value = pcall(json.decode, body or "")
  return ok and type(value) == "table" and value or {}
end

-- ---- Vault ----

-- Updates that change nothing that anybody else could see. A login makes a token, which only its owner uses.
local VAULT_READS <const> = {
  "^/v1/auth/.*/login$",
  "^/v1/auth/.*/login/[^/]+$",
  "^/v1/auth/token/lookup",
  "^/v1/auth/token/renew",
  "^/v1/sys/capabilities",
  "^/v1/sys/wrapping/lookup$",
  "^/v1/sys/internal/",
}

local function vault(req)
  for _, pattern in ipairs(VAULT_READS) do
    if req.path:find(pattern) then return false end
  end
  return not READ_METHODS[req.method]
end

-- ---- Kubernetes ----

-- Created to get an answer, and not kept.
local REVIEWS <const> = {
  selfsubjectaccessreviews = true,
  selfsubjectrulesreviews = true,
  selfsubjectreviews = true,
  subjectaccessreviews = true,
  localsubjectaccessreviews = true,
  tokenreviews = true,
}

local function service_of_tenant(req, path)
  if READ_METHODS[req.method] then return false end
  if path:find "/graphql$" then
    local query = decoded(req.body).query
    return type(query) ~= "string" or query:find "%f[%w_]mutation%f[^%w_]" ~= nil
  end
  -- They check credentials and keep nothing.
  return not (path:find "/login$" or path:find "/ping$" or path:find "/test%-connection$" or path:find "/validate$")
end

local function kubernetes(req)
  local proxied = req.path:match "/proxy(/.*)$"
  if proxied then return service_of_tenant(req, proxied) end
  if req.query.dryRun == "All" then return false end
  return not READ_METHODS[req.method] and not REVIEWS[req.path:match "[^/]*$"]
end

-- ---- AWS ----

local function aws(req)
  local action = ((req.target:match "%?(.*)$" or "") .. "&" .. (req.body or "")):match "%f[%w]Action=(%w+)"
  if action then
    return not (action:find "^Describe" or action:find "^List" or action:find "^Get" or action:find "^Assume")
  end
  return not READ_METHODS[req.method]
end

-- ---- the broker ----

local function jolokia_writes(request)
  if request.type ~= "exec" then return false end
  return not tostring(request.operation):find "^browse"
end

-- "…/exec/MBEAN/operation/…" by its path; a list of requests in a body is a write if one of them is.
local function broker(req)
  if req.path:find "^/api/message/" then return true end -- a GET takes the message away
  if req.method ~= "POST" then
    local path = req.path:gsub("!/", "")
    return path:find "^/api/jolokia/exec/" ~= nil and not path:find "^/api/jolokia/exec/[^/]*/browse"
  end
  local body = decoded(req.body)
  for _, request in ipairs(body[1] and body or { body }) do
    if jolokia_writes(request) then return true end
  end
  return false
end

local JUDGES <const> = {
  vault = vault,
  k8s = kubernetes,
  aws = aws,
  broker = broker,
  ingress = function(req) return service_of_tenant(req, req.path) end,
}

-- ---- identity ----

-- What makes two requests the same write: an id that the sender gave it, or else what is asked for, and the content.
local ID_HEADERS <const> = { "idempotency-key", "x-idempotency-key", "x-request-id", "stripe-signature" }

-- Parts of a content that differ each time the same is written.
local function stable(body) return (body or ""):gsub('"modifiedAt":"%d*"', "") end

local function content(service, req)
  local hash = crypto.sha256(stable(req.body)):sub(1, 16)
  return ("%s %s %s %s"):format(service, req.method, req.path, hash)
end

local function identity(req)
  for _, name in ipairs(ID_HEADERS) do
    if req.headers[name] then return ("%s %s"):format(name, req.headers[name]) end
  end
end

-- The object of Kubernetes that a request makes, changes or deletes.
local function object(service, req)
  if service ~= "k8s" or req.path:find "/proxy/" then return nil end
  if req.method ~= "POST" then return req.path end
  local name = (decoded(req.body).metadata or {}).name
  return type(name) == "string" and ("%s/%s"):format(req.path, name) or nil
end

--- Whether a request is a write, and then what makes it this write.
---@param service string
---@param req httpd.request
---@return boolean write
---@return string? identity by the id that the sender gave it, or by its content
---@return string? content by what is asked for, whatever its id
---@return string? object of Kubernetes
function M.judge(service, req)
  local judge = JUDGES[service]
  local write = not judge and not READ_METHODS[req.method] or judge ~= nil and judge(req)
  if not write then return false end
  local asked = content(service, req)
  return true, identity(req) or asked, asked, object(service, req)
end

return M
