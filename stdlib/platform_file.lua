--- The shape of platform.yaml. It is checked before anything uses it, so that a section that is missing or is something
--- else is one line about the file.

local M = {}

-- Field → a key of CHECKS; with "?" it may be absent. A table is a section.
local SCHEMA = {
  domain = "string",
  custom_domains = "map of texts?",
  region = "string",
  namespace = "string",
  image = { repository = "string", tag = "string" },
  charts = "map of charts?",
  database = {
    host = "string",
    port = "integer",
    sslmode = "string?",
    instance = "string",
    name = "string",
    control = "string",
    legacy = "map of texts?",
    owner = "string",
    user = "string",
    password_in = "string?",
    encoding = "string?",
    locale = "string?",
    connection_limit = "integer?",
    migrations = "string?",
    schemas = "list of strings?",
    roles = "list of strings?",
  },
  redis = { host = "string", port = "integer" },
  storage = { public_url = "string", data_bucket = "string" },
  broker = { url = "string", queues = "list of strings" },
  vault = { uri = "string", path = "string" },
  kubernetes = {
    cluster = "string?",
    storage_class = "string?",
    storage = "string?",
    volume_claim = "string",
    postgres_secret = "string",
    vault_secret = "string",
    rotate = "map of texts?",
    ingress_class = "string?",
    ingress_service = { namespace = "string", name = "string" },
    cluster_issuer = "string?",
  },
  dns = { zone = "string?", ttl = "integer?" },
  monitoring = { namespace = "string", alertmanager = "string?", interval = "string?", thresholds = "thresholds?" },
}

local function is_list_of_strings(value)
  if type(value) ~= "table" then return false end
  local count = 0
  for _, item in pairs(value) do
    count = count + 1
    if type(item) ~= "string" or item == "" or value[count] == nil then return false end
  end
  return true
end

local function is_text(value) return type(value) == "string" and value ~= "" end

local function is_map(value, is_item)
  if type(value) ~= "table" or value[1] ~= nil then return false end
  for _, item in pairs(value) do
    if is_item and not is_item(item) then return false end
  end
  return true
end

local function is_threshold(item)
  if not is_map(item) then return false end
  for _, field in ipairs { "for", "severity" } do
    if item[field] ~= nil and not is_text(item[field]) then return false end
  end
  return type(item.above or item.below) == "number"
end

-- A chart of a registry or a repository. lua/o2x/client/helm/pull.lua looks at the texts themselves, and tells the
-- digest where it is missing.
local function is_chart(item)
  return is_map(item)
    and is_text(item.chart)
    and is_text(item.version)
    and (item.digest == nil or is_text(item.digest))
    and (item.repo == nil or is_text(item.repo))
end

local CHECKS = {
  string = { "a text", is_text },
  integer = { "an integer", function(value) return math.type(value) == "integer" end },
  number = { "a number", function(value) return type(value) == "number" end },
  ["map of texts"] = { "a map of texts", function(value) return is_map(value, is_text) end },
  ["map of charts"] = {
    "a map of charts, such as tax-gateway: {chart: oci://HOST/charts/tax-gateway, version: 1.2.3, digest: sha256:…}",
    function(value) return is_map(value, is_chart) end,
  },
  thresholds = {
    "a map of thresholds, such as disk: {above: 0.85, for: 5m, severity: warning}",
    function(value) return is_map(value, is_threshold) end,
  },
  ["list of strings"] = { "a list of texts", is_list_of_strings },
}

local ATOMS = { string = true, number = true, boolean = true, table = true }

local function sorted(fields)
  local names = {}
  for name in pairs(fields) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local section_problem

local function field_problem(value, wanted, path)
  if not ATOMS[type(value)] then value = nil end -- YAML's null
  if type(wanted) == "table" then return section_problem(value, wanted, path) end
  local kind = wanted:gsub("%?$", "")
  if value == nil then return kind == wanted and path .. " is missing" or nil end
  local check = CHECKS[kind]
  if check[2](value) then return nil end
  local quotes = kind == "string" and type(value) == "number" and " (put it in quotes)" or ""
  return ("%s must be %s%s"):format(path, check[1], quotes)
end

function section_problem(value, fields, path)
  if value == nil then return path .. " is missing" end
  if type(value) ~= "table" or value[1] ~= nil then return path .. " must be a map" end
  for _, name in ipairs(sorted(fields)) do
    local problem = field_problem(value[name], fields[name], path == "the file" and name or path .. "." .. name)
    if problem then return problem end
  end
end

--- What is wrong with the file, or nil.
---@param platform any what platform.yaml has
---@return { message: string, hint: string }? problem
function M.problem(platform)
  local message = field_problem(platform, SCHEMA, "the file")
  if not message then return nil end
  return { message = message, hint = "examples/platform/platform.yaml of o2x has every field" }
end

return M
