---Helm values files: read as Helm reads them, edited by path, with every other line left byte for byte unchanged.
---
---After each edit the new text is parsed again; if anything but the intended value differs, the edit is an error. Of a
---scalar that is put in the place of another one, only its line is (host/yaml_change.c says when that is enough).

local compose = require "o2x.base.yaml.compose"
local edit = require "o2x.client.helm.values.edit"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local names = require "o2x.client.helm.values.names"
local ordered = require "o2x.base.ordered"
local path_of = require "o2x.client.helm.values.path"
local read = require "o2x.client.helm.values.read"
local scalar = require "o2x.base.yaml.scalar"
local yaml = require "o2x.base.yaml"

local M = {}

local Doc = {}
Doc.__index = Doc
Doc.__name = "o2x.helm_values.doc"
Doc.__metatable = "locked"

-- The node, if there is one, is a number.
local function fail(doc, message, node)
  local line = node and (":%d"):format(doc.state.tree:nodes(node).line) or ""
  errors.raise { kind = "input", module = "helm_values", message = message, where = doc.source .. line }
end

-- Of most files it is plain to see that their values are right; these are made when somebody asks for them. `simple`
-- says so, and that each value has its place in the tree.
local function load(doc, text)
  local tree, root = read.tree(text, doc.source)
  local state = { text = text, tree = tree, root = root }
  state.simple = root and tree:form(root) == "mapping" and tree:simple(scalar.WORDS)
  if not state.simple then state.value = read.value(tree, root, doc.source) end
  return state
end

local function value_of(doc)
  local state = doc.state
  if state.value == nil then state.value = read.value(state.tree, state.root, doc.source) end
  return state.value
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
  local value = value_of(self)
  if value ~= json.null then collect(paths, value, "") end
  return paths
end

-- ---- places in the text ----

-- The number of the item that a part of a path means, or nil.
local function index_of(doc, place, part)
  if part.index then return part.index end
  if doc.state.simple then return doc.state.tree:holding(place.node, part.name, part.value, scalar.WORDS) end
  local list = json.is_array(place.value) and place.value
  return list and path_of.index(part, list)
end

-- A place is a node (its number); name and key: of an entry, its key and the node of the key; list: whether it is an
-- item; index: its number among its siblings; flow: whether it is within brackets; value: where the tree is not simple.
local function child(doc, place, part)
  local tree = doc.state.tree
  local _kind, style = tree:form(place.node)
  local below = { name = part.key, list = not part.key, flow = place.flow or style == "flow" }
  if part.key then
    below.node, below.key, below.index = tree:entry(place.node, part.key, scalar.WORDS)
  else
    below.index = index_of(doc, place, part)
    below.node = below.index and tree:item(place.node, below.index)
  end
  if not below.node then return nil end
  if place.value then below.value = place.value[part.key or below.index] end
  return below
end

-- Follows a path as far as it exists. -> the places from the root on, the number of parts found
local function locate(doc, parts)
  local state = doc.state
  local place = { node = state.root, value = not state.simple and state.value or nil, flow = false }
  local places = { place }
  for i, part in ipairs(parts) do
    place = place.node and child(doc, place, part)
    if not place then return places, i - 1 end
    places[i + 1] = place
  end
  return places, #parts
end

local function value_at(doc, place)
  if place.value ~= nil then return place.value end
  return compose.value(doc.state.tree, place.node, doc.source, nil, ordered.all)
end

-- A place as edit takes it, with tables for its nodes.
local function detailed(doc, place)
  local tree = doc.state.tree
  local node = tree:nodes(place.node)
  local entry = place.key and { key = tree:nodes(place.key), value = node }
  return { node = node, entry = entry, list = place.list, flow = place.flow }
end

---The value at a path, with aliases and merge keys resolved; nil if it is missing, `json.null` for null. Tables are
---copies.
---@param path string
---@return any
function Doc:get(path)
  local parts = path_of.parse(path)
  if not self.state.simple then return copy(lookup(self.state.value, parts)) end
  local places, found = locate(self, parts)
  if found == #parts then return value_at(self, places[#places]) end
end

-- ---- changes ----

local function adopt(doc, text, expected, path, node)
  local ok, state = pcall(load, doc, text)
  if ok and state.value == nil then state.value = read.value(state.tree, state.root, doc.source) end
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

local function is_empty(doc, place)
  local kind, style, count = doc.state.tree:form(place.node)
  if kind == "scalar" then return style == "plain" and value_at(doc, place) == json.null end
  return kind ~= "alias" and count == 0
end

local function set_root(doc, v, path)
  local text, root = doc.state.text, doc.state.root
  local node = root and doc.state.tree:nodes(root)
  if node and (node.kind ~= "scalar" or node.text ~= "") then
    adopt(doc, edit.put(text, { node = node }, v), v, path, root)
  else
    if text ~= "" and text:sub(-1) ~= "\n" then text = text .. "\n" end
    adopt(doc, text .. yaml.encode(v), v, path, root)
  end
end

local function add(doc, place, parts, found, v, path)
  local part = parts[found + 1]
  local node = doc.state.tree:nodes(place.node)
  local expected = copy(value_of(doc))
  local target = lookup(expected, { table.unpack(parts, 1, found) })
  if node.kind == "mapping" and part.key then
    if found + 1 < #parts and target[part.key] ~= nil then
      fail(doc, ("%s: the path goes through what a merge key brings"):format(path), place.node)
    end
    local inner = wrap(doc, parts, found + 2, v, path)
    target[part.key] = inner
    return adopt(doc, edit.add_entry(doc.state.text, node, part.key, inner), expected, path, place.node)
  elseif node.kind == "sequence" and not part.key then
    if part.index and part.index ~= #node.items + 1 then
      fail(doc, ("%s: no element [%d]"):format(path, part.index - 1), place.node)
    end
    local item = wrap(doc, { part.index and { index = 1 } or part, table.unpack(parts, found + 2) }, 1, v, path)[1]
    target[#target + 1] = item
    return adopt(doc, edit.add_item(doc.state.text, node, item), expected, path, place.node)
  end
  local what = node.kind == "alias" and "an alias" or "a value that is not a table"
  fail(doc, ("%s: the path goes through %s"):format(path, what), place.node)
end

-- Is a value the same in the file as another one? A whole float is written as an integer.
local function same(a, b)
  if type(b) == "string" or type(b) == "number" or type(b) == "boolean" then return a == b end
  return json.encode(a) == json.encode(b)
end

-- Puts a scalar in the place of another one, if that can change nothing else. -> whether it was done
local function replace(doc, place, parts, v)
  local state = doc.state
  if place.flow or type(v) == "table" or not state.simple then return false end
  local kind, style = state.tree:form(place.node)
  if kind ~= "scalar" then return false end
  local written = edit.styled(v, style, "")
  local text, value = state.tree:replace(state.text, place.node, written, v, scalar.WORDS)
  if not text then return false end
  state.text = text
  if state.value then assign(state.value, parts, value) end
  return true
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
  if not place.node or (found == 0 and is_empty(self, place)) then
    set_root(self, wrap(self, parts, 1, v, path), path)
  elseif found == #parts or is_empty(self, place) then
    local inner = wrap(self, parts, found + 1, v, path)
    if found == #parts and (same(value_at(self, place), inner) or replace(self, place, parts, inner)) then
      return self
    end
    local detail = detailed(self, place)
    if detail.node.kind == "alias" then fail(self, path .. " is an alias; edit the anchor it refers to", place.node) end
    local expected = copy(value_of(self))
    assign(expected, { table.unpack(parts, 1, found) }, inner)
    adopt(self, edit.put(self.state.text, detail, inner), expected, path, place.node)
  else
    add(self, place, parts, found, v, path)
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
  local expected = copy(value_of(self))
  local target = lookup(expected, { table.unpack(parts, 1, #parts - 1) })
  if place.list then
    table.remove(target, place.index)
  else
    target[parts[#parts].key] = nil
  end
  local text, detail = self.state.text, detailed(self, parent)
  local node = detail.node
  if node.style == "flow" then
    text = edit.put(text, { node = node, flow = true }, target)
  elseif #(node.entries or node.items) == 1 then
    text = edit.put(text, detail, target)
  else
    text = (place.list and edit.remove_item or edit.remove_entry)(text, node, place.index)
  end
  adopt(self, text, expected, path, place.node)
  return true
end

local function merge(doc, prefix, v)
  local current = prefix ~= "" and lookup(value_of(doc), path_of.parse(prefix)) or value_of(doc)
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
    elseif filled and type(lookup(value_of(doc), path_of.parse(path))) == "table" then
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
  each_value(doc.state.tree:nodes(doc.state.root), "", false, function(node)
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
  each_value(self.state.tree:nodes(self.state.root), "", false, function(node, path, flow)
    local is_string = type(compose.value(self.state.tree, node.number, self.source)) == "string"
    local after = is_string and change(node.text) or node.text
    if after == node.text then return end
    replaced[#replaced + 1] = { path = path, line = node.line, before = node.text, after = after }
    table.insert(edits, 1, { node = node, flow = flow }) -- from the end, so that places stay right
  end)
  local text = self.state.text
  for _, e in ipairs(edits) do
    text = edit.rewrite(text, e.node, change, e.flow)
  end
  adopt(self, text, map_strings(value_of(self), change), "the tenant's name")
  return { replaced = replaced, left = leftovers(self, candidates) }
end

---A values file from a table: keys in the table's order if it has one (`yaml.ordered`), else sorted.
---@param values table
---@return string
function M.render(values) return yaml.encode(values) end

return M
