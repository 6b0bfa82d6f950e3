--- Attacks as data: runs one in a project of its own and looks at what came of it.

local build = require "tests.support.build"
local effects = require "o2x.effects"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

local M = {}

local FOLDER <const> = "tests/hostile/cases"
local SECONDS <const> = build.sanitized and 60 or 30 -- in which every attempt has ended

---@class o2x.hostile.case
---@field [1] string what is tried
---@field body string? of the runbook's run(tenant, params); every api is there under its name: pg, vault, k8s …
---@field top string? Lua text before the declaration
---@field script string? the whole runbook, instead of body
---@field effects string? the Lua text of the declared effects; default: all words
---@field files table<string, string>? more files of the project: path → text
---@field edits table<string, string[][]>? of the platform tree: path → list of { old text, new text }
---@field platform table<string, string>? files of the platform tree: path → text
---@field words string[]? the command line, instead of run runbooks/hostile.lua TENANT
---@field mode "run"|"plan"|nil
---@field tenant string? default: urbanos, which is onboarded in the lab
---@field arguments string[]? after the tenant
---@field secrets string? the text of a secrets file (YAML)
---@field stdin string?
---@field env table<string, string>?
---@field code integer? the exit code; default: any but 0
---@field expect string|string[]|nil texts that the output has
---@field absent string|string[]|nil texts that it does not have
---@field seconds number? in which it has ended
---@field after fun(lab: table, result: table)? looks at the systems

--- The topics: the files of tests/hostile/cases without their ending, sorted.
---@return string[]
function M.topics()
  local names = {}
  for _, file in ipairs(fs.list(FOLDER)) do
    names[#names + 1] = file:match "^(.+)%.lua$"
  end
  table.sort(names)
  return names
end

--- The cases of a topic.
---@param topic string
---@return o2x.hostile.case[]
function M.cases(topic) return dofile(("%s/%s.lua"):format(FOLDER, topic)) end

local HEAD <const> = [[
local runbook = require "o2x.runbook"
%s
%s
return runbook {
  name = "hostile", version = "1.0.0", api = 1, summary = "tries what it must not", effects = { %s },
  run = function(tenant, params)
%s
  end,
}
]]

local function requires()
  local lines = {}
  for i, name in ipairs(effects.NAMES) do
    lines[i] = ("local %s = require %q"):format(name, "o2x." .. name)
  end
  return table.concat(lines, "\n")
end

local function words_of_all()
  local words = {}
  for _, name in ipairs(effects.NAMES) do
    local module = effects.find(name)
    if module.declares then words[#words + 1] = ("%q"):format(module.declares) end
  end
  return table.concat(words, ", ")
end

local function script_of(case)
  return case.script or HEAD:format(requires(), case.top or "", case.effects or words_of_all(), case.body or "")
end

local function write_all(folder, files)
  for path, text in pairs(files or {}) do
    local full = fs.join(folder, path)
    proc.run { argv = { "mkdir", "-p", (full:match "^(.*)/") }, timeout = 60 }
    fs.write(full, text)
  end
end

-- A project with this checkout's stdlib and one runbook.
local function project_for(case)
  local folder = fs.temp_folder "/tmp/o2x-hostile-"
  fs.mkdir(fs.join(folder, "runbooks"))
  if case.files then
    proc.run { argv = { "cp", "-a", fs.realpath "stdlib", folder }, timeout = 60 }
  else
    proc.run { argv = { "ln", "-s", fs.realpath "stdlib", fs.join(folder, "stdlib") }, timeout = 60 }
  end
  fs.write(fs.join(folder, "runbooks/hostile.lua"), script_of(case))
  write_all(folder, case.files)
  return folder
end

local function replaced(path, old, new)
  local text = fs.read(path)
  local from, to = text:find(old, 1, true)
  assert(from, ("%s has no %q"):format(path, old))
  fs.write(path, text:sub(1, from - 1) .. new .. text:sub(to + 1))
end

-- The lab's platform tree, or a copy with the case's edits.
local function platform_for(lab, case, folder)
  if not case.edits and not case.platform then return lab.platform end
  local copy = fs.join(folder, "platform")
  proc.run { argv = { "cp", "-a", lab.platform, copy }, timeout = 60 }
  write_all(copy, case.platform)
  for path, pairs_of_texts in pairs(case.edits or {}) do
    for _, edit in ipairs(pairs_of_texts) do
      replaced(fs.join(copy, path), edit[1], edit[2])
    end
  end
  return copy
end

local function command_of(case, folder)
  if case.words then return case.words end
  local words = { case.mode or "run", "runbooks/hostile.lua", case.tenant or "urbanos" }
  table.move(case.arguments or {}, 1, #(case.arguments or {}), #words + 1, words)
  if case.secrets then
    local path = fs.join(folder, "secrets.yaml")
    fs.write(path, case.secrets)
    fs.chmod(path, 384) -- 0600
    words[#words + 1] = "--secrets=" .. path
  end
  return words
end

local function list_of(texts) return type(texts) == "string" and { texts } or texts or {} end

local NEVER <const> = { "stack traceback", "bug in o2x", "Sanitizer", "runtime error:" }

local function check(case, result, seconds)
  local output = result.stdout .. result.stderr
  local function failed(why)
    error(("%s\nexit %s, signal %s, %.1f s\n%s"):format(why, result.code, result.signal, seconds, output), 0)
  end
  if case.code and result.code ~= case.code then failed("expected exit code " .. case.code) end
  if not case.code and (result.code == 0 or not result.code) then failed "was not refused" end
  for _, text in ipairs(list_of(case.expect)) do
    if not output:find(text, 1, true) then failed(("expected: %s"):format(text)) end
  end
  for _, texts in ipairs { NEVER, list_of(case.absent) } do
    for _, text in ipairs(texts) do
      if output:find(text, 1, true) then failed(("must not have: %s"):format(text)) end
    end
  end
  if output:find "[%z\1-\8\11-\31\127]" then failed "has control characters" end
  if seconds > (case.seconds or SECONDS) then failed "took too long" end
end

--- Tries a case and raises what is not as it should be.
---@param lab table
---@param case o2x.hostile.case
function M.attempt(lab, case)
  local folder = project_for(case)
  local env = { O2X_STATE = fs.join(folder, "state"), O2X_PLATFORM = platform_for(lab, case, folder), NO_COLOR = "1" }
  for name, text in pairs(case.env or {}) do
    env[name] = text
  end
  local start = task.now()
  local ok, result = pcall(lab.o2x, lab, command_of(case, folder), {
    env = env,
    cwd = folder,
    stdin = case.stdin,
    timeout = (case.seconds or SECONDS) + 30,
  })
  local seconds = task.now() - start
  fs.remove_tree(folder)
  if not ok then error(result, 0) end
  check(case, result, seconds)
  if case.after then case.after(lab, result) end
end

-- ---- what belongs to others ----

local OWN <const> = "^urbanos%f[%W]"

local function databases(lab)
  local list = {}
  for name in lab:sql("postgres", "select datname from pg_database where datallowconn order by 1"):gmatch "[^\n]+" do
    list[#list + 1] = name
  end
  return list
end

-- The rows of a database, one text a table; those of the tenant itself left out, and the tables that the engine makes
-- with its first run.
local function rows(lab, database)
  local dump = lab:out("pg_dump", "-d", database, "--no-owner", "--inserts", "--exclude-schema=o2x")
  local lines = {}
  for line in dump:gmatch "[^\n]+" do
    if not line:find("urbanos", 1, true) and not line:find("restrict ", 1, true) then lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n")
end

local KINDS <const> = "deployments,services,secrets,configmaps,persistentvolumeclaims,ingresses,"
  .. "horizontalpodautoscalers,cronjobs,jobs,serviceaccounts,roles,rolebindings,clusterrolebindings,namespaces"

local function objects(lab)
  local lines = {}
  for _, item in ipairs(lab:kubectl("get", KINDS, "-A", "-o", "json").items) do
    local meta = item.metadata
    if not meta.name:find(OWN) and not meta.name:find "^sh%.helm%.release%.v1%.urbanos" then
      lines[#lines + 1] =
        table.concat({ item.kind, meta.namespace or "", meta.name, json.encode(item.spec or item.data or {}) }, " ")
    end
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

-- What Redis holds of others, with values as it dumps them; keys with a lifetime come and go.
local function keys(lab)
  local listed = lab:out("redis-cli", "-u", lab.env.REDIS_URL, "--no-auth-warning", "--scan")
  local list = {}
  for key in listed:gmatch "[^\n]+" do
    if not key:find("TIDLT-100005:", 1, true) then list[#list + 1] = key end
  end
  table.sort(list)
  return table.concat(list, "\n")
end

local function ask_vault(lab, method, path)
  local url = ("%s/v1/secret/metadata/%s"):format(lab.env.VAULT_ADDR, path)
  local result = lab:run { "curl", "-sS", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, url }
  return json.decode(result.stdout).data
end

-- The secrets of others with the numbers of their versions.
local function secrets_below(lab, path, lines)
  for _, name in ipairs((ask_vault(lab, "LIST", path) or {}).keys or {}) do
    if name:sub(-1) == "/" then
      if name ~= "urbanos/" then secrets_below(lab, path .. name, lines) end
    else
      local found = ask_vault(lab, "GET", path .. name)
      lines[#lines + 1] = ("%s%s: version %s"):format(path, name, found and found.current_version)
    end
  end
  return lines
end

--- Everything in the lab's systems that does not belong to urbanos, in comparable texts.
---@param lab table
---@return table<string, string>
function M.others(lab)
  local found = { objects = objects(lab), keys = keys(lab), secrets = table.concat(secrets_below(lab, "", {}), "\n") }
  for _, name in ipairs(databases(lab)) do
    if not name:find("urbanos", 1, true) then found["database " .. name] = rows(lab, name) end
  end
  found.records = lab:records()
  found.roles = lab:sql(
    "postgres",
    "select rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin from pg_roles where rolname !~ '^pg_' order by 1"
  )
  return found
end

return M
