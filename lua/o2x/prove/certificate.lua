--- A certificate: what was proved, named by hashes, so that anybody can tell whether it still is what would run.

local config = require "o2x.project.config"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local program = require "o2x.core.program"
local project = require "o2x.project.project"
local runbooks = require "o2x.script.runbook"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = { FORMAT = 1 }

local FINDINGS <const> = 2 -- exit code

-- One hash of a file, or of all files of a folder with their names.
local function hash_of(path)
  if not fs.exists(path) then return nil end
  if not fs.is_folder(path) then return crypto.sha256(fs.read(path)) end
  local parts = {}
  for _, name in ipairs(fs.list(path)) do
    parts[#parts + 1] = name .. " " .. (hash_of(fs.join(path, name)) or "")
  end
  return crypto.sha256(table.concat(parts, "\n"))
end

-- Every chart below a folder: a folder with a Chart.yaml.
local function charts_of(folder, found)
  for _, name in ipairs(fs.list(folder)) do
    local path = fs.join(folder, name)
    if name == "Chart.yaml" then found[#found + 1] = folder end
    if fs.is_folder(path) then charts_of(path, found) end
  end
  return found
end

local function hash_of_charts(platform)
  local parts = {}
  for _, folder in ipairs(charts_of(platform, {})) do
    parts[#parts + 1] = hash_of(folder)
  end
  return crypto.sha256(table.concat(parts, "\n"))
end

-- What decides what a run does, but for the systems and the tenant.
local function hashes(words)
  local found = project.find()
  local platform = config.load(found, {}).platform
  return {
    o2x = program.version,
    runbook = hash_of(runbooks.find(found, words[1], words[2])),
    stdlib = hash_of(fs.join(found.root, "stdlib")),
    charts = platform and fs.is_folder(platform) and hash_of_charts(platform) or nil,
  }
end

--- Writes one.
---@param path string
---@param data { words: string[], counts: table, failures: table[], cases: integer, all: integer }
function M.write(path, data)
  fs.write(
    path,
    json.pretty {
      format = M.FORMAT,
      command = data.words,
      hashes = hashes(data.words),
      counts = data.counts,
      cases = data.cases,
      all_cases = data.all,
      failures = data.failures,
      at = os.date "!%Y-%m-%dT%H:%M:%SZ",
    }
  )
end

local FIELDS <const> = {
  command = "table",
  hashes = "table",
  failures = "table",
  cases = "number",
  all_cases = "number",
  at = "string",
}

local function is_certificate(held)
  if type(held) ~= "table" or held.format ~= M.FORMAT then return false end
  for name, kind in pairs(FIELDS) do
    if type(held[name]) ~= kind then return false end
  end
  for _, word in ipairs(held.command) do
    if type(word) ~= "string" then return false end
  end
  return #held.command >= 2
end

--- Says whether a certificate still holds.
---@param path string
---@return integer exit code: 0 it does, 2 it does not
function M.check(path)
  local held = json.read(fs.read(path), path)
  if not is_certificate(held) then
    errors.input("this is no certificate of o2x prove", "write one: o2x prove RUNBOOK TENANT --certificate=FILE", path)
  end
  local now, moved = hashes(held.command), {}
  for _, name in ipairs(sorted_keys(held.hashes)) do
    if held.hashes[name] ~= now[name] then moved[#moved + 1] = name end
  end
  local command = shell.command(held.command)
  if #held.failures > 0 then moved[#moved + 1] = ("%d cases failed"):format(#held.failures) end
  if #moved == 0 then
    out.data(("holds: %s, %d of %d cases, %s"):format(command, held.cases, held.all_cases, held.at))
    return 0
  end
  out.data(("does not hold: %s: since %s, these have changed: %s"):format(command, held.at, table.concat(moved, ", ")))
  out.say(("to prove it again: o2x prove %s %s"):format(command, shell.quote("--certificate=" .. path)))
  return FINDINGS
end

return M
