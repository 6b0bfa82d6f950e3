--- Writes releases, for o2x.client.helm: upgrades by a helm that has rendered and waits or by another one, rollbacks,
--- removals.

local ahead = require "o2x.client.helm.ahead"
local arguments = require "o2x.client.helm.arguments"
local defer = require "o2x.base.defer"
local failure = require "o2x.client.helm.failure"
local fs = require "o2x.base.fs"
local program = require "o2x.client.helm.program"
local sealed = require "o2x.client.helm.sealed"

local READ_SECONDS <const> = 60
local WRITE_SECONDS <const> = 300

local Helm = {}

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

-- How a helm is started that renders and waits.
local function starter_of(self)
  local function start(fn, name, release)
    self:version()
    self.files = self.files + 1
    local file = fs.join(self.folder, ("rendered-%d.yaml"):format(self.files))
    return self:with_values_files(release.values, function(paths)
      local argv = arguments.with_values(arguments.upgrade(name, release.chart, release, WRITE_SECONDS), paths)
      table.insert(argv, 1, self.program)
      return self.slots:run(fn, { argv = argv, env = self:environment(), file = file, seconds = READ_SECONDS })
    end)
  end
  return {
    start = start,
    question = function(name, release) return self:question(name, release, program.identity(self.program)) end,
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
  local words = arguments.upgrade(name, folder, release, seconds)
  words[#words + 1] = "--skip-crds"
  return self:with_values_files(release.values, function(paths)
    local r = self:run(arguments.with_values(words, paths), seconds + 30, nil, true)
    if r.code ~= 0 then arguments.name_values_file(r, paths, release.values_names) end
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

return Helm
