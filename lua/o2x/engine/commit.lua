--- `files.git: commit` in o2x.yaml: the platform tree is a checkout of git, and a run that is done commits exactly the
--- files that it wrote. Nothing is ever pushed, and what else is staged stays as it is.
---
--- It is what a run owes at its end, and no effect: a commit has all files of a run, which are known only then; it is
--- not read back and compared, because others commit, too; and an undo, which is a run of its own, makes a commit of
--- its own. A run that stopped has not committed: o2x resume goes on and commits, o2x undo puts the files back as they
--- are in HEAD, and then there is nothing to commit.

local checkout = require "o2x.engine.checkout"
local errors = require "o2x.base.error"
local folder_lock = require "o2x.base.folder_lock"
local fs = require "o2x.base.fs"
local history = require "o2x.engine.history"
local identity = require "o2x.base.identity"
local permission = require "o2x.engine.permission"
local section = require "o2x.base.section"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local Commit = {}
Commit.__index = Commit

local FILES <const> = { ["file.text"] = true, ["file.section"] = true }

-- The platform that a lab has made for itself is a copy, and no checkout.
local function is_of_lab(platform)
  local lab = os.getenv "O2X_LAB_DIR"
  lab = lab and lab ~= "" and fs.canonical(lab)
  return permission.in_lab() or lab and (fs.canonical(platform) or ""):sub(1, #lab + 1) == lab .. "/" or false
end

--- The duty of a run to commit its files; nil if the project does not ask for it.
---@param run table
---@return table? commit
function M.new(run)
  local wanted = run.config.files and run.config.files.git
  if not wanted or run.arrival or is_of_lab(run.config.platform) then return nil end
  if wanted ~= "commit" then
    errors.input(
      ("files.git: expected commit, got %s"):format(tostring(wanted)),
      "without the key, nothing is committed"
    )
  end
  return setmetatable({ run = run, paths = {} }, Commit)
end

-- ---- before anything is written ----

--- Looks at the tree once, before the first file is written.
function Commit:open()
  if not self.tree then self.tree = checkout.open(self.run.config.platform) end
end

-- Does the run write files at all? An undo writes those of the run that it takes back.
local function may_write(run)
  if not run.undo then return run.declared["files:write"] end
  for _, entry in ipairs(run.undo.history.effects) do
    if FILES[entry.kind] then return true end
  end
end

--- Before the first step: a tree in which nothing can be committed is refused before anything is written.
function Commit:begin()
  if not may_write(self.run) then return end
  self:open()
  self.tree:check_whole((self.run.scope.files or {}).write or {})
end

-- A file that all tenants share: only the run's own sections must be those of HEAD and of the index.
local function own_section_is_committed(self, path, target, before)
  for _, revision in ipairs { "HEAD:", ":" } do
    local shown = self.tree.git:call { "show", revision .. path }
    local own = shown.code == 0 and section.own(shown.stdout, target.heading) or nil -- no file, no section
    if own ~= before then return false end
  end
  return true
end

-- What the run itself, or the one that it takes back, has written is no edit of others.
local function is_own(run, kind, key)
  for _, h in ipairs { run.past and run.past.history or false, run.undo and run.undo.history or false } do
    if h and #history.on_target(h, kind, key) > 0 then return true end
  end
  return false
end

--- Refuses to write a file that was edited beside the checkout's last commit: a commit would take that along.
---@param kind string of the effect
---@param key string the path in the platform tree
---@param target any of the effect
---@param before any what is there
function Commit:admit(kind, key, target, before)
  if not FILES[kind] then return end
  self:open()
  local path, top = self.tree:admit(key), self.tree.top
  self.paths[path] = true
  local state = self.tree.dirty[path]
  if not state or is_own(self.run, kind, key) then return end
  if kind == "file.section" and own_section_is_committed(self, path, target, before) then return end
  local how = state == "??" and "git does not know it yet"
    or state:sub(1, 1) ~= " " and "changes of it are staged"
    or "it was edited, and not committed"
  local look = shell.command { "git", "-C", top, state == "??" and "status" or "diff", "--", path }
  if state:sub(2, 2) == " " then look = shell.command { "git", "-C", top, "diff", "--cached", "--", path } end
  checkout.refuse(
    fs.join(top, path),
    "the run would commit it with what others did to it: " .. how,
    ("look at it: %s; then commit it, or put it back"):format(look)
  )
end

-- ---- when it is done ----

-- The newest effect on each file.
local function written(self)
  local newest = {}
  for _, entry in ipairs(history.in_order(self.run.gate:history())) do
    local path = FILES[entry.kind] and self.tree:inside(entry.key)
    if path then newest[path] = entry end
  end
  return newest
end

local function is_as_written(path, entry)
  local text, desired = fs.read_if(path), entry.desired
  if type(desired) == "table" then return true end -- masked: it cannot be compared
  if entry.kind == "file.text" then return text == desired end
  return section.own(text or "", entry.target.heading) == desired
end

local function message(run)
  local of = run.undo and run.undo.history
  local user, host = identity.here()
  local lines = {
    of and ("undo of %s for %s: %s"):format(of.runbook.name, run.tenant_name, of.id)
      or ("%s for %s"):format(run.runbook.name, run.tenant_name),
    "",
    ("Runbook: %s %s"):format(run.runbook.name, run.runbook.version or ""),
    "Tenant: " .. run.tenant_name,
    "Run: " .. run.id,
    ("Run-by: %s@%s"):format(user, host),
  }
  return table.concat(lines, "\n") .. "\n"
end

-- What git is told to ignore is not committed, and that is said.
local function leave_ignored(self, paths)
  local ignored, left = {}, {}
  for _, path in ipairs(self.tree:ignored(paths)) do
    ignored[path] = true
    self.run.ctx:log("warn", ("%s is not committed: .gitignore says so"):format(path))
  end
  for _, path in ipairs(paths) do
    if not ignored[path] then left[#left + 1] = path end
  end
  return left
end

-- The commit has what the hooks made of it, and that is not always what the run wrote.
local function say_what_hooks_did(self, hash, paths, newest)
  local top = self.tree.top
  local left, more = self.tree:after_hooks(paths, hash)
  local function say(what, ...)
    self.run.ctx:log("warn", ("a hook of git %s: look at it: %s"):format(what, shell.command { "git", "-C", top, ... }))
  end
  for _, path in ipairs(paths) do
    if left[path] then
      say(("changed %s, and did not commit that"):format(path), "diff", "HEAD", "--", path)
    elseif not is_as_written(fs.join(top, path), newest[path]) then
      say(("committed %s otherwise than the run wrote it"):format(path), "show", hash, "--", path)
    end
  end
  if #more > 0 then say(("committed %s, too"):format(M.names(more)), "show", hash) end
end

-- Of a run that was killed after its commit, there is one already.
local function earlier(self)
  local found = self.tree.git:call { "log", "-1", "--format=%H", "--fixed-strings", "--grep=Run: " .. self.run.id }
  return found.code == 0 and found.stdout:match "%x+" or nil
end

local function note(self, hash, paths)
  self.run.journal:append { t = "commit", commit = hash, tree = self.tree.top, paths = paths, at = self.run.now() }
  self.run.ctx:log("info", ("committed %s in %s: %s"):format(hash:sub(1, 10), self.tree.top, M.names(paths)))
  if not self.tree.detached then return end
  local keep = shell.command { "git", "-C", self.tree.top, "branch", self.run.id, hash:sub(1, 10) }
  self.run.ctx:log("warn", "HEAD is detached, so no branch has this commit: " .. keep)
end

--- Commits what the run wrote. A run that is resumed commits what is not committed yet.
function Commit:perform()
  local any = false
  for _, entry in ipairs(self.run.gate:history().effects) do
    any = any or FILES[entry.kind]
  end
  if not any then return end
  self:open()
  local top, newest = self.tree.top, written(self)
  local paths = leave_ignored(self, sorted_keys(newest))
  if #paths == 0 then return end
  local _locked <close> = folder_lock.take(top)
  local states, changed = self.tree:differing(paths), {}
  for _, path in ipairs(paths) do
    if states[path] then changed[#changed + 1] = path end
    if states[path] and not is_as_written(fs.join(top, path), newest[path]) then
      checkout.refuse(
        fs.join(top, path),
        "it was edited after the run wrote it, so nothing is committed",
        ("look at it: %s; commit it by hand, or put it back; then o2x resume %s"):format(
          shell.command { "git", "-C", top, "diff", "HEAD", "--", path },
          self.run.id
        )
      )
    end
  end
  if #changed == 0 then
    local hash = self.run.past and earlier(self)
    return hash and note(self, hash, paths)
  end
  local hint = ("mend that, then o2x resume %s; or commit by hand, in %s"):format(self.run.id, shell.quote(top))
  local hash = self.tree:commit(changed, states, message(self.run), hint)
  note(self, hash, changed)
  say_what_hooks_did(self, hash, changed, newest)
end

local MOST <const> = 4 -- names in a line

--- The names of files, for one line.
---@param paths string[]
---@return string
function M.names(paths)
  local text = table.concat(paths, ", ", 1, math.min(#paths, MOST))
  return #paths > MOST and ("%s and %d more"):format(text, #paths - MOST) or text
end

--- What a plan says of it.
---@return { tree: string, files: string[] }? nil: no file would be written
function Commit:planned()
  local paths = sorted_keys(self.paths)
  return #paths > 0 and { tree = self.tree.top, files = paths } or nil
end

return M
