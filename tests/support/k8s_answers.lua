-- An answer of Kubernetes as a text that two servers can agree on: values that differ from server to server and from
-- time to time are replaced by their names.

local json = require "o2x.base.json"

local M = {}

local NAMED <const> = {
  uid = "UID",
  resourceVersion = "VERSION",
  creationTimestamp = "TIME",
  deletionTimestamp = "TIME",
  lastTransitionTime = "TIME",
  lastUpdateTime = "TIME",
  lastProbeTime = "TIME",
  lastHeartbeatTime = "TIME",
  startTime = "TIME",
  startedAt = "TIME",
  finishedAt = "TIME",
  completionTime = "TIME",
  expirationTimestamp = "TIME",
  time = "TIME",
  continue = "TOKEN",
  token = "TOKEN",
  nodePort = "PORT",
  clusterIP = "ADDRESS",
  podIP = "ADDRESS",
  hostIP = "ADDRESS",
}

local IN_TEXTS <const> = {
  { "%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x", "UID" },
  { "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%.%d]*Z", "TIME" },
  { "%f[%d]%d+%.%d+%.%d+%.%d+%f[^%d]", "ADDRESS" },
  { "(too old resource version: )%d+ %(%d+%)", "%1N (N)" },
  -- The words of Go's parser are its own.
  { "(continue key is not valid: ).*", "%1WORDS" },
  { "(Too large resource version: %d+, current: )%d+", "%1N" },
  { "(json parse error: ).*", "%1WORDS" },
  { "(error decoding patch: ).*", "%1WORDS" },
  { "(error decoding YAML: ).*", "%1WORDS" },
  -- What a claim's change is, as Go prints it.
  { "(for bound claims)\n@@.*", "%1" },
  { '(patch: Invalid value: )".*(": )', "%1OBJECT%2" },
  { '^(Invalid value: )"{\\".*(": )', "%1OBJECT%2" },
  { "(in the precondition %()%d+(%) does not match the ResourceVersion in record %()%d+", "%1N%2N" },
  -- The simulator's hash of a template is another one.
  { '(ReplicaSet "%a+%-)%w+"', '%1HASH"' },
  { "(answers%-generated%-)%w%w%w%w%w", "%1RANDOM" },
}

local function text_of(text)
  for _, each in ipairs(IN_TEXTS) do
    text = text:gsub(each[1], each[2])
  end
  return text
end

-- Who manages which fields, without the controllers: they write when they come to it.
local function by_writer(list)
  local result = {}
  for _, entry in ipairs(list) do
    if not entry.manager:find "^kube%-" then
      local name = table.concat({ entry.manager, entry.operation, entry.apiVersion, entry.subresource }, " ")
      result[name] = entry.fieldsV1
    end
  end
  return next(result) and result or nil
end

-- What controllers have not come to yet differs from time to time.
local function without_status(object)
  local spec = type(object.spec) == "table" and object.spec or {}
  if not (spec.template and spec.selector and object.metadata) then return object end
  local copy, meta = {}, {}
  for name, item in pairs(object) do
    if name ~= "status" then copy[name] = item end
  end
  for name, item in pairs(object.metadata) do
    if name ~= "annotations" then meta[name] = item end
  end
  copy.metadata = meta
  return copy
end

-- The texts that explain a table's columns are not copied.
local function undescribed(columns)
  local list = json.array {}
  for i, column in ipairs(columns) do
    list[i] = {}
    for name, item in pairs(column) do
      list[i][name] = name ~= "description" and item or nil
    end
  end
  return list
end

local function plain(value, name, cell)
  if name == "columnDefinitions" and type(value) == "table" then value = undescribed(value) end
  if name == "managedFields" then return by_writer(value) end
  if type(value) == "string" then
    if cell and value:match "^%d+[smhd]$" then return "AGE" end
    if value == "None" or value == "" or value == "0" then return value end
    return NAMED[name] or text_of(value)
  end
  if type(value) ~= "table" then return NAMED[name] or value end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = plain(item, key, name == "cells")
  end
  return json.is_array(value) and json.array(copy) or copy
end

local function of_json(text, settled)
  local ok, decoded = pcall(json.decode, text)
  if not ok or type(decoded) ~= "table" then return nil end
  return json.pretty(plain(settled and decoded or without_status(decoded)))
end

--- A body: JSON, events of a watch (JSON lines), or a text.
---@param body string
---@param settled boolean? the controllers have done what they do
---@return string
function M.body(body, settled)
  local whole = of_json(body, settled)
  if whole then return whole end
  local events = {}
  for line in body:gmatch "[^\n]+" do
    local event = of_json(line) or text_of(line)
    -- How many bookmarks come near the end of a watch depends on the moment.
    if event ~= events[#events] or not event:find('"BOOKMARK"', 1, true) then events[#events + 1] = event end
  end
  return table.concat(events, "\n")
end

--- An answer: status, the headers that matter, body.
---@param response http.response
---@param settled boolean? the controllers have done what they do
---@return string
function M.text(response, settled)
  local lines = { tostring(response.status) }
  for _, name in ipairs { "Content-Type", "Warning", "Retry-After", "Allow" } do
    local text = response.headers[name:lower()]
    if text then lines[#lines + 1] = name .. ": " .. text end
  end
  lines[#lines + 1] = M.body(response.body, settled)
  return table.concat(lines, "\n")
end

return M
