--- Runs the helm program, for o2x.client.helm. Values and credentials reach it only as files of mode 0600, and its home
--- folders are below the run's folder, so that concurrent runs share nothing.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local program = require "o2x.client.helm.program"

local READ_SECONDS <const> = 60
local MEMORY <const> = "256MiB" -- from which on helm collects its garbage after all
local PRIVATE_FOLDER <const> = tonumber("700", 8)

local Helm = {}

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

return Helm
