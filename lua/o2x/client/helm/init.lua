--- Releases of helm 3. Reads helm's records over the Kubernetes API (releases.lua); renders charts and writes releases
--- by `helm` as a child process. Values and credentials reach it only as files of mode 0600, and its home folders
--- are below the run's folder, so that concurrent runs share nothing.

local ahead = require "o2x.client.helm.ahead"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local failure = require "o2x.client.helm.failure"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local k8s_client = require "o2x.client.k8s"
local kept = require "o2x.client.helm.kept"
local manifest = require "o2x.client.helm.manifest"
local memo = require "o2x.base.memo"
local proc = require "o2x.base.proc"
local program = require "o2x.client.helm.program"
local releases = require "o2x.client.helm.releases"
local scope = require "o2x.base.scope"
local sealed = require "o2x.client.helm.sealed"
local semaphore = require "o2x.base.semaphore"
local user_folders = require "o2x.base.user_folders"

local M = {}

local CONCURRENCY = 4 -- helm processes; each needs a core for a moment and 100 MB
local READ_SECONDS, WRITE_SECONDS = 60, 300
local MEMORY <const> = "256MiB" -- from which on helm collects its garbage after all
local LONGEST_NAME <const> = 53 -- helm's limit
local PRIVATE_FOLDER = tonumber("700", 8)

--- The label of releases that o2x wrote; its value names the effect, or the run.
M.LABEL = "o2x-effect"

local Helm = {}
Helm.__index = Helm

---@class o2x.helm.options
---@field kubeconfig table a loaded kubeconfig (o2x.kubeconfig)
---@field k8s table? client by which helm's records are read; one for the kubeconfig if absent
---@field folder string? of the run; nil (a plan has none): a temporary one
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
    folder = options.folder and fs.join(options.folder, "helm") or fs.temp_folder(),
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

-- ---- running it ----

-- Charts are rendered with this configuration: no credentials, and an address at which nobody can answer. A chart that
-- asks the cluster fails at once.
local NO_CLUSTER <const> = [[
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:0"}}]
contexts: [{name: none, context: {cluster: none}}]
current-context: none
]]

-- helm's home folders: without them it would load the user's plugins and settings.
local function homes(folder)
  return {
    HELM_CACHE_HOME = fs.join(folder, "cache"),
    HELM_CONFIG_HOME = fs.join(folder, "config"),
    HELM_DATA_HOME = fs.join(folder, "data"),
    KUBECACHEDIR = fs.join(folder, "kube"),
    HELM_DRIVER = "secret",
    GOGC = "off", -- helm ends before its garbage is worth collecting: a tenth of its CPU time
    GOMEMLIMIT = MEMORY,
  }
end

--- The environment with helm's own home folders; the kubeconfig is rewritten after a refresh of the credentials.
---@return table<string, string> env
function Helm:environment()
  if not self.env then
    for _, name in ipairs { "cache", "config", "data", "kube" } do
      fs.mkdir(fs.join(self.folder, name), PRIVATE_FOLDER)
    end
    self.env = homes(self.folder)
    self.env.KUBECONFIG = fs.join(self.folder, "kubeconfig")
    fs.write_scratch(fs.join(self.folder, "no-cluster"), NO_CLUSTER)
  end
  if self.text ~= self.kubeconfig:revision() then
    fs.write_scratch(self.env.KUBECONFIG, self.kubeconfig:text())
    self.text = self.kubeconfig:revision()
  end
  return self.env
end

local function add(words, option, value)
  words[#words + 1], words[#words + 2] = option, value
end

--- Runs helm with its own home folders, at most CONCURRENCY at a time.
---@param words string[] arguments
---@param seconds number? timeout; READ_SECONDS if absent
---@param env table<string, string>? by default the one of environment
---@param writes boolean?
---@return table result of proc.run: code, signal, stdout, stderr
function Helm:run(words, seconds, env, writes)
  self:version()
  local argv = { self.program, table.unpack(words) }
  local options = { argv = argv, env = env or self:environment(), timeout = seconds or READ_SECONDS, writes = writes }
  return self.slots:run(proc.run, options)
end

--- The environment for what needs no cluster: the same home folders, and no credentials.
---@return table<string, string> env a copy
function Helm:offline()
  local copy = {}
  for name, value in pairs(self:environment()) do
    copy[name] = value
  end
  copy.KUBECONFIG = fs.join(self.folder, "no-cluster")
  return copy
end

--- Helm's version, asked once. Accepts only 3.13 or newer 3.x, because older ones cannot label releases.
---@return string
function Helm:version()
  return self.known:get("version", function() return program.version(self.program, homes(self.folder), self.kept) end)
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

-- What was read before a helm that writes says nothing of the time after it.
local function forgetting(self)
  return defer(function()
    self.releases:forget()
    self.k8s:forget()
  end)
end

local function write(self, words, seconds)
  local _forget <close> = forgetting(self)
  return self:run(words, seconds, nil, true)
end

-- ---- rendering and writing ----

--- Writes the values to files of mode 0600; tables become JSON, which is valid YAML.
---@param values (string|table)[]
---@return string[] paths
function Helm:values_files(values)
  local paths = {}
  for _, one in ipairs(values) do
    self.files = self.files + 1
    local path = fs.join(self.folder, ("values-%d.yaml"):format(self.files))
    self:environment()
    fs.write_scratch(path, type(one) == "table" and json.encode(one) or one)
    paths[#paths + 1] = path
  end
  return paths
end

local function with_values(words, paths)
  for _, path in ipairs(paths) do
    add(words, "-f", path)
  end
  return words
end

local function remove(paths)
  for _, path in ipairs(paths) do
    fs.remove(path)
  end
end

--- Runs fn with the values in files and removes the files afterwards.
---@param values (string|table)[]
---@param fn fun(paths: string[]): any
---@return any results of fn
function Helm:with_values_files(values, fn)
  local paths = self:values_files(values)
  local results = table.pack(pcall(fn, paths))
  remove(paths)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- helm reports the path of our temporary values file; replaces it by the name that the user knows.
local function name_values_file(r, paths, names)
  for i, path in ipairs(paths) do
    local at = r.stderr:find(path, 1, true)
    if at then r.stderr = r.stderr:sub(1, at - 1) .. (names and names[i] or "values") .. r.stderr:sub(at + #path) end
  end
end

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

--- Renders a chart, without its tests. A chart that asks the cluster (lookup) is refused: what is written must depend
--- on nothing but the chart, its values, and whether this is an upgrade.
---@param name string
---@param release o2x.helm.release
---@return o2x.helm.rendering
function Helm:template(name, release)
  self:check_name(name, release.namespace)
  local words = { "template", name, release.chart, "-n", release.namespace, "--skip-tests", "--include-crds" }
  words[#words + 1] = "--dry-run=server" -- makes lookup ask, and so fail
  if release.upgrade then words[#words + 1] = "--is-upgrade" end
  if release.kube_version then add(words, "--kube-version", release.kube_version) end
  for _, version in ipairs(release.api_versions or {}) do
    add(words, "--api-versions", version)
  end
  return self:with_values_files(release.values, function(paths)
    local r = self:run(with_values(words, paths), nil, self:offline())
    if r.code == 0 then return manifest.rendering(r.stdout) end
    name_values_file(r, paths, release.values_names)
    failure.raise("template", name, r, release.chart)
  end)
end

-- All that the result of template depends on.
local function question(self, name, release, identity)
  return kept.question(identity, self:version(), release.about.digest, name, release.namespace, {
    values = release.values,
    upgrade = release.about.operation and release.upgrade or false,
    kube_version = release.kube_version,
    api_versions = release.api_versions,
  })
end

local function place(name, release) return { "rendering", release.namespace, name } end

--- What was kept of an earlier rendering of the same chart with the same values by the same helm.
---@param name string
---@param release o2x.helm.release with about (o2x.helm.chart)
---@return { manifest: string, hooks: string?, crds: table[] }? kept hashes (o2x.effects.helm.content), and the CRDs
function Helm:find_rendering(name, release)
  self.identity = self.identity or program.identity(self.program)
  local found = self.kept:find(place(name, release), question(self, name, release, self.identity))
  local ok = type(found) == "table" and type(found.manifest) == "string" and type(found.crds) == "table"
  return ok and found or nil
end

--- Keeps what a chart rendered to. It must have stayed the same meanwhile, and must render to the same each time.
---@param name string
---@param release o2x.helm.release with about (o2x.helm.chart)
---@param rendering { manifest: string, hooks: string?, crds: table[] }
function Helm:keep_rendering(name, release, rendering)
  local crds = json.array {}
  for i, object in ipairs(rendering.crds) do
    crds[i] = { kind = object.kind, metadata = { name = object.metadata.name } }
  end
  local answer = { manifest = rendering.manifest, hooks = rendering.hooks, crds = crds }
  -- Another helm may be there since.
  self.kept:keep(place(name, release), question(self, name, release, program.identity(self.program)), answer)
end

-- The words of an upgrade, up to those that tell how it gets its objects.
local function upgrade_words(name, chart, release, seconds)
  local words = { "upgrade", name, chart, "--install", "-n", release.namespace, "--reset-values" }
  add(words, "--timeout", ("%ds"):format(seconds))
  if release.label then add(words, "--labels", M.LABEL .. "=" .. release.label) end
  return words
end

-- How a helm is started that renders and waits.
local function starter_of(self)
  local function start(fn, name, release)
    self:version()
    self.files = self.files + 1
    local file = fs.join(self.folder, ("rendered-%d.yaml"):format(self.files))
    return self:with_values_files(release.values, function(paths)
      local argv = with_values(upgrade_words(name, release.chart, release, WRITE_SECONDS), paths)
      table.insert(argv, 1, self.program)
      return self.slots:run(fn, { argv = argv, env = self:environment(), file = file, seconds = READ_SECONDS })
    end)
  end
  return {
    start = start,
    question = function(name, release) return question(self, name, release, program.identity(self.program)) end,
    credentials = function() return self.kubeconfig:revision() end,
  }
end

--- The helms that have rendered and wait (o2x.client.helm.ahead).
---@return table
function Helm:waiting()
  self.held = self.held or ahead.new(starter_of(self))
  return self.held
end

--- Renders a release by the upgrade that will write it, which then waits: upgrade lets it go on, let_go ends it. The
--- chart must be plain (o2x.helm.chart), because helm itself asks the cluster what it can do.
---@param name string
---@param release o2x.helm.release with about (o2x.helm.chart)
---@return o2x.helm.rendering? rendering nil if helm did not get as far: then template says what is wrong
---@return boolean? was_ahead it was rendered before the release was looked at
function Helm:hold(name, release)
  self:check_name(name, release.namespace)
  return self:waiting():hold(name, release)
end

--- Renders a release before its turn: hold takes it over then, if chart, values, revision and all else are still the
--- same. close ends those that nobody took.
---@param name string
---@param release o2x.helm.release with about (o2x.helm.chart)
function Helm:hold_ahead(name, release)
  self:check_name(name, release.namespace)
  self:waiting():hold_early(name, release)
end

--- Ends the helm that waits for a release, if there is one. It has written nothing.
---@param release o2x.helm.release
function Helm:let_go(release) self:waiting():let_go(release) end

-- An upgrade of a chart that holds exactly the objects, and nothing to render. The values are a record for `helm get
-- values`. It writes no crds/, because CRDs belong to the cluster and not to a tenant.
local function upgrade_sealed(self, name, release, seconds)
  self:environment()
  self.files = self.files + 1
  local folder = fs.join(self.folder, ("chart-%d"):format(self.files))
  local _remove <close> = defer(function() fs.remove_tree(folder) end)
  sealed.write(folder, release.chart, release.objects)
  local words = upgrade_words(name, folder, release, seconds)
  words[#words + 1] = "--skip-crds"
  return self:with_values_files(release.values, function(paths)
    local r = self:run(with_values(words, paths), seconds + 30, nil, true)
    if r.code ~= 0 then name_values_file(r, paths, release.values_names) end
    return r
  end)
end

--- Installs or upgrades; returns when the objects are written, not when they are ready. What is written is exactly
--- `release.objects`: by the helm that has rendered them and waits, or by another one.
---@param name string
---@param release o2x.helm.release
function Helm:upgrade(name, release)
  self:check_name(name, release.namespace)
  local seconds, waiting = release.timeout or WRITE_SECONDS, self:waiting():able_to_write(release)
  local _forget <close> = forgetting(self)
  local r
  if waiting then
    local _end <close> = defer(function() self:let_go(release) end)
    r = self.slots:run(waiting.write, waiting, release.objects, seconds + 30)
  else
    r = upgrade_sealed(self, name, release, seconds)
  end
  if r.code ~= 0 then failure.raise("upgrade", name, r, release.chart) end
end

--- Rolls back to a revision; this creates a new one.
---@param name string
---@param revision integer
---@param namespace string
function Helm:rollback(name, revision, namespace)
  self:check_name(name, namespace)
  local r = write(self, { "rollback", name, tostring(revision), "-n", namespace }, 330)
  if r.code ~= 0 then failure.raise("rollback", name, r) end
end

--- Uninstalls a release with its objects; a missing release is not an error.
---@param name string
---@param namespace string
---@param keep_history boolean? its revisions stay, and a rollback brings it back
function Helm:uninstall(name, namespace, keep_history)
  self:check_name(name, namespace)
  local r = write(self, { "uninstall", name, "-n", namespace, keep_history and "--keep-history" or nil }, 330)
  if r.code ~= 0 and not failure.text(r):find("release: not found", 1, true) then
    failure.raise("uninstall", name, r)
  end
end

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
    folder = run.folder,
    scope = grants.helm,
    namespaces = grants.k8s and grants.k8s.namespaces,
    charts = grants.charts or {},
    program = config.helm.command,
    kept = cache and fs.is_folder(fs.folder(cache)) and cache or nil, -- the home of a service may not be there
  }
end

return M
