--- Takes a tenant that was made by hand under care: what is there is read into its file, what differs from the standard
--- is kept there as this tenant's own, and what is missing is listed with the line that makes it. The platform itself
--- stays as it is.

local adoption = require "o2x.adoption"
local admin = require "stdlib.admin"
local around = require "stdlib.adoption.around"
local file_text = require "stdlib.adoption.file"
local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local naming = require "stdlib.naming"
local preflight = require "stdlib.preflight"
local releases = require "stdlib.adoption.releases"
local remedy = require "stdlib.remedy"
local rows = require "stdlib.adoption.tenant"
local text = require "o2x.text"

local M = {}

local function own_file(tenant)
  local path = naming.tenant_file(tenant.name)
  if not files.exists(path) then return nil end
  local content = files.read(path)
  return content, adoption.parse(content) or {}
end

--- Refuses a tenant of which there is nothing that could be taken over.
M.check = rows.check

-- The integrations of the file, and those that it does not have.
local function all_integrations(file, live)
  local list, known = {}, {}
  for _, item in ipairs(live.integrations) do
    list[#list + 1], known[item.name] = item, true
  end
  for _, item in ipairs(file and file.integrations or {}) do
    if not known[item.name] then list[#list + 1] = item end
  end
  return list
end

--- Reads what there is of the tenant, in all systems.
---@param tenant table
---@return table found live, skipped, releases, missing, unknown, odd; plain values without secrets
function M.look(tenant)
  local odd = around.hide_secrets()
  local _, file = own_file(tenant)
  local live, skipped = rows.read(tenant, file)
  local deployed = releases.read(tenant)
  table.move(deployed.skipped, 1, #deployed.skipped, #skipped + 1, skipped)
  return {
    live = live,
    skipped = skipped,
    releases = deployed,
    missing = around.vault(tenant, all_integrations(file, live)),
    unknown = around.unknown(tenant),
    odd = odd,
  }
end

--- Writes the values files that the tree lacks, from the values that helm keeps of the releases.
---@param found table of M.look
function M.write_values(found)
  for _, one in ipairs(found.releases.written) do
    files.ensure(one.path, one.text)
  end
end

-- A values file that neither tree nor helm has: its service is missing. The tree gets the standard's, because all that
-- concerns the service reads it.
local function is_values_file(tenant, one)
  for _, service in ipairs(one.text and catalogue.names() or {}) do
    if one.what == "file.text " .. naming.values_file(tenant.name, service) then return true end
  end
  return false
end

-- The differences that the file keeps: secrets that are not there, and all that has no secret in it: no file may have a
-- hash of one.
local function kept_of(tenant, found, differences)
  local kept = {}
  for _, one in ipairs(found.missing) do
    local secret = one.secret and preflight.kept_secret(tenant, one.secret)
    if secret then kept[#kept + 1] = { what = secret, tag = preflight.MISSING } end
  end
  for _, one in ipairs(differences) do
    if one.tag and not is_values_file(tenant, one) then kept[#kept + 1] = { what = one.what, tag = one.tag } end
  end
  return kept
end

--- Compares the tenant with what its file would make of it, and makes the text of the file.
---@param tenant table
---@param found table of M.look
---@return table result before (the file's text, nil if there is none), text, wanted, guessed, differences, problems,
--- failed
function M.compare(tenant, found)
  local content, file = own_file(tenant)
  local wanted, guessed = file_text.wanted(tenant, found.live, file)
  file_text.check_size(tenant, wanted)
  local image, pins = releases.images(found.releases.tags, file, tenant.platform.image.tag)
  wanted.image, wanted.pins, wanted.kept = image, pins, kept_of(tenant, found, {})
  local made = adoption.differences(file_text.text(tenant, wanted, content, file))
  wanted.kept = kept_of(tenant, found, made.differences)
  return {
    before = content,
    text = file_text.text(tenant, wanted, content, file),
    wanted = wanted,
    guessed = guessed,
    differences = made.differences,
    problems = made.problems,
    failed = made.failed,
  }
end

-- Others work meanwhile: what was read must still be so.
local function check_unchanged(tenant, result)
  rows.check(tenant)
  local path = naming.tenant_file(tenant.name)
  local now = files.exists(path) and files.read(path) or nil
  if now == result.before or now == result.text then return end
  local how = not now and "removed" or result.before and "changed" or "made"
  fail(
    ("%s was %s by somebody else while the tenant was looked at"):format(path, how),
    remedy.run(tenant, "adopt") .. " looks again"
  )
end

--- Writes the tenant's file, and the standard's values files of services that it does not have.
---@param tenant table
---@param found table of M.look
---@param result table of M.compare
function M.write_file(tenant, found, result)
  local values = {}
  for _, one in ipairs(result.differences) do
    if is_values_file(tenant, one) and not found.releases.unread[one.key] then values[#values + 1] = one end
  end
  check_unchanged(tenant, result)
  for _, one in ipairs(values) do
    files.ensure(one.key, one.text)
  end
  files.ensure(naming.tenant_file(tenant.name), result.text)
end

--- Gives the administrator a new password, and Vault with it.
---@param tenant table
---@param result table of M.compare
function M.reset_admin(tenant, result)
  local _, file = own_file(tenant)
  local person = file and file.admin or result.wanted.admin
  admin.create({ name = tenant.name, admin = person }, { admin = "reset" })
end

-- ---- the table ----

-- What makes o2x the owner of one thing that was made by hand.
local function take_over(tenant, one)
  local option = text.shell_word("--take-over=" .. one.key)
  return remedy.run(tenant, "onboard", option)
end

local function add(list, state, what, detail, mend)
  list[#list + 1] = { state = state, what = what, detail = detail, ["next"] = mend }
end

local function taken_over(list, tenant, found, wanted)
  add(list, "taken over", "registry", ("%s, %s"):format(found.live.id, tostring(found.live.environment)))
  for _, item in ipairs(found.live.integrations) do
    add(list, "taken over", "integration " .. item.name, item.baseurl)
  end
  for name in pairs(found.live.features or {}) do
    add(list, "taken over", "feature " .. name)
  end
  for name in pairs(found.live.properties or {}) do
    add(list, "taken over", "property " .. name)
  end
  for _, what in ipairs { "invoice_template", "branding" } do
    if found.live[what] then add(list, "taken over", (what:gsub("_", " "))) end
  end
  if found.live.admin then add(list, "taken over", "administrator", found.live.admin.email) end
  add(list, "taken over", "releases", ("%d of helm"):format(found.releases.count))
  for _, one in ipairs(found.releases.written) do
    add(list, "taken over", one.path, "from the values of the release")
  end
  if wanted.image then add(list, "override", "image", wanted.image) end
  for service, tag in pairs(wanted.pins or {}) do
    add(list, "override", "image of " .. service, tag)
  end
  if next(found.live.overrides) then add(list, "override", "database", found.live.overrides.database) end
  for _, one in ipairs(found.releases.overrides) do
    add(list, "override", one.what, ("%s; the standard is %s"):format(one.is, one.standard))
  end
end

local MOST <const> = 3 -- lines of a difference in the table

-- What is otherwise, on one line. Of a text that people wrote, the first line that differs says nothing.
local function detail_of(one)
  if one.kind:find "^file%." then return "a text of its own" end
  local lines = {}
  for _, line in ipairs(one.lines) do
    if line:find "^%s*[+~-]" then lines[#lines + 1] = line:gsub("^%s+", "") end
  end
  if not lines[1] then return one.lines[1] end
  local more = #lines > MOST and "; …" or ""
  return table.concat(lines, "; ", 1, math.min(#lines, MOST)) .. more
end

-- Services, monitoring and people find the tenant's objects by this label.
local function lacks_label(one)
  for _, line in ipairs(one.lines) do
    if line:find "^%s*%+ metadata%.labels%.tenant:" then return true end
  end
  return false
end

local function add_difference(list, tenant, one)
  local state = one.way == "missing" and "missing" or one.tag and "override" or "different"
  local detail = one.way ~= "missing" and detail_of(one) or nil
  if detail and lacks_label(one) then
    add(list, "missing", "label tenant of " .. one.title, "selectors look for it", take_over(tenant, one))
  end
  add(list, state, one.title, detail, one.tag and take_over(tenant, one) or remedy.onboard(tenant))
end

local UNREAD <const> = "no file can have them: they are nested too deep; onboarding would make the standard's"

local function not_standard(list, tenant, found, result)
  for _, one in ipairs(result.differences) do
    if found.releases.unread[one.key] then
      add(list, "left alone", "values of " .. found.releases.unread[one.key], UNREAD, remedy.onboard(tenant))
    elseif is_values_file(tenant, one) then
      add(list, "taken over", one.key, "the standard's; neither the tree nor helm has one")
    else
      add_difference(list, tenant, one)
    end
  end
end

-- The line of a script says nothing to those who read a table.
local function plainly(message) return (message:gsub("^stdlib/%S+:%d+: ", "")) end

local function not_there(list, tenant, found, result, reset)
  local again = remedy.run(tenant, "adopt")
  local done = reset and remedy.run(tenant, "adopt", "admin=reset") or nil
  for _, one in ipairs(found.missing) do
    if one.mend ~= done then add(list, "missing", one.what, nil, one.mend) end
  end
  for _, one in ipairs(result.guessed) do
    add(list, "missing", one.what, one.why)
  end
  for _, one in ipairs(result.problems) do
    add(list, "not looked at", one.name or one.step, plainly(one.message), one.hint)
  end
  for _, one in ipairs(result.failed) do
    add(list, "not well", one.name, plainly(one.message), one.hint)
  end
  for _, one in ipairs(found.odd) do
    local why = one.why .. "; if a secret is there, its text may be in the file"
    add(list, "not looked at", "Vault's " .. one.path, why, "rename it in Vault; then " .. again)
  end
  for _, one in ipairs(found.skipped) do
    add(list, "left alone", one.what, one.why)
  end
  for _, name in ipairs(found.unknown) do
    add(list, "left alone", name, "has the tenant's label, and the catalogue does not know it")
  end
end

--- Outputs what was taken over, what is the tenant's own, what is missing, and what was left alone.
---@param tenant table
---@param found table of M.look
---@param result table of M.compare
---@param reset boolean? the administrator has a new password since
function M.report(tenant, found, result, reset)
  local list = {}
  taken_over(list, tenant, found, result.wanted)
  not_standard(list, tenant, found, result)
  not_there(list, tenant, found, result, reset)
  output { columns = { "state", "what", "detail", "next" }, rows = list, planned = true }
end

return M
