--- What helm's own records would make it touch. A release's record lies in the cluster; an upgrade or uninstall deletes
--- the objects that it names, and a rollback writes them. So they are checked like any others, before helm acts on
--- them.

local content = require "o2x.effects.helm.content"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local manifest = require "o2x.client.helm.manifest"
local render = require "o2x.effects.helm.render"

local M = {}

local function client(ctx) return ctx:client "helm" end

-- A read in the midst of a write, which itself is not simply sent again.
local function read(ctx, method, ...)
  local helm = client(ctx)
  return ctx:ask("k8s", helm[method], helm, ...)
end

local function unreadable(name, namespace, revision)
  errors.raise {
    kind = "failed",
    module = "helm",
    op = "read",
    message = ("the stored manifest of release %s, revision %s, cannot be read"):format(name, revision),
    hint = (
      "kubectl delete secret sh.helm.release.v1.%s.v%s -n %s removes the record,"
      .. " and helm goes on from the one before it"
    ):format(name, revision, namespace),
  }
end

-- The content of a revision as helm has it now; nil if there is none.
local function revision_of(ctx, name, namespace, revision)
  local found = read(ctx, "status", name, namespace, revision)
  return found and content.of(found)
end

local function need_objects(name, namespace, found)
  return content.all(found) or unreadable(name, namespace, tostring(found.revision))
end

local function check_names(ctx, name, namespace, found)
  local k8s = ctx:client "k8s"
  for _, object in ipairs(need_objects(name, namespace, found)) do
    local resource = k8s:resource(object)
    local metadata = object.metadata or {}
    local where = resource.namespaced and (metadata.namespace or namespace) or nil
    local ok, err = pcall(k8s.grants.object, k8s.grants, resource, where, metadata.name, false)
    if not ok then
      err = errors.wrap(err)
      errors.raise {
        kind = err.kind,
        module = err.module,
        op = err.op,
        message = ("release %s holds %s, which helm would change or delete: %s"):format(
          name,
          manifest.name(object),
          err.message
        ),
        hint = err.hint,
      }
    end
  end
end

-- The newest revision and the newest that is deployed, as helm finds them: among all records, by what is in them.
local function in_use(ctx, name, namespace)
  local history, deployed = read(ctx, "history", name, namespace) or {}, nil
  for _, record in ipairs(history) do
    if record.status == "deployed" then deployed = record end
  end
  return history[#history], deployed
end

-- Is the newest record the one that was compared? A helm that starts now would take any other for its base.
local function refuse_another(name, newest, before)
  if newest and newest.status == "uninstalled" then newest = nil end
  local same = newest and before and newest.revision == before.revision and newest.status == before.status
  if not same and (newest or before) then guard.refuse("helm", "release " .. name) end
end

--- Checks the names of all objects that helm finds in a release's records when it changes or deletes the release.
---@param ctx table
---@param name string
---@param namespace string
---@param as { before: table? }? what was compared: the newest record must still be that one
function M.check(ctx, name, namespace, as)
  local newest, deployed = in_use(ctx, name, namespace)
  if as then refuse_another(name, newest, as.before) end
  if not newest or newest.status == "uninstalled" then return end
  check_names(ctx, name, namespace, content.of(newest))
  if deployed and deployed ~= newest then check_names(ctx, name, namespace, content.of(deployed)) end
end

--- Uninstalls a release whose objects may all be deleted; a missing release is not an error.
---@param ctx table
---@param name string
---@param namespace string
---@param keep_history boolean? its revisions stay, and a rollback brings it back
---@param as { before: table? }? as for check
function M.uninstall(ctx, name, namespace, keep_history, as)
  M.check(ctx, name, namespace, as)
  client(ctx):uninstall(name, namespace, keep_history)
end

--- Rolls back to a revision whose objects may all be written.
---@param ctx table
---@param name string
---@param namespace string
---@param revision integer
---@param planned table? content that was shown for it: it must still be the same
---@param as { before: table? }? as for check
function M.rollback(ctx, name, namespace, revision, planned, as)
  local found = revision_of(ctx, name, namespace, revision)
  if not found or planned and (planned.manifest ~= found.manifest or planned.hooks ~= found.hooks) then
    errors.raise {
      kind = "conflict",
      module = "helm",
      op = "rollback",
      message = ("revision %d of release %s is not what it was when it was checked"):format(revision, name),
      hint = ("helm get manifest %s --revision %d -n %s shows it"):format(name, revision, namespace),
    }
  end
  M.check(ctx, name, namespace, as)
  render.check(ctx, need_objects(name, namespace, found), namespace)
  client(ctx):rollback(name, revision, namespace)
end

return M
