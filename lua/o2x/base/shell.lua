--- Commands that people paste into a shell: words, documents, and what they do not know yet. All quoting is done here,
--- so no value can become more than a value. A variable of the shell stands in a value as a mark, which nobody else can
--- write; only the functions of this file make a variable of it.

local lazy = require "o2x.base.lazy"
local json = lazy "o2x.base.json"
local printable = require "o2x.base.printable"

local M = {}

-- Unguessable, so that a value cannot contain a mark of its own.
local NONCE <const> = ("%016x"):format(math.random(0))
local OPEN <const> = "@{" .. NONCE .. ":"
local MARK <const> = "@{" .. NONCE .. ":([%w_]+)}"

--- What stands in a value for a variable of the shell.
---@param name string letters, digits and _
---@return string mark
function M.variable(name) return OPEN .. name .. "}" end

-- A text that stands for a variable, and the variable's name.
local stand_in, stands_for

--- Lets a text stand for a variable in every command of this process: for scripts, which must have a text that looks as
--- the true one will.
---@param text string? as no other value has it; nil: none any more
---@param name string?
function M.stand_in(text, name)
  stand_in, stands_for = text, name
end

local function replaced(text, by)
  if not stand_in or not text:find(stand_in, 1, true) then return text end
  return (text:gsub(stand_in:gsub("%p", "%%%0"), (by:gsub("%%", "%%%%"))))
end

local function marked(text) return stand_in and replaced(text, M.variable(stands_for)) or text end

--- A text for people, in which the stand-in is the variable: "$TENANT_ID.billing".
---@param text string
---@return string
function M.shown(text) return stand_in and replaced(text, "$" .. stands_for) or text end

--- Does a text contain a variable?
---@param text string
---@return boolean
function M.has_variable(text) return marked(text):find(OPEN, 1, true) ~= nil end

--- The parts of a text: those that are as they are, and those that are variables.
---@param text string
---@param plain fun(part: string): string what becomes of a part that is no variable
---@param variable fun(name: string): string
---@return string[] parts without empty ones
function M.parts(text, plain, variable)
  local parts, at = {}, 1
  text = marked(text)
  local function add(part)
    if part ~= "" then parts[#parts + 1] = plain(part) end
  end
  for first, name, after in text:gmatch("()" .. MARK .. "()") do
    add(text:sub(at, first - 1))
    parts[#parts + 1] = variable(name)
    at = after
  end
  add(text:sub(at))
  return parts
end

-- Bytes that a terminal would obey, or an eye would not see, are written out: pasted, they are themselves again.
local function written_out(text)
  local escaped = text:gsub("[\\']", "\\%0"):gsub("[^ -~]", function(byte) return ("\\x%02x"):format(byte:byte()) end)
  return "$'" .. escaped:gsub("\\x0a", "\\n"):gsub("\\x09", "\\t") .. "'"
end

local function quote_plain(text)
  if not text:find "[^%w%-._/=:@,+%%]" then return text end
  if printable.line(text) ~= text then return written_out(text) end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- A command must not run with a variable that was not set.
local function needed(name) return '"${' .. name .. ':?}"' end

--- A word as a shell takes it: in quotes, unless it is plain.
---@param word string may have variables
---@return string
function M.quote(word)
  if word == "" then return "''" end
  return table.concat(M.parts(word, quote_plain, needed))
end

--- A command of words, each as a shell takes it.
---@param words string[] not changed; they may have variables
---@return string
function M.command(words)
  local quoted = {}
  for i, word in ipairs(words) do
    quoted[i] = M.quote(word)
  end
  return table.concat(quoted, " ")
end

-- A line that the text does not have.
local function delimiter_of(text)
  local word = "EOF"
  while ("\n" .. text .. "\n"):find("\n" .. word .. "\n", 1, true) do
    word = word .. "_"
  end
  return word
end

--- May the text be printed as it is, and be the same when it is pasted? Not if it has tabs, control characters, or
--- characters of no width.
---@param text string
---@return boolean
function M.is_printable(text) return printable.lines(text) == text end

-- A text with its variables written out, and jq, which fills them in before the command gets it.
local function filled_in(text, command, after)
  local names, program = {}, {}
  text = text:gsub(MARK, function(name)
    names[name] = true
    return "@{" .. name .. "}"
  end)
  for name in pairs(names) do
    program[#program + 1] = ([[gsub("@\\{%s\\}"; env.%s // error("set %s"))]]):format(name, name, name)
  end
  table.sort(program)
  local fill = M.command { "jq", "-jRs", table.concat(program, " | ") }
  return text, fill, after and command .. " | " .. after or command
end

--- A command that reads a text from its standard input. The shell changes nothing in it.
---@param command string
---@param text string is_printable; a variable in it is filled in by jq from the environment
---@param after string? what its output is piped to
---@return string lines
function M.heredoc(command, text, after)
  if M.has_variable(text) then
    text, command, after = filled_in(marked(text), command, after)
  end
  local word = delimiter_of(text)
  local first = ("%s <<'%s'%s"):format(command, word, after and " | " .. after or "")
  return ("%s\n%s%s%s"):format(first, text, text:sub(-1) == "\n" and "" or "\n", word)
end

--- A command that reads JSON from its standard input. Variables are filled in by jq from the environment, so their
--- values stand in no command line, and cannot end a string.
---@param document any may have variables in its texts
---@param command string
---@param after string? what its output is piped to
---@return string lines
function M.with_json(document, command, after)
  local text = marked(printable.json(json.pretty(document)))
  if not M.has_variable(text) then return M.heredoc(command, text, after) end
  local set = [[(env.%s // error("set %s"))]]
  local program = text:gsub('"' .. MARK .. '"', function(name) return set:format(name, name) end)
  program = program:gsub(MARK, function(name) return "\\" .. set:format(name, name) end)
  return M.heredoc("jq -n -f /dev/stdin", program, after and command .. " | " .. after or command)
end

return M
