--- Renders charts, for o2x.client.helm, and keeps what they rendered to.

local arguments = require "o2x.client.helm.arguments"
local failure = require "o2x.client.helm.failure"
local json = require "o2x.base.json"
local kept = require "o2x.client.helm.kept"
local manifest = require "o2x.client.helm.manifest"
local program = require "o2x.client.helm.program"

local Helm = {}

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
  if release.kube_version then arguments.add(words, "--kube-version", release.kube_version) end
  for _, version in ipairs(release.api_versions or {}) do
    arguments.add(words, "--api-versions", version)
  end
  return self:with_values_files(release.values, function(paths)
    local r = self:run(arguments.with_values(words, paths), nil, self:offline())
    if r.code == 0 then return manifest.rendering(r.stdout) end
    arguments.name_values_file(r, paths, release.values_names)
    failure.raise("template", name, r, release.chart)
  end)
end

--- All that the result of template depends on.
---@param name string
---@param release o2x.helm.release with about (o2x.helm.chart)
---@param identity table of the helm program
---@return table question of o2x.client.helm.kept
function Helm:question(name, release, identity)
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
  local found = self.kept:find(place(name, release), self:question(name, release, self.identity))
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
  self.kept:keep(place(name, release), self:question(name, release, program.identity(self.program)), answer)
end

return Helm
