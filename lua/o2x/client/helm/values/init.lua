---Helm values files: read as Helm reads them, edited by path, with every other line left byte for byte unchanged.
---
---After each edit the new text is parsed again; if anything but the intended value differs, the edit is an error.

local edit = require "o2x.client.helm.values.edit"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local names = require "o2x.client.helm.values.names"
local ordered = require "o2x.base.ordered"
local path_of = require "o2x.client.helm.values.path"
local read = require "o2x.client.helm.values.read"
local yaml = require "o2x.base.yaml"

local M = {}

local Doc = {}
Doc.__index = Doc
Doc.__name = "o2x.helm_values.doc"
Doc.__metatable = "locked"

local function fail(doc, message, node)
  errors.raise {
    kind = "input",
    module = "helm_values",
    message = message,
    where = doc.source .. (node and ":" .. node.line or ""),
  }
end

local function load(doc, text)
  local root = read.node(text, doc.source)
  return { text = text, root = root, value = read.value(root, doc.source) }
end

---Parses a values file.
---@param text string
---@param filename string? for messages
---@return table doc
function M.parse(text, filename)
  local doc = { source = filename or "values" }
  doc.state = load(doc, text)
  return setmetatable(doc, Doc)
end

---The text with all edits.
---@return string
function Doc:text() return self.state.text end

-- ---- values by path ----

local function step(value, part)
  if type(value) ~= "table" or (part.key == nil) ~= json.is_array(value) then return nil end
  if part.key then return value[part.key] end
  local i = path_of.index(part, value)
  if i then return value[i] end
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = json.is_array(value) and json.array {} or ordered.mark({}, ordered.keys(value))
  for key, item in next, value do
    out[key] = copy(item)
  end
  return out
end

local function lookup(value, parts)
  for _, part in ipairs(parts) do
    value = step(value, part)
    if value == nil then return nil end
  end
  return value
end

---The value at a path, with aliases and merge keys resolved; nil if it is missing, `json.null` for null. Tables are
---copies.
---@param path string
---@return any
function Doc:get(path) return copy(lookup(self.state.value, path_of.parse(path))) end

local function named(list)
  local seen = {}
  for _, item in ipairs(list) do
    local name = type(item) == "table" and item.name
    if type(name) ~= "string" or seen[name] then return false end
    seen[name] = true
  end
  return true
end

local function collect(paths, value, path)
  if type(value) ~= "table" or next(value) == nil then
    paths[#paths + 1] = path
  elseif json.is_array(value) then
    local by_name = named(value)
    for i, item in ipairs(value) do
      local part = by_name and ("[name=%s]"):format(path_of.escape(item.name)) or ("[%d]"):format(i - 1)
      collect(paths, item, path .. part)
    end
  else
    for _, key in ipairs(ordered.keys(value)) do
      collect(paths, value[key], (path == "" and "" or path .. ".") .. path_of.escape(key))
    end
  end
end

---The paths of all values in the order of the text; elements of a list of named items by name.
---@return string[]
function Doc:paths()
  local paths = {}
  if self.state.value ~= json.null then collect(paths, self.state.value, "") end
  return paths
end

-- ---- places in the text ----

local function find_entry(doc, node, key)
  for i, entry in ipairs(node.entries) do
    if not yaml.is_merge(entry.key) and yaml.key(entry.key, doc.source) == key then return entry, i end
  end
end

local function child(doc, place, part, value)
  local node = place.node
  local flow = place.flow or node.style == "flow"
  if part.key and node.kind == "mapping" then
    local entry, i = find_entry(doc, node, part.key)
    return entry and { node = entry.value, entry = entry, index = i, flow = flow }
  elseif not part.key and node.kind == "sequence" then
    local i = path_of.index(part, value)
    return i and { node = node.items[i], list = node, index = i, flow = flow }
  end
end

-- Follows a path as far as it exists. -> the places from the root on, the number of parts found
local function locate(doc, parts)
  local place, value = { node = doc.state.root, flow = false }, doc.state.value
  local places = { place }
  for i, part in ipairs(parts) do
    local below = place.node and child(doc, place, part, value)
    if not below then return places, i - 1 end
    place, value = below, lookup(value, { part })
    places[#places + 1] = place
  end
  return places, #parts
end

-- ---- changes ----

local function adopt(doc, text, expected, path, node)
  local ok, state = pcall(load, doc, text)
  if not ok or json.encode(state.value) ~= json.encode(expected) then
    fail(doc, path .. " cannot be edited without changing other values (anchor, merge key or unusual layout)", node)
  end
  doc.state = state
end

-- The value to insert at part `from`, so that the rest of the path leads to `v`.
local function wrap(doc, parts, from, v, path)
  for i = #parts, from, -1 do
    local part = parts[i]
    if part.key then
      v = { [part.key] = v }
    elseif part.index then
      if part.index ~= 1 then fail(doc, ("%s: no element [%d]"):format(path, part.index - 1)) end
      v = json.array { v }
    else
      if type(v) ~= "table" or json.is_array(v) then
        fail(doc, ("%s: the element [%s=%s] must be a mapping"):format(path, part.name, part.value))
      end
      v[part.name] = part.value
      v = json.array { ordered.mark(v, { part.name }) }
    end
  end
  return v
end

local function assign(value, parts, v)
  local target = value
  for i = 1, #parts - 1 do
    target = lookup(target, { parts[i] })
  end
  local last = parts[#parts]
  target[last.key or path_of.index(last, target)] = v
end

local function is_empty(node)
  return node.kind == "scalar" and node.style == "plain" and yaml.value(node, "") == json.null
    or node.kind == "mapping" and #node.entries == 0
    or node.kind == "sequence" and #node.items == 0
end

local function set_root(doc, v, path)
  local text = doc.state.text
  local root = doc.state.root
  if root and (root.kind ~= "scalar" or root.text ~= "") then
    adopt(doc, edit.put(text, { node = root }, v), v, path, root)
  else
    if text ~= "" and text:sub(-1) ~= "\n" then text = text .. "\n" end
    adopt(doc, text .. yaml.encode(v), v, path, root)
  end
end

local function add(doc, places, parts, found, v, path)
  local place, part = places[#places], parts[found + 1]
  local node = place.node
  local expected = copy(doc.state.value)
  local target = expected
  for i = 1, found do
    target = lookup(target, { parts[i] })
  end
  if node.kind == "mapping" and part.key then
    local inner = wrap(doc, parts, found + 2, v, path)
    target[part.key] = inner
    return adopt(doc, edit.add_entry(doc.state.text, node, part.key, inner), expected, path, node)
  elseif node.kind == "sequence" and not part.key then
    if part.index and part.index ~= #node.items + 1 then
      fail(doc, ("%s: no element [%d]"):format(path, part.index - 1), node)
    end
    local item = wrap(doc, { part.index and { index = 1 } or part, table.unpack(parts, found + 2) }, 1, v, path)[1]
    target[#target + 1] = item
    return adopt(doc, edit.add_item(doc.state.text, node, item), expected, path, node)
  end
  local what = node.kind == "alias" and "an alias" or "a value that is not a table"
  fail(doc, ("%s: the path goes through %s"):format(path, what), node)
end

---Sets the value at a path and creates missing parents. A string keeps the quoting style of the old value. A new key is
---inserted alphabetically if its neighbours are sorted, else at the end.
---@param path string
---@param v any
---@return table doc
function Doc:set(path, v)
  local parts = path_of.parse(path)
  if v == nil then fail(self, path .. ": cannot set nil; use json.null for null, remove() to remove the key") end
  v = copy(v)
  local places, found = locate(self, parts)
  local place = places[#places]
  if not place.node or (found == 0 and is_empty(place.node)) then
    set_root(self, wrap(self, parts, 1, v, path), path)
  elseif found == #parts or is_empty(place.node) then
    local inner = wrap(self, parts, found + 1, v, path)
    if found == #parts and json.encode(lookup(self.state.value, parts)) == json.encode(inner) then return self end
    if place.node.kind == "alias" then fail(self, path .. " is an alias; edit the anchor it refers to", place.node) end
    local expected = copy(self.state.value)
    assign(expected, { table.unpack(parts, 1, found) }, inner)
    adopt(self, edit.put(self.state.text, place, inner), expected, path, place.node)
  else
    add(self, places, parts, found, v, path)
  end
  return self
end

---Removes the value at a path. Comments above it stay.
---@param path string
---@return boolean removed false when it was not there
function Doc:remove(path)
  local parts = path_of.parse(path)
  local places, found = locate(self, parts)
  if found < #parts then return false end
  local parent, place = places[#places - 1], places[#places]
  local expected = copy(self.state.value)
  local target = lookup(expected, { table.unpack(parts, 1, #parts - 1) })
  if place.list then
    table.remove(target, place.index)
  else
    target[parts[#parts].key] = nil
  end
  local text, node = self.state.text, parent.node
  if node.style == "flow" then
    text = edit.put(text, { node = node, flow = true }, target)
  elseif #(node.entries or node.items) == 1 then
    text = edit.put(text, parent, target)
  else
    text = (place.list and edit.remove_item or edit.remove_entry)(text, node, place.index)
  end
  adopt(self, text, expected, path, place.node)
  return true
end

local function merge(doc, prefix, v)
  local current = prefix ~= "" and lookup(doc.state.value, path_of.parse(prefix)) or doc.state.value
  if json.is_array(v) or (#v > 0) then
    if not (json.is_array(current) and #current > 0 and named(current) and named(v)) then return doc:set(prefix, v) end
    for _, item in ipairs(v) do
      merge(doc, ("%s[name=%s]"):format(prefix, path_of.escape(item.name)), item)
    end
    return
  end
  for _, key in ipairs(ordered.keys(v)) do
    local path, item = (prefix == "" and "" or prefix .. ".") .. path_of.escape(key), v[key]
    local filled = type(item) == "table" and next(item) ~= nil
    if item == json.null then
      doc:remove(path)
    elseif filled and type(lookup(doc.state.value, path_of.parse(path))) == "table" then
      merge(doc, path, item)
    else
      doc:set(path, item)
    end
  end
end

---Sets all values of a table. Tables are merged, lists of named things by their names, other lists replaced; null
---removes, as in Helm.
---@param values table
---@return table doc
function Doc:merge(values)
  merge(self, "", values)
  return self
end

-- ---- another tenant's file ----

local function each_value(node, path, flow, visit)
  if node.kind == "scalar" then
    visit(node, path, flow)
  elseif node.kind == "sequence" then
    for i, item in ipairs(node.items) do
      each_value(item, ("%s[%d]"):format(path, i - 1), flow or node.style == "flow", visit)
    end
  elseif node.kind == "mapping" then
    for _, entry in ipairs(node.entries) do
      local key = path_of.escape(entry.key.text or "*" .. tostring(entry.key.anchor))
      each_value(entry.value, path == "" and key or path .. "." .. key, flow or node.style == "flow", visit)
    end
  end
end

local function map_strings(value, change)
  if type(value) == "string" then return change(value) end
  if type(value) ~= "table" then return value end
  local out = json.is_array(value) and json.array {} or {}
  for key, item in next, value do
    out[key] = map_strings(item, change)
  end
  return out
end

-- The remaining occurrences of the old names and whether each is in a value, a key or a comment.
local function leftovers(doc, candidates)
  local inside, text, list = {}, doc.state.text, {}
  each_value(doc.state.root, "", false, function(node)
    local block = node.style == "literal" or node.style == "folded" -- its first line may hold a comment
    inside[#inside + 1] = { block and text:find("\n", node.first, true) or node.first, node.last }
  end)
  for _, at in ipairs(names.mentions(text, candidates)) do
    local line_first = at
    while line_first > 1 and text:sub(line_first - 1, line_first - 1) ~= "\n" do
      line_first = line_first - 1
    end
    local before = text:sub(line_first, at - 1)
    local where = (before:find "^%s*#" or before:find "%s#") and "comment" or "key"
    for _, range in ipairs(inside) do
      if at >= range[1] and at <= range[2] then where = "value" end
    end
    local _, line = text:sub(1, at):gsub("\n", "")
    list[#list + 1] = { line = line + 1, where = where, text = text:match("[^\r\n]*", line_first):match "^%s*(.-)%s*$" }
  end
  return list
end

---Adapts another tenant's file: replaces names in values where they are whole names (`urbanos` in
---`http://urbanos-tax-gateway` and `coredb-urbanos`). Keys and comments do not change.
---@param pairs_list { [1]: string, [2]: string }[] old and new names; the longest is tried first
---@param options { keep: string[]? }? keep: names that stay though an old one stands in them (`urbanos-sbx`)
---@return table report replaced: { path, line, before, after }[]; left: { line, where, text }[], where a "value", "key"
---  or "comment" still names an old one
function Doc:replace_tenant(pairs_list, options)
  local candidates = names.candidates(pairs_list, options and options.keep)
  local function change(text) return names.replace(text, candidates) end
  local replaced, edits = {}, {}
  if not self.state.root then return { replaced = replaced, left = {} } end
  each_value(self.state.root, "", false, function(node, path, flow)
    local is_string = type(yaml.value(node, self.source)) == "string"
    local after = is_string and change(node.text) or node.text
    if after == node.text then return end
    replaced[#replaced + 1] = { path = path, line = node.line, before = node.text, after = after }
    table.insert(edits, 1, { node = node, flow = flow }) -- from the end, so that places stay right
  end)
  local text = self.state.text
  for _, e in ipairs(edits) do
    text = edit.rewrite(text, e.node, change, e.flow)
  end
  adopt(self, text, map_strings(self.state.value, change), "the tenant's name")
  return { replaced = replaced, left = leftovers(self, candidates) }
end

---A values file from a table: keys in the table's order if it has one (`yaml.ordered`), else sorted.
---@param values table
---@return string
function M.render(values) return yaml.encode(values) end

return M
