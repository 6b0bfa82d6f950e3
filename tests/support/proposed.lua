--- The commands that messages, hints, findings and help tell people to type, as the sources have them.

local fs = require "o2x.base.fs"

local M = {}

-- Programs with the words that make the next one a command and not a noun ("helm list", not "helm is").
local PROGRAMS <const> = {
  o2x = "run plan apply resume undo rehearse show runs list info check help config lab lock new policy version "
    .. "audit capsule export dismiss doctor guide init prove replay log verify diff windows approve locks",
  kubectl = "-n annotate api-resources apply auth cluster-info config create delete describe edit get label logs "
    .. "patch rollout top",
  helm = "history list show get rollback uninstall upgrade pull registry repo version",
  psql = "-d -l -c -v",
  vault = "status list kv token operator policy login write read secrets",
  ["redis-cli"] = "-u --cluster --scan INFO",
  aws = "s3 route53 iam sso configure sts rds",
  pg_restore = "-f -l",
  chmod = "600 700 go-rwx",
  cmctl = "renew",
  make = "install-lab reference",
  flyway = "baseline repair",
  curl = "-",
  git = "checkout clone config init status diff",
}

-- Words that follow the name of a program in a sentence.
local PROSE <const> = {
  o2x = "always answers archive asks does fetches finds follows has is itself looks needs never passes reads refuses "
    .. "says sends speaks summaries tries user uses waits will works",
  helm = "3 asks did first gets has ignores is keeps left pulled release repository runs takes",
  psql = "no refuses",
  vault = "answer client",
  aws = "file keys login",
  make = "a an it random the",
  git = "asks could does has have is out says that works",
  curl = "-I -X",
}

local function sets(lists)
  local found = {}
  for program in pairs(PROGRAMS) do
    found[program] = {}
    for word in (lists[program] or ""):gmatch "%S+" do
      found[program][word] = true
    end
  end
  return found
end

local verbs, prose = sets(PROGRAMS), sets(PROSE)

-- The command at a place in a text: its program and verb, and for `o2x run` and `o2x plan` the runbook.
local function head(text, at)
  local program, verb, rest = text:match("^([%w_-]+) ([%w-]+)(.*)", at)
  if not program or not verbs[program] then return nil end
  local known = verbs[program][verb] or program == "curl" and verb:sub(1, 1) == "-"
  if not known then return nil end
  local runbook = program == "o2x" and (verb == "run" or verb == "plan") and rest:match "^ ([%w-]+)"
  return runbook and ("%s %s %s"):format(program, verb, runbook) or ("%s %s"):format(program, verb)
end

-- The string literals of Lua and C source without comments: double and single quotes, long brackets.
local function literals(source, is_lua)
  local list, at = {}, 1
  while at <= #source do
    local two = source:sub(at, at + 1)
    local long = is_lua and source:match("^%-%-%[(=*)%[", at)
    if long then
      at = select(2, source:find("]" .. long .. "]", at, true)) + 1
    elseif is_lua and two == "--" or not is_lua and two == "//" then
      at = (source:find("\n", at, true) or #source) + 1
    elseif not is_lua and two == "/*" then
      at = select(2, source:find("*/", at + 2, true)) + 1
    elseif is_lua and source:find("^%[=*%[", at) then
      local level = source:match("^%[(=*)%[", at)
      local _, last = source:find("]" .. level .. "]", at, true)
      list[#list + 1] = source:sub(at, last)
      at = last + 1
    elseif two:find "^[\"']" then
      local quote, finish = two:sub(1, 1), at + 1
      while source:sub(finish, finish) ~= quote do
        finish = finish + (source:sub(finish, finish) == "\\" and 2 or 1)
      end
      list[#list + 1] = source:sub(at + 1, finish - 1)
      at = finish + 1
    else
      at = at + 1
    end
  end
  return list
end

local function sources()
  local list = {}
  local function walk(folder)
    for _, name in ipairs(fs.list(folder)) do
      local path = fs.join(folder, name)
      if fs.is_folder(path) then
        walk(path)
      elseif name:find "%.lua$" or name:find "%.c$" then
        list[#list + 1] = path
      end
    end
  end
  for _, folder in ipairs { "lua/o2x", "stdlib", "runbooks", "host" } do
    walk(folder)
  end
  table.sort(list)
  return list
end

--- What follows the name of a program and is neither known as a command nor as a sentence: "FILE: PROGRAM WORD". A
--- command of a new kind is seen by this.
---@return string[]
function M.unknown()
  local list = {}
  for _, path in ipairs(sources()) do
    for _, text in ipairs(literals(fs.read(path), path:find "%.lua$" ~= nil)) do
      for program, word in text:gmatch "%f[%w_-]([%a][%w_-]*) ([%l%d-]+)%f[^%w-]" do
        local known = verbs[program]
        if known and not known[word] and not prose[program][word] then
          list[#list + 1] = ("%s: %s %s"):format(path, program, word)
        end
      end
    end
  end
  return list
end

-- The commands that stdlib/remedy.lua puts together: remedy.kubectl(tenant, "describe pod x").
local function remedies(source, add)
  for verb in source:gmatch '%f[%w_]kubectl%(tenant, %(?"([%l-]+)' do
    add("kubectl " .. verb)
  end
end

--- All proposed commands: "FILE: PROGRAM VERB", each once, sorted.
---@return string[]
function M.collect()
  local found, list = {}, {}
  for _, path in ipairs(sources()) do
    local source = fs.read(path)
    local function add(command)
      local key = command and path .. ": " .. command
      if key and not found[key] then
        found[key], list[#list + 1] = true, key
      end
    end
    for _, text in ipairs(literals(source, path:find "%.lua$" ~= nil)) do
      for at in text:gmatch "%f[%w_-]()[%a]" do
        add(head(text, at))
      end
    end
    remedies(source, add)
  end
  table.sort(list)
  return list
end

return M
