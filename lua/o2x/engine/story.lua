--- What an audit says of a tenant that was half deleted, as one story: a system that is gone as a whole is one finding,
--- and so is a tenant of which most is gone. Checks that fail because of that are one more.

local errors = require "o2x.base.error"

local M = {}

local FELT <const> = 1
local FEWEST <const> = 3 -- things that are said as one
local WIDTH <const> = 100

local function root_of(path) return (path or ""):match "^[^/]*" end

-- "helm.release" -> "releases"
local function plural(kind)
  local module, noun = kind:match "^([^.]+)%.(.*)$"
  if module == "file" then noun = "file" end
  return (noun or kind):gsub("_", " ") .. "s"
end

local function group_of(kind, path) return kind .. "\0" .. root_of(path) end

-- ---- a system that is gone ----

-- Group → how much of it is missing, and how much is there.
local function counted(this)
  local groups = {}
  for _, effect in ipairs(this.plan.effects) do
    local key = group_of(effect.kind, effect.path)
    local group = groups[key] or { missing = 0, there = 0 }
    groups[key] = group
    local field = effect.outcome == "created" and "missing" or "there"
    group[field] = group[field] + (effect.inside and 0 or 1)
  end
  return groups
end

local function is_gone(groups, finding)
  local group = finding.way == "missing" and finding.kind and groups[group_of(finding.kind, finding.where)]
  return group and group.there == 0 and group.missing >= FEWEST and group
end

-- One finding for all of a group: it stands where the first of them stood.
local function gather(this, findings)
  local groups, kept, any = counted(this), {}, false
  for _, finding in ipairs(findings) do
    local group = is_gone(groups, finding)
    if group and not group.finding then
      any = true
      group.finding = {
        rank = finding.rank,
        way = "missing",
        kind = finding.kind,
        what = ("all %d %s"):format(group.missing, plural(finding.kind)),
        where = root_of(finding.where),
        lines = {},
        mend = finding.mend,
        overview = true,
      }
      kept[#kept + 1] = group.finding
    elseif not group then
      kept[#kept + 1] = finding
    end
    if group then table.insert(group.finding.lines, "+ " .. finding.what) end
  end
  return kept, any
end

-- ---- checks ----

-- Names, as many in a line as fit.
local function in_lines(names, sign)
  local lines, line = {}, nil
  for _, name in ipairs(names) do
    if line and #line + #name > WIDTH then
      lines[#lines + 1], line = line, nil
    end
    line = line and line .. ", " .. name or sign .. name
  end
  lines[#lines + 1] = line
  return lines
end

local function of_checks(findings)
  local kept, names, mend = {}, {}, nil
  for _, finding in ipairs(findings) do
    if finding.way == "failed check" then
      names[#names + 1], mend = finding.what, mend or finding.mend
    else
      kept[#kept + 1] = finding
    end
  end
  if #names < FEWEST then return findings end
  kept[#kept + 1] = {
    rank = FELT,
    way = "failed check",
    what = ("%d checks, which may only follow from what is missing"):format(#names),
    lines = in_lines(names, "! "),
    mend = mend,
    overview = true,
  }
  return kept
end

-- ---- a tenant of which most is gone ----

local SIGN <const> = { created = "+", changed = "~", unchanged = "=" }
local WORD <const> = { created = "missing", changed = "different", unchanged = "there" }

-- A line for each step and outcome, in the order of the plan.
local function overview(this)
  local order, found = {}, {}
  for _, effect in ipairs(this.plan.effects) do
    local root, sign = root_of(effect.path), SIGN[effect.outcome]
    local key = ("%s %s"):format(sign or "", root)
    if sign and not found[key] then
      found[key] = { sign = sign, root = root, word = WORD[effect.outcome], count = 0 }
      order[#order + 1] = found[key]
    end
    if sign then found[key].count = found[key].count + 1 end
  end
  local lines = {}
  for i, one in ipairs(order) do
    lines[i] = ("%s %s: %d %s"):format(one.sign, one.root, one.count, one.word)
  end
  return lines
end

-- The id that the tenant's services have, if the registry has lost it.
local function lost_id(this)
  local registration = this.registration
  if not registration or registration.held or not this.platform.witness then return nil end
  local ok, id = pcall(this.platform.witness, this.tenant)
  if ok then return id end
  if errors.is(id) and id.kind == "cancelled" then error(id, 0) end
end

local NEW_ID <const> = "the services have %s, which the registry does not know: a run would give the tenant another "
  .. "id, and leave behind what that one names. Bring the registry's row back from a backup of %s; without it: %s"
local TO_GO <const> = "if the tenant is to go: remove its file, and %s names what is left, with what removes it"

local function most_is_gone(this, findings, mend)
  local kept, failed = {}, 0
  for _, finding in ipairs(findings) do
    local is_planned = finding.way == "missing" or finding.way == "different"
    if finding.way == "failed check" then failed = failed + 1 end
    if not is_planned and finding.way ~= "failed check" then kept[#kept + 1] = finding end
  end
  local counts, lines, id = this.plan:counts(), overview(this), lost_id(this)
  if failed > 0 then lines[#lines + 1] = failed == 1 and "! 1 check fails" or ("! %d checks fail"):format(failed) end
  table.insert(kept, 1, {
    rank = FELT,
    way = "missing",
    what = ("most of tenant %s: %d of %d things"):format(
      this.tenant_name,
      counts.created,
      counts.created + counts.changed + counts.unchanged
    ),
    lines = lines,
    mend = not id and mend or nil,
    hint = id and NEW_ID:format(id, this.scope.pg.control, mend) or TO_GO:format "o2x audit --all",
    overview = true,
  })
  return kept
end

--- Tells it.
---@param this table a run that was audited
---@param findings o2x.finding[]
---@param mend string the command that makes the tenant
---@return o2x.finding[] findings
function M.tell(this, findings, mend)
  local counts = this.plan:counts()
  if counts.created > counts.changed + counts.unchanged and counts.created >= FEWEST then
    return most_is_gone(this, findings, mend)
  end
  local kept, any = gather(this, findings)
  return any and of_checks(kept) or kept
end

return M
