--- The lab's ingress controller: an HTTPS server that routes requests to services by the Ingress objects.

local fs = require("o2x.base.fs")
local json = require("o2x.base.json")
local backends = require("lab.backends")
local faults = require("lab.service_faults")
local semaphore = require("o2x.base.semaphore")
local task = require("o2x.base.task")

local M = { name = "ingress" }

local CLASS <const> = "nginx"
local DEFAULT_BACKEND <const> = "nginx.ingress.kubernetes.io/default-backend"
local DOMAIN <const> = "*.embrix.com"
local WATCH_INTERVAL <const> = 0.2 -- seconds between checks for hosts that are missing in the certificate

-- ---- routing ----

-- The host of the rules that apply: the name itself, else its wildcard, else nil for the rules without a host.
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

-- A prefix matches whole path elements: /api does not match /apidocs.
local function path_matches(entry, path)
  local pattern = entry.path or "/"
  if entry.pathType == "Exact" then return path == pattern end
  pattern = pattern:gsub("/$", "")
  return path == pattern or path:sub(1, #pattern + 1) == pattern .. "/"
end

local function rank(entry) return #(entry.path or "/") + (entry.pathType == "Exact" and 100000 or 0) end

--- The service for a request: by the most specific host, then by exact path, then by the longest path.
---@param ingresses table[] Ingress objects
---@param host string
---@param path string
---@return table|nil target { namespace, service, port, default: the Service used if `service` has no endpoints }
function M.route(ingresses, host, path)
  local rules, best = all_rules(ingresses), nil
  local rule_host = choose_host(rules, host)
  for _, entry in ipairs(rules) do
    for _, candidate in ipairs(entry.rule.host == rule_host and entry.rule.http and entry.rule.http.paths or {}) do
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

local function error_page(status, reason)
  local title = ("%d %s"):format(status, reason)
  return status,
    { ["Content-Type"] = "text/html" },
    (
      "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
      .. "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ):format(title, title)
end

-- The Ingress objects of this controller's class.
local function ingresses_of_class(lab)
  local found = {}
  for _, ingress in ipairs(lab.k8s.list("networking.k8s.io/v1", "Ingress")) do
    local class = ingress.spec.ingressClassName or (ingress.metadata.annotations or {})["kubernetes.io/ingress.class"]
    if class == CLASS then found[#found + 1] = ingress end
  end
  return found
end

-- Like ingress-nginx: the default backend serves requests whose service has no endpoints.
local function default_backend(lab, target)
  local service = target.default and lab.k8s.get("v1", "Service", target.namespace, target.default)
  local port = service and service.spec.ports[1]
  local backend = port and lab.k8s.backend(target.namespace, target.default, port.port)
  return backend and backend.ready and backend or nil
end

local function handler(lab)
  return function(req)
    local host = (req.headers.host or ""):gsub(":%d+$", ""):lower()
    local target = M.route(ingresses_of_class(lab), host, req.path)
    if not target then return error_page(404, "Not Found") end
    local backend = lab.k8s.backend(target.namespace, target.service, target.port)
    if not backend or not backend.ready then backend = default_backend(lab, target) end
    if not backend then return error_page(503, "Service Temporarily Unavailable") end
    backend.ingress = true
    return backends.handle(lab, backend, req)
  end
end

-- ---- the certificate ----

-- A host is covered by its own name, or by its wildcard.
local function is_covered(covered, host) return covered[host] or covered["*" .. (host:match("^[^.]+(%..+)$") or "")] end

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  return set
end

-- The domains in tenant files that were not read yet. The certificate covers a tenant before it is onboarded, so that
-- its new Ingress does not restart the server under the requests of others.
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

-- Adds the hosts of tenants and Ingress objects that the certificate's names do not cover. Returns whether there were
-- any.
local function add_hosts(lab, names, read)
  local added, hosts, covered = false, new_domains(lab, read), set_of(names)
  for _, entry in ipairs(all_rules(ingresses_of_class(lab))) do
    hosts[#hosts + 1] = entry.rule.host
  end
  for _, host in ipairs(hosts) do
    if not is_covered(covered, host) then
      names[#names + 1], covered[host], added = host, true, true
    end
  end
  return added
end

local function open(lab, hosts)
  local certificate = lab.certificate("ingress", hosts)
  return lab.serve("ingress", handler(lab), { tls = certificate })
end

--- Starts the server. For a new host in an Ingress it restarts with a certificate that covers the host.
---@param lab table
---@return table {port, env, stop}
function M.start(lab)
  local state = lab.state("ingress")
  state.names = state.names or json.array { DOMAIN, "localhost", "127.0.0.1" }
  local read = {}
  add_hosts(lab, state.names, read)
  local server = open(lab, state.names)
  local turn = semaphore.new(1)
  local function cover()
    if not add_hosts(lab, state.names, read) then return end
    lab.certificate("ingress", state.names) -- signed before the server stops, to keep the gap short
    server:stop()
    server = open(lab, state.names)
    lab.save("ingress")
  end
  local watcher = task.spawn(function()
    while true do
      task.sleep(WATCH_INTERVAL)
      turn:run(cover)
    end
  end)
  return {
    port = server.port,
    env = { O2X_LAB_HTTPS = ("%s:%d"):format(lab.host, server.port), O2X_LAB_CA = lab.ca },
    fault = function(kind, options) return faults.set(lab, kind, options) end,
    cover = function() turn:run(cover) end,
    stop = function()
      watcher:cancel()
      watcher:wait()
      server:stop()
    end,
  }
end

return M
