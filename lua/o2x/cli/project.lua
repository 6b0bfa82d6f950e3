--- The command o2x init: makes a project, the folder that an operator's runbooks and tenants are kept in.

local lazy = require "o2x.base.lazy"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fs = lazy "o2x.base.fs"
local out = require "o2x.report.out"
local project = lazy "o2x.project.project"
local proposed = require "o2x.report.proposed"
local shell = require "o2x.base.shell"

local SETTINGS <const> = [[
# The project's settings: what does not change from run to run. o2x config explain lists all keys, each with its value
# and where that comes from; a variable (O2X_PG_HOST for pg.host) or --set=KEY=VALUE goes before this file.
# No password belongs here: those come from the variables of each system's own clients (PGPASSWORD, VAULT_TOKEN …), from
# their files (~/.pgpass, ~/.aws, KUBECONFIG), or from ~/.config/o2x/config.yaml with mode 0600.

platform: platform        # the tree of charts, values files, migrations and tenants/: this one, or your checkout of it
state: .o2x/runs          # the journals of all runs. Keep it: resume, undo and show need it. Several people share one

# files:
#   git: commit           # the platform is in git: each run commits the files that it wrote; none is pushed
# pg:
#   host: db.example.com
#   user: admin
#   sslmode: verify-full
# vault:
#   addr: https://vault.example.com:8200
# kube:
#   context: production   # of KUBECONFIG
# redis:
#   url: rediss://redis.example.com:6379
]]

local IGNORED <const> = [[
# Journals of runs: they belong to the machine, or to a folder that several people share.
/.o2x/
# Plans are made to be applied, not to be kept.
*.plan
# Secrets of tenants, if they come from files: they never belong into a repository.
/secrets/
]]

local TENANTS <const> = [[
One file a tenant: NAME.yaml. newclient.yaml.example is one with all that a tenant can have; the file's name and `name:`
are the tenant's name. There are no secrets in it, and no id: onboarding allocates that.
]]

-- What is made, in order: a path, and its text, the file or folder that is copied, or the folder whose files are.
local function parts(source)
  local example = fs.join(source.root, "examples/platform")
  return {
    { "o2x.yaml", text = SETTINGS },
    { ".gitignore", text = IGNORED },
    { "runbooks", files = source.runbooks },
    { "stdlib", copy = source.stdlib },
    { "platform/platform.yaml", copy = fs.join(example, "platform.yaml") },
    { "platform/tenants/README.md", text = TENANTS },
    { "platform/tenants/newclient.yaml.example", copy = fs.join(example, "tenants/newclient.yaml") },
  }
end

local function make(folder, part)
  local path = fs.join(folder, part[1])
  if part.text then
    fs.write(path, part.text, { parents = true, expected = false })
  elseif part.files then
    for _, name in ipairs(fs.list(part.files)) do -- not those that only a tenant has
      local from = fs.join(part.files, name)
      if not fs.is_folder(from) then
        fs.write(fs.join(path, name), fs.read(from), { parents = true, expected = false })
      end
    end
  elseif fs.is_folder(part.copy) then
    fs.copy_tree(part.copy, path)
  else
    fs.write(path, fs.read(part.copy), { parents = true, expected = false })
  end
end

-- Takes back what was made, where the rest could not be: the same command would find it in its way.
local function take_back(folder, was_there, list)
  for _, part in ipairs(list) do
    local path = fs.join(folder, part[1])
    if fs.is_folder(path) then
      fs.remove_tree(fs.realpath(path))
    else
      fs.remove(path)
    end
    local above = fs.folder(part[1])
    while above ~= "." do
      pcall(fs.remove, fs.join(folder, above)) -- once nothing is in it
      above = fs.folder(above)
    end
  end
  if not was_there then pcall(fs.remove, folder) end
end

-- A folder that is there may have a repository in it, and nothing that would be overwritten.
local function check_free(folder, list)
  if fs.exists(folder) and not fs.is_folder(folder) then errors.input("not a folder", nil, folder) end
  for _, part in ipairs(list) do
    local path = fs.join(folder, part[1])
    if fs.exists(path) then
      errors.input("there is something already: nothing was made", "choose an empty folder", path)
    end
  end
end

-- The runbooks and the library that come with this program, or those of the project one stands in, or of the sources.
local function source_of()
  local source = project.shared()
  if not source then
    local in_project, found = pcall(project.find)
    source = in_project and found or project.sources()
  end
  if not source then
    errors.input("no runbooks and no stdlib/ come with this program", "run o2x init in a project: it copies those")
  end
  if not fs.is_folder(source.stdlib) then errors.input("no stdlib/ to begin with", nil, source.stdlib) end
  return source
end

local function perform(_, arguments)
  local folder = arguments[1]
  local list = {}
  for _, part in ipairs(parts(source_of())) do -- a project that one stands in may have no example
    if not part.copy or fs.exists(part.copy) then list[#list + 1] = part end
  end
  check_free(folder, list)
  local was_there = fs.exists(folder)
  local _whole <close> = defer(function(problem)
    if problem then pcall(take_back, folder, was_there, list) end
  end)
  for _, part in ipairs(list) do
    make(folder, part)
  end
  for _, part in ipairs(list) do
    out.say("made " .. fs.join(folder, part[1]))
  end
  out.say "say in platform/platform.yaml what your tenants share, and in o2x.yaml where your systems are"
  proposed.elsewhere()
  out.say("next: cd " .. shell.command { folder })
  out.say "  git init"
  out.say "  o2x check"
  out.say "  o2x list --tenants"
  out.say "  o2x doctor"
end

return {
  least = 1,
  most = 1,
  needs = "a folder",
  help = [[
Makes FOLDER with o2x.yaml, runbooks/ and stdlib/ of its own, platform/ with tenants/, and
.gitignore, each with comments that say what belongs there. Nothing that exists is overwritten.

In a project, o2x finds o2x.yaml from any folder below it: it needs no variables, and
works in a fresh shell and from cron.]],
  run = perform,
}
