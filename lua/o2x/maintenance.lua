--- Which tenants are in maintenance: the notes that the runbook of that name leaves in the cluster, for lists of
--- tenants.

local clients = require "o2x.clients"
local clock = require "o2x.clock"
local json = require "o2x.json"

local M = {}

local KEY <const> = "o2x.io/maintenance" -- as in stdlib/maintenance/note.lua

local function note_of(object)
  local ok, note = pcall(json.decode, (object.metadata.annotations or {})[KEY] or "")
  if not ok or type(note) ~= "table" or type(note.tenant) ~= "string" then return nil end
  local known, over = pcall(clock.parse, note["until"])
  note.lapsed = known and over <= clock.now()
  return note
end

--- The notes of all tenants in maintenance, by tenant: since, until, by, run, lapsed.
---@param config table
---@return table<string, table>
function M.all(config)
  local client, close = clients.new(config, {}, {})
  local _ <close> = setmetatable({}, { __close = close })
  local found = {}
  for _, object in ipairs(client("k8s"):list("ConfigMap", { selector = KEY .. "=on" })) do
    local note = note_of(object)
    if note then found[note.tenant] = note end
  end
  return found
end

--- A note in a few words, for a column: "since 07:44, until 08:44", "SHOULD HAVE ENDED 08:44"; "" without one.
---@param note table?
---@return string
function M.words(note)
  if not note then return "" end
  local function minute(time) return (tostring(time):match("T(%d%d:%d%d)")) or "?" end
  if note.lapsed then return "maintenance, SHOULD HAVE ENDED " .. tostring(note["until"]) end
  return ("maintenance since %s until %s by %s"):format(minute(note.since), minute(note["until"]), tostring(note.by))
end

return M
