--- Git, as people call it: the user's own configuration, hooks and signing count. Its variables that would point it to
--- another repository do not.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"

local M = {}

local LOOK <const>, COMMIT <const> = 30, 300 -- seconds; hooks run their checks, a key wants to be touched

-- Who commits, and what signing needs. GIT_DIR, GIT_INDEX_FILE and their like are left out.
local PASSED <const> = {
  "EMAIL",
  "GIT_AUTHOR_EMAIL",
  "GIT_AUTHOR_NAME",
  "GIT_COMMITTER_EMAIL",
  "GIT_COMMITTER_NAME",
  "GIT_CONFIG_GLOBAL",
  "GIT_CONFIG_SYSTEM",
  "GNUPGHOME",
  "GPG_TTY",
  "SSH_AUTH_SOCK",
  "XDG_CONFIG_HOME",
}

local Git = {}
Git.__index = Git

--- What git, and what it starts, gets of the environment. A look does not write the index.
---@return table<string, string>
function Git.environment()
  local env = { LC_ALL = "C", GIT_TERMINAL_PROMPT = "0", GIT_OPTIONAL_LOCKS = "0" }
  for _, name in ipairs(PASSED) do
    env[name] = os.getenv(name)
  end
  return env
end

--- Calls git; whatever it answers comes back.
---@param words string[]
---@param input string? its standard input
---@param seconds number?
---@return table result code, stdout, stderr
function Git:call(words, input, seconds)
  -- A text without carriage returns goes in as it is, whatever a later checkout makes of it: no reason to refuse.
  local argv = { "git", "-C", self.folder, "-c", "core.quotePath=false", "-c", "core.safecrlf=false" }
  if words[1] ~= "check-ignore" then argv[#argv + 1] = "--literal-pathspecs" end -- which takes names as they are
  return proc.run {
    argv = table.move(words, 1, #words, #argv + 1, argv),
    env = self.environment(),
    stdin = input or "",
    timeout = seconds or LOOK,
  }
end

-- What git says of a failure, as one line: what begins with "hint:" is for people who type git themselves.
local function said(result)
  local lines = {}
  for line in (result.stderr .. "\n" .. result.stdout):gmatch "[^\r\n]+" do
    local is_hint = line:find "^hint:" or line:find "^%s*$"
    if not is_hint and #lines < 3 then lines[#lines + 1] = (line:gsub("^fatal: ", ""):gsub("^error: ", "")) end
  end
  return lines[1] and table.concat(lines, "; ") or ("it ends with code %s and says nothing"):format(result.code)
end

-- What to do, where it is known what "that" is.
local function with_cause(hint, stderr)
  local cause = hint and fs.hint_for(stderr)
  return cause and hint:gsub("^mend that", (cause:gsub(", then the same again$", ""))) or hint
end

--- Calls git, which must succeed.
---@param words string[]
---@param hint string? what to do if it does not
---@param input string?
---@return string stdout
function Git:ask(words, hint, input)
  local result = self:call(words, input, words[1] == "commit" and COMMIT or LOOK)
  if result.code == 0 then return result.stdout end
  errors.raise {
    kind = "failed",
    module = "git",
    where = self.folder,
    message = ("git %s: %s"):format(words[1], said(result)),
    hint = with_cause(hint, result.stderr),
  }
end

--- A value of its configuration.
---@param key string
---@param kind string? bool, path
---@return string? value
function Git:value(key, kind)
  local words = { "config", "--get", key }
  if kind then table.insert(words, 2, "--type=" .. kind) end
  local got = self:call(words)
  return got.code == 0 and got.stdout:gsub("\n$", "") or nil
end

--- Texts that end with a zero byte.
---@param text string
---@return string[]
function M.list(text)
  local list = {}
  for one in text:gmatch "([^\0]+)\0" do
    list[#list + 1] = one
  end
  return list
end

--- The command that brings into a sparse checkout what it leaves out.
---@param top string the checkout's folder
---@param path string of a file in it, from there
---@return string
function M.bring(top, path)
  local what = path:match "^(.*)/[^/]+$" or "/" .. path
  return ("git -C %s sparse-checkout add %s"):format(shell.quote(top), shell.quote(what))
end

-- Relative to a checkout's top, by the folder that git was called in.
local function place(self)
  local top, prefix = self:call({ "rev-parse", "--show-toplevel", "--show-prefix" }).stdout:match "^([^\n]+)\n([^\n]*)"
  return top, prefix
end

--- Does git have a file that its checkout leaves out? Then the command that brings it.
---@param path string of the file, from this folder
---@return string? command nil: it does not
function Git:left_out(path)
  if not proc.exists "git" or self:value("core.sparseCheckout", "bool") ~= "true" then return nil end
  local listed = self:call { "ls-files", "-t", "-z", "--", path }
  if listed.code ~= 0 or listed.stdout:sub(1, 1):lower() ~= "s" then return nil end
  local top, prefix = place(self)
  return top and M.bring(top, prefix .. path)
end

--- Git in a folder.
---@param folder string
---@return table git
function M.at(folder) return setmetatable({ folder = folder }, Git) end

return M
