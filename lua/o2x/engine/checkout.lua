--- A checkout of git, as one in which a run may commit its files. What would keep git from that is found before the
--- first file is written.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local git = require "o2x.base.git"
local git_key = require "o2x.base.git_key"
local git_lock = require "o2x.base.git_lock"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"

local M = {}

local Checkout = {}
Checkout.__index = Checkout

local UNFINISHED <const> =
  { "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG" }
local LOCKS <const> = { "index.lock", "HEAD.lock" }
-- What a commit writes, beside new files: often an earlier git of root's was there.
local WRITTEN <const> = { ".", "objects", "refs/heads", "logs/HEAD", "COMMIT_EDITMSG" }
local POLL <const> = 0.1 -- seconds

--- Refuses what must not be done in a checkout.
---@param where string
---@param message string
---@param hint string
function M.refuse(where, message, hint)
  errors.raise { kind = "refused", module = "git", where = where, message = message, hint = hint }
end

local refuse = M.refuse

-- ---- is it one? ----

local function no_checkout(platform, said)
  local own, quoted = git.at(platform), shell.quote(platform)
  local first = said:match "[^\r\n]+" or "git says nothing"
  local message = "files.git asks for commits, and this is no checkout of git that can be used: " .. first
  local hint = ("git -C %s init, or leave files.git out of o2x.yaml"):format(quoted)
  local trust = said:match "git config %-%-global %-%-add safe%.directory [^\r\n]+"
  if trust then hint = ("it belongs to another user; if you trust what is in it: %s"):format(trust) end
  if own:call({ "rev-parse", "--is-bare-repository" }).stdout:find "^true" then
    hint = fs.exists(fs.join(platform, ".git")) and ("git -C %s config core.bare false"):format(quoted)
      or ("it has no files of its own: git clone %s FOLDER, and platform: FOLDER in o2x.yaml"):format(quoted)
  end
  refuse(platform, message, hint)
end

-- Paths in git's own folder, which for a linked worktree or a submodule is elsewhere.
local function in_git(self, names)
  local words, paths = { "rev-parse" }, {}
  for _, name in ipairs(names) do
    table.move({ "--git-path", name }, 1, 2, #words + 1, words)
  end
  for path in self.git:ask(words):gmatch "[^\n]+" do
    path = path:gsub("/%.$", "")
    paths[#paths + 1] = path:sub(1, 1) == "/" and path or fs.join(self.top, path)
  end
  return paths
end

local function check_finished(self)
  for i, path in ipairs(in_git(self, UNFINISHED)) do
    if fs.exists(path) then
      refuse(
        self.top,
        "git is in the middle of something: " .. UNFINISHED[i],
        ("finish it, or abort it: git -C %s status says how"):format(shell.quote(self.top))
      )
    end
  end
end

-- Folders of objects, too: those that somebody else's git made are that user's.
local LOOK <const> = [[for p do for q in "$p" "$p"/[0-9a-f][0-9a-f]; do
[ ! -e "$q" ] || [ -w "$q" ] || { printf %s "$q"; exit; }; done; done]]

local function check_writable(self)
  local paths = in_git(self, WRITTEN)
  local closed = proc.run { argv = { "sh", "-c", LOOK, "sh", table.unpack(paths) }, timeout = 30 }
  if closed.stdout == "" then return end
  local path = shell.quote(closed.stdout)
  refuse(
    closed.stdout,
    "git could not commit: this cannot be written",
    ("ls -ld %s shows whose it is, findmnt -T %s whether it is mounted read-only"):format(path, path)
  )
end

local function check_signer(self)
  if self.git:call({ "var", "GIT_COMMITTER_IDENT" }).code ~= 0 then
    refuse(
      self.top,
      "git does not know who commits",
      "git config --global user.name NAME && git config --global user.email NAME@EXAMPLE.COM"
    )
  end
  local reason = git_key.missing(self.git)
  if not reason then return end
  local top = shell.quote(self.top)
  refuse(
    self.top,
    "commits are to be signed (commit.gpgsign), and " .. reason,
    ("git -C %s config user.signingkey KEY, or without: git -C %s config commit.gpgsign false"):format(top, top)
  )
end

-- ---- what is in it ----

-- A file that has other ends of lines than git would write, and the same content else, is a change for git status and
-- none for a commit.
local function drop_equal(self, found, edited)
  if #edited == 0 then return end
  local words, real = { "diff", "--name-only", "--no-renames", "-z", "--", table.unpack(edited) }, {}
  for _, path in ipairs(git.list(self.git:ask(words))) do
    real[path] = true
  end
  for _, path in ipairs(edited) do
    if not real[path] then found[path] = nil end
  end
end

--- What differs from HEAD: in the index, in the files, or not known to git at all.
---@param paths string[]? all if absent
---@return table<string, string> states path → the two letters of git status
function Checkout:differing(paths)
  local words, found = { "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames" }, {}
  if paths then table.move(paths, 1, #paths, #words + 2, words) end
  words[6] = "--"
  local edited = {}
  for _, entry in ipairs(git.list(self.git:ask(words))) do
    local state, path = entry:sub(1, 2), entry:sub(4)
    found[path] = state
    if state == " M" then edited[#edited + 1] = path end
  end
  drop_equal(self, found, edited)
  return found
end

-- Paths at which git does not look (sparse checkouts, update-index), and those that are repositories of their own.
local function unseen(self)
  local hidden, nested = {}, {}
  for entry in self.git:ask({ "ls-files", "-v", "--stage", "-z" }):gmatch "[^\0]+" do
    local tag, mode, path = entry:match "^(%a) (%d+) %x+ %d+\t(.*)$"
    if mode == "160000" then
      nested[path] = true
    elseif tag ~= "H" and tag ~= "M" then
      hidden[path] = tag
    end
  end
  return hidden, nested
end

local function check_merged(self)
  for path, state in pairs(self.dirty) do
    if state:find "U" or state == "AA" or state == "DD" then
      refuse(
        fs.join(self.top, path),
        "git has a conflict here that nobody has resolved",
        ("git -C %s status says how"):format(shell.quote(self.top))
      )
    end
  end
end

--- The checkout that a platform tree is in; refused if a run cannot commit there.
---@param platform string its folder
---@return table checkout
function M.open(platform)
  if not proc.exists "git" then
    refuse(platform, "files.git asks for commits, and git is not on PATH", "install git, or leave files.git out")
  end
  local top = git.at(platform):call { "rev-parse", "--show-toplevel" }
  if top.code ~= 0 then no_checkout(platform, top.stderr) end
  local self = setmetatable({ top = top.stdout:gsub("\n$", ""), platform = fs.realpath(platform) }, Checkout)
  self.git = git.at(self.top)
  check_finished(self)
  check_writable(self)
  check_signer(self)
  git_lock.await(self.top, in_git(self, LOCKS))
  self.dirty = self:differing()
  check_merged(self)
  self.hidden, self.nested = unseen(self)
  self.detached = self.git:call({ "symbolic-ref", "--quiet", "HEAD" }).code ~= 0
  return self
end

--- A file's path from the top of the checkout.
---@param path string in the platform tree
---@return string? inside nil: it is not in the checkout
function Checkout:inside(path)
  local real = fs.canonical(fs.join(self.platform, path))
  return real and real:sub(1, #self.top + 1) == self.top .. "/" and real:sub(#self.top + 2) or nil
end

-- ---- one file of it ----

-- The repository of its own that a path lies in: a submodule, or one that somebody cloned into the tree.
local function nested_in(self, path)
  for at in path:gmatch "()/" do
    local folder = path:sub(1, at - 1)
    if self.nested[folder] or fs.exists(fs.join(self.top, folder, ".git")) then return folder end
  end
end

local function refuse_hidden(self, path)
  local top, full = shell.quote(self.top), fs.join(self.top, path)
  if self.hidden[path]:lower() ~= "s" then
    refuse(
      full,
      "git is told not to look at this file (assume-unchanged), so it would not commit it",
      ("git -C %s update-index --no-assume-unchanged %s"):format(top, shell.quote(path))
    )
  end
  local is_sparse = self.git:value("core.sparseCheckout", "bool") == "true"
  refuse(
    full,
    "git has this file and leaves it out of the tree (skip-worktree), so what is in it would be lost",
    is_sparse and git.bring(self.top, path)
      or ("git -C %s update-index --no-skip-worktree %s"):format(top, shell.quote(path))
  )
end

--- Refuses a checkout that leaves out what a run may write: it would read those files as missing.
---@param granted string[] paths in the platform tree; folders end with a slash
function Checkout:check_whole(granted)
  local above = #self.platform - #self.top -- the platform may be a folder of the checkout
  for _, path in ipairs(sorted_keys(self.hidden)) do
    local inside = (self.platform:sub(#self.top + 2) .. "/" == path:sub(1, above) or above == 0) and path:sub(above + 1)
    for _, grant in ipairs(inside and granted or {}) do
      local is_granted = inside == grant or grant:sub(-1) == "/" and inside:sub(1, #grant) == grant
      if is_granted then refuse_hidden(self, path) end
    end
  end
end

--- Can a commit of this checkout have the file? Refused if not.
---@param path string in the platform tree
---@return string inside from the top
function Checkout:admit(path)
  local inside = self:inside(path)
  local nested = inside and nested_in(self, inside)
  if not inside or nested then
    refuse(
      fs.join(self.platform, path),
      ("files.git asks for commits, and this lies in %s, outside of the checkout %s"):format(
        nested and "a repository of its own, " .. nested or "another folder",
        self.top
      ),
      "keep the tenants' files in one repository, or leave files.git out of o2x.yaml"
    )
  end
  if self.hidden[inside] then refuse_hidden(self, inside) end
  return inside
end

-- ---- the commit ----

--- Calls git for what writes; waits for another git that is just writing.
---@param words string[] ends before the paths
---@param paths string[]
---@param hint string what to do if it fails
---@param input string?
function Checkout:write(words, paths, hint, input)
  local deadline = task.now() + git_lock.PATIENCE
  words[#words + 1] = "--"
  table.move(paths, 1, #paths, #words + 1, words)
  while true do
    local ok, err = xpcall(self.git.ask, errors.handler, self.git, words, hint, input)
    if ok then return end
    local lock = git_lock.named(err)
    if not lock or task.now() > deadline then error(err, 0) end
    git_lock.await(self.top, { lock })
    task.sleep(POLL)
  end
end

--- Commits these paths and nothing else; hooks and signing are the user's. A commit that is refused leaves the index as
--- it was.
---@param paths string[]
---@param states table<string, string>
---@param message string
---@param hint string what to do if it fails
---@return string hash
function Checkout:commit(paths, states, message, hint)
  local new = {}
  for _, path in ipairs(paths) do
    if states[path] == "??" then new[#new + 1] = path end
  end
  -- Outside of a sparse checkout, too: the file is there, because the run has written it.
  if #new > 0 then self:write({ "add", "--intent-to-add", "--sparse" }, new, hint) end
  local ok, err =
    xpcall(self.write, errors.handler, self, { "commit", "--quiet", "--only", "--file=-" }, paths, hint, message)
  if not ok then
    if #new > 0 then
      self.git:call { "rm", "--cached", "--quiet", "--sparse", "--ignore-unmatch", "--", table.unpack(new) }
    end
    error(err, 0)
  end
  return (self.git:ask({ "rev-parse", "HEAD" }):gsub("\n$", ""))
end

--- What a hook made otherwise: it may change files, and put more of them into the commit.
---@param paths string[] what was to be committed
---@param hash string
---@return table<string, string> left path → state: not committed as it is there now
---@return string[] more paths that the commit also has
function Checkout:after_hooks(paths, hash)
  if next(self:differing(paths)) then
    -- A hook's git add goes to the index of the commit; this one still has what was there before it.
    self.git:ask { "reset", "--quiet", "--", table.unpack(paths) }
  end
  local mine, more = {}, {}
  for _, path in ipairs(paths) do
    mine[path] = true
  end
  local words = { "diff-tree", "-r", "--root", "--no-commit-id", "--name-only", "--no-renames", "-z", hash }
  for _, path in ipairs(git.list(self.git:ask(words))) do
    if not mine[path] then more[#more + 1] = path end
  end
  return self:differing(paths), more
end

--- The part of some paths that git is told to ignore.
---@param paths string[]
---@return string[]
function Checkout:ignored(paths)
  return git.list(self.git:call({ "check-ignore", "-z", "--stdin" }, table.concat(paths, "\0") .. "\0").stdout)
end

return M
