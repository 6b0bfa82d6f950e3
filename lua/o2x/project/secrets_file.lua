--- Parses the YAML of a secrets file. Each value becomes a secret of the text as it is written, without passing through
--- a Lua string; keys are plain. So 0042 stays 0042, and a password that looks like a number needs no quotes.

local core = require "o2x.core.yaml"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

local M = {}

local function fail(state, event, message)
  errors.input(message, nil, ("%s:%d:%d"):format(state.where, event.line, event.column))
end

-- The next event. A scalar is a secret with this label, or a plain text if there is none: a key.
local function next_event(state, label)
  local kind, first, last, line, column, text, _, anchor = state.parser:next(label)
  if not kind then
    local place, message = first:match "^(%d+:%d+): (.*)"
    errors.raise { kind = "input", code = last, message = message, where = ("%s:%s"):format(state.where, place) }
  end
  local event = { kind = kind, line = line, column = column, text = text }
  if kind == "alias" or anchor then fail(state, event, "anchors and aliases are not allowed here") end
  return event
end

local value

local function map(state, place)
  local result = {}
  while true do
    local key = next_event(state)
    if key.kind == "mapping_end" then return result end
    if key.kind ~= "scalar" then fail(state, key, "a key must be a plain word") end
    if result[key.text] ~= nil then fail(state, key, ("the key %q stands twice in one map"):format(key.text)) end
    local below = place == "" and key.text or ("%s/%s"):format(place, key.text)
    result[key.text] = value(state, next_event(state, below), below)
  end
end

local function list(state, place)
  local result = json.array {}
  while true do
    local below = ("%s/%d"):format(place, #result + 1)
    local event = next_event(state, below)
    if event.kind == "sequence_end" then return result end
    result[#result + 1] = value(state, event, below)
  end
end

function value(state, event, place)
  if event.kind == "mapping" then return map(state, place) end
  if event.kind == "sequence" then return list(state, place) end
  return event.text
end

--- Parses a secrets file.
---@param text userdata a secret: YAML, one document, a map
---@param where string what the text is from, for messages
---@return table secrets nested as in the file; leaves are secrets or json.null
function M.parse(text, where)
  local parser, message = core.parser(text)
  if not parser then errors.input(message:gsub("^%d+:%d+: ", ""), nil, where) end
  local held <close> = parser
  local state = { parser = held, where = where }
  next_event(state, "file")
  local event = next_event(state, "file")
  if event.kind == "stream_end" then return {} end
  event = next_event(state, "file")
  if event.kind == "scalar" and event.text == json.null then return {} end
  if event.kind ~= "mapping" then errors.input("expected a map of secrets", nil, where) end
  local secrets = map(state, "")
  next_event(state, "file") -- the end of the document
  if next_event(state, "file").kind ~= "stream_end" then errors.input("more than one YAML document", nil, where) end
  secret.wipe(text)
  return secrets
end

return M
