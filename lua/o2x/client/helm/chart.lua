--- A chart on the disk, looked at before helm gets it.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local template_calls = require "o2x.client.helm.template_calls"
local yaml = require "o2x.base.yaml"

local M = {}

local MOST_FILES <const> = 5000
local MOST_BYTES <const> = 32 << 20 -- that are looked into
local FEW_BYTES <const> = 256 << 10 -- of a plain chart: helm keeps it with the release, whose record has 1 MiB

local function input(path, message, hint)
  errors.raise { kind = "input", module = "helm", message = message, where = path, hint = hint }
end

-- helm follows links, so a link could bring any file of the machine into an object.
local function follow(path, tree)
  local target = fs.canonical(path)
  if not target or not fs.exists(target) then input(path, "is a link that leads nowhere") end
  if target:sub(1, #tree + 1) ~= tree .. "/" then
    input(path, "is a link out of the platform tree", "copy what the chart needs into the tree")
  end
  return target
end

-- Calls visit with each file below a folder, by the name that it has for helm: links are followed, but not round and
-- round.
local function walk(state, folder, prefix)
  if state.above[folder] then return end
  state.above[folder] = true
  for _, name in ipairs(fs.list(folder)) do
    local path = fs.join(folder, name)
    local stat = fs.stat(path, false)
    if stat and stat.type == "link" then
      path = follow(path, state.tree)
      stat = fs.stat(path)
    end
    state.count = state.count + 1
    if state.count > MOST_FILES then input(state.folder, ("has more than %d files"):format(MOST_FILES)) end
    if stat and stat.type == "folder" then
      walk(state, path, prefix .. name .. "/")
    elseif stat and stat.type == "file" then
      state.visit(prefix .. name, path, stat.size)
    elseif stat then
      input(path, "is neither a file nor a folder")
    end
  end
  state.above[folder] = nil
end

--- The Chart.yaml of a chart as helm reads it: its first document, of a key that is there twice the last one, with the
--- order of its keys. Name and version are texts, whatever they look like.
---@param folder string
---@return table about name, version and appVersion ("" if there is none), and what else it has
function M.about(folder)
  local path = fs.join(folder, "Chart.yaml")
  local about = yaml.decode(fs.read(path), path, { ordered = true, repeats = true, first = true })
  if type(about) ~= "table" or json.is_array(about) then
    input(path, "is no map with the name and the version of a chart")
  end
  for _, field in ipairs { "name", "version", "appVersion" } do
    local value = about[field]
    if type(value) == "number" or type(value) == "boolean" then about[field] = json.encode(value) end
    if type(about[field]) ~= "string" and field ~= "appVersion" then input(path, "has no " .. field) end
    if type(about[field]) ~= "string" then about[field] = "" end
  end
  return about
end

---@class o2x.helm.chart
---@field volatile boolean its templates may give something else each time
---@field clock boolean they may give something else each second
---@field tpl boolean they render texts of the values as templates
---@field operation boolean they ask for more of the release than its name: whether it is an upgrade, its revision
---@field revision boolean they ask for the number of the revision
---@field cluster boolean they may ask what the cluster can do, or the chart needs a version of it
---@field plain boolean what it renders depends on nothing of the cluster, and it has no hooks, crds/ or notes
---@field digest string of the names and the bytes of all files that were looked into

local function is_template(name) return ("/" .. name):find("/templates/", 1, true) ~= nil end

local function read_template(about, text)
  local found = template_calls.read(text)
  about.volatile = about.volatile or found.volatile
  about.clock = about.clock or found.clock
  about.tpl = about.tpl or found.tpl
  about.revision = about.revision or found.revision
  about.operation = about.operation or found.operation
  about.cluster, about.plain = about.cluster or found.cluster, about.plain and not found.cluster
  for _, one in ipairs(found.strings) do
    about.stable = about.stable and template_calls.is_stable(one)
  end
end

-- May it have hooks, CRDs or notes? Notes are not checked, so they are not written either.
local function is_special(name, text)
  return text:lower():find("hook", 1, true) or ("/" .. name):find("/crds/", 1, true) or name:find "NOTES%.txt$"
end

local function read_file(about, name, path)
  local text = fs.read(path)
  if is_template(name) then
    read_template(about, text)
  else
    about.stable = about.stable and template_calls.is_stable(text) -- tpl may render it
  end
  if is_special(name, text) then about.plain = false end
  if name:find "Chart%.yaml$" and text:find("kubeVersion", 1, true) then about.cluster = true end
  return ("%d %s %d\n%s"):format(#name, name, #text, text)
end

--- Checks a chart with its subcharts, before helm reads it: links must not lead out of the platform tree. Looks at what
--- its templates call, and hashes its files.
---@param folder string
---@param tree string the platform tree, without links
---@return o2x.helm.chart about
function M.inspect(folder, tree)
  local about = {
    volatile = false,
    clock = false,
    tpl = false,
    operation = false,
    cluster = false,
    revision = false,
    plain = true,
    stable = true,
  }
  local texts, bytes = {}, 0
  local function visit(name, path, size)
    bytes = bytes + size
    -- A packed chart, and what is too large, cannot be looked into.
    if name:match "%.tgz$" or bytes > MOST_BYTES then
      about.volatile = true
    else
      texts[#texts + 1] = read_file(about, name, path)
    end
  end
  walk({ folder = folder, tree = tree, above = {}, count = 0, visit = visit }, folder, "")
  about.volatile = about.volatile or about.tpl and not about.stable
  local anything = about.volatile or about.tpl
  about.cluster, about.operation = about.cluster or anything, about.operation or anything
  about.plain = about.plain and not (anything or about.revision) and bytes <= FEW_BYTES
  about.stable, about.digest = nil, crypto.sha256(table.concat(texts))
  return about
end

return M
