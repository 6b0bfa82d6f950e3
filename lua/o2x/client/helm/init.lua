--- Releases of helm 3. Reads helm's records over the Kubernetes API (releases.lua); renders charts (rendering.lua) and
--- writes releases (writes.lua) by `helm` as a child process (process.lua).

local arguments = require "o2x.client.helm.arguments"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local k8s_client = require "o2x.client.k8s"
local kept = require "o2x.client.helm.kept"
local memo = require "o2x.base.memo"
local releases = require "o2x.client.helm.releases"
local scope = require "o2x.base.scope"
local semaphore = require "o2x.base.semaphore"
local user_folders = require "o2x.base.user_folders"

local M = {}

--- The label of releases that o2x wrote; its value names the effect, or the run.
M.LABEL = arguments.LABEL

local CONCURRENCY = 4 -- helm processes; each needs a core for a moment and 100 MB
local LONGEST_NAME <const> = 53 -- helm's limit

--- The home of a run's look ahead, in the run's folder: what a killed process leaves lies there, not in TMPDIR.
M.AHEAD = "helm-ahead"

local Helm = {}
Helm.__index = Helm

---@class o2x.helm.release
---@field chart string folder
---@field values (string|table)[] texts or tables, later ones win
---@field values_names string[]? what to call them in errors
---@field namespace string
---@field kube_version string? the server's version, for a chart that may ask the cluster
---@field api_versions string[]? of the server, with its kinds, beside those that every helm knows; likewise
---@field upgrade boolean? render it as an upgrade, not as an install
---@field revision integer? the newest one that is there, which a helm that waits goes on from
---@field objects table[]? for upgrade: what the release shall hold, hooks among it
---@field label string? value of the label M.LABEL
---@field timeout number? seconds for one operation of helm's; 300

---@class o2x.helm.options
---@field kubeconfig table a loaded kubeconfig (o2x.kubeconfig)
---@field k8s table? client by which helm's records are read; one for the kubeconfig if absent
---@field folder string? of the run; nil (a plan has none): a temporary one
---@field home string? of it: "helm" if absent
---@field scope string[]? the releases that the run may touch; nil: all
---@field namespaces string[]? where they may lie; nil: anywhere
---@field charts string[]? charts of registries and repositories that it may pull; nil: any (o2x.client.helm.pull)
---@field cache string? folder of pulled charts; the user's own if absent
---@field kept string? cache folder of what helm need not be asked again (o2x.client.helm.kept); nil: none
---@field program string? "helm" if absent

--- A client for one kubeconfig.
---@param options o2x.helm.options
---@return table client
function M.new(options)
  local k8s = options.k8s or k8s_client.new { config = options.kubeconfig }
  return setmetatable({
    kubeconfig = options.kubeconfig,
    k8s = k8s,
    releases = releases.new(k8s, options.scope),
    folder = options.folder and fs.join(options.folder, options.home or "helm") or fs.temp_folder(),
    scope = options.scope,
    namespaces = options.namespaces,
    charts = options.charts,
    cache = options.cache,
    kept = kept.new(options.kept),
    program = options.program or "helm",
    slots = semaphore.new(CONCURRENCY),
    files = 0,
    known = memo.new(math.huge),
  }, Helm)
end

--- Ends the helms that wait, and removes helm's home folders and the kubeconfig. The client can still be used
--- afterwards.
function Helm:close()
  self:waiting():close()
  if fs.exists(self.folder) then fs.remove_tree(self.folder) end
  self.env, self.text, self.pulled = nil, nil, nil
end

local function bad(kind, message, more)
  local e = more or {}
  e.kind, e.module, e.message = kind, "helm", message
  errors.raise(e)
end

--- Checks the syntax of a namespace, and that the run may touch it.
---@param namespace string
function Helm:check_namespace(namespace)
  if type(namespace) ~= "string" or not namespace:match("^[a-z0-9][a-z0-9-]*$") then
    bad("input", ("invalid namespace name %q"):format(tostring(namespace)))
  end
  if self.namespaces then scope.name(self.namespaces, namespace, "namespace") end
end

--- Checks that the run may touch this release, and that its name cannot be mistaken for an option.
---@param name string of a release
---@param namespace string
function Helm:check_name(name, namespace)
  self:check_namespace(namespace)
  if type(name) ~= "string" or not name:match("^[a-z0-9][a-z0-9.-]*$") then
    bad("input", ("invalid release name %q"):format(tostring(name)))
  end
  if #name > LONGEST_NAME then
    bad("input", ("the release name %s has %d characters; helm takes at most %d"):format(name, #name, LONGEST_NAME), {
      hint = "a shorter name of the tenant or of the service makes it fit",
    })
  end
  if self.scope then scope.name(self.scope, name, "release") end
end

-- ---- reading: without helm, from its records ----

--- The newest revision of each release in the namespace that the run may see, in any state.
---@param namespace string
---@return o2x.helm.record[]
function Helm:list(namespace)
  self:check_namespace(namespace)
  return self.releases:list(namespace)
end

--- A release's revisions, oldest first.
---@param name string
---@param namespace string
---@return o2x.helm.record[]? nil if there is no such release
function Helm:history(name, namespace)
  self:check_name(name, namespace)
  local found = self.releases:history(name, namespace)
  return #found > 0 and found or nil
end

--- One revision of a release.
---@param name string
---@param namespace string
---@param revision integer? the newest one if absent
---@return o2x.helm.record? nil if there is none
function Helm:status(name, namespace, revision)
  self:check_name(name, namespace)
  if revision then return self.releases:get(name, namespace, revision) end
  return self.releases:newest(name, namespace)
end

local function extend(methods)
  for name, method in pairs(methods) do
    Helm[name] = method
  end
end

extend(require "o2x.client.helm.process")
extend(require "o2x.client.helm.rendering")
extend(require "o2x.client.helm.writes")

--- helm for a run. What it keeps on disk (a kubeconfig among it) goes when the run ends, by the client's close.
---@param config table
---@param grants table what the run may touch
---@param run table
---@param client fun(name: string): table
---@return table client
function M.for_run(config, grants, run, client)
  local cache = user_folders.cache()
  return M.new {
    kubeconfig = client "kubeconfig",
    k8s = client "k8s",
    folder = run.folder or run.beside,
    home = run.beside and M.AHEAD,
    scope = grants.helm,
    namespaces = grants.k8s and grants.k8s.namespaces,
    charts = grants.charts or {},
    program = config.helm.command,
    kept = cache and fs.is_folder(fs.folder(cache)) and cache or nil, -- the home of a service may not be there
  }
end

return M
