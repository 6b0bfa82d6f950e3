--- The way in from outside: one HTTPS server that routes by host and path as the Ingress objects say, to the tenant's services.

local json = require("o2x.json")
local k8s = require("o2x.lab.k8s")
local services = require("o2x.lab.services")
local task = require("o2x.task")

local M = { name = "ingress" }

local DOMAIN <const> = "*.embrix.com"
local LOOK <const> = 0.2 -- seconds between looks for hosts that the certificate does not name

-- ---- routing ----

local function host_matches(rule, host)
  if not rule.host or rule.host == "" or rule.host == host then return true end
  local suffix = rule.host:match("^%*(%..+)$")
  return suffix ~= nil and host:match("^[^.]+(%..+)$") == suffix
end

-- Prefix is by whole path elements: /api is not a prefix of /apidocs.
local function path_matches(entry, path)
  local wanted = entry.path or "/"
  if entry.pathType == "Exact" then return path == wanted end
  wanted = wanted:gsub("/$", "")
  return path == wanted or path:sub(1, #wanted + 1) == wanted .. "/"
end

local function rank(rule, entry)
  return (rule.host and 1000000 or 0) + (rule.host and rule.host:sub(1, 1) ~= "*" and 500000 or 0)
    + (entry.pathType == "Exact" and 100000 or 0) + #(entry.path or "/")
end

--- The service that a request is for: the most exact host, then the longest path.
---@param ingresses table[] Ingress objects
---@param host string
---@param path string
---@return table|nil backend { namespace, service, port, labels }
function M.route(ingresses, host, path)
  local best, best_rank
  for _, ingress in ipairs(ingresses) do
    for _, rule in ipairs(ingress.spec and ingress.spec.rules or {}) do
      for _, entry in ipairs(host_matches(rule, host) and rule.http and rule.http.paths or {}) do
        local here = rank(rule, entry)
        if path_matches(entry, path) and entry.backend.service and (not best or here > best_rank) then
          best_rank = here
          best = { namespace = ingress.metadata.namespace, service = entry.backend.service.name, port = entry.backend.service.port.number or 8080,
                   labels = ingress.metadata.labels or {} }
        end
      end
    end
  end
  return best
end

local NOT_FOUND <const> = "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n"
  .. "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

local function tenant_of(backend)
  return backend.labels.tenant or backend.service:match("^(.+)%-service%-") or backend.service:match("^(.+)%-%l+%-gateway$") or backend.service
end

local function handler(lab)
  return function(req)
    local host = (req.headers.host or ""):gsub(":%d+$", ""):lower()
    local backend = M.route(k8s.ingresses(lab), host, req.path)
    if not backend then return 404, { ["Content-Type"] = "text/html" }, NOT_FOUND end
    local info = { namespace = backend.namespace, service = backend.service, port = backend.port, tenant = tenant_of(backend), labels = backend.labels, ingress = true }
    if k8s.service_info then
      local known = k8s.service_info(lab, backend.namespace, backend.service, backend.port)
      if not known then return 503, { ["Content-Type"] = "application/json" }, json.encode { message = "no endpoints of " .. backend.service } end
      for key, value in pairs(known) do info[key] = value end
    end
    return services.handle(lab, info, req)
  end
end

-- ---- the certificate ----

local function covered(names, host)
  for _, name in ipairs(names) do
    if name == host or name:sub(1, 1) == "*" and host:match("^[^.]+(%..+)$") == name:sub(2) then return true end
  end
  return false
end

-- The names of the certificate: those it has, and the hosts of Ingress objects that none of them covers.
local function extend(names, ingresses)
  local added = false
  for _, ingress in ipairs(ingresses) do
    for _, rule in ipairs(ingress.spec and ingress.spec.rules or {}) do
      if rule.host and rule.host ~= "" and not covered(names, rule.host) then
        names[#names + 1], added = rule.host, true
      end
    end
  end
  return added
end

local function open(lab, names)
  return lab.serve("ingress", handler(lab), { tls = lab.certificate("ingress", names) })
end

--- Starts the server. When an Ingress brings a new host, it goes on with a certificate that names it.
---@param lab table
---@return table {port, env, stop}
function M.start(lab)
  local state = lab.state("ingress")
  state.names = state.names or json.array { DOMAIN, "localhost", "127.0.0.1" }
  extend(state.names, k8s.ingresses(lab))
  local server = open(lab, state.names)
  local watcher = task.spawn(function()
    while true do
      task.sleep(LOOK)
      if extend(state.names, k8s.ingresses(lab)) then
        lab.certificate("ingress", state.names)  -- made before the old server goes, so that the gap is short
        server:stop()
        server = open(lab, state.names)
        lab.save("ingress")
      end
    end
  end)
  return { port = server.port, env = { O2X_LAB_HTTPS = ("%s:%d"):format(lab.host, server.port), O2X_LAB_CA = lab.ca }, stop = function()
    watcher:cancel()
    watcher:wait()
    server:stop()
  end }
end

return M
