--- A certificate: what was proved, named by hashes, so that anybody can tell whether it still is what would run. Each
--- hash is what sha256sum says of a file or of a list of files; docs/prove.md has the commands.

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

local M = { FORMAT = 3 }

local FINDINGS <const> = 2 -- exit code

-- The hash of a list of files: of lines as sha256sum writes them, in the order of the paths.
local function hash_of_files(root, paths)
  table.sort(paths)
  local lines = {}
  for i, path in ipairs(paths) do
    lines[i] = ("%s  %s\n"):format(crypto.sha256(fs.read(fs.join(root, path))), path)
  end
  return crypto.sha256(table.concat(lines))
end

-- The files below a folder, links left out.
local function files_of(folder)
  local files = {}
  for _, path in ipairs(fs.is_folder(folder) and (fs.walk(folder)) or {}) do
    if fs.stat(fs.join(folder, path), false).type == "file" then files[#files + 1] = path end
  end
  return files
end

local function is_in_chart(path, charts)
  local above = fs.folder(path)
  while above and above ~= "." and above ~= "/" do
    if charts[above] then return true end
    above = above:match "^(.*)/[^/]*$"
  end
  return false
end

-- All files of all charts: of folders with a Chart.yaml.
local function hash_of_charts(platform)
  local charts, files, inside = {}, files_of(platform), {}
  for _, path in ipairs(files) do
    if fs.name(path) == "Chart.yaml" then charts[fs.folder(path)] = true end
  end
  for _, path in ipairs(files) do
    if is_in_chart(path, charts) then inside[#inside + 1] = path end
  end
  return hash_of_files(platform, inside)
end

-- What decides what a run does, but for the systems and the tenant.
local function hashes(words)
  local found = project.find()
  local platform = config.load(found, {}).platform
  return {
    o2x = crypto.sha256(fs.read(fs.program())),
    runbook = crypto.sha256(fs.read(runbooks.find(found, words[1], words[2]))),
    stdlib = hash_of_files(fs.join(found.root, "stdlib"), files_of(fs.join(found.root, "stdlib"))),
    charts = platform and fs.is_folder(platform) and hash_of_charts(platform) or nil,
  }
end

-- The hash of all that is in it but the seal itself.
local function seal_of(held)
  local rest = {}
  for name, value in pairs(held) do
    if name ~= "seal" then rest[name] = value end
  end
  return crypto.sha256(json.pretty(rest))
end

--- Writes one.
---@param path string
---@param data { words: string[], counts: table, failures: table[], cases: integer, all: integer }
function M.write(path, data)
  local held = {
    format = M.FORMAT,
    command = data.words,
    hashes = hashes(data.words),
    version = program.version,
    counts = data.counts,
    cases = data.cases,
    all_cases = data.all,
    failures = data.failures,
    at = os.date "!%Y-%m-%dT%H:%M:%SZ",
  }
  held.seal = seal_of(held)
  fs.write(path, json.pretty(held))
end

local FIELDS <const> = {
  command = "table",
  counts = "table",
  hashes = "table",
  failures = "table",
  cases = "number",
  all_cases = "number",
  at = "string",
  seal = "string",
}

local function is_certificate(held)
  if type(held) ~= "table" or held.format ~= M.FORMAT then return false end
  for name, kind in pairs(FIELDS) do
    if type(held[name]) ~= kind then return false end
  end
  for _, count in pairs(held.counts) do
    if type(count) ~= "table" or not count.classes or not count.covered then return false end
  end
  for _, word in ipairs(held.command) do
    if type(word) ~= "string" then return false end
  end
  return #held.command >= 2
end

local WHAT <const> = {
  charts = "the charts have changed",
  o2x = "o2x is another one",
  runbook = "the runbook has changed",
  stdlib = "the library has changed",
}

-- What makes it void. Whoever edits one may have edited anything in it.
local function problems_of(held)
  if held.seal ~= seal_of(held) then return { "the file was edited" } end
  local now, list = hashes(held.command), {}
  for _, name in ipairs(sorted_keys(WHAT)) do
    if held.hashes[name] ~= now[name] then list[#list + 1] = WHAT[name] end
  end
  if #held.failures > 0 then list[#list + 1] = ("cases failed: %d"):format(#held.failures) end
  return list
end

-- How much was played.
local function extent_of(held)
  local classes, covered = 0, 0
  for _, count in pairs(held.counts) do
    classes, covered = classes + count.classes, covered + count.covered
  end
  return ("%d of %d cases, %d of %d classes"):format(held.cases, held.all_cases, covered, classes)
end

--- Says whether a certificate still holds.
---@param path string
---@return integer exit code: 0 it does, 2 it does not
function M.check(path)
  local held = json.read(fs.read(path), path)
  if not is_certificate(held) then
    errors.input("this is no certificate of o2x prove", "write one: o2x prove RUNBOOK TENANT --certificate=FILE", path)
  end
  local problems, command = problems_of(held), shell.command(held.command)
  if #problems == 0 then
    out.data(("holds: %s, %s, %s"):format(command, extent_of(held), held.at))
    return 0
  end
  out.data(("void: %s, %s: %s"):format(command, held.at, table.concat(problems, "; ")))
  out.say(("to prove it again: o2x prove %s %s"):format(command, shell.quote("--certificate=" .. path)))
  return FINDINGS
end

return M
