--- A simulator of Vault 1.21: key-value secrets (version 2), tokens, AppRole and Kubernetes logins, policies, sealing.
--- Its data are in the lab's state "vault".

local response = require "lab.vault_response"
local auth = require "lab.vault_auth"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local kv = require "lab.vault_kv"
local mounts = require "lab.vault_mounts"
local policy = require "lab.vault_policy"
local sys = require "lab.vault_sys"
local uuid = require "lab.uuid"

local M = { name = "vault" }

local SECRET <const> = "secret/"

-- ---- requests ----

-- Like Go's path.Clean, applied before decoding.
local function clean(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  local cleaned = "/" .. table.concat(parts, "/")
  return path:sub(-1) == "/" and cleaned ~= "/" and cleaned .. "/" or cleaned
end

local OPS <const> = { GET = "read", LIST = "list", PUT = "update", POST = "update", PATCH = "patch", DELETE = "delete" }

local function read_body(req)
  if req.body == "" then return {} end
  local ok, body = pcall(json.decode, req.body)
  if not ok then return nil end
  return type(body) == "table" and body or {}
end

local function new_call(req, now)
  local op = OPS[req.method]
  if op == "read" and req.query.list == "true" then op = "list" end
  local path = httpd.decode(req.path:sub(5))
  if op == "list" then path = path:gsub("/+$", "") end
  local token = req.headers["x-vault-token"] or (req.headers.authorization or ""):match "^[Bb]earer%s+(.+)$"
  return {
    op = op,
    path = path,
    query = req.query,
    headers = req.headers,
    body = read_body(req),
    now = now,
    token_id = token,
  }
end

-- ---- authorisation ----

local function capabilities_needed(vault, call)
  if call.op ~= "update" then return { call.op } end
  local path, mount = sys.mount_of(vault.mounts, call.path)
  if mount then return { kv.creates(mount.store, call.path:sub(#path + 1)) and "create" or "update" } end
  return { "update", "create" }
end

local function is_allowed(vault, call)
  local paths = call.op == "list" and { call.path, call.path .. "/" } or { call.path }
  for _, path in ipairs(paths) do
    local granted = policy.capabilities(vault.policies, call.token.policies, path)
    if granted.root then return true end
    for _, capability in ipairs(capabilities_needed(vault, call)) do
      if granted[capability] then return true end
    end
  end
  return false
end

local function dispatch(vault, call)
  local rest = call.path:match "^sys/(.*)$"
  if rest then return sys.handle(vault, call, rest) end
  local method_rest = call.path:match "^auth/(.*)$"
  if method_rest then
    local path, method = sys.mount_of(vault.auth, method_rest)
    return method and auth.handle(vault, call, method, method_rest:sub(#path + 1)) or response.no_route(call.path)
  end
  local path, mount = sys.mount_of(vault.mounts, call.path)
  return mount and kv.handle(mount.store, call, call.path:sub(#path + 1)) or response.no_route(call.path)
end

local function has_route(vault, call)
  return call.path:find "^sys/" or call.path:find "^auth/" or sys.mount_of(vault.mounts, call.path) ~= nil
end

local function decide(vault, call)
  if not call.op then return response.unsupported() end
  local rest = call.path:match "^sys/(.*)$" or ""
  local open = sys.OPEN[call.op .. " " .. rest]
  if open then return open(vault, call) end
  if vault.sealed then return response.fail(503, "Vault is sealed") end
  if not call.body then return response.fail(400, "failed to parse JSON input: invalid character") end
  if sys.over_quota(vault, call.path, call.now) then
    return response.fail(429, ("request path %q: rate limit quota exceeded"):format(call.path))
  end
  local unauthenticated = sys.UNAUTHENTICATED[call.op .. " " .. rest]
  if unauthenticated then return unauthenticated(vault, call) end
  if call.path:find "^auth/.*/login$" then return dispatch(vault, call) end
  call.token = auth.find(vault, call.token_id, call.now)
  if call.token and vault.root_expired and call.token.id == vault.root then call.token = nil end
  if call.token_id and not call.token then return response.invalid_token() end
  if not call.token then return response.fail(403, "permission denied") end
  if not has_route(vault, call) then return response.no_route(call.path) end
  local preflight = rest:find "^internal/ui/mounts/"
  if not preflight and not is_allowed(vault, call) then return response.denied() end
  return dispatch(vault, call)
end

-- ---- responses ----

local function envelope(found)
  local body = {
    request_id = found.request_id or uuid(),
    lease_id = "",
    renewable = false,
    lease_duration = found.lease_duration or 0,
    data = found.data or json.null,
    wrap_info = found.wrap_info or json.null,
    warnings = found.warnings or json.null,
    auth = found.auth or json.null,
    mount_type = found.mount_type or "",
  }
  if found.merge then
    for name, value in pairs(found.data) do
      body[name] = value
    end
  end
  return body
end

local HEADERS <const> = { ["Content-Type"] = "application/json", ["Cache-Control"] = "no-store" }

local function encode(found)
  if found.text then return found.text end
  if found.errors then return json.encode { errors = json.array(found.errors) } .. "\n" end
  return json.encode(found.plain or envelope(found)) .. (found.status == 404 and "" or "\n")
end

local function wrap_seconds(call)
  local seconds = response.seconds(call.headers["x-vault-wrap-ttl"])
  return seconds and seconds > 0 and seconds or nil
end

--- Handles a request.
---@param vault table the state
---@param req httpd.request
---@param now number seconds since 1970
---@return integer status
---@return table headers
---@return string body
function M.handle(vault, req, now)
  local cleaned = clean(req.path)
  if cleaned ~= req.path then
    local query = req.target:match "%?.*$" or ""
    return 307,
      { ["Content-Type"] = "text/html; charset=utf-8", Location = cleaned .. query },
      ('<a href="%s">Temporary Redirect</a>.\n\n'):format(cleaned)
  end
  if not req.path:find "^/v1/." then return 404, { ["Content-Type"] = "text/plain" }, "404 page not found\n" end
  local call = new_call(req, now)
  local found = decide(vault, call)
  if found.status == 204 then return 204, HEADERS, "" end
  local wrap = found.status == 200 and (found.data or found.auth) and wrap_seconds(call)
  if wrap then
    local text = encode(found):gsub("\n$", "")
    found = sys.wrap(vault, call, wrap, text, found.auth and found.auth.accessor)
  end
  return found.status, HEADERS, encode(found)
end

local function initialise(vault, now)
  if vault.initialised ~= nil then return end
  sys.initialise(vault, now)
  mounts.mount_kv(vault, SECRET, "the platform's secrets")
  vault.sealed = false
end

-- o2x lab fault vault sealed | token-expired | off
local function fault(vault, kind)
  if kind == "sealed" then
    vault.sealed = true
  elseif kind == "token-expired" then
    vault.root_expired = true
  elseif kind == "off" then
    vault.sealed, vault.root_expired = false, nil
  else
    return false
  end
  return true
end

local CHANGES <const> = { POST = true, PUT = true, PATCH = true, DELETE = true }

--- Starts the simulator. The env has the root token.
---@param lab table
---@return table instance port, env, stop(), fault(kind)
function M.start(lab)
  local vault = lab.state "vault"
  initialise(vault, lab.clock())
  lab.save "vault"
  local server = lab.serve("vault", function(req)
    local status, headers, body = M.handle(vault, req, lab.clock())
    if CHANGES[req.method] then lab.save "vault" end
    return status, headers, body
  end)
  return {
    port = server.port,
    env = { VAULT_ADDR = ("http://%s:%d"):format(lab.host, server.port), VAULT_TOKEN = vault.root },
    stop = function() server:stop() end,
    fault = function(kind)
      local ok = fault(vault, kind)
      if ok then lab.save "vault" end
      return ok
    end,
  }
end

return M
