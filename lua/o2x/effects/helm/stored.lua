--- What helm's own records would make it touch. A release's record lies in the cluster; an upgrade or uninstall deletes
--- the objects that it names, and a rollback writes them. So they are checked like any others, before helm acts on
--- them.

local content = require "o2x.effects.helm.content"
local errors = require "o2x.base.error"
local manifest = require "o2x.client.helm.manifest"
local render = require "o2x.effects.helm.render"

local M = {}

local function client(ctx) return ctx:client "helm" end

local function unreadable(name, revision)
  errors.raise {
    kind = "failed",
    module = "helm",
    op = "read",
    message = ("the stored manifest of release %s, revision %s, cannot be read"):format(name, revision),
    hint = ("helm get manifest %s --revision %s shows it"):format(name, revision),
  }
end

-- The content of a revision as helm has it now; nil if there is none.
local function revision_of(ctx, name, namespace, revision)
  local status = client(ctx):status(name, namespace, revision)
  return status and content.of(status, {})
end

local function need_objects(name, found) return content.all(found) or unreadable(name, tostring(found.revision)) end

local function check_names(ctx, name, namespace, found)
  local k8s = ctx:client "k8s"
  for _, object in ipairs(need_objects(name, found)) do
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

-- The last revision that is deployed, if it is not the newest.
local function deployed(ctx, name, namespace)
  local history = client(ctx):history(name, namespace) or {}
  for i = #history - 1, 1, -1 do
    if history[i].status == "deployed" then return revision_of(ctx, name, namespace, history[i].revision) end
  end
end

--- Checks the names of all objects that helm finds in a release's records when it changes or deletes the release.
---@param ctx table
---@param name string
---@param namespace string
---@param before table? content of the newest revision; nil: there is no release
function M.check(ctx, name, namespace, before)
  if not before then return end
  if not content.all(before) then before = revision_of(ctx, name, namespace, before.revision) or before end
  check_names(ctx, name, namespace, before)
  local older = before.status and before.status ~= "deployed" and deployed(ctx, name, namespace)
  if older then check_names(ctx, name, namespace, older) end
end

--- Uninstalls a release whose objects may all be deleted; a missing release is not an error.
---@param ctx table
---@param name string
---@param namespace string
function M.uninstall(ctx, name, namespace)
  M.check(ctx, name, namespace, revision_of(ctx, name, namespace))
  client(ctx):uninstall(name, namespace)
end

--- Rolls back to a revision whose objects may all be written.
---@param ctx table
---@param name string
---@param namespace string
---@param revision integer
---@param planned table? content that was shown for it: it must still be the same
function M.rollback(ctx, name, namespace, revision, planned)
  local found = revision_of(ctx, name, namespace, revision)
  if not found or planned and (planned.manifest ~= found.manifest or planned.hooks ~= found.hooks) then
    errors.raise {
      kind = "conflict",
      module = "helm",
      op = "rollback",
      message = ("revision %d of release %s is not what it was when it was checked"):format(revision, name),
      hint = ("helm get manifest %s --revision %d shows it"):format(name, revision),
    }
  end
  M.check(ctx, name, namespace, revision_of(ctx, name, namespace))
  render.check(ctx, need_objects(name, found), namespace)
  client(ctx):rollback(name, revision, namespace)
end

return M
