--- What the objects that a run writes may contain. Names are compared by grants.lua; this looks inside: kinds, hosts,
--- labels, selectors, every reference, and the fields of pods that reach the node. Both lists say what is allowed:
--- contents/kinds.lua the fields, the platform (grants().k8s.contents) the values.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local kinds = require "o2x.client.k8s.contents.kinds"
local rule = require "o2x.client.k8s.contents.rule"
local value = require "o2x.base.value"

local M = {}

---@class o2x.k8s.contents
---@field kinds string[]? "Deployment.apps", "Service": what may be written; without it, each kind that o2x can check
---@field removable string[]? kinds that may be removed besides these
---@field hosts string[]? domain names: these, and hosts below them
---@field id string? what the tenant's queues begin with in Prometheus' labels
---@field name_labels string[]? labels whose values are names of the tenant's objects
---@field labels string[]? further labels of a ConfigMap or Secret, which programs pick up by them
---@field classes string[]? of ingresses, volumes, priorities
---@field annotations table<string, "plain"|"name"|"any"|string[]>? by key, or by a beginning that ends with *
---@field patterns table<string, string>? Lua patterns of tenants' identities in texts, and what they may match
---@field fields string[]? "Deployment.apps/spec.template.spec.tolerations": allowed whatever they hold

local DEFAULT <const> = { name_labels = { "app", "app.kubernetes.io/instance" } }

local Check = {}
Check.__index = Check

-- "spec.containers[app].tty" -> "spec.containers.tty"
local function without_items(path) return (path:gsub("%[[^%]]*%]", "")) end

--- Whether the platform grants a field whatever it holds.
---@param path string
---@return boolean
function Check:granted(path)
  local plain = without_items(path)
  for _, field in ipairs(self.contents.fields or {}) do
    local kind, place = field:match("^([^/]+)/(.+)$")
    if kind == self.name and (plain == place or plain:sub(1, #place + 1) == place .. ".") then return true end
  end
  return false
end

--- Notes what a run may not write.
---@param path string
---@param why string
function Check:refuse(path, why)
  if not self:granted(path) then self.problems[#self.problems + 1] = { path = path, why = why } end
end

--- Notes a field that is missing.
---@param path string
function Check:miss(path)
  if not self:granted(path) then
    self.problems[#self.problems + 1] = { path = path, why = "is missing", missing = true }
  end
end

local function has(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
end

--- The name of a kind with its group, as kubectl has it.
---@param resource table of discovery
---@return string "Deployment.apps"; "Service"
function M.kind_name(resource)
  return resource.group and resource.group ~= "" and resource.kind .. "." .. resource.group or resource.kind
end

--- Whether objects of a kind may be written at all.
---@param contents o2x.k8s.contents?
---@param resource { kind: string, group: string? }
---@return { path: string, why: string }? problem
function M.kind_problem(contents, resource)
  local name = M.kind_name(resource)
  local listed = contents and contents.kinds
  local why = "%s is not a kind that a run may write"
  if not listed or has(listed, name) then
    if kinds[name] then return nil end
    if listed then why = "%s is granted, but contents/kinds.lua does not say what may be in it" end
  end
  return { path = "kind", why = why:format(name) }
end

-- Whether one path is the other, or leads to it.
local function related(a, b)
  if #a > #b then
    a, b = b, a
  end
  return a == b or b:sub(1, #a) == a and b:sub(#a + 1, #a + 1):find("[.%[]") ~= nil
end

--- What is wrong with an object.
---@param bounds { contents: o2x.k8s.contents?, label: string[]?, names: string[], secrets: string[]?, namespaces:
--- string[] } secrets: those that all tenants share
---@param resource table of discovery
---@param object table
---@return { path: string, why: string, missing: boolean? }[] problems missing: a field that is not there
function M.problems(bounds, resource, object)
  local name = M.kind_name(resource)
  local contents = bounds.contents or DEFAULT
  local check = setmetatable({
    contents = contents,
    label = bounds.label,
    names = bounds.names,
    secrets = bounds.secrets,
    namespaces = bounds.namespaces,
    kind = resource.kind,
    name = name,
    problems = {},
  }, Check)
  local forbidden = M.kind_problem(contents, resource)
  if forbidden then return { forbidden } end
  kinds[name](check, "", object)
  return check.problems
end

--- Raises "refused" for the first of the problems.
---@param resource table of discovery
---@param object table
---@param problems table[] of M.problems
function M.refuse(resource, object, problems)
  if #problems == 0 then return end
  local lines = {}
  for i = 2, math.min(#problems, 20) do
    lines[#lines + 1] = ("%s %s"):format(problems[i].path, problems[i].why)
  end
  errors.raise {
    kind = "refused",
    module = "k8s",
    code = "EREFUSED",
    message = ("%s %s: %s %s"):format(
      resource.kind,
      tostring(type(object.metadata) == "table" and object.metadata.name),
      problems[1].path ~= "" and problems[1].path or "what is written",
      problems[1].why
    ),
    hint = "leave it out; stdlib/contents.lua says what the objects of a tenant may contain",
    details = #lines > 0 and lines or nil,
  }
end

--- Whether a kind may be removed by a run.
---@param contents o2x.k8s.contents?
---@param resource table of discovery
---@return boolean
function M.removable(contents, resource)
  local name = M.kind_name(resource)
  if not contents or not contents.kinds then return true end
  return has(contents.kinds, name) or has(contents.removable or {}, name)
end

-- ---- changes of existing objects ----

-- Has it no fields of its own to walk through? What a plan cannot know yet is one value.
local function is_leaf(item)
  return type(item) ~= "table" or item == json.null or value.is_unknown(item) or json.is_array(item) or #item > 0
end

--- An object after a merge patch (RFC 7396). Neither argument changes.
---@param object any
---@param patch any
---@return any merged
function M.merge(object, patch)
  if is_leaf(patch) then return patch end
  local merged = {}
  if not is_leaf(object) then
    for key, item in next, object do
      merged[key] = item
    end
  end
  for key, item in next, patch do
    if item == json.null then
      merged[key] = nil
    else
      merged[key] = M.merge(merged[key], item)
    end
  end
  return merged
end

-- What makes an object this object, and what only the server writes.
local IDENTITY <const> = { "apiVersion", "kind", "metadata.name", "metadata.namespace", "status" }

-- Does a patch of this place change what is fixed? A whole map in its stead does, too.
local function changes_fixed(place, fixed, patch)
  if not related(place, fixed) then return false end
  if #place >= #fixed then return true end
  local item = patch
  for key in place:gmatch "[^.]+" do
    item = item[key]
  end
  return is_leaf(item)
end

-- The paths of what a patch sets.
local function touched(patch, path, found)
  if is_leaf(patch) or next(patch) == nil then
    found[#found + 1] = path
    return found
  end
  for _, key in ipairs(rule.keys(patch)) do
    touched(patch[key], rule.below(path, key), found)
  end
  return found
end

--- What is wrong with an object after a merge patch, as far as the patch is to blame: what somebody else wrote into the
--- object, in other places, is not the run's.
---@param bounds table as in M.problems
---@param resource table of discovery
---@param object table? as it is now; nil: it will be there when the patch is sent
---@param patch table
---@return table[] problems
function M.patch_problems(bounds, resource, object, patch)
  local base = object or { apiVersion = resource.api_version, kind = resource.kind, metadata = {} }
  local blamed, places = {}, touched(patch, "", {})
  for _, place in ipairs(places) do
    for _, fixed in ipairs(IDENTITY) do
      if changes_fixed(place, fixed, patch) then blamed[#blamed + 1] = { path = place, why = "cannot be changed" } end
    end
  end
  for _, problem in ipairs(M.problems(bounds, resource, M.merge(base, patch))) do
    local blame = problem.path == "kind"
    for _, place in ipairs(places) do
      blame = blame or related(problem.path, place)
    end
    if blame and (object or not problem.missing) then blamed[#blamed + 1] = problem end
  end
  return blamed
end

return M
