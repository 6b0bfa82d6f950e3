--- A capsule: one run in one file, so that it can be replayed elsewhere (replay.lua). The file has the form of a
--- journal, so what was cut off or changed is noticed before anything of it is used; and there are no files in it that
--- would have to be unpacked: scripts are records, found by their names.
---
---   begin     which run, by which o2x it was packed
---   source    one script as the run started with it: path, text
---   journal   a piece of the run's own journal, lines as they are
---   undoes    of an undo: a piece of the journal of the run that it takes back
---   log       a piece of the run's log
---   end       how many sources, how many bytes of the journal, and its hash
---
--- A capsule may come from anybody. Everything in it is checked before it is used, and nothing in it names a place on
--- the disk where something is read or written.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local leak = require "o2x.engine.capsule_leak"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"
local secret = require "o2x.base.secret"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local tenants = require "o2x.project.tenants"
local value = require "o2x.base.value"

local M = {}

local FORM <const> = 1
local LARGEST <const> = 512 << 20 -- bytes of a capsule
local LARGEST_SOURCE <const> = 1 << 20
local MOST_SOURCES <const> = 2000
local LONGEST_LOOK <const> = 5 -- seconds for a tool to say its version
local PIECE <const> = 256 * 1024 -- bytes of the journal in one record, and the rest of a line

-- ---- writing ----

-- The scripts that a run keeps, by their paths as shown.
local function sources_of(store, h)
  local found = {}
  local root = fs.join(store:folder_of(h.id), "sources")
  local function walk(folder, shown)
    for _, name in ipairs(fs.is_folder(folder) and fs.list(folder) or {}) do
      local path, inner = fs.join(folder, name), shown == "" and name or shown .. "/" .. name
      local stat = fs.stat(path, false)
      if stat.type == "folder" then
        walk(path, inner)
      elseif stat.type == "file" and inner:match "%.lua$" then
        local text = fs.read(path, LARGEST_SOURCE)
        local shown_path = h.library["/" .. inner] and "/" .. inner or inner
        local hash = h.library[shown_path]
        if hash and hash ~= crypto.sha256(text) then
          errors.raise {
            kind = "failed",
            where = path,
            message = ("the run's own copy of %s was changed, so it cannot be packed"):format(shown_path),
          }
        end
        found[shown_path] = text
      end
    end
  end
  walk(root, "")
  for path in pairs(h.library) do
    if not found[path] then
      errors.raise {
        kind = "failed",
        where = root,
        message = ("the run's own copy of %s was removed, so it cannot be packed"):format(path),
      }
    end
  end
  return found
end

-- Whole lines of a file, a piece at a time.
local function pieces(path)
  local file = assert(io.open(path, "rb"))
  return function()
    local piece = file:read(PIECE)
    if not piece then return file:close() and nil end
    return piece .. (file:read "L" or "")
  end
end

local function check_out(path, overwrite)
  local folder = fs.folder(path)
  if path == "" or path:sub(-1) == "/" then errors.input "--out needs the name of a file, such as --out=a.capsule" end
  if not fs.is_folder(folder) then
    errors.input("there is no such folder", "make it: mkdir -p " .. shell.command { folder }, folder)
  end
  local there = fs.stat(path, false)
  if there and not (overwrite and there.type == "file") then
    errors.input(
      "it is there already",
      there.type == "file" and "to replace it, add --overwrite" or "choose another name for --out",
      path
    )
  end
end

local function check_run(store, h)
  if h.damaged then error(h.damaged, 0) end
  if h.status == "running" then
    errors.input(("%s is still running"):format(h.id), "wait until it has ended, or interrupt it")
  end
  assert(fs.exists(store:journal_of(h.id)))
  if not h.undo then return end
  local of = h.undo.run
  if not fs.exists(store:journal_of(of)) then
    errors.raise {
      kind = "failed",
      message = ("%s, which it takes back, is not in the store, so %s cannot be packed"):format(of, h.id),
      hint = "restore that run from a copy: o2x verify " .. h.id,
    }
  end
  h = store:look(of)
  if h.damaged then error(h.damaged, 0) end
end

-- The journals that are packed, by the records that have them.
local function journals_of(store, h)
  local list = { { t = "journal", path = store:journal_of(h.id) } }
  if h.undo then list[2] = { t = "undoes", path = store:journal_of(h.undo.run) } end
  return list
end

-- What the run said, line by line.
local function log_of(store, id) return fs.join(store:folder_of(id), "log") end

-- The log was searched while the run had its secrets, as the journal was; it is looked at once more, too.
local function check_log(path, in_text)
  for line in (fs.read_if(path) or ""):gmatch "[^\n]+" do
    local label = in_text(line)
    if label then
      errors.raise {
        kind = "refused",
        where = path,
        message = ("the text of the secret %s is in the log: nothing was packed"):format(label),
        hint = "the system gave it before it was known to be a secret; change the secret, and run again",
      }
    end
  end
end

-- The versions of what a run may have started or used, as they are when it is packed.
local function tools()
  local found = { lua = _VERSION }
  local ok, result = pcall(proc.run, { argv = { "helm", "version", "--short" }, timeout = LONGEST_LOOK })
  found.helm = ok and result.code == 0 and value.text(result.stdout:match "^[^\n]*") or nil
  return found
end

local function write(file, store, h, sources)
  local count, size, hash = 0, 0, {}
  for _, path in ipairs(sorted_keys(sources)) do
    file:append({ t = "source", path = path, text = sources[path] }, true)
    count = count + 1
  end
  local list, log = journals_of(store, h), log_of(store, h.id)
  if fs.exists(log) then list[#list + 1] = { t = "log", path = log } end
  for _, one in ipairs(list) do
    for piece in pieces(one.path) do
      file:append({ t = one.t, text = piece }, true)
      size, hash[#hash + 1] = size + #piece, crypto.sha256(piece)
    end
  end
  file:append { t = "end", sources = count, bytes = size, hash = crypto.sha256(table.concat(hash)) }
end

--- Packs a run.
---@param store table
---@param id string of the run
---@param path string of the capsule
---@param overwrite boolean? replaces a file that is there
---@return { bytes: integer, sources: integer, answers: integer, over: boolean, world: boolean, status: string } made
---  over: not all answers were kept; world: it can be replayed
function M.write(store, id, path, overwrite)
  check_out(path, overwrite)
  local h = store:look(id)
  check_run(store, h)
  local sources = sources_of(store, h)
  local paths = {}
  for i, one in ipairs(journals_of(store, h)) do
    paths[i] = one.path
  end
  local found, in_text = leak.check(paths, sources)
  check_log(log_of(store, id), in_text)
  local making = ("%s.%d"):format(path, program.pid())
  local ok, problem = xpcall(function()
    local file = journal.create(making, {
      capsule = FORM,
      run = h.id,
      tenant = h.tenant,
      o2x = program.version,
      tools = tools(),
      at = clock.iso(),
    }, "pack it again")
    write(file, store, h, sources)
    file:close()
    fs.rename(making, path)
  end, errors.handler)
  if not ok then
    fs.remove(making)
    if journal.of_system(problem) then -- it speaks of a journal, and of the name until it is whole
      errors.amend(
        problem,
        { where = path, message = problem.message:gsub("the journal cannot grow", "it cannot be written") }
      )
    end
    error(problem, 0)
  end
  return {
    bytes = fs.stat(path).size,
    sources = #sorted_keys(sources),
    answers = found.answers,
    over = found.over,
    world = found.world,
    status = h.status,
  }
end

-- ---- reading ----

-- What another file of o2x is, by its first record, and what it is good for.
local function other_file(path)
  local ok, record = pcall(journal.first, fs.realpath(path))
  if not ok or type(record) ~= "table" then return nil end
  if type(record.plan) == "table" then
    return "this is a plan, not a capsule", ("o2x apply %s does it; its run can be packed"):format(shell.quote(path))
  end
  local id = type(record.id) == "string" and record.id:match "^R%-[%d%-]+%x+$"
  if id then return "this is the journal of a run, not a capsule", "pack the run: o2x capsule " .. id end
end

local function unusable(path, why, kind, hint)
  hint = hint or "o2x capsule RUN --out=FILE writes one"
  errors.raise { kind = kind or "failed", code = "capsule", where = path, message = why, hint = hint }
end

local function no_file(path)
  local is_run = not path:find("/", 1, true) and path:find "^R%-%d"
  unusable(path, "no such file", "input", is_run and "pack that run first: o2x capsule " .. path or nil)
end

-- A script's name: no step upward, nothing that a terminal would obey.
local function is_name(path)
  if type(path) ~= "string" or #path > 1000 or path:find "[%c\\]" or not path:match "%.lua$" then return false end
  for part in ("/" .. path:gsub("^/", "")):gmatch "/([^/]*)" do
    if part == "" or part == "." or part == ".." then return false end
  end
  return true
end

-- What each record must have, by the types of its fields.
local FIELDS <const> = {
  begin = { capsule = "number", run = "string", tenant = "string", o2x = "string" },
  source = { path = "string", text = "string" },
  journal = { text = "string" },
  undoes = { text = "string" },
  log = { text = "string" },
  ["end"] = { sources = "number", bytes = "number", hash = "string" },
}

local function has_fields(record, fields)
  for name, kind in pairs(fields or {}) do
    if type(record[name]) ~= kind then return false end
  end
  return fields ~= nil
end

local function refuse(self, why) unusable(self.path, why) end

-- A piece of a journal.
local function take_piece(self, record)
  self.bytes = self.bytes + #record.text
  self.hashes[#self.hashes + 1] = crypto.sha256(record.text)
  fs.append(self.files[record.t], record.text, tonumber("600", 8))
end

-- By record type: takes what is in it.
local TAKE <const> = {
  begin = function(self, record)
    if record.capsule ~= FORM then
      refuse(self, ("the capsule has form %s, this o2x reads %d"):format(tostring(record.capsule), FORM))
    end
    self.header = record
  end,
  source = function(self, record)
    self.count = self.count + 1
    if not is_name(record.path) or self.sources[record.path] then
      refuse(self, "this is no capsule: a script has a name that none can have")
    end
    if #record.text > LARGEST_SOURCE or self.count > MOST_SOURCES then
      refuse(self, "a script of the capsule is too large")
    end
    self.sources[record.path] = record.text
  end,
  journal = take_piece,
  undoes = take_piece,
  log = take_piece,
  ["end"] = function(self, record) self.ending = record end,
}

local function take(self, record)
  local fields = FIELDS[record.t]
  local in_place = (record.t == "begin") == not self.header and not self.ending
  if not has_fields(record, fields) or not in_place then refuse(self, "this is no capsule") end
  TAKE[record.t](self, record)
end

local function check_whole(self)
  local ending = self.ending
  if not ending then refuse(self, "the capsule is cut off: its end is missing") end
  local whole = ending.sources == self.count
    and ending.bytes == self.bytes
    and ending.hash == crypto.sha256(table.concat(self.hashes))
  if not whole then refuse(self, "the capsule is not whole") end
end

-- What the run's own first record must have.
local OF_RUN <const> = {
  id = "string",
  tenant = "string",
  runbook = "table",
  params = "table",
  library = "table",
  seed = "number",
  root = "string",
}

local function check_run_header(self, record)
  local book = record.runbook
  local good = has_fields(record, OF_RUN)
    and has_fields(book, { name = "string", version = "string", path = "string" })
    and math.type(record.seed) == "integer"
    and record.id:match "^R%-[%d%-]+%x+$"
    and record.id == self.header.run
    and (self.sources[book.path] or type(record.undo) == "table" and type(record.undo.run) == "string")
  if not good then refuse(self, "this is no capsule: its journal does not say which run it is of") end
  tenants.check_name(record.tenant)
  for name, given in pairs(record.params) do
    if type(name) ~= "string" or type(given) ~= "string" then
      refuse(self, "this is no capsule: a parameter is no text")
    end
  end
  for path, hash in pairs(record.library) do
    local text = self.sources[path]
    if not text or crypto.sha256(text) ~= hash then
      refuse(self, ("%s is not the script that the run started with"):format(tostring(path)))
    end
  end
end

-- The records of a journal, once its chain is known to be right.
local function records_of(self, path)
  local records = {}
  local state = journal.each(path, function(record)
    if type(record.t) ~= "string" then refuse(self, "this is no capsule: a record of its journal says nothing") end
    records[#records + 1] = record
  end)
  state.reader:close()
  return records
end

-- Of an undo: what the run did that it takes back.
local function undone_by(self, own)
  local is_there = fs.exists(self.files.undoes)
  if not own.undo and not is_there then return nil end
  local records = own.undo and is_there and records_of(self, self.files.undoes)
  if not records or records[1].id ~= own.undo.run or records[1].tenant ~= own.tenant then
    refuse(self, "this is no capsule: it does not say what its undo takes back")
  end
  return records
end

local function read(self)
  local path = fs.realpath(self.path)
  local state = journal.each(path, function(record) take(self, record) end)
  state.reader:close()
  if state.size ~= fs.stat(path).size then refuse(self, "the capsule is damaged at its end") end
  check_whole(self)
  self.records = records_of(self, self.files.journal)
  check_run_header(self, self.records[1])
  self.undoes = undone_by(self, self.records[1])
end

--- Reads a capsule and checks all of it. A file that is none, that was changed, or that is not whole is refused.
---@param path string
---@param folder string a temporary folder for the journals
---@return { header: table, sources: table<string, string>, records: table[], undoes: table[]?, log: string } capsule
---  undoes: of an undo, the records of the run that it takes back; log: the path of the run's log, which may have none
function M.read(path, folder)
  local there = fs.stat(path)
  if not there then no_file(path) end
  if there.type ~= "file" then unusable(path, "this is no capsule, and no file") end
  if there.size > LARGEST then unusable(path, "a capsule has at most 512 MiB") end
  local files = {}
  for _, name in ipairs { "journal", "undoes", "log" } do
    files[name] = fs.join(folder, name)
  end
  local self = { path = path, files = files, sources = {}, count = 0, bytes = 0, hashes = {} }
  local ok, problem = xpcall(read, errors.handler, self)
  if not ok then
    if journal.of_system(problem) then error(problem, 0) end
    local other, hint = other_file(path)
    if other and not self.header then unusable(path, other, nil, hint) end
    if problem.code == "capsule" then error(problem, 0) end
    unusable(path, self.header and "the capsule was changed: " .. problem.message or "this is no capsule")
  end
  return {
    header = self.header,
    sources = self.sources,
    records = self.records,
    undoes = self.undoes,
    log = files.log,
  }
end

--- Sets a key of tags that nobody else has: the tags of a capsule cannot be made again without its own.
function M.forget_key() secret.set_key(crypto.random(32)) end

return M
