--- What a run is: the first record of its journal, and of its part of a plan that is kept in a file. Everything that
--- decides what the run does is in it, or its hash.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local identity = require "o2x.base.identity"
local program = require "o2x.core.program"
local store = require "o2x.engine.store"
local tenants = require "o2x.project.tenants"
local undo = require "o2x.engine.undo"

local M = {}

local function hashes(texts)
  local list = {}
  for path, text in pairs(texts) do
    list[path] = crypto.sha256(text)
  end
  return list
end

--- The tenant's files, which a resumed run reads again.
---@param run table
---@return table<string, string> texts by path
function M.texts(run)
  local texts = {}
  for _, path in ipairs(tenants.files(run.config, run.tenant_name)) do
    texts[path] = fs.read_if(path)
  end
  return texts
end

--- The header of a run.
---@param run table
---@return table
function M.of(run)
  local user, host = identity.here()
  return {
    o2x = program.version,
    runbook = {
      name = run.runbook.name,
      version = run.runbook.version,
      path = run.runbook.path,
      overrides = run.runbook.overrides,
      adopts = run.runbook.adopts,
      severe = run.runbook.severe,
    },
    allow_edited = #run.edited_versions > 0 and run.edited_versions or nil,
    fleet = run.fleet,
    undo = run.undo and undo.header(run.undo) or nil,
    plan = run.planned and run.planned.hash or nil,
    library = hashes(run.sandbox.texts),
    inputs = hashes(M.texts(run)),
    tenant = run.tenant_name,
    params = run.given,
    seed = run.seed,
    root = run.project.root,
    secrets = run.secrets_source,
    take_over = run.take_over,
    override = run.override,
    lock = run.lease and run.lease:record() or nil,
    approved = run.approved,
    at = store.now(),
    pid = program.pid(),
    user = user,
    host = host,
    who = identity.details(),
  }
end

-- A script's path, as a header has it, on the disk.
local function on_disk(root, path) return path:sub(1, 1) == "/" and path or fs.join(root, path) end

--- Files whose content is not that of a header any more.
---@param hashes_then table<string, string> by path
---@param root string of the project, for paths that are relative
---@return string[] paths sorted
function M.changed_files(hashes_then, root)
  local changed = {}
  for path, hash in pairs(hashes_then) do
    local text = fs.read_if(on_disk(root, path))
    if not text or crypto.sha256(text) ~= hash then changed[#changed + 1] = path end
  end
  table.sort(changed)
  return changed
end

--- What is no longer as a header says: scripts, files of the tenant, this program. Scripts that are loaded later, or
--- not at all, do not count.
---@param past table the header
---@return string[] names sorted
function M.changed(past)
  local changed, inputs_changed = M.changed_files(past.library, past.root), M.changed_files(past.inputs, past.root)
  table.move(inputs_changed, 1, #inputs_changed, #changed + 1, changed)
  table.sort(changed)
  if past.o2x ~= program.version then
    table.insert(changed, 1, ("o2x (%s, now %s)"):format(tostring(past.o2x), program.version))
  end
  return changed
end

--- Scripts that a run has loaded, and that a header does not know: they were not there when it was written.
---@param past table the header
---@param run table
---@return string[] names sorted
function M.added(past, run)
  local added = {}
  for path in pairs(run.sandbox.texts) do
    if not past.library[path] then added[#added + 1] = path end
  end
  table.sort(added)
  return added
end

return M
