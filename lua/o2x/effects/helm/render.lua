--- What a release shall be: renders a chart with its values, and checks all objects that helm would make, hooks
--- included, before anything is written. What was rendered here is what helm writes (o2x.client.helm.sealed).

local chart = require "o2x.client.helm.chart"
local clock = require "o2x.base.clock"
local content = require "o2x.effects.helm.content"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local manifest = require "o2x.client.helm.manifest"
local pull = require "o2x.client.helm.pull"
local read = require "o2x.client.helm.values.read"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"
local template_calls = require "o2x.client.helm.template_calls"
local value = require "o2x.base.value"

local M = {}

local function input(message, where, hint)
  errors.raise { kind = "input", module = "helm", message = message, where = where, hint = hint }
end

-- ---- chart and values ----

-- A chart's folder in the platform tree, and what is in it; refuses a path, or a link in the chart, that leads out.
local function chart_folder(ctx, name)
  local tree = fs.realpath(ctx.config.platform)
  local path = type(name) == "string" and fs.canonical(fs.join(tree, name))
  if not path or path:sub(1, #tree + 1) ~= tree .. "/" then
    input(("chart %s is not in the platform tree"):format(tostring(name)))
  end
  if not fs.exists(fs.join(path, "Chart.yaml")) then input("is not a chart: it has no Chart.yaml", path) end
  return path, tree
end

local function chart_label(folder)
  local about = chart.about(folder)
  return ("%s-%s"):format(about.name, about.version), about.appVersion
end

-- A table, or a values file as the run sees it: in a plan, it may not be on disk yet, or be unknown.
local function read_values(ctx, one)
  if value.is_unknown(one) then return one end
  if type(one) == "table" then return json.encode(one), "values", one end
  local text = ctx:read("file.text", one)
  if value.is_unknown(text) then return text end
  if not text then input(("values file %s does not exist"):format(tostring(one))) end
  return text, one, read.values(text, one)
end

-- A chart's folder, and the tree that it is in, wherever the chart comes from.
local function chart_of(ctx, o)
  if not pull.is_remote(o) then return chart_folder(ctx, o.chart) end
  local folder = fs.realpath(ctx:retry(pull.folder, ctx:client "helm", o, ctx.config))
  return folder, folder
end

--- What a chart is, as a hash of its files.
---@param ctx table
---@param o { chart: string, repo: string?, version: string?, digest: string? }
---@return string digest
function M.digest(ctx, o) return chart.inspect(chart_of(ctx, o)).digest end

--- What values files give together, as the record of a release has it.
---@param ctx table
---@param files string[]
---@return any hash unknown in a plan that cannot know one of them
function M.values_hash(ctx, files)
  local merged = {}
  for _, one in ipairs(files) do
    local text, _, values = read_values(ctx, one)
    if value.is_unknown(text) then return text end
    read.merge(merged, values)
  end
  return content.hash_values(merged)
end

-- Does a value hold a text that tpl may render to something else each time, or what hides a hook?
local function any_text(item, test)
  if type(item) == "string" then return test(item) end
  for key, one in pairs(type(item) == "table" and item ~= json.null and item or {}) do
    if any_text(key, test) or any_text(one, test) then return true end
  end
  return false
end

-- Looks at the values as it was looked at the chart.
local function add_values(about, merged)
  about.volatile = about.volatile
    or about.tpl and any_text(merged, function(text) return not template_calls.is_stable(text) end)
  about.plain = about.plain
    and not any_text(merged, function(text) return text:lower():find("hook", 1, true) ~= nil end)
end

-- The release's record; nil, and that nobody knows, where people follow a checklist without the cluster.
local function record_of(ctx, name, namespace)
  local helm = ctx:client "helm"
  local ok, record = xpcall(ctx.ask, errors.handler, ctx, "helm", helm.status, helm, name, namespace)
  if ok then return record, true end
  if not ctx:followed_without(record) then error(record, 0) end
  return nil, false
end

-- Fills the source for helm. Gives the hash of the values, which may be unknown, and the release's record.
local function fill(ctx, name, namespace, o, source)
  local k8s = ctx:client "k8s"
  source.given = { chart = o.chart, repo = o.repo, version = o.version, digest = o.digest, values = o.values }
  source.chart, source.tree = chart_of(ctx, o)
  source.about = chart.inspect(source.chart, source.tree)
  source.namespace, source.values, source.values_names, source.objects = namespace, {}, {}, {}
  if source.about.cluster then
    source.kube_version, source.api_versions = k8s:version(), k8s:kinds():api_versions()
  end
  local merged = {}
  local several = type(o.values) == "table" and not value.is_unknown(o.values) and #o.values > 0
  local list = several and o.values or { o.values }
  for i, one in ipairs(list) do
    local values
    source.values[i], source.values_names[i], values = read_values(ctx, one)
    if value.is_unknown(source.values[i]) then return value.unknown end
    read.merge(merged, values)
  end
  add_values(source.about, merged)
  local record, is_known = record_of(ctx, name, namespace)
  if not is_known then return value.unknown end
  source.upgrade = record ~= nil and record.status ~= "uninstalled"
  source.revision = record and record.revision
  return content.hash_values(merged), record
end

-- ---- rendering ----

-- The first difference between two renderings, as people read it.
local function difference(one, other)
  local lines = manifest.diff(one, other)
  local where = lines[1] and lines[1]:sub(3) or "the objects"
  local field = lines[2] and lines[2]:match("^%s+[-+~] ([^:]+):")
  return field and where .. ", " .. field or where
end

-- A chart that renders otherwise each time would change the release in every run.
local function refuse_volatile(ctx, name, source, first)
  if not (source.about.volatile or source.about.clock) then return end
  if source.about.clock then task.sleep(1 - clock.now() % 1) end
  local second = ctx:client("helm"):template(name, source)
  for _, part in ipairs { "objects", "hooks" } do
    if manifest.hash(first[part]) ~= manifest.hash(second[part]) then
      input(
        ("the chart renders otherwise each time: %s"):format(difference(first[part], second[part])),
        source.chart,
        "make random values and times in the runbook, and give them to the chart by its values or in a Secret"
      )
    end
  end
end

-- What is rendered depends on nothing that a second run would change.
local function warn_of_revision(ctx, source)
  if not source.about.revision then return end
  local name = source.chart:match "[^/]*$"
  ctx:log("warning", ("the chart %s asks for .Release.Revision, which o2x always renders as 1"):format(name))
end

-- CRDs belong to the cluster. helm never changes one that exists, so such a one may be in the chart.
local function check_crds(k8s, crds, folder)
  for _, object in ipairs(crds) do
    local name = type(object.metadata) == "table" and object.metadata.name
    if object.kind ~= "CustomResourceDefinition" or not k8s:kinds():find(tostring(name)) then
      errors.raise {
        kind = "refused",
        module = "helm",
        op = "template",
        code = "EREFUSED",
        message = ("the chart brings %s in crds/, which belongs to the whole cluster"):format(manifest.name(object)),
        where = folder,
        hint = "ask the administrators of the cluster to install it first: kubectl apply -f "
          .. shell.quote(fs.join(folder, "crds")),
      }
    end
  end
end

-- An object without kind or name cannot be checked, nor written.
local function check_form(objects, folder)
  for _, object in ipairs(objects) do
    local metadata = object.metadata
    -- "namespace: {{ .Values.namespace }}" without a value
    if type(metadata) == "table" and metadata.namespace == json.null then metadata.namespace = nil end
    local ok = type(object.apiVersion) == "string"
      and type(object.kind) == "string"
      and type(metadata) == "table"
      and type(metadata.name) == "string"
      and (metadata.namespace == nil or type(metadata.namespace) == "string")
    if not ok then
      local what = type(object.kind) == "string" and "a " .. object.kind or "an object"
      input(("the chart renders %s without apiVersion, kind or a text as metadata.name"):format(what), folder)
    end
  end
end

-- helm would find out when it writes the second one, and leave a failed release behind.
local function check_unique(objects, namespace, folder)
  local seen = {}
  for _, object in ipairs(objects) do
    local group = object.apiVersion:match("^(.*)/") or ""
    local where = object.metadata.namespace or namespace
    local id = ("%s/%s %s/%s"):format(group, object.kind, where, object.metadata.name)
    if seen[id] then
      input(
        ("the chart renders %s twice"):format(manifest.name(object)),
        folder,
        "remove one of the templates, or give the objects names of their own"
      )
    end
    seen[id] = true
  end
end

--- Checks what helm would write: each object must be granted, with all that it holds.
---@param ctx table
---@param objects table[] with hooks
---@param namespace string of the release
---@param where string? the chart's folder, for messages
function M.check(ctx, objects, namespace, where)
  local k8s = ctx:client "k8s"
  check_form(objects, where)
  k8s.grants:objects(function(object) return k8s:resource(object) end, objects, namespace)
end

-- ---- what need not be rendered again ----

-- What the chart renders to, if that was kept and is what the release has: then the objects are those of its record.
local function kept_rendering(ctx, name, source, record)
  if source.about.volatile or not record then return nil end
  local kept = ctx:client("helm"):find_rendering(name, source)
  if not kept then return nil end
  local found = content.of(record)
  local objects = content.objects(found.manifest)
  local hooks = found.hooks and content.objects(found.hooks) or {}
  if not objects or not hooks or kept.manifest ~= found.manifest or kept.hooks ~= found.hooks then return nil end
  return { objects = objects, hooks = hooks, crds = kept.crds, manifest = found.manifest, hooks_hash = found.hooks }
end

-- Keeps what was rendered, unless the chart was edited meanwhile.
local function keep_rendering(ctx, name, source, desired)
  if source.about.volatile then return end
  if chart.inspect(source.chart, source.tree).digest ~= source.about.digest then return end
  local rendering = { manifest = desired.manifest, hooks = desired.hooks, crds = source.crds }
  ctx:client("helm"):keep_rendering(name, source, rendering)
end

local UPGRADABLE <const> = { deployed = true, failed = true, superseded = true }

-- May the helm that will write render, and wait until it is told to write? A plan writes nothing; and what a helm left
-- behind that died is settled first.
local function may_hold(ctx, source, record)
  return ctx.mode ~= "plan" and source.about.plain and (not record or UPGRADABLE[record.status] == true)
end

-- Renders by the helm that will write. The chart must be the one that was looked at; of one that was rendered ahead, it
-- has been looked at before and after.
local function hold(ctx, name, source, record)
  if not may_hold(ctx, source, record) then return nil end
  local helm = ctx:client "helm"
  source.label = ctx.run_id
  local rendering, was_ahead = helm:hold(name, source)
  local same = was_ahead or rendering and chart.inspect(source.chart, source.tree).digest == source.about.digest
  if same and #rendering.hooks == 0 then return rendering end
  helm:let_go(source)
end

-- Renders for real. A chart that may give something else each time is rendered twice.
local function render(ctx, name, source, record)
  local rendering = hold(ctx, name, source, record)
  if not rendering then
    rendering = ctx:client("helm"):template(name, source)
    refuse_volatile(ctx, name, source, rendering)
  end
  rendering.manifest = content.hash_objects(rendering.objects)
  if #rendering.hooks > 0 then rendering.hooks_hash = content.hash_objects(rendering.hooks) end
  rendering.is_new = true
  return rendering
end

--- Renders a release before its turn, if the helm that will write can do that.
---@param ctx table
---@param name string
---@param namespace string
---@param o table as for release
function M.ahead(ctx, name, namespace, o)
  if ctx.mode == "plan" then return end
  local source, helm = {}, ctx:client "helm"
  helm:check_name(name, namespace)
  local _, record = fill(ctx, name, namespace, o, source)
  if not may_hold(ctx, source, record) or kept_rendering(ctx, name, source, record) then return end
  source.label = ctx.run_id
  helm:hold_ahead(name, source)
end

--- Renders and checks the desired release.
---@param ctx table
---@param name string
---@param namespace string
---@param o { chart: string, values: any, repo: string?, version: string?, digest: string? }
---@param source table filled for helm: chart, values, objects (hooks among it), crds …; a helm may wait for it, which
---  the caller ends (let_go)
---@return table desired chart, app_version, values, manifest, hooks
function M.release(ctx, name, namespace, o, source)
  ctx:client("helm"):check_name(name, namespace)
  local values, record = fill(ctx, name, namespace, o, source)
  local label, app_version = chart_label(source.chart)
  local desired = { chart = label, app_version = app_version, values = values, manifest = value.unknown }
  if value.is_unknown(values) then return desired end
  local rendering = kept_rendering(ctx, name, source, record) or render(ctx, name, source, record)
  warn_of_revision(ctx, source)
  check_crds(ctx:client "k8s", rendering.crds, source.chart)
  desired.manifest, desired.hooks = rendering.manifest, rendering.hooks_hash
  source.objects, source.crds = content.all(desired), rendering.crds
  M.check(ctx, source.objects, namespace, source.chart)
  check_unique(rendering.objects, namespace, source.chart)
  if rendering.is_new then keep_rendering(ctx, name, source, desired) end
  return desired
end

return M
