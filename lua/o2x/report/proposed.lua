--- The commands that messages propose, as they work where they are printed: o2x is called as it was called this time,
--- and gets the same --set.

local fs = require "o2x.base.fs"
local shell = require "o2x.base.shell"

local M = {}

-- Of this process: the program and its arguments as typed, and the commands, of which those take --set that are true.
local program, arguments, commands = "o2x", {}, {}

-- Would the shell find this very program under its own name?
local function is_in_path()
  local folder = fs.folder(fs.realpath "/proc/self/exe")
  for each in (os.getenv "PATH" or ""):gmatch "[^:]+" do
    local path = fs.join(each, "o2x")
    if fs.exists(path) then return fs.folder(fs.realpath(path)) == folder end
  end
  return false
end

-- The words that start o2x. Where it is started by something else (sudo, a container), O2X_COMMAND says how.
local function find_start()
  local by_others = os.getenv "O2X_COMMAND"
  if by_others and by_others ~= "" then return by_others end
  if not program:find("/", 1, true) or is_in_path() then return "o2x" end
  return shell.quote(program)
end

local function find_sets()
  local words = {}
  for i, word in ipairs(arguments) do
    if word:find "^%-%-set=" then words[#words + 1] = " " .. shell.quote(word) end
    if word == "--set" and arguments[i + 1] then words[#words + 1] = " --set=" .. shell.quote(arguments[i + 1]) end
  end
  return table.concat(words)
end

local start, sets -- found when the first command is proposed

local function find()
  if not start then
    start, sets = find_start(), find_sets()
  end
end

--- Notes how this process was called. Called once, at its start.
---@param called string the program, as typed
---@param words string[] its arguments
---@param names table<string, boolean> the names of all commands; true: it takes --set
function M.called(called, words, names)
  program, arguments, commands, start = called, words, names, nil
end

--- A text in which the commands of o2x are as the operator has to type them here.
---@param text string such as "next: o2x resume R-…"
---@return string
function M.text(text)
  if not text:find("o2x ", 1, true) then return text end
  find()
  if start == "o2x" and sets == "" then return text end
  return (
    text:gsub("%f[%w_/.-]o2x (%l[%l-]*)", function(name)
      if commands[name] == nil then return nil end
      return start .. " " .. name .. (commands[name] and sets or "")
    end)
  )
end

--- What was typed, whole, with more words: for a command that lacks one.
---@param ... string
---@return string
function M.again(...)
  find()
  local words = table.move({ ... }, 1, select("#", ...), #arguments + 1, table.move(arguments, 1, #arguments, 1, {}))
  return start .. " " .. shell.command(words)
end

return M
