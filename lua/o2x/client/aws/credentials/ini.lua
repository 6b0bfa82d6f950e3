--- The INI files of AWS's own tools, read as those read them: two sections or options of one name are an error, names
--- of options do not care about case, an indented line continues the value above it, and a comment is a whole line.

local errors = require "o2x.base.error"
local extract = require "o2x.base.extract"
local fs = require "o2x.base.fs"

local M = {}

-- Options whose values are secrets.
local SECRET <const> = { "aws_secret_access_key", "aws_session_token", "aws_security_token" }
local SHARED <const> = "DEFAULT" -- a section whose options all others have

-- A pattern for one of the options: "[aA][wW]…".
local function any_case(name)
  return (name:gsub("%l", function(letter) return ("[%s%s]"):format(letter, letter:upper()) end))
end

-- A text without its secrets, and the secrets by their marks.
local function take_secrets(text)
  local secrets = {}
  text = text .. "\n"
  for _, name in ipairs(SECRET) do
    local pattern = "%f[%w_]" .. any_case(name) .. "[ \t]*[=:][ \t]*([^\r\n]-)[ \t]*[\r\n]"
    local rest, found = extract.secrets(text, pattern, name)
    secrets[name], text = found, rest
  end
  return text, secrets
end

local function trim(text) return text:match "^%s*(.-)%s*$" end

local Reader = {}
Reader.__index = Reader

--- Raises what is wrong with the line.
---@param why string
function Reader:fail(why) errors.input(why, nil, ("%s:%d"):format(self.path, self.line)) end

--- Begins a section.
---@param name string
function Reader:open_section(name)
  if self.sections[name] and name ~= SHARED then self:fail(("the section [%s] is there twice"):format(name)) end
  self.section, self.option = self.sections[name] or {}, nil
  self.sections[name] = self.section
end

--- Begins an option of the section.
---@param text string the line without its indent
function Reader:open_option(text)
  local name, value = text:match "^(.-)%s*[=:]%s*(.*)$"
  if not name then self:fail "neither a section, an option with a value, nor a comment" end
  if name == "" then self:fail "a value without the name of its option" end
  name = name:lower()
  if self.section[name] then self:fail(("the option %s is there twice"):format(name)) end
  self.option = { value }
  self.section[name] = self.option
end

--- Reads the next line.
---@param line string
function Reader:read_line(line)
  local text = trim(line)
  if text:find "^[#;]" then return end
  if text == "" then
    if self.option then table.insert(self.option, "") end
    return
  end
  local indent = #line:match "^%s*"
  if self.option and indent > self.indent then
    table.insert(self.option, text)
    return
  end
  self.indent = indent
  local section = text:match "^%[(.+)%]"
  if section then return self:open_section(section) end
  if not self.section then self:fail "an option before the first section" end
  self:open_option(text)
end

-- "\nendpoint_url = x" is a block of options of its own.
local function read_block(text, fail)
  local block = {}
  for line in text:gmatch "[^\n]+" do
    local name, value = line:match "^([^=]*)=(.*)$"
    if name then
      block[trim(name)] = trim(value)
    elseif trim(line) ~= "" then
      fail()
    end
  end
  return block
end

local function value_of(self, name, lines)
  local text = table.concat(lines, "\n"):gsub("%s+$", "")
  if text:sub(1, 1) == "\n" then
    return read_block(
      text,
      function() errors.input(("the block of %s has a line without a value"):format(name), nil, self.path) end
    )
  end
  return extract.marked(text, self.secrets[name] or {}) or text
end

local function finish(self)
  local sections, shared = {}, self.sections[SHARED] or {}
  for name, options in pairs(self.sections) do
    local section = {}
    for _, from in ipairs { shared, options } do
      for option, lines in pairs(from) do
        section[option] = value_of(self, option, lines)
      end
    end
    sections[name] = section
  end
  sections[SHARED] = nil
  return sections
end

--- The sections of a text. Values of options that hold keys are secrets.
---@param given userdata|string
---@param path string where it is from, for errors
---@return table<string, table<string, string|userdata|table<string, string>>> sections a table is an indented block
function M.parse(given, path)
  local text, secrets = take_secrets(given)
  local reader = setmetatable({ path = path, secrets = secrets, sections = {}, line = 0, indent = 0 }, Reader)
  if text:sub(1, 3) == "\u{FEFF}" then
    reader.line = 1
    reader:fail "the file begins with a byte order mark: save it without"
  end
  for line in text:gsub("\r\n?", "\n"):gmatch "([^\n]*)\n" do
    reader.line = reader.line + 1
    reader:read_line(line)
  end
  return finish(reader)
end

--- The sections of a file; none if the file does not exist.
---@param path string
---@return table<string, table<string, string|userdata|table<string, string>>> sections see parse
function M.read(path)
  if not fs.exists(path) or fs.is_folder(path) then return {} end
  return M.parse(fs.read_secret(path, "aws file"), path)
end

return M
