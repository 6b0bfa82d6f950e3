--- The real `helm`, version 3, as a child process. It gets files, never values or credentials, on its command line; a
--- kubeconfig of its own with mode 0600; and homes below the run's folder, so that runs side by side share nothing.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local manifest = require "o2x.client.helm.manifest"
local proc = require "o2x.base.proc"
local scope = require "o2x.base.scope"
local turnstile = require "o2x.base.semaphore"

local M = {}

local AT_ONCE = 4 -- helm processes; each wants a core for a moment and 100 MB
local READ_SECONDS = 60
local OLDEST_MINOR = 13
local PRIVATE, PRIVATE_FOLDER = tonumber("600", 8), tonumber("700", 8)

--- The label that releases carry which o2x wrote; its value is the effect's key.
M.LABEL = "o2x-effect"

local Helm = {}
Helm.__index = Helm

---@class o2x.helm.options
---@field kubeconfig table a loaded kubeconfig (o2x.kubeconfig)
---@field folder string? of the run; nil (a plan has none): a temporary one
---@field scope string[]? the releases that the run may touch; nil: all
---@field namespaces string[]? where they may lie; nil: anywhere
---@field program string? "helm" if absent

---@param options o2x.helm.options
---@return table client
function M.new(options)
  return setmetatable({
    kubeconfig = options.kubeconfig,
    folder = options.folder and fs.join(options.folder, "helm") or fs.temp_folder(),
    scope = options.scope,
    namespaces = options.namespaces,
    program = options.program or "helm",
    turns = turnstile.new(AT_ONCE),
    files = 0,
    lists = {},
  }, Helm)
end

--- Removes helm's homes and the kubeconfig. The client may be used again.
function Helm:close()
  if fs.exists(self.folder) then fs.remove_tree(self.folder) end
  self.env, self.text = nil, nil
end

-- ---- errors ----

local function bad(kind, message, more)
  local e = more or {}
  e.kind, e.module, e.message = kind, "helm", message
  errors.raise(e)
end

-- What helm says it failed of: the line after "Error: ", without the warnings about links in charts.
local function complaint(r)
  local text = r.stderr:match("Error: (.*)$") or r.stderr
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    if not line:match("^Use %-%-debug flag") and not line:match("^walk%.go:") then lines[#lines + 1] = line end
  end
  return table.concat(lines, " "), r
end

-- Go templates name a file as CHART/templates/x.yaml:LINE:COLUMN; people want the file as it lies on disk.
local function place_in_chart(text, chart)
  local inside, line = text:match("[%w_.-]+/(templates/[%w_./-]+):(%d+)")
  inside = inside or text:match("[%w_.-]+/(templates/[%w_./-]+%.[%w]+)")
  local parent = text:match("[%w_.-]+/(charts/[%w_./-]+/templates/[%w_./-]+:%d+)")
  if parent then return fs.join(chart, parent) end
  if not inside then return chart end
  -- "parse" and YAML errors count lines elsewhere: "… on svc/templates/x.yaml: …: yaml: line 5: …"
  line = line or text:match("yaml: line (%d+)")
  return fs.join(chart, inside) .. (line and ":" .. line or "")
end

-- The part of a template error that says what is wrong.
local function render_reason(text)
  return text:match("<[^>]*>: (.*)$") and (text:match("at (<[^>]*>: .*)$"))
    or text:match("^execution error at %([^)]*%): (.*)$")
    or text:match("^parse error at %([^)]*%): (.*)$")
    or text:match("^YAML parse error on [^:]*: error converting YAML to JSON: (.*)$")
    or text:match("^YAML parse error on [^:]*: (.*)$")
    or text
end

local function is_render_error(text)
  return text:match("^template: ")
    or text:match("^execution error at")
    or text:match("^parse error at")
    or text:match("^YAML parse error on")
    or text:match("values don't meet the specifications of the schema")
end

local function raise_render(text, chart)
  local where = place_in_chart(text, chart)
  bad("input", "the chart does not render: " .. render_reason(text), { op = "template", where = where })
end

-- helm's words -> our kinds of errors. The order matters: the first pattern that fits wins.
local FAILURES = {
  {
    "another operation %(install/upgrade/rollback%) is in progress",
    "conflict",
    "another helm is at work on it, or died at it; helm history %s shows",
  },
  {
    "invalid ownership metadata",
    "conflict",
    "the objects were not made by this release; remove them, or label them as helm says",
  },
  { "Kubernetes cluster unreachable", "unreachable", nil, true },
  { "Unauthorized", "unauthorised" },
  { "[Ff]orbidden", "unauthorised", "kubectl auth can-i --list shows what these credentials may do" },
  { "context deadline exceeded", "unknown" },
  { "i/o timeout", "unknown" },
  { "EOF$", "unknown" },
  { "connection re[sf]", "unknown" },
  { "http2: ", "unknown" },
  { "server is currently unable", "unknown" },
  { "[Tt]oo many requests", "unknown" },
  { "an error on the server", "unknown" },
  { "[Ii]nternal error", "unknown" },
  { "non%-absolute URLs should be in form", "input" },
  { "path .* not found", "input" },
  { "Chart.yaml file is missing", "input" },
  { "no such file or directory", "input" },
  { "failed to parse", "input" },
}

local function raise_failure(op, name, r, chart)
  local text, what = complaint(r), ("helm %s %s"):format(op, name)
  if r.signal then
    bad("unknown", ("%s was ended by signal %d"):format(what, r.signal), { op = op, code = "signal" })
  end
  if chart and is_render_error(text) then raise_render(text, chart) end
  for _, f in ipairs(FAILURES) do
    if text:find(f[1]) then
      bad(f[2], what .. ": " .. text, { op = op, hint = f[3] and f[3]:format(name), retryable = f[4] })
    end
  end
  bad("failed", what .. ": " .. (text ~= "" and text or "exit code " .. r.code), { op = op })
end

-- ---- running it ----

-- Own homes and the kubeconfig, written anew when credentials were refreshed.
function Helm:environment()
  if not self.env then
    for _, name in ipairs { "cache", "config", "data", "kube" } do
      fs.mkdir(fs.join(self.folder, name), PRIVATE_FOLDER)
    end
    self.env = {
      HELM_CACHE_HOME = fs.join(self.folder, "cache"),
      HELM_CONFIG_HOME = fs.join(self.folder, "config"),
      HELM_DATA_HOME = fs.join(self.folder, "data"),
      KUBECACHEDIR = fs.join(self.folder, "kube"),
      KUBECONFIG = fs.join(self.folder, "kubeconfig"),
      HELM_DRIVER = "secret",
    }
  end
  if self.text ~= self.kubeconfig:revision() then
    fs.write(self.env.KUBECONFIG, self.kubeconfig:text(), { mode = PRIVATE })
    self.text = self.kubeconfig:revision()
  end
  return self.env
end

local function add(words, option, value)
  words[#words + 1], words[#words + 2] = option, value
end

function Helm:run(words, seconds)
  local argv = { self.program, table.unpack(words) }
  return self.turns:run(proc.run, { argv = argv, env = self:environment(), timeout = seconds or READ_SECONDS })
end

--- Helm's version; any other than 3 is refused, and what is too old to label releases (3.13).
---@return string
function Helm:version()
  if self.known then return self.known end
  local r = proc.run { argv = { self.program, "version", "--template", "{{.Version}}" }, timeout = 20 }
  local version, major, minor = r.stdout:match("v?((%d+)%.?(%d*)[%w.+-]*)")
  if major ~= "3" or (tonumber(minor) or 0) < OLDEST_MINOR then
    bad(
      "input",
      ("%s is version %s; helm 3.%d or newer, but not 4, is needed"):format(
        proc.find(self.program),
        version or "unknown",
        OLDEST_MINOR
      ),
      { op = "version", hint = "run vendor/bootstrap, or put such a helm first on PATH" }
    )
  end
  self.known = version
  return version
end

function Helm:check_namespace(namespace)
  if type(namespace) ~= "string" or not namespace:match("^[a-z0-9][a-z0-9-]*$") then
    bad("input", ("%q is not a name that a namespace can have"):format(tostring(namespace)))
  end
  if self.namespaces then scope.name(self.namespaces, namespace, "namespace") end
end

-- A name that the run may touch, where it may touch it, and that cannot be taken for an option.
function Helm:check_name(name, namespace)
  self:check_namespace(namespace)
  if type(name) ~= "string" or #name > 53 or not name:match("^[a-z0-9][a-z0-9.-]*$") then
    bad("input", ("%q is not a name that a release can have"):format(tostring(name)))
  end
  if self.scope then scope.name(self.scope, name, "release") end
  self:version()
end

-- Reads by a command that answers in JSON. -> value, or nil if there is no such release
function Helm:ask(op, name, namespace, ...)
  self:check_name(name, namespace)
  local r = self:run { op, name, "-o", "json", "-n", namespace, ... }
  if r.code == 0 then return json.decode(r.stdout, "helm " .. op) end
  if complaint(r):find("release: not found", 1, true) then return nil end
  raise_failure(op, name, r)
end

-- ---- reading ----

--- All releases of the namespace that the run may see, in any state.
---@param namespace string
---@param o { selector: string?, name: string? }?
---@return { name: string, revision: integer, status: string, chart: string, app_version: string, updated: string }[]
function Helm:list(namespace, o)
  o = o or {}
  self:check_namespace(namespace)
  self:version()
  local words = { "list", "--all", "--max", "0", "-n", namespace, "-o", "json" }
  if o.selector then add(words, "--selector", o.selector) end
  if o.name then add(words, "--filter", "^" .. o.name:gsub("[.-]", "[%0]") .. "$") end
  local r = self:run(words)
  if r.code ~= 0 then raise_failure("list", "in " .. namespace, r) end
  local found = {}
  for _, release in ipairs(json.decode(r.stdout, "helm list")) do
    if not self.scope or pcall(scope.name, self.scope, release.name, "release") then
      release.revision = math.tointeger(tonumber(release.revision))
      found[#found + 1] = release
    end
  end
  return found
end

--- What the list says of one revision: its chart and app_version. One list serves all releases that nobody changed.
---@param name string
---@param namespace string
---@param revision integer
---@return table? listed nil if the release has gone on meanwhile
function Helm:listed(name, namespace, revision)
  self:check_name(name, namespace)
  local function find()
    for _, one in ipairs(self.lists[namespace] or {}) do
      if one.name == name and one.revision == revision then return one end
    end
  end
  local found = find()
  if found then return found end
  self.lists[namespace] = self:list(namespace)
  return find()
end

--- A release's revisions, oldest first: revision, status, chart, app_version, description, updated.
---@param name string
---@param namespace string
---@return table[]? nil if there is no such release
function Helm:history(name, namespace) return self:ask("history", name, namespace) end

--- The latest revision as a whole: info.status, info.description, version, config (values), manifest.
---@param name string
---@param namespace string
---@param revision integer? another one than the latest
---@return table? release nil if there is none
function Helm:status(name, namespace, revision)
  return self:ask("status", name, namespace, table.unpack(revision and { "--revision", tostring(revision) } or {}))
end

-- ---- rendering and writing ----

-- Values as files of mode 0600: what is a table is written as JSON, which is YAML too.
function Helm:values_files(values)
  local paths = {}
  for _, one in ipairs(values) do
    self.files = self.files + 1
    local path = fs.join(self.folder, ("values-%d.yaml"):format(self.files))
    self:environment()
    fs.write(path, type(one) == "table" and json.encode(one) or one, { mode = PRIVATE })
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

-- Runs fn with the values in files, which are gone afterwards.
function Helm:with_values_files(values, fn)
  local paths = self:values_files(values)
  local results = table.pack(pcall(fn, paths))
  remove(paths)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- helm names the values file by the path that we made; people know it under its own.
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
---@field kube_version string? the server's version
---@field api_versions string[]? beyond those that every helm knows
---@field label string? value of the label M.LABEL
---@field timeout number? seconds for one operation of helm's; 300

--- Renders a chart without asking the server.
---@param name string
---@param release o2x.helm.release
---@return string manifest as the release will hold it
---@return string hooks what helm makes beside it while it writes the release
function Helm:template(name, release)
  self:check_name(name, release.namespace)
  local words = { "template", name, release.chart, "-n", release.namespace, "--skip-tests" }
  if release.kube_version then add(words, "--kube-version", release.kube_version) end
  for _, version in ipairs(release.api_versions or {}) do
    add(words, "--api-versions", version)
  end
  return self:with_values_files(release.values, function(paths)
    local r = self:run(with_values(words, paths))
    if r.code == 0 then return manifest.without_hooks(r.stdout) end
    name_values_file(r, paths, release.values_names)
    raise_failure("template", name, r, release.chart)
  end)
end

--- Installs or upgrades; returns when the objects are written, not when they are ready. A chart's crds/ are left out:
--- what belongs to the whole cluster is no tenant's.
---@param name string
---@param release o2x.helm.release
function Helm:upgrade(name, release)
  self:check_name(name, release.namespace)
  local seconds = release.timeout or 300
  local words = { "upgrade", name, release.chart, "--install", "-n", release.namespace, "--reset-values" }
  words[#words + 1] = "--skip-crds"
  add(words, "--timeout", ("%ds"):format(seconds))
  if release.label then add(words, "--labels", M.LABEL .. "=" .. release.label) end
  self:with_values_files(release.values, function(paths)
    local r = self:run(with_values(words, paths), seconds + 30)
    if r.code == 0 then return end
    name_values_file(r, paths, release.values_names)
    raise_failure("upgrade", name, r, release.chart)
  end)
end

--- Goes back to a revision, as a new one.
---@param name string
---@param revision integer
---@param namespace string
function Helm:rollback(name, revision, namespace)
  self:check_name(name, namespace)
  local r = self:run({ "rollback", name, tostring(revision), "-n", namespace }, 330)
  if r.code ~= 0 then raise_failure("rollback", name, r) end
end

--- Removes a release and its objects. One that is not there is removed already.
---@param name string
---@param namespace string
function Helm:uninstall(name, namespace)
  self:check_name(name, namespace)
  local r = self:run({ "uninstall", name, "-n", namespace }, 330)
  if r.code ~= 0 and not complaint(r):find("release: not found", 1, true) then raise_failure("uninstall", name, r) end
end

return M
