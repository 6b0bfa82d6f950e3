--- Where a rehearsal takes place: a folder of its own with a copy of the project and of the platform tree, a fresh lab,
--- and processes that know nothing else. Their environment is the lab's alone, and their HOME is in the folder, so that
--- no file of the user's names a system of production.
---
--- A keeper, a process in a session of its own, waits for the end of this one, however it ends, and then takes the lab
--- down and removes the folder.

local arrival = require "o2x.engine.rehearsal.arrival"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"
local sorted_keys = require "o2x.base.sorted_keys"
local user_folders = require "o2x.base.user_folders"
local yaml = require "o2x.base.yaml"

local M = {}

local PRIVATE <const>, PRIVATE_FOLDER <const> = 0x180, 0x1c0
local LAB_SECONDS <const> = 180 -- for the lab to start, and to end
local RUN_SECONDS <const> = 24 * 3600
local MOST_RUNS <const> = 100 -- earlier ones are not in the rehearsal

-- Reads a line: at the end of this process there is none. A start that is under way sees that this process has ended.
local KEEPER <const> = [[exec >/dev/null 2>&1
read -r word
[ "$word" = keep ] && exit 0
"$1" remove --dir "$2"
rm -rf -- "$3"
]]

-- Settings that name no system.
local HARMLESS <const> = { limits = true, retry = true }

local PROXIES <const> = { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

local Place = {}
Place.__index = Place

local function lab_program()
  local path = fs.join(fs.folder(fs.program()), "o2x-lab")
  if fs.exists(path) then return path end
  errors.input("the lab is not installed: there is no " .. path, "install it: make install-lab")
end

-- What links point to is copied: charts share a library by links.
local function copy(from, to)
  local result = proc.run { argv = { "cp", "-RL", from, to } }
  if result.code == 0 then return end
  errors.raise { kind = "failed", module = "rehearse", message = "copying: " .. result.stderr:gsub("%s+$", "") }
end

local function settings_of(config)
  local kept = {}
  for name in pairs(HARMLESS) do
    kept[name] = config[name]
  end
  return kept
end

-- The platform tree without its history: that is long, and in a linked worktree it is the real repository.
local function copy_platform(self, platform)
  local to = fs.join(self.folder, "platform")
  fs.mkdir(to, PRIVATE_FOLDER)
  for _, name in ipairs(fs.list(platform)) do
    if name ~= ".git" then copy(fs.join(platform, name), fs.join(to, name)) end
  end
end

-- The project without its settings: they name systems.
local function copy_project(self, project, config)
  local root = fs.join(self.folder, "project")
  fs.mkdir(root, PRIVATE_FOLDER)
  for _, name in ipairs(fs.list(project.root)) do
    local path = fs.join(project.root, name)
    if name:find "%.lua$" or name:find "%.lock$" then copy(path, fs.join(root, name)) end
  end
  copy(project.runbooks, fs.join(root, "runbooks"))
  copy(project.stdlib, fs.join(root, "stdlib"))
  fs.write(fs.join(root, "o2x.yaml"), yaml.encode(settings_of(config)), { mode = PRIVATE })
end

local function start_keeper(self)
  self.keeper = proc.start {
    argv = { "sh", "-c", KEEPER, "sh", self.lab_program, self.lab, self.folder },
    cwd = "/",
    stdin = "",
    detached = true,
  }
end

--- A new place. It is gone as soon as this process ends.
---@param project table
---@param config table
---@return table place
function M.new(project, config)
  local self = setmetatable({ lab_program = lab_program() }, Place)
  self.folder = fs.realpath(fs.temp_folder(fs.join(user_folders.temporary(), "o2x-rehearsal-")))
  self.lab = fs.join(self.folder, "lab")
  start_keeper(self)
  for _, name in ipairs { "home", "tmp", "arriving" } do
    fs.mkdir(fs.join(self.folder, name), PRIVATE_FOLDER)
  end
  copy_project(self, project, config)
  copy_platform(self, config.platform)
  return self
end

--- The path of a runbook in the copy of the project. One that is elsewhere is copied too.
---@param project table
---@param file string
---@return string path below the copy's root
function Place:runbook(project, file)
  local folder = project.runbooks .. "/"
  local inside = file:sub(1, #folder) == folder
  local path = "runbooks/" .. (inside and file:sub(#folder + 1) or fs.name(file))
  if not inside then copy(file, fs.join(self.folder, "project", path)) end
  return path
end

--- Writes what the lab begins with.
---@param seed table as lab/seed.yaml has it
---@param objects table[] of the cluster
---@param secrets table? the tenant's, made up
---@param tenant string
function Place:lay_ground(seed, objects, secrets, tenant)
  local folder = fs.join(self.folder, "platform/lab")
  if fs.exists(folder) then fs.remove_tree(folder) end
  fs.mkdir(fs.join(folder, "secrets"), PRIVATE_FOLDER)
  seed.objects = "lab/objects.json"
  fs.write(fs.join(folder, "objects.json"), json.encode(json.array(objects)), { mode = PRIVATE })
  fs.write(fs.join(folder, "seed.yaml"), yaml.encode(seed), { mode = PRIVATE })
  if secrets then fs.write(fs.join(folder, "secrets", tenant .. ".yaml"), yaml.encode(secrets), { mode = PRIVATE }) end
end

-- Nothing but the lab's variables, and paths in the folder.
local function environment(self, more)
  local cache = user_folders.cache()
  local env = {
    HOME = fs.join(self.folder, "home"),
    TMPDIR = fs.join(self.folder, "tmp"),
    PATH = (os.getenv "PATH" or "/usr/bin:/bin") .. (cache and ":" .. cache .. "/o2x/bin" or ""),
    NO_COLOR = "1",
  }
  for _, name in ipairs(PROXIES) do
    env[name] = ""
  end
  for _, list in ipairs { self.env or {}, more or {} } do
    for name, item in pairs(list) do
      env[name] = item
    end
  end
  return env
end

local function lab(self, ...)
  local result = proc.run {
    argv = { self.lab_program, ... },
    env = environment(self),
    cwd = fs.join(self.folder, "project"),
    timeout = LAB_SECONDS,
  }
  if result.code == 0 then return result.stdout end
  errors.raise {
    kind = "failed",
    module = "rehearse",
    message = "the lab did not start: " .. (result.stderr:match "o2x: ([^\n]*)" or result.stderr),
  }
end

--- Starts the lab.
---@param keep boolean? it may outlive this process. Else it ends with it, also where that is killed at a moment in
---  which the keeper cannot know of the lab yet
---@return { what: string, why: string }[] left objects that its cluster did not take
function Place:start(keep)
  local owner = not keep and "--owner=" .. program.pid() or nil
  lab(self, "up", "--dir", self.lab, "--platform", fs.join(self.folder, "platform"), owner)
  self.env = json.read(lab(self, "env", "--json", "--dir", self.lab), "the lab's variables")
  local seeded = json.read(fs.read(fs.join(self.lab, "state/seed.json")), "the lab's seed")
  local left = {}
  for i, one in ipairs(seeded.left or {}) do
    left[i] = { what = one.object, why = one.why }
  end
  return left
end

--- Brings the journals of the tenant's newest runs: a rollback goes back to one, an undo takes one back. No secret is
--- in them.
---@param store table of production
---@param tenant string
function Place:bring_runs(store, tenant)
  local list = store:list()
  local brought = 0
  for i = #list, 1, -1 do
    local id, journal = list[i].id, store:journal_of(list[i].id)
    if list[i].tenant == tenant and brought < MOST_RUNS and fs.exists(journal) then
      brought = brought + 1
      local folder = fs.join(self.env.O2X_STATE, id)
      fs.mkdir(folder, PRIVATE_FOLDER)
      fs.write(fs.join(folder, "journal"), fs.read(journal), { mode = PRIVATE })
    end
  end
end

--- Runs o2x in the lab.
---@param words string[]
---@param options { env: table<string, string>?, on_line: fun(line: string, stream: string)? }?
---@return { code: integer?, stdout: string, stderr: string }
function Place:o2x(words, options)
  return proc.run {
    argv = { fs.program(), table.unpack(words) },
    env = environment(self, options and options.env),
    cwd = fs.join(self.folder, "project"),
    timeout = RUN_SECONDS,
    on_line = options and options.on_line,
  }
end

--- Runs o2x in the lab and reads its JSON.
---@param words string[]
---@return table? data nil if it prints none
---@return { code: integer?, stderr: string } result
function Place:json(words)
  local result = self:o2x(words)
  local ok, data = pcall(json.read, result.stdout, "o2x " .. words[1])
  return ok and data or nil, result
end

--- Writes what was brought, in a process that knows the lab only.
---@param luggage table items, id
---@param tenant string
---@return { what: string, why: string }[] left what could not be written
function Place:arrive(luggage, tenant)
  fs.write(fs.join(self.folder, arrival.LUGGAGE), json.encode(luggage), { mode = PRIVATE })
  local env = { [arrival.VARIABLE] = self.folder, O2X_STATE = fs.join(self.folder, "arriving") }
  local result = self:o2x({ "rehearse", "arrive", tenant }, { env = env })
  local left = fs.read_if(fs.join(self.folder, arrival.LEFT))
  if result.code == 0 and left then return json.read(left, arrival.LEFT) end
  errors.raise {
    kind = "failed",
    module = "rehearse",
    message = "the tenant could not be brought into the lab: "
      .. (result.stderr:match "o2x: ([^\n]*)" or result.stderr),
    details = { result.stderr },
  }
end

--- Keeps the lab and the folder.
function Place:keep()
  self.keeper:write("keep\n", 1)
  self.keeper:finish_input()
  self.keeper = nil
end

--- Takes the lab down and removes the folder.
function Place:close()
  if not self.keeper then return end
  self.keeper:finish_input()
  proc.wait(self.keeper, LAB_SECONDS)
  self.keeper = nil
end

--- The commands that look at a lab that is kept.
---@return string[]
function Place:commands()
  local quote = require("o2x.base.shell").quote
  local dir = quote(self.lab)
  return {
    ('eval "$(o2x lab env --dir=%s)"'):format(dir),
    ("o2x lab remove --dir=%s && rm -r %s"):format(dir, quote(self.folder)),
  }
end

--- The names of the variables that processes in the lab have.
---@return string[]
function Place:variables() return sorted_keys(environment(self)) end

return M
