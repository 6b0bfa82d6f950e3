--- The commands of o2x: what the help and the manual page say of them, in groups. The rest of each is in a file of its
--- name in this folder, which returns { help, options, least, most, needs, run }: o2x help needs none of them.

local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local lazy = require "o2x.base.lazy"
local proposed = require "o2x.report.proposed"
local project = lazy "o2x.project.project"
local runbook_files = lazy "o2x.project.runbook_files"
local suggest = lazy "o2x.base.suggest"

local M = {}

--- Where to begin with a platform that exists, in this order.
M.FIRST_STEPS = {
  { "init FOLDER", "make a project of your own" },
  { "doctor", "is all there that runs need?" },
  { "list --tenants", "the tenants, with their state" },
  { "adopt TENANT", "take one under care that exists" },
}

-- Each command: its name, how it is called, what it does. A file named init.lua would be that of the folder.
M.GROUPS = {
  {
    "Run runbooks",
    { "run", "run RUNBOOK TENANT [name=value ...]", "run a runbook for a tenant" },
    { "plan", "plan RUNBOOK TENANT [name=value ...]", "show what a run would change, without writing anything" },
    { "resume", "resume [RUN]", "continue a run that failed or was interrupted" },
    { "undo", "undo RUN[#STEP]", "take back what a run did" },
    { "dismiss", "dismiss RUN --reason=TEXT", "leave a run that stopped as it is" },
    { "approve", "approve FILE", "sign a plan of somebody else, so that it may be applied" },
    { "apply", "apply FILE", "do exactly what a plan says" },
    {
      "rehearse",
      "rehearse RUNBOOK TENANT [name=value ...]",
      "run a runbook in a fresh lab that has the structure of what a tenant is now",
    },
    { "guide", "guide RUNBOOK TENANT [name=value ...]", "print the checklist for doing a runbook by hand" },
  },
  {
    "Look at runs and runbooks",
    { "runs", "runs [F-...|prune]", "list the runs, oldest first, or remove old ones" },
    { "show", "show [RUN]", "show what a run did: steps, changes, checks, times" },
    { "log", "log TENANT", "show everything that was ever changed for a tenant, across runs" },
    { "diff", "diff RUN RUN", "show what differs between two runs" },
    { "verify", "verify RUN|--all", "check that runs are whole, and that no secret is in them" },
    { "capsule", "capsule RUN", "pack a run into one file, to replay it elsewhere" },
    { "export", "export RUN", "the same: one file with journal, scripts and log, without secrets", file = "capsule" },
    { "replay", "replay FILE", "run a packed run again, without any system" },
    { "list", "list", "list the runbooks and tenants" },
    { "info", "info RUNBOOK", "show what a runbook does, its parameters, and what it may write" },
    { "locks", "locks [TENANT]", "show which runs hold tenants, on all machines" },
    { "windows", "windows [TENANT]", "show which tenants may be changed now" },
    { "audit", "audit TENANT|--all", "show where tenants differ from what they should be" },
    { "policy", "policy TENANT", "print what each system must be told to enforce the tenant's walls itself" },
  },
  {
    "Write runbooks",
    { "init", "init FOLDER", "make a project: settings, runbooks, tenants", file = "project" },
    { "check", "check [RUNBOOK ...]", "find mistakes in runbooks and stdlib without running them" },
    { "lock", "lock", "record the content of each runbook version in versions.lock" },
    { "prove", "prove RUNBOOK TENANT [name=value ...]", "play everything that can go wrong with a runbook, in labs" },
    { "new", "new NAME", "create a runbook from a template" },
    { "defs", "defs FOLDER", "write definitions of the runbook functions for lua-language-server" },
  },
  {
    "Other",
    { "lab", "lab COMMAND", "run the platform in miniature on this machine, to try, learn and test" },
    { "doctor", "doctor [TENANT]", "check that everything is there that runs need; it only reads" },
    { "config", "config explain", "show every configuration value and where it comes from" },
    { "version", "version", "show the version" },
    { "help", "help [COMMAND]", "show this overview, or the help of a command" },
  },
}

M.EXIT_CODES = {
  { 0, "done" },
  { 1, "failed; o2x resume continues" },
  { 2, "there are changes (plan --detailed-exitcode), a runbook or an audit found something, a replay diverged" },
  { 3, "bad input" },
  { 4, "a system cannot be reached or denies access" },
  { 5, "locked or frozen: another run for the tenant is in progress, or the calendar says no" },
  { 6, "approvals of others are missing" },
  { 7, "an undo is incomplete: a person must do what is left" },
  { 74, "done, but output is missing: it could not be written" },
  { 130, "interrupted; o2x resume continues" },
}

--- The names of all commands, in the order of the groups.
---@return string[]
function M.names()
  local names = {}
  for _, group in ipairs(M.GROUPS) do
    for i = 2, #group do
      names[#names + 1] = group[i][1]
    end
  end
  return names
end

--- All commands; true: it takes --set, as all do but the lab, which is a program of its own.
---@return table<string, boolean>
function M.taking_set()
  local takes = {}
  for _, name in ipairs(M.names()) do
    takes[name] = name ~= "lab"
  end
  return takes
end

-- A command's file, with what is said of it here.
local function load(said)
  local command = require("o2x.cli." .. (said.file or said[1]))
  command.name, command.usage, command.summary = table.unpack(said)
  return command
end

--- What to type when something is down, by the project that the current folder is in.
---@return {name: string, words: string, summary: string}[]
function M.emergencies()
  local ok, found = pcall(project.find)
  return ok and runbook_files.emergencies(found) or {}
end

--- The runbooks of the project that the current folder is in; none if there is no project.
---@return boolean in_project
---@return string[] names
function M.runbooks()
  local ok, found = pcall(project.find)
  return ok, ok and runbook_files.all(found) or {}
end

--- A command's declaration. A runbook's name is a command that runs it. Any other name is bad input.
---@param name string
---@param second string? the word behind it
---@return table command with name, usage and summary
---@return string? runbook
function M.find(name, second)
  for _, group in ipairs(M.GROUPS) do
    for i = 2, #group do
      if group[i][1] == name then return load(group[i]) end
    end
  end
  local in_project, names = M.runbooks()
  for _, runbook in ipairs(names) do
    if runbook == name then return M.find "run", runbook end
  end
  local meant
  for _, runbook in ipairs(names) do
    if runbook == second then meant = proposed.swapped(name, second) end
  end
  errors.raise {
    kind = "input",
    message = ("unknown command '%s'%s"):format(
      out.printable(name),
      suggest.did_you_mean(name, table.move(names, 1, #names, #M.names() + 1, M.names()))
    ),
    meant = meant,
    hint = "o2x help lists the commands"
      .. (in_project and ", o2x list the runbooks" or "; in a project a runbook's name is one, too: cd to the project"),
  }
end

--- Options stand behind the command: bad input, with the same words in order.
---@param arguments string[] the first is an option
function M.option_first(arguments)
  local known = {}
  local _, runbooks = M.runbooks()
  for _, list in ipairs { M.names(), runbooks } do
    for _, name in ipairs(list) do
      known[name] = true
    end
  end
  local meant
  for i, word in ipairs(arguments) do
    if known[word] then
      meant = table.move(arguments, i + 1, #arguments, 2, { word })
      table.move(arguments, 1, i - 1, #meant + 1, meant)
      break
    end
  end
  errors.raise {
    kind = "input",
    message = ("unknown command '%s': the command comes first, then its options"):format(out.printable(arguments[1])),
    meant = meant,
    hint = "o2x help lists the commands",
  }
end

return M
