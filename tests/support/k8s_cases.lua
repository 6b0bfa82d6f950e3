-- The requests of tests/reference/cases/k8s/, sent to a server, and what Kubernetes 1.34 itself answered to them.

local answers = require "tests.support.k8s_answers"
local crypto = require "o2x.base.crypto"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"

local M = {}

-- They run in this order, on one server: later ones find what earlier ones made.
M.GROUPS = { "objects", "lists", "apply", "subresources" }

local RECORDED <const> = "tests/support/recorded/k8s_answers/"
local NAMESPACE <const> = "/api/v1/namespaces/answers"
local TIMEOUT <const> = 20 -- seconds

local TYPES <const> = {
  json = "application/json",
  ["json-patch"] = "application/json-patch+json",
  merge = "application/merge-patch+json",
  strategic = "application/strategic-merge-patch+json",
  apply = "application/apply-patch+yaml",
}

--- The cases of all groups in order, each with its group, its number and a title.
---@return table[]
function M.list()
  local list = {}
  for _, group in ipairs(M.GROUPS) do
    for i, case in ipairs(require("tests.reference.cases.k8s." .. group)) do
      case.group = group
      case.title = ("%s %d. %s %s%s"):format(group, i, case[1], case[2], case.why and ": " .. case.why or "")
      list[#list + 1] = case
    end
  end
  return list
end

--- What Kubernetes itself answered: title → text.
---@return table<string, string>
function M.recorded()
  local found = {}
  for _, group in ipairs(M.GROUPS) do
    for part in fs.read(RECORDED .. group .. ".txt"):gmatch "==== (.-\n)%f[=]" do
      local title, text = part:match "^([^\n]*)\n(.*)\n$"
      found[title] = text
    end
  end
  return found
end

--- Keeps what Kubernetes itself answered.
---@param texts table<string, string> by title
function M.record(texts)
  local parts = {}
  for _, case in ipairs(M.list()) do
    local group = parts[case.group] or {}
    parts[case.group] = group
    if not case.differs then group[#group + 1] = ("==== %s\n%s\n"):format(case.title, texts[case.title]) end
  end
  for group, list in pairs(parts) do
    fs.write(RECORDED .. group .. ".txt", table.concat(list) .. "====\n", { parents = true })
  end
end

--- A server, by the kubeconfig of a lab: it keeps what later cases need of its answers.
---@param path string
---@return table server
function M.server(path)
  local config = json.decode(fs.read(path))
  local cluster = config.clusters[1].cluster
  return {
    url = cluster.server,
    ca = crypto.unbase64(cluster["certificate-authority-data"]),
    kept = { token = config.users[1].user.token },
  }
end

-- "%{name}" in a path or body is what an earlier case kept.
local function filled(server, text)
  return (text:gsub("%%{(%w+)}", function(name) return assert(server.kept[name], "nothing is kept as " .. name) end))
end

local function send(server, case)
  local body = type(case[3]) == "table" and json.encode(case[3]) or case[3]
  return http.request {
    method = case[1],
    url = server.url .. filled(server, case[2]),
    ca = server.ca,
    token = server.kept[case.as or "token"],
    headers = {
      ["User-Agent"] = "answers/1.0",
      Accept = case.accept or "application/json",
      ["Content-Type"] = body and (TYPES[case.type or "json"] or case.type) or nil,
    },
    body = body and filled(server, body),
    timeout = TIMEOUT,
  }
end

--- Makes the namespace in which the cases work, and waits for what controllers make in it.
---@param server table
function M.prepare(server)
  local made = send(server, { "POST", "/api/v1/namespaces", { metadata = { name = "answers" } } })
  assert(made.status == 201, made.body)
  for _, path in ipairs { "/configmaps/kube-root-ca.crt", "/serviceaccounts/default" } do
    eventually(path, function() return send(server, { "GET", NAMESPACE .. path }).status == 200 end)
  end
end

local function at(object, path)
  for name in path:gmatch "[^.]+" do
    object = type(object) == "table" and object[tonumber(name) or name] or nil
  end
  return object
end

local function decoded(response)
  local ok, object = pcall(json.decode, response.body)
  return ok and object or {}
end

--- Sends a case. One with `settled` is asked until that path in the answer is there: controllers have come to it.
---@param server table
---@param case table
---@return string answer
function M.ask(server, case)
  local response = send(server, case)
  if case.settled then
    eventually(case.settled .. " of " .. case[2], function()
      response = send(server, case)
      return at(decoded(response), case.settled) ~= nil
    end)
  end
  for name, path in pairs(case.keep or {}) do
    server.kept[name] = tostring(at(decoded(response), path))
  end
  return answers.text(response, case.settled ~= nil)
end

return M
