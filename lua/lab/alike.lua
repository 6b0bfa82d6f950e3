--- Seeds tenants that are made like one that is there, as lab/tenants.yaml of the platform tree says: its files,
--- objects, releases, secrets, queues and keys, with words replaced. So people make a tenant by hand: "copy from an
--- existing one and update". What differs in more than words is told for each. No name of the platform is known here.

local business = require "lab.business"
local business_schema = require "lab.business.schema"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local graphql = require "lab.graphql_executor"
local helm_records = require "lab.helm_records"
local json = require "o2x.base.json"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"
local words = require "lab.words"
local yaml = require "o2x.base.yaml"

local M = {}

local KUBECTL <const> = "kubectl-client-side-apply" -- kubectl apply, as the API server knows it

local function fail(format, ...)
  errors.raise { kind = "failed", module = "lab", op = "seed", message = format:format(...) }
end

-- ---- which tenants ----

local function read_spec(source)
  local path = fs.join(source, "lab/tenants.yaml")
  return fs.exists(path) and yaml.decode(fs.read(path), path) or { tenants = {} }
end

--- The names that a list means: "all", or names with commas between them. A name that the platform tree has no seed for
--- is an input error.
---@param source string the platform tree
---@param wanted string? nil: none
---@return string[] names sorted
function M.names(source, wanted)
  if not wanted then return {} end
  local known, names = read_spec(source).tenants, {}
  if wanted == "all" then return sorted_keys(known) end
  for name in wanted:gmatch "[^,%s]+" do
    if not known[name] then
      errors.input(
        ("lab: %s has no seed of a tenant %q"):format(fs.join(source, "lab/tenants.yaml"), name),
        "all, or of these: " .. table.concat(sorted_keys(known), ", ")
      )
    end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- ---- one tenant ----

-- What is copied for a tenant: spec, seed, entry (its part of the spec), name, source, env, replace(text), has(name).
local function copy_of(spec, seed, name, source, env)
  local entry = spec.tenants[name]
  local replace = words.replacer(entry.words)
  local function has(text)
    for _, part in ipairs(entry.without or {}) do
      if text:find(part, 1, true) then return false end
    end
    return true
  end
  return {
    spec = spec,
    seed = seed,
    entry = entry,
    name = name,
    source = source,
    env = env,
    replace = replace,
    has = has,
    edited = {},
  }
end

-- The paths of files and of all files in folders.
local function files_in(source, paths)
  local found = {}
  for _, path in ipairs(paths) do
    local full = fs.join(source, path)
    if fs.is_folder(full) then
      for _, name in ipairs(fs.list(full)) do
        found[#found + 1] = fs.join(path, name)
      end
    else
      found[#found + 1] = path
    end
  end
  return found
end

local function without_lines(text, parts)
  return (
    text:gsub("[^\n]*\n?", function(line)
      for _, part in ipairs(parts or {}) do
        if line:find(part, 1, true) then return "" end
      end
    end)
  )
end

local function edited(copy, path, text)
  for _, edit in ipairs(copy.entry.edits or {}) do
    if edit.path == path then
      local first, last = text:find(edit.from, 1, true)
      if not first then fail("lab/tenants.yaml: %s has no %q to edit", path, edit.from) end
      text = text:sub(1, first - 1) .. edit.to .. text:sub(last + 1)
      copy.edited[path] = true
    end
  end
  return text
end

-- Files of the tree; `texts` has them by path. A release is installed with the values as copied, and upgraded with
-- those that are edited.
local function write_files(copy)
  copy.texts, copy.copied = {}, {}
  for _, from in ipairs(files_in(copy.source, copy.spec.files)) do
    local path = copy.replace(from)
    if copy.has(path) then
      local text = copy.replace(fs.read(fs.join(copy.source, from)))
      if path:find "%.md$" then text = without_lines(text, copy.entry.lines_without) end
      copy.copied[path] = text
      copy.texts[path] = edited(copy, path, text)
      fs.write(fs.join(copy.env.O2X_PLATFORM, path), copy.texts[path], { parents = true, durable = false })
    end
  end
end

local function apply_manifests(lab, copy)
  local objects = {}
  for _, from in ipairs(copy.spec.manifests) do
    local path = copy.replace(from)
    for _, object in ipairs(copy.texts[path] and yaml.decode_all(copy.texts[path], path) or {}) do
      objects[#objects + 1] = object
    end
  end
  require("lab.k8s.seed").create(lab, objects, { manager = KUBECTL, applied = true })
end

-- The releases that the tenant gets: name, from (the pattern's release), chart, values.
local function releases_of(copy)
  local found = {}
  for _, release in ipairs(copy.seed.releases) do
    local name, values = copy.replace(release.name), copy.replace(release.values)
    if name ~= release.name and copy.has(name) then
      found[#found + 1] = { name = name, from = release.name, chart = release.chart, values = values }
    end
  end
  return found
end

local function add_secrets(copy, put)
  local prefix, secrets = ("tenant/%s/"):format(copy.name), {}
  for path, fields in pairs(copy.seed.vault or {}) do
    local to = copy.replace(path)
    if to ~= path and copy.has(to) then secrets[to] = words.each(fields, copy.replace) end
  end
  for name, fields in pairs(copy.entry.vault or {}) do
    secrets[prefix .. name] = fields
  end
  local admin = copy.entry.admin
  if admin.password then
    secrets[prefix .. "admin"] = { username = copy.file.admin.email, password = admin.password }
  end
  put(secrets)
end

-- Names of the pattern, and what is at them, for the tenant.
local function renamed(copy, list)
  local found = {}
  for key, item in pairs(list or {}) do
    local from = type(key) == "string" and key or item
    local to = copy.replace(from)
    if to ~= from and copy.has(to) then
      if type(key) == "string" then
        found[to] = copy.replace(item)
      else
        found[#found + 1] = to
      end
    end
  end
  return found
end

local function fill_database(copy, connect)
  local db <close> = connect(copy.entry.database)
  db:query("SELECT set_config('lab.tenant', $1, false)", json.encode(copy.file))
  db:query("SELECT set_config('lab.entry', $1, false)", json.encode(copy.entry))
  db:script(fs.read(fs.join(copy.source, copy.spec.sql)))
end

-- What the tenant's services were asked to do.
local function do_business(lab, copy)
  if not copy.has "graphql" then return end
  local all = lab.state "services"
  all[copy.name] = all[copy.name] or {}
  local context = business.open(all[copy.name], {
    tenant = copy.name,
    tenant_id = copy.file.id,
    now = lab.clock,
    url = "https://" .. copy.file.domain,
  })
  for _, query in ipairs(copy.spec.graphql or {}) do
    local request = { query = copy.replace(query) }
    local result = graphql.run(business_schema, request, { context = context, null = json.null, list = json.array })
    if result.errors then fail("lab/tenants.yaml: %s: %s", request.query, result.errors[1].message) end
  end
  lab.save "services"
end

-- ---- all of them ----

local function read_file(copy)
  local path = fs.join(copy.source, "tenants", copy.name .. ".yaml")
  copy.file = yaml.decode(fs.read(path), path)
end

-- The releases become ready by the controllers, once for all. Edited values are a second revision, by helm itself.
local function seed_cluster(lab, copies, by)
  local records, upgrades = {}, {}
  for _, copy in ipairs(copies) do
    apply_manifests(lab, copy)
    for _, release in ipairs(releases_of(copy)) do
      release.replace, release.text = copy.replace, copy.copied[release.values]
      records[#records + 1] = release
      if copy.edited[release.values] then upgrades[#upgrades + 1] = release end
    end
  end
  helm_records.install(lab, records)
  by.upgrade(upgrades)
end

--- Seeds tenants. Their files of the tree go into the lab's copy of it.
---@param lab table
---@param env table<string, string> the variables that the simulators export
---@param source string the platform tree
---@param names string[] of M.names
---@param seed table lab/seed.yaml of the tree: releases, vault, queues and redis of the pattern
---@param by { connect: function, put_secrets: function, upgrade: function, add_queues: function, set_keys: function }
---  what lab.seed does for its own part, too
function M.run(lab, env, source, names, seed, by)
  local spec, copies = read_spec(source), {}
  for i, name in ipairs(names) do
    copies[i] = copy_of(spec, seed, name, source, env)
    read_file(copies[i])
    write_files(copies[i])
  end
  task.parallel {
    cluster = function() seed_cluster(lab, copies, by) end,
    databases = function()
      task.each(copies, function(copy) fill_database(copy, by.connect) end, { limit = 4 })
    end,
    rest = function()
      for _, copy in ipairs(copies) do
        add_secrets(copy, by.put_secrets)
        by.add_queues(renamed(copy, seed.queues))
        by.set_keys(renamed(copy, seed.redis))
        do_business(lab, copy)
      end
    end,
  }
end

return M
