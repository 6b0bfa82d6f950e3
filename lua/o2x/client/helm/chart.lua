--- A chart on the disk, looked at before helm gets it.

local compose = require "o2x.base.yaml.compose"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local yaml = require "o2x.base.yaml"

local M = {}

local MOST_FILES <const> = 5000

-- Template functions whose results differ from one rendering to the next. `keys` and `values` of a map have no order;
-- `tpl` renders a value, which may use any of the others.
local VOLATILE <const> = {
  "bcrypt",
  "encryptAES",
  "genCA",
  "genCAWithKey",
  "genPrivateKey",
  "genSelfSignedCert",
  "genSelfSignedCertWithKey",
  "genSignedCert",
  "genSignedCertWithKey",
  "htpasswd",
  "keys",
  "randAlpha",
  "randAlphaNum",
  "randAscii",
  "randBytes",
  "randInt",
  "randNumeric",
  "shuffle",
  "tpl",
  "uuidv4",
  "values",
}
local CLOCK <const> = { "ago", "now" }

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

-- Calls visit with each file below a folder, links followed, each folder once.
local function walk(state, folder)
  if state.seen[folder] then return end
  state.seen[folder] = true
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
      walk(state, path)
    elseif stat and stat.type == "file" then
      state.visit(path)
    elseif stat then
      input(path, "is neither a file nor a folder")
    end
  end
end

local function mentions(text, names)
  for _, name in ipairs(names) do
    if text:find("%f[%w_.]" .. name .. "%f[^%w_]") then return true end
  end
  return false
end

--- The Chart.yaml of a chart as helm reads it: its first document, of a key that is there twice the last one, with the
--- order of its keys. Name and version are texts, whatever they look like.
---@param folder string
---@return table about name, version and appVersion ("" if there is none), and what else it has
function M.about(folder)
  local path = fs.join(folder, "Chart.yaml")
  local root = compose.compose(fs.read(path), path)[1]
  local about = root and yaml.value(root, path, { ordered = true, repeats = true })
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
---@field volatile boolean mentions functions that may give something else each time
---@field clock boolean mentions functions that give something else each second
---@field revision boolean asks for the number of the revision

--- Checks a chart with its subcharts, before helm reads it: links must not lead out of the platform tree.
---@param folder string
---@param tree string the platform tree, without links
---@return o2x.helm.chart about
function M.inspect(folder, tree)
  local about = { volatile = false, clock = false, revision = false }
  local function visit(path)
    if path:match("%.tgz$") then
      about.volatile = true -- a packed chart cannot be looked into
    elseif path:match("/templates/") then
      local text = fs.read(path)
      about.volatile = about.volatile or mentions(text, VOLATILE)
      about.clock = about.clock or mentions(text, CLOCK)
      about.revision = about.revision or text:find "%.Release%.Revision%f[^%w_]" ~= nil
    end
  end
  walk({ folder = folder, tree = tree, seen = {}, count = 0, visit = visit }, folder)
  return about
end

return M
