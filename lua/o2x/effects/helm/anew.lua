--- Brings back a release of which helm has no record any more, because an undo removed it with its history: it is
--- deployed again from its chart and its values files. That is done only if they still give what the release was; its
--- record says so by hashes.

local errors = require "o2x.base.error"
local render = require "o2x.effects.helm.render"
local value = require "o2x.base.value"

local M = {}

-- The names of values files; nil if there are values that no file has.
local function files_of(values)
  local list = type(values) == "table" and values or { values }
  if #list == 0 then return nil end
  for _, one in ipairs(list) do
    if type(one) ~= "string" then return nil end
  end
  return table.move(list, 1, #list, 1, {})
end

--- What a release was made of, for the journal; nil if that cannot be found again.
---@param source table? of render.release
---@return { chart: string, repo: string?, version: string?, digest: string?, values: string[], content: string }?
function M.given(source)
  local given = source and source.given
  local files = given and files_of(given.values)
  if not files then return nil end
  return {
    chart = given.chart,
    repo = given.repo,
    version = given.version,
    digest = given.digest,
    values = files,
    content = source.about.digest,
  }
end

-- Values files that an undo writes before the release are not there yet; the write looks at them.
local function check_values(ctx, given, before)
  local ok, hash = pcall(render.values_hash, ctx, given.values)
  return ok and (value.is_unknown(hash) or hash == before.values)
end

--- Can the release be deployed again as it was?
---@param ctx table
---@param past o2x.past
---@return string? why nil: it can
function M.problem(ctx, past)
  local given = past.target.given
  if not given then return "it was not made of files alone" end
  local ok, digest = pcall(render.digest, ctx, given)
  if not ok then return value.text(errors.wrap(digest)) end
  if digest ~= given.content then return ("its chart %s has changed since"):format(given.chart) end
  if past.kinds["file.text"] or check_values(ctx, given, past.before) then return nil end
  return "its values files have changed since"
end

--- Renders the release. Refuses what it was not.
---@param ctx table
---@param target table with given
---@param namespace string
---@param desired table what it was
---@param source table filled for helm; the caller lets it go
function M.render(ctx, target, namespace, desired, source)
  local found = render.release(ctx, target.name, namespace, target.given, source)
  if value.is_unknown(found.manifest) then return end
  local same = found.chart == desired.chart and found.values == desired.values
  if same and found.manifest == desired.manifest and found.hooks == desired.hooks then return end
  errors.raise {
    kind = "conflict",
    module = "helm",
    op = "upgrade",
    message = ("release %s would not be what it was: its chart, its values or the cluster have changed"):format(
      target.name
    ),
    hint = "deploy it by the runbook that made it",
  }
end

--- Why nothing brings the release back, for people.
---@param revision integer?
---@param why string of problem
---@return string
function M.refusal(revision, why)
  return ("helm has no record of its revision %s any more, and %s; deploy it again"):format(tostring(revision), why)
end

--- The value of helm.release that is deployed again.
---@param before table as the journal has it
---@return table
function M.desired_of(before)
  return {
    status = "deployed",
    chart = before.chart,
    app_version = before.app_version,
    values = before.values,
    manifest = before.manifest,
    hooks = before.hooks,
  }
end

return M
