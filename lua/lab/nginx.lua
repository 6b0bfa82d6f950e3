--- An nginx that serves static pages from a ConfigMap. It knows the directives `return`, `error_page` and `add_header`.

local M = {}

local function first_pod(lab, info)
  for _, pod in ipairs(lab.k8s.list("v1", "Pod", info.namespace, { app = info.labels.app })) do
    if pod.metadata.labels and pod.metadata.labels.app == info.labels.app then return pod end
  end
end

-- The ConfigMap with the server's configuration, which the pod mounts.
local function config_of(lab, pod)
  for _, volume in ipairs(pod.spec.volumes or {}) do
    local map = volume.configMap and lab.k8s.get("v1", "ConfigMap", pod.metadata.namespace, volume.configMap.name)
    if map and map.data and map.data["default.conf"] then return map.data end
  end
end

--- The files of the nginx behind a Service; nil if the Service has no nginx.
---@param lab table
---@param info table namespace, labels …
---@return table<string, string>? files by name
function M.files(lab, info)
  if not (info.labels and info.labels.app) then return nil end
  local pod = first_pod(lab, info)
  local image = pod and pod.spec.containers[1].image or ""
  return image:find("nginx", 1, true) and config_of(lab, pod) or nil
end

-- The exact locations: path → the block in braces.
local function locations(config)
  local found = {}
  for path, block in config:gmatch("location = (%S+) (%b{})") do
    found[path] = block
  end
  return found
end

local function headers_of(block)
  local headers = { ["Content-Type"] = "text/html" }
  for name, value in (block or ""):gmatch("add_header (%S+) (.-) always;") do
    headers[name] = value
  end
  return headers
end

--- Handles a request as that nginx would.
---@param files table<string, string>
---@param req httpd.request
---@return integer status
---@return table headers
---@return string body
function M.handle(files, req)
  local config = files["default.conf"]
  local exact = locations(config)
  local block = exact[req.path]
  local status, text = (block or ""):match('return (%d+) "(.-)";')
  if status and not block:find("internal;", 1, true) then
    return math.tointeger(tonumber(status)), headers_of(block), text
  end
  status = config:match("location / {%s*return (%d+);") or "404"
  local file = config:match("error_page " .. status .. " (%S+);")
  local body = file and files[file:gsub("^/", "")] or ""
  return math.tointeger(tonumber(status)), headers_of(exact[file]), req.method == "HEAD" and "" or body
end

return M
