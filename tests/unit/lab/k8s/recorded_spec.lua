-- What kube-apiserver 1.34 answered to helm and kubectl, played against the lab's simulator.
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local server_of = require "lab.k8s"

-- Differ from server to server and from run to run; the status of a Deployment depends on when one looks.
local VOLATILE <const> = {
  uid = true,
  resourceVersion = true,
  creationTimestamp = true,
  deletionTimestamp = true,
  time = true,
  clusterIP = true,
  clusterIPs = true,
  description = true,
  conditions = true,
  readyReplicas = true,
  availableReplicas = true,
  unavailableReplicas = true,
  updatedReplicas = true,
  replicas_now = true,
  causes = true,
}

local function exchanges()
  local list = {}
  for line in fs.read "tests/support/recorded/k8s.jsonl":gmatch "[^\n]+" do
    list[#list + 1] = json.decode(line)
  end
  return list
end

-- managedFields by writer; those of the recorded cluster's own controllers are not compared
local function by_writer(list)
  local result = {}
  for _, entry in ipairs(list) do
    if not entry.manager:find("^kube%-") then
      result[table.concat({ entry.manager, entry.operation, entry.subresource }, "/")] = entry.fieldsV1
    end
  end
  return result
end

-- where the reason depends on a library's words, they are not compared
local function same_message(recorded, ours)
  recorded = recorded:gsub("\n@@.*", ""):gsub("invalid character.*", ""):gsub(": $", "")
  return type(ours) == "string" and ours:sub(1, #recorded) == recorded
end

local function differences(recorded, ours, path, found)
  if type(recorded) ~= "table" or type(ours) ~= "table" then
    local same = recorded == ours or path:match "%.message$" and same_message(recorded, ours)
    if not same then found[#found + 1] = ("%s: %s, ours %s"):format(path, tostring(recorded), tostring(ours)) end
    return found
  end
  if path:match "%.managedFields$" then
    recorded, ours = by_writer(recorded), by_writer(ours)
  end
  for name, value in pairs(recorded) do
    if not VOLATILE[name] then differences(value, ours[name], path .. "." .. name, found) end
  end
  for name in pairs(ours) do
    if recorded[name] == nil and not VOLATILE[name] then found[#found + 1] = path .. "." .. name .. " is ours alone" end
  end
  return found
end

-- a lab without a wire, and a cluster like the recorded one: no storage classes, no ingress controller
local function new_cluster(folder)
  local states = {}
  fs.write(folder .. "/ca.crt", "")
  local lab = {
    dir = folder,
    host = "127.0.0.1",
    ca = folder .. "/ca.crt",
    save = function() end,
    log = error,
    clock = function() return 1795412226 end,
    certificate = error,
  }
  function lab.state(name)
    states[name] = states[name] or {}
    return states[name]
  end
  function lab.serve(_, handler)
    lab.handle = handler
    return { port = 1, stop = function() end }
  end
  local instance = server_of.start(lab)
  for _, store in ipairs { "storage.k8s.io/storageclasses", "/services", "apps/deployments" } do
    for _, object in ipairs(lab.k8s.api.store:list(store)) do
      lab.k8s.api.store:remove(store, object)
    end
  end
  lab.k8s.api.controllers:run()
  return lab, instance
end

-- our resource versions in place of the recorded ones
local function learn(known, recorded, ours)
  if type(recorded) ~= "table" or type(ours) ~= "table" then return end
  for name, value in pairs(recorded) do
    if name == "resourceVersion" then
      known[value] = ours[name]
    else
      learn(known, value, ours[name])
    end
  end
end

local function ask(lab, request, known)
  local path, query = request.path:match "^([^?]*)%??(.*)$"
  local headers, parameters = { authorization = "Bearer " .. lab.k8s.api.token }, {}
  for name, value in pairs(request.headers) do
    headers[name:lower()] = value
  end
  for name, value in query:gmatch "([^&=]+)=([^&]*)" do
    parameters[name] = httpd.decode(value)
  end
  local body = request.body:gsub(
    '(resourceVersion","value":")(%d+)',
    function(before, version) return before .. (known[version] or version) end
  )
  return lab.handle {
    method = request.method,
    path = path,
    target = request.path,
    query = parameters,
    headers = headers,
    body = body,
  }
end

describe("the lab's Kubernetes answers as the recorded server", function()
  local lab, instance, folder
  local known = {}

  setup(function()
    folder = fs.temp_folder()
    lab, instance = new_cluster(folder)
  end)
  teardown(function()
    instance.stop()
    fs.remove_tree(folder)
  end)

  for i, exchange in ipairs(exchanges()) do
    local request, response = exchange.request, exchange.response
    it(("%d %s %s"):format(i, request.method, request.path), function()
      local status, _, text = ask(lab, request, known)
      local ok, ours = pcall(json.decode, text)
      if not ok then ours = text end
      assert.equal(response.status, status, text)
      learn(known, response.body, ours)
      assert.same({}, differences(response.body, ours, "", {}))
    end)
  end
end)
