--- Commands of helm that do what the effects of o2x.helm do, for people.

local json = require "o2x.base.json"
local kubectl = require "o2x.effects.k8s.commands"
local pull = require "o2x.client.helm.pull"
local shell = require "o2x.base.shell"

local M = {}

local WORKLOADS <const> = { Deployment = true, StatefulSet = true, DaemonSet = true, Job = true }

local function command(...) return shell.command { "helm", ... } end

--- Removes a release.
---@param name string
---@param namespace string
---@return string line
function M.uninstall(name, namespace) return command("uninstall", name, "-n", namespace) end

--- Goes back to a revision.
---@param name string
---@param namespace string
---@param revision integer
---@return string line
function M.rollback(name, namespace, revision) return command("rollback", name, tostring(revision), "-n", namespace) end

--- Shows the revisions.
---@param name string
---@param namespace string
---@return string line
function M.history(name, namespace) return command("history", name, "-n", namespace) end

--- Shows a release.
---@param name string
---@param namespace string
---@return string line
function M.status(name, namespace) return command("status", name, "-n", namespace) end

-- A list of values: files of the tree by their names, tables by standard input, which helm reads once.
local function list_of(values)
  local is_list = type(values) == "table" and #values > 0
  return is_list and values or { values }
end

-- Later values win, so tables that follow each other may be one.
local function merged(into, one)
  for name, item in pairs(one) do
    local deeper = type(item) == "table" and type(into[name]) == "table" and not json.is_array(item) and #item == 0
    into[name] = deeper and merged(into[name], item) or item
  end
  return into
end

--- Installs or upgrades a release, as o2x does. It runs in the platform tree.
---@param name string
---@param namespace string
---@param source { given: { chart: string, repo: string?, version: string?, values: any } }
---@return string|{ comment: string, line: string }
function M.upgrade(name, namespace, source)
  local given, tables = source.given, nil
  local chart = pull.is_remote(given) and given.chart or "./" .. given.chart
  local words = { "helm", "upgrade", name, chart, "--install", "-n", namespace, "--reset-values" }
  local function add(...) table.move({ ... }, 1, select("#", ...), #words + 1, words) end
  if given.repo then add("--repo", given.repo) end
  if given.version then add("--version", given.version) end
  for _, one in ipairs(list_of(given.values)) do
    if type(one) == "string" then
      add("-f", one)
    else
      if not tables then add("-f", "-") end
      tables = merged(tables or {}, one)
    end
  end
  local line = shell.command(words)
  return tables and shell.with_json(tables, line) or line
end

--- Waits until the workloads of a release are ready.
---@param name string
---@param objects table[]? what it renders to; nil if that is not known
---@param namespace string
---@param seconds number
---@return string[] lines
function M.ready(name, objects, namespace, seconds)
  local lines = {}
  for _, object in ipairs(objects or {}) do
    if WORKLOADS[object.kind] then
      local where = object.metadata.namespace or namespace
      lines[#lines + 1] = kubectl.rollout(object.kind, object.metadata.name, where, seconds)
    end
  end
  if not objects then lines[1] = kubectl.list("pods", namespace, "app.kubernetes.io/instance=" .. name) end
  return lines
end

return M
