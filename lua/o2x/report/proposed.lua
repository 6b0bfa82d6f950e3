--- The commands that messages propose, as they work where they are printed: o2x is called as it was called this time,
--- and gets the same --set.

local lazy = require "o2x.base.lazy"
local fs = lazy "o2x.base.fs"
local shell = lazy "o2x.base.shell"

local M = {}

-- Of this process: the program and its arguments as typed, the commands, of which those take --set that are true, and
-- whether a configuration key is known.
local program, arguments, commands, is_key = "o2x", {}, {}, nil

-- Would the shell find this very program under a name?
local function is_in_path(name)
  local folder = fs.folder(fs.program())
  for each in (os.getenv "PATH" or ""):gmatch "[^:]+" do
    local path = fs.join(each, name)
    if fs.exists(path) then return fs.folder(fs.realpath(path)) == folder end
  end
  return false
end

-- The words that start o2x. Where it is started by something else (sudo, a container), O2X_COMMAND says how.
local function find_start()
  local by_others = os.getenv "O2X_COMMAND"
  if by_others and by_others ~= "" then return by_others end
  if program:find("/", 1, true) then return is_in_path "o2x" and "o2x" or shell.quote(program) end
  return program ~= "o2x" and is_in_path(program) and shell.quote(program) or "o2x" -- a link has a name of its own
end

-- A --set that is itself what was wrong would be wrong again.
local function find_sets()
  local words = {}
  for i, word in ipairs(arguments) do
    local set = word:match "^%-%-set=(.*)" or word == "--set" and arguments[i + 1]
    local key = set and set:match "^([%w._]+)="
    if key and (not is_key or is_key(key)) then words[#words + 1] = " " .. shell.quote("--set=" .. set) end
  end
  return table.concat(words)
end

local start, sets -- found when the first command is proposed
local carried = {} -- option → the commands that get it

local function find()
  if not start then
    start, sets = find_start(), find_sets()
    if type(commands) == "function" then commands = commands() end
  end
end

--- Notes how this process was called. Called once, at its start.
---@param called string the program, as typed
---@param words string[] its arguments
---@param names table<string, boolean>|fun(): table the names of all commands; true: it takes --set
---@param known (fun(key: string): boolean)? is there such a configuration key? Without it each counts
function M.called(called, words, names, known)
  program, arguments, commands, is_key, start, carried = called, words, names, known, nil, {}
end

--- From now on what is proposed is pasted in another folder.
function M.elsewhere()
  find()
  if start == shell.quote(program) and program:find "^[^/]+/" then start = shell.quote(fs.join(fs.cwd(), program)) end
end

--- From now on these commands get an option: without it, they would be refused here.
---@param option string without a value
---@param takers table<string, boolean> names of commands
function M.carry(option, takers) carried[option] = takers end

local function carried_by(name)
  local words = {}
  for option, takers in pairs(carried) do
    if takers[name] then words[#words + 1] = " " .. option end
  end
  return table.concat(words)
end

-- Is a command typed here as messages have it?
local function is_plain() return start == "o2x" and sets == "" and not next(carried) end

--- A text in which the commands of o2x are as the operator has to type them here. A command that is so stays.
---@param text string such as "next: o2x resume R-…"
---@return string
function M.text(text)
  if not text:find "o2x %l" then return text end
  find()
  if is_plain() then return text end
  local before = start:match "^(.*)o2x$"
  return (
    text:gsub("()%f[%w_/.-]o2x (%l[%l-]*)()", function(at, name, after)
      if commands[name] == nil then return nil end
      local added = (commands[name] and sets or "") .. carried_by(name)
      local is_so = before == text:sub(at - #(before or ""), at - 1) and added == text:sub(after, after + #added - 1)
      return not is_so and start .. " " .. name .. added or nil
    end)
  )
end

-- The fields of data that hold what is to be typed.
local FIELDS <const> = { next = true, hint = true, mend = true, look = true, fix = true, again = true }

local function commands_in(value, field)
  if type(value) == "string" then return FIELDS[field] and M.text(value) or value end
  if type(value) ~= "table" then return value end
  local changed = {}
  for key, item in pairs(value) do
    local made = commands_in(item, type(key) == "string" and key or field)
    if made ~= item then changed[key] = made end
  end
  if not next(changed) then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do
    copy[key] = changed[key] or item
  end
  return copy
end

--- Data in which the commands of o2x are as the operator has to type them here.
---@param value any plain data
---@return any
function M.data(value)
  find()
  return is_plain() and value or commands_in(value)
end

--- A command of o2x in other words than were typed.
---@param words string[]
---@return string
function M.command(words)
  find()
  return start .. " " .. shell.command(words)
end

--- What was typed, in the words that text() knows: a runbook's name that stood for a command has its "run", and what
--- text() adds is left out: --set, and what is carried.
---@return string
function M.typed()
  find()
  local words, skip = {}, false
  for i, word in ipairs(arguments) do
    if i == 1 and commands[word] == nil then words[1] = "run" end
    local added = skip or word:find "^%-%-set=" or word == "--set" or carried[word]
    if not added then words[#words + 1] = word end
    skip = word == "--set"
  end
  return "o2x " .. shell.command(words)
end

--- What was typed, with two of its words in each other's place.
---@param one string
---@param other string
---@return string[] words
function M.swapped(one, other)
  local words, place = {}, { [one] = other, [other] = one }
  for i, word in ipairs(arguments) do
    words[i], place[word] = place[word] or word, nil
  end
  return words
end

--- What was typed, whole, with more options: for a command that lacks one. One that was typed keeps its value.
---@param ... string
---@return string
function M.again(...)
  local words, typed, at = {}, {}, nil
  for i, word in ipairs(arguments) do
    words[i] = word
    if word == "--" then at = at or i end -- after which nothing is an option
    if not at then typed[word:match "^%-%-[^=]+" or ""] = true end
  end
  for _, option in ipairs { ... } do
    if not typed[option:match "^%-%-[^=]+" or option] then table.insert(words, at or #words + 1, option) end
  end
  return M.command(words)
end

return M
