--- A rendered chart, or the manifest of a release, as objects, as one hash, and as a short diff.

local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local yaml = require "o2x.base.yaml"

local M = {}

-- The next line of a text from `at` on that is "---": where it begins, and the place behind it.
local function separator(text, at)
  while true do
    local first, last = text:find("\n---", at, true)
    if not first then return nil end
    local line_end = text:find("\n", last, true)
    local rest = text:find("%S", last + 1)
    if not rest or rest > line_end then return first, line_end end
    at = line_end
  end
end

-- The sections of a stream that helm prints: text, and the template that it comes from.
local function sections(text)
  local found, at = {}, 1
  text = "\n" .. text .. "\n"
  repeat
    local first, behind = separator(text, at)
    local section = text:sub(at, first or -1)
    if section:find "%S" then
      found[#found + 1] = { text = section:sub(2), source = section:match "\n# Source: ([^\n]*)" }
    end
    at = behind
  until not first
  return found
end

-- The server takes any list of objects apart, a ConfigMapList as well as a List.
local function add_objects(into, object)
  if type(object) ~= "table" or object == json.null then return end
  if type(object.kind) == "string" and object.kind:match("List$") and type(object.items) == "table" then
    for _, one in ipairs(object.items) do
      add_objects(into, one)
    end
  else
    local metadata = object.metadata
    -- To the server, a namespace that is null or empty is none.
    if type(metadata) == "table" and (metadata.namespace == json.null or metadata.namespace == "") then
      metadata.namespace = nil
    end
    into[#into + 1] = object
  end
end

local function objects_of(section)
  local objects = {}
  local options = { ordered = true, repeats = true }
  for _, object in ipairs(yaml.decode_all(section.text, section.source or "manifest", options)) do
    add_objects(objects, object)
  end
  return objects
end

--- The objects of a manifest, those of lists too. Their fields keep the manifest's order.
---@param text string
---@return table[]
function M.objects(text)
  local objects = {}
  for _, section in ipairs(sections(text)) do
    local more = objects_of(section)
    table.move(more, 1, #more, #objects + 1, objects)
  end
  return objects
end

--- Objects as the text of a manifest: what objects reads from it is the same again.
---@param objects table[]
---@return string
function M.text(objects)
  local documents = {}
  for i, object in ipairs(objects) do
    documents[i] = yaml.encode(object)
  end
  return table.concat(documents, "---\n")
end

--- The events of a hook ("pre-upgrade,post-upgrade"); nil if the object is none.
---@param object table
---@return string?
function M.hook(object)
  local metadata = type(object.metadata) == "table" and object.metadata or {}
  local annotations = type(metadata.annotations) == "table" and metadata.annotations or {}
  local events = annotations["helm.sh/hook"]
  return events ~= nil and events ~= json.null and tostring(events) or nil
end

---@class o2x.helm.rendering
---@field objects table[] what the release will hold, in helm's order
---@field hooks table[] what helm makes beside it, before and after it writes the release
---@field crds table[] of the chart's crds/ folders

--- What helm prints for a chart, sorted out.
---@param text string of helm template --include-crds
---@return o2x.helm.rendering
function M.rendering(text)
  local found = { objects = {}, hooks = {}, crds = {} }
  for _, section in ipairs(sections(text)) do
    local is_crd = (section.source or ""):find("/crds/", 1, true)
    for _, object in ipairs(objects_of(section)) do
      local list = is_crd and found.crds or M.hook(object) and found.hooks or found.objects
      list[#list + 1] = object
    end
  end
  return found
end

-- A copy of a value, its numbers changed by a function.
local function with_numbers(value, number)
  if type(value) == "number" then return number(value) end
  if type(value) ~= "table" or value == json.null then return value end
  local copy = json.is_array(value) and json.array {} or {}
  for key, item in pairs(value) do
    copy[key] = with_numbers(item, number)
  end
  return copy
end

local function has_float(value)
  if type(value) ~= "table" then return math.type(value) == "float" end
  for _, item in next, value do
    if has_float(item) then return true end
  end
  return false
end

local function whole(n) return math.tointeger(n) or n end

--- A value as Kubernetes has it, however it was written: 1000.0 becomes 1000.
---@param value any
---@return any copy
function M.canonical(value) return with_numbers(value, whole) end

--- Values as helm has them: it keeps each number as a double, so that integers beyond 2^53 are rounded.
---@param values any
---@return any copy
function M.doubles(values)
  return with_numbers(values, function(n) return whole(n + 0.0) end)
end

--- A hash of objects; equal for the same objects in any order, however they were written.
---@param objects table[]
---@return string
function M.hash(objects)
  local texts = {}
  for i, object in ipairs(objects) do
    texts[i] = json.encode(has_float(object) and M.canonical(object) or object) -- mostly there is none
  end
  table.sort(texts)
  return crypto.sha256(table.concat(texts, "\n"))
end

--- How people name an object: "Job prod/migrate (hook pre-upgrade)".
---@param object table
---@return string
function M.name(object)
  local metadata = type(object.metadata) == "table" and object.metadata or {}
  local namespace = metadata.namespace and metadata.namespace .. "/" or ""
  local events = M.hook(object)
  local hook = events and (" (hook %s)"):format(events:gsub("%s*,%s*", ", ")) or ""
  return ("%s %s%s%s"):format(tostring(object.kind), namespace, tostring(metadata.name), hook)
end

--- Turns lists of named items into maps, so that an inserted item is one line in the diff.
---@param value any
---@return any copy
function M.by_name(value)
  if type(value) ~= "table" or value == json.null then return value end
  local named, copy = #value > 0, {}
  for _, item in ipairs(value) do
    named = named and type(item) == "table" and type(item.name) == "string" and copy[item.name] == nil
    if named then copy[item.name] = true end
  end
  copy = {}
  for key, item in pairs(value) do
    if named then
      local rest = M.by_name(item)
      copy[item.name], rest.name = rest, nil
    else
      copy[key] = M.by_name(item)
    end
  end
  if not named and json.is_array(value) then json.array(copy) end
  return copy
end

local HIDDEN = { "passw", "secret", "token", "key", "credential" }

--- Masks the value in a line of a diff if its name looks like a secret: older charts put secrets into plain environment
--- variables.
---@param line string
---@return string
function M.mask(line)
  local path = line:match("^[-+~] ([^:]+): ")
  local lower = path and path:lower()
  for _, word in ipairs(lower and HIDDEN or {}) do
    if lower:find(word, 1, true) and not lower:find("ref%.") then return line:sub(1, 2) .. path .. ": (hidden)" end
  end
  return line
end

local function index(objects)
  local found, order = {}, {}
  for _, object in ipairs(objects or {}) do
    local id = M.name(object)
    found[id], order[#order + 1] = object, id
  end
  return found, order
end

--- What changes from some objects to others, object by object.
---@param before table[]?
---@param after table[]?
---@return string[] lines
function M.diff(before, after)
  local old, old_order = index(before)
  local new, new_order = index(after)
  local lines = {}
  for _, id in ipairs(new_order) do
    if not old[id] then
      lines[#lines + 1] = "+ " .. id
    else
      local changes = diff.lines(M.by_name(old[id]), M.by_name(new[id]))
      if #changes > 0 then lines[#lines + 1] = "~ " .. id end
      for _, line in ipairs(changes) do
        lines[#lines + 1] = "    " .. M.mask(line)
      end
    end
  end
  for _, id in ipairs(old_order) do
    if not new[id] then lines[#lines + 1] = "- " .. id end
  end
  return lines
end

return M
