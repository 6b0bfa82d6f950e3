--- Pages: a test as one page of commands, what they must say, and the files that they work on.
--
--   # What the page shows. The first line is the test's name.
--   o2x list                     must end with 0
--   ! 3 o2x run bild alpha       must end with 3
--   stderr did you mean build    standard error of the last command has the text
--   ! stdout alpha               standard output has it not; without a text: it is empty
--   stdout /^o2x %d+/            a line of it matches a Lua pattern
--   exists runbooks/tidy.lua     and ! exists
--   contains FILE TEXT           and ! contains
--   cmp stdout want.txt          stdout, stderr or a file is exactly that file
--   env NAME=VALUE               for the commands that follow; NAME= takes it away
--   stdin secrets.yaml           what the next command reads
--   cd FOLDER · chmod 600 FILE · rm FILE · mv FROM TO
--   -- want.txt --
--   a file of the project: all that follows, to the next such line
--
-- Words are separated by spaces; "double quotes" keep them together. $PROJECT, $STATE, $SYSTEM and $HOME are the
-- folders of the toy platform (tests/support/toy.lua) that each page gets for itself.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

local M = {}

--- Reads a page.
---@param text string
---@return table page name; lines: { number, text }; files: { path, text }
function M.parse(text)
  local page = { lines = {}, files = {} }
  local number, file = 0, nil
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    local path = line:match "^%-%- (%S+) %-%-$"
    if path then
      file = { path = path, lines = {} }
      page.files[#page.files + 1] = file
    elseif file then
      file.lines[#file.lines + 1] = line .. "\n"
    elseif line:match "^#" then
      page.name = page.name or line:match "^#%s*(.-)%.?$"
    elseif line:match "%S" then
      page.lines[#page.lines + 1] = { number = number, text = line:match "^%s*(.-)%s*$" }
    end
  end
  for _, one in ipairs(page.files) do
    one.text = table.concat(one.lines)
  end
  return page
end

local Player = {}
Player.__index = Player

-- $NAME in a word.
function Player:expand(text)
  local folders = { PROJECT = self.toy.project, STATE = self.toy.state, SYSTEM = self.toy.system, HOME = self.toy.dir }
  return (text:gsub("%$(%u+)", folders))
end

local function split(text)
  local words, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then return words end
    local word = {}
    repeat
      local quoted = text:match('^"[^"]*"', at)
      local piece = quoted or text:match('^[^%s"]+', at)
      assert(piece, "a quote is not closed")
      word[#word + 1] = quoted and quoted:sub(2, -2) or piece
      at = at + #piece
    until not text:match("^%S", at)
    words[#words + 1] = table.concat(word)
  end
end

function Player:path(name)
  name = self:expand(name)
  return name:match "^/" and name or fs.join(self.folder, name)
end

function Player:fail(message)
  local last = self.last
  local shown = last
      and ("\n%s\nexit %s\nstdout:\n%sstderr:\n%s"):format(self.command, last.code, last.stdout, last.stderr)
    or ""
  error(("%s:%d: %s: %s%s"):format(self.where, self.line.number, self.line.text, message, shown), 0)
end

function Player:expect(ok, message)
  if not ok then self:fail(message) end
end

-- What each command owes: the code; no traceback; what is refused is refused in a few lines.
function Player:run(words, code)
  self.command = self.line.text
  local toy = self.toy
  local project = toy.project
  toy.project = self.folder
  self.last = toy:o2x(words, nil, { stdin = self.stdin })
  toy.project, self.stdin = project, nil
  self:expect(self.last.code == code, ("exit code %d expected"):format(code))
  self:expect(not self.last.stderr:find("traceback", 1, true), "a traceback")
  local _, lines = self.last.stderr:gsub("\n", "")
  self:expect(code ~= 3 or lines <= 4, "more than four lines of complaint")
end

local verbs = {}

local function has(text, what)
  local pattern = what:match "^/(.*)/$"
  if not pattern then return text:find(what, 1, true) ~= nil end
  for line in text:gmatch "[^\n]+" do
    if line:find(pattern) then return true end
  end
  return false
end

local function stream(name)
  return function(self, rest, wanted)
    self:expect(self.last, "no command before it")
    local text = self.last[name]
    if rest == "" then return self:expect(not wanted and text == "", "it is not empty") end
    self:expect(has(text, self:expand(rest)) == wanted, wanted and "it is not there" or "it is there")
  end
end

verbs.stdout = stream "stdout"
verbs.stderr = stream "stderr"

function verbs.exists(self, rest, wanted)
  self:expect(fs.exists(self:path(rest)) == wanted, wanted and "it does not exist" or "it exists")
end

function verbs.contains(self, rest, wanted)
  local name, text = rest:match "^(%S+)%s+(.+)$"
  self:expect(has(fs.read(self:path(name)), text) == wanted, wanted and "it is not there" or "it is there")
end

function verbs.cmp(self, rest)
  local a, b = table.unpack(split(rest))
  local text = self.last and self.last[a] or fs.read(self:path(a))
  local wanted = self:expand(fs.read(self:path(b)))
  self:expect(text == wanted, ("they differ; expected:\n%s"):format(wanted))
end

function verbs.env(self, rest)
  local name, value = self:expand(rest):match "^([%w_]+)=(.*)$"
  self:expect(name, "NAME=VALUE expected")
  self.toy.env[name] = value ~= "" and value or nil
end

function verbs.stdin(self, rest) self.stdin = fs.read(self:path(rest)) end

function verbs.cd(self, rest) self.folder = self:path(rest) end

function verbs.chmod(self, rest)
  local mode, name = table.unpack(split(rest))
  fs.chmod(self:path(name), tonumber(mode, 8))
end

function verbs.rm(self, rest) fs.remove(self:path(rest)) end

function verbs.mv(self, rest)
  local from, to = table.unpack(split(rest))
  fs.rename(self:path(from), self:path(to))
end

function Player:play(line)
  self.line = line
  local bang, rest = line.text:match "^(!?)%s*(.*)$"
  local code, command = rest:match "^(%d*)%s*o2x(.*)$"
  if command then
    self:expect((bang == "!") == (code ~= ""), "o2x …, or ! CODE o2x …")
    return self:run(split(self:expand(command)), tonumber(code) or 0)
  end
  local verb, words = rest:match "^(%l+)%s*(.*)$"
  self:expect(verbs[verb], "there is no such line in a page")
  verbs[verb](self, words, bang == "")
end

--- Plays a page on a toy platform of its own; raises what is not as the page says.
---@param text string
---@param where string how the page is called in messages
function M.play(text, where)
  local page = M.parse(text)
  local toy <close> = toys.new()
  for _, file in ipairs(page.files) do
    toy:write(file.path, file.text)
  end
  local player = setmetatable({ toy = toy, folder = toy.project, where = where }, Player)
  for _, line in ipairs(page.lines) do
    player:play(line)
  end
end

return M
