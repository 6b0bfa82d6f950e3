--- The way in from outside: one HTTPS server that routes by host and path as the Ingress objects say, to the tenant's
--- services.

local fs = require("o2x.base.fs")
local json = require("o2x.base.json")
local backends = require("lab.backends")
local faults = require("lab.service_faults")
local task = require("o2x.base.task")

local M = { name = "ingress" }

local CLASS <const> = "nginx"
local DEFAULT_BACKEND <const> = "nginx.ingress.kubernetes.io/default-backend"
local DOMAIN <const> = "*.embrix.com"
local LOOK <const> = 0.2 -- seconds between looks for hosts that the certificate does not name

-- ---- routing ----

-- The host to look under: the name itself if any rule has it, else its wildcard, else the rules without a host.
local function choose_host(rules, host)
  local wildcard = "*" .. (host:match("^[^.]+(%..+)$") or "")
  local found
  for _, entry in ipairs(rules) do
    if entry.rule.host == host then return host end
    if entry.rule.host == wildcard then found = wildcard end
  end
  return found
end

local function all_rules(ingresses)
  local rules = {}
  for _, ingress in ipairs(ingresses) do
    for _, rule in ipairs(ingress.spec.rules or {}) do
      rules[#rules + 1] = {
        rule = rule,
        namespace = ingress.metadata.namespace,
        default = (ingress.metadata.annotations or {})[DEFAULT_BACKEND],
      }
    end
  end
  return rules
end

-- Prefix is by whole path elements: /api is not a prefix of /apidocs.
local function path_matches(entry, path)
  local wanted = entry.path or "/"
  if entry.pathType == "Exact" then return path == wanted end
  wanted = wanted:gsub("/$", "")
  return path == wanted or path:sub(1, #wanted + 1) == wanted .. "/"
end

local function rank(entry) return #(entry.path or "/") + (entry.pathType == "Exact" and 100000 or 0) end

--- The service that a request is for: the most exact host, then an exact path, then the longest.
---@param ingresses table[] Ingress objects
---@param host string
---@param path string
---@return table|nil target { namespace, service, port, default: who answers when the service has no endpoints }
function M.route(ingresses, host, path)
  local rules, best = all_rules(ingresses), nil
  local wanted = choose_host(rules, host)
  for _, entry in ipairs(rules) do
    for _, candidate in ipairs(entry.rule.host == wanted and entry.rule.http and entry.rule.http.paths or {}) do
      if path_matches(candidate, path) and candidate.backend.service and (not best or rank(candidate) > best.rank) then
        local service = candidate.backend.service
        best = {
          namespace = entry.namespace,
          service = service.name,
          port = service.port.number or service.port.name,
          rank = rank(candidate),
          default = entry.default,
        }
      end
    end
  end
  return best
end

local function page(status, words)
  local title = ("%d %s"):format(status, words)
  return status,
    { ["Content-Type"] = "text/html" },
    (
      "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
      .. "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ):format(title, title)
end

-- The Ingress objects of this controller's class.
local function ours(lab)
  local found = {}
  for _, ingress in ipairs(lab.k8s.list("networking.k8s.io/v1", "Ingress")) do
    local class = ingress.spec.ingressClassName or (ingress.metadata.annotations or {})["kubernetes.io/ingress.class"]
    if class == CLASS then found[#found + 1] = ingress end
  end
  return found
end

-- ingress-nginx asks the default backend when the service behind the rule has no endpoints.
local function default_backend(lab, target)
  local service = target.default and lab.k8s.get("v1", "Service", target.namespace, target.default)
  local port = service and service.spec.ports[1]
  local backend = port and lab.k8s.backend(target.namespace, target.default, port.port)
  return backend and backend.ready and backend or nil
end

local function handler(lab)
  return function(req)
    local host = (req.headers.host or ""):gsub(":%d+$", ""):lower()
    local target = M.route(ours(lab), host, req.path)
    if not target then return page(404, "Not Found") end
    local backend = lab.k8s.backend(target.namespace, target.service, target.port)
    if not backend or not backend.ready then backend = default_backend(lab, target) end
    if not backend then return page(503, "Service Temporarily Unavailable") end
    backend.ingress = true
    return backends.handle(lab, backend, req)
  end
end

-- ---- the certificate ----

local function covered(names, host)
  for _, name in ipairs(names) do
    if name == host or name:sub(1, 1) == "*" and host:match("^[^.]+(%..+)$") == name:sub(2) then return true end
  end
  return false
end

-- The domains of tenant files that were not read yet. A tenant that is described, but not onboarded, is named by the
-- certificate already: its Ingress does not then cut off the requests of others.
local function new_domains(lab, read)
  local found, folder = {}, fs.join(lab.dir, "platform/tenants")
  for _, name in ipairs(fs.exists(folder) and fs.list(folder) or {}) do
    local domain = not read[name]
      and name:find "%.yaml$"
      and ("\n" .. (fs.read_if(fs.join(folder, name)) or "")):match "\ndomain: *([%w.-]+)"
    if domain then
      read[name] = true
      found[#found + 1], found[#found + 2] = domain, "*." .. domain
    end
  end
  return found
end

-- The names of the certificate: those it has, and the hosts of tenants and Ingress objects that none of them covers.
local function extend(lab, names, read)
  local added, hosts = false, new_domains(lab, read)
  for _, entry in ipairs(all_rules(ours(lab))) do
    hosts[#hosts + 1] = entry.rule.host
  end
  for _, host in ipairs(hosts) do
    if not covered(names, host) then
      names[#names + 1], added = host, true
    end
  end
  return added
end

local function open(lab, hosts)
  local certificate = lab.certificate("ingress", hosts)
  return lab.serve("ingress", handler(lab), { tls = certificate })
end

--- Starts the server. When an Ingress brings a new host, it goes on with a certificate that names it.
---@param lab table
---@return table {port, env, stop}
function M.start(lab)
  local state = lab.state("ingress")
  state.names = state.names or json.array { DOMAIN, "localhost", "127.0.0.1" }
  local read = {}
  extend(lab, state.names, read)
  local server = open(lab, state.names)
  local watcher = task.spawn(function()
    while true do
      task.sleep(LOOK)
      if extend(lab, state.names, read) then
        lab.certificate("ingress", state.names) -- made before the old server goes, so that the gap is short
        server:stop()
        server = open(lab, state.names)
        lab.save("ingress")
      end
    end
  end)
  return {
    port = server.port,
    env = { O2X_LAB_HTTPS = ("%s:%d"):format(lab.host, server.port), O2X_LAB_CA = lab.ca },
    fault = function(kind, options) return faults.set(lab, kind, options) end,
    stop = function()
      watcher:cancel()
      watcher:wait()
      server:stop()
    end,
  }
end

return M
