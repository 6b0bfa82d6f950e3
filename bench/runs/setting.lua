-- Run stores, as they are after a long time: written as files, because so many runs would take hours.

local core = require "o2x.core.fs"
local frame = require "o2x.core.frame"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"

local M = {}

local AT <const> = "2026-02-10T12:00:00.000Z"

local function write(path, records)
  local file <close> = assert(io.open(path, "wb"))
  local line, previous = "", ("0"):rep(16)
  for n, record in ipairs(records) do
    file:write(line)
    line, previous = frame.seal(n - 1, previous, json.encode(record))
  end
  file:write(line)
end

local function begin(id, tenant)
  return {
    t = "begin",
    format = 2,
    id = id,
    o2x = "1.0.0",
    runbook = { name = "build", version = "1.0.0", path = "runbooks/build.lua" },
    library = { ["runbooks/build.lua"] = ("a"):rep(64) },
    inputs = {},
    tenant = tenant,
    params = { size = "large" },
    seed = 1,
    root = "/srv/platform",
    at = AT,
    pid = 1,
    user = "ann",
    host = "box",
  }
end

-- The records of an effect that wrote something, within a step of its own; `value` is what it wrote.
local function effect(records, n, value)
  local path, id = "Build/" .. n, ("%032x"):format(n)
  for _, record in ipairs {
    { t = "step", path = path, at = AT },
    {
      t = "intent",
      path = path,
      kind = "thing",
      key = "thing-" .. n,
      effect = id,
      slot = id,
      class = "idempotent",
      target = "thing-" .. n,
      desired = value,
      at = AT,
    },
    { t = "result", path = path, effect = id, outcome = "created", after = value, seconds = 0.01, at = AT },
    { t = "done", path = path, seconds = 0.01, at = AT },
  } do
    records[#records + 1] = record
  end
end

--- A store with so many finished runs of some effects.
---@param folder string that is created
---@param runs integer
function M.store(folder, runs)
  fs.mkdir(folder, tonumber("700", 8))
  for i = 1, runs do
    local id = ("R-20260210-%06d-%04x"):format(i // 65536, i % 65536)
    local records = { begin(id, "tenant-" .. i % 500) }
    effect(records, 1, { owner = "alpha" })
    records[#records + 1] = { t = "end", status = "done", at = AT }
    assert(core.mkdir(fs.join(folder, id), tonumber("700", 8)))
    write(fs.join(folder, id, "journal"), records)
  end
end

--- The journal of one run with so many effects, each with values of that many bytes.
---@param path string
---@param effects integer
---@param bytes integer
---@return integer records
function M.journal(path, effects, bytes)
  local records = { begin("R-20260210-000000-0001", "alpha") }
  for n = 1, effects do
    effect(records, n, ("x"):rep(bytes))
  end
  write(path, records)
  return #records
end

return M
