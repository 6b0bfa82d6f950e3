--- What a plan and a run show of a change of a release.

local content = require "o2x.effects.helm.content"
local manifest = require "o2x.client.helm.manifest"
local seen = require "o2x.effects.helm.seen"
local value = require "o2x.base.value"

-- Of contents that the journal has, only hashes are known: they tell that something changed, not what.
local function hash_lines(before, after)
  if not before then return { "+ " .. after.chart } end
  if not after then return { "- " .. before.chart } end
  local lines = {}
  if
    not value.is_unknown(after.revision)
    and before.revision ~= after.revision
    and before.revision
    and after.revision
  then
    lines[1] = ("~ revision: %s → %s"):format(before.revision, after.revision)
  end
  for _, field in ipairs { "values", "manifest", "hooks" } do
    if before[field] ~= after[field] then lines[#lines + 1] = ("~ %s: (changed)"):format(field) end
  end
  return lines
end

local function append(lines, more) table.move(more, 1, #more, #lines + 1, lines) end

-- What the diff does not say: an unchanged hook runs again, a CRD of the chart is left as it is.
local function notes(target, before, after)
  local lines = {}
  for _, hook in ipairs(before and after and before.hooks == after.hooks and content.objects(after.hooks) or {}) do
    lines[#lines + 1] = ("  %s runs again"):format(manifest.name(hook))
  end
  for _, crd in ipairs(target.source and target.source.crds or {}) do
    lines[#lines + 1] = ("  %s (CRD) is in the cluster already"):format(manifest.name(crd))
  end
  return lines
end

---@param target table
---@param before table?
---@param after table?
---@return { title: string, lines: string[] }
return function(target, before, after)
  local lines = {}
  local mends = before and after and before.drift and seen.is_same_record(before, after)
  for _, field in ipairs { "chart", "status" } do
    local old, new = before and before[field], after and (after[field] or "deployed")
    if before and after and old ~= new then lines[#lines + 1] = ("~ %s: %s → %s"):format(field, old, new) end
  end
  if not target.source and before and after and not mends then
    lines[#lines + 1] = ("~ revision: %s → that of %s"):format(before.revision, after.back_to or after.revision)
    for _, line in ipairs(content.values_diff(before.values, after.values)) do
      lines[#lines + 1] = "  values " .. line
    end
  end
  append(lines, seen.drift_lines(before))
  append(lines, seen.drift_lines(after))
  local old, new = content.all(before), content.all(after)
  if after and value.is_unknown(after.manifest) then
    lines[#lines + 1] = (before and "~ " or "+ ") .. tostring(after.manifest)
  elseif (old or not before) and (new or not after) then
    append(lines, manifest.diff(old, new))
  else
    append(lines, hash_lines(before, after))
  end
  if #lines == 0 and after then
    lines[1] = before and "~ values (the rendered objects stay the same)" or "+ (the chart renders no objects)"
  end
  if not mends then append(lines, notes(target, before, after)) end
  return { title = ("release %s%s"):format(target.name, after and " (" .. after.chart .. ")" or ""), lines = lines }
end
