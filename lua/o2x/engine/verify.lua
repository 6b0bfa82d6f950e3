--- Is a run in the store whole, and as it was written? Its journal from the first record to the last, its scripts, the
--- runs it refers to, who may read it, and that no secret is in it. The hashes in a journal have no key: they find
--- damage and edits, not somebody who writes a whole new journal.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local history = require "o2x.engine.history"
local journal = require "o2x.engine.journal"
local leak = require "o2x.engine.capsule_leak"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local OTHERS <const> = tonumber("077", 8) -- rights of group and others
local CHANGE_IT <const> = "change that secret where it is used, and remove the run: rm -r %s"

local function add(findings, what, hint) findings[#findings + 1] = { what = what, hint = hint } end

local function check_rights(findings, path)
  local stat = fs.stat(path, false)
  if not stat then return end
  if stat.mode & OTHERS ~= 0 then
    add(findings, ("others may read or write %s"):format(path), "chmod go-rwx " .. shell.command { path })
  end
end

-- A last record that was cut off belongs to a kill, never to a run that has ended.
local function check_tail(findings, path, state, ended)
  local rest = fs.stat(path).size - state.size
  if rest > 0 and ended then
    add(findings, ("%d bytes stand behind the last record of %s"):format(rest, path), "restore it from a copy")
  end
end

-- The scripts by their paths; what is missing or changed is a finding.
local function check_sources(findings, store, h)
  local texts = {}
  for _, path in ipairs(sorted_keys(h.library or {})) do
    local text = store:source(h.id, path)
    local problem = not text and "is missing" or crypto.sha256(text) ~= h.library[path] and "was changed"
    texts[path] = text
    if problem then
      add(
        findings,
        ("the run's own copy of %s %s"):format(path, problem),
        ("restore %s from a copy"):format(fs.join(store:folder_of(h.id), "sources", path))
      )
    end
  end
  return texts
end

local function check_secrets(findings, store, h, texts)
  local path, folder = store:journal_of(h.id), shell.command { store:folder_of(h.id) }
  local found, first, in_text = leak.look({ path }, texts)
  if first then
    add(
      findings,
      ("the text of the secret %s is in %s"):format(first.secret, leak.place(first.record)),
      CHANGE_IT:format(folder)
    )
  end
  local log = fs.join(store:folder_of(h.id), "log")
  for line in (fs.read_if(log) or ""):gmatch "[^\n]+" do
    local of = in_text(line)
    if of then
      add(findings, ("the text of the secret %s is in %s"):format(of, log), CHANGE_IT:format(folder))
      break
    end
  end
  return found
end

local function check_names(findings, store, h, id)
  if h.id ~= id then add(findings, ("the journal is that of %s"):format(h.id), "restore the folder from a copy") end
  if h.undo and not fs.exists(store:journal_of(h.undo.run)) then
    add(
      findings,
      ("%s, which it takes back, is not in the store"):format(h.undo.run),
      "restore that run from a copy; without it the undo can be neither resumed nor undone"
    )
  end
end

local function read(path)
  local h, records = history.new(), 0
  local state = journal.each(path, function(record)
    history.add(h, record)
    records = records + 1
  end, history.LARGE)
  state.reader:close()
  return h, state, records
end

--- Verifies a run. It is only read.
---@param store table
---@param id string
---@return { what: string, hint: string? }[] findings
---@return { status: string, records: integer, bytes: integer, sources: integer, answers: integer }? facts nil: the
---  journal cannot be read
function M.run(store, id)
  local findings, path = {}, store:journal_of(id)
  check_rights(findings, store:folder_of(id))
  check_rights(findings, path)
  local ok, h, state, records = xpcall(read, errors.handler, path)
  if not ok then
    add(findings, tostring(h), h.hint or "restore it from a copy")
    return findings
  end
  check_tail(findings, path, state, h.status)
  check_names(findings, store, h, id)
  h.id = id
  local texts = check_sources(findings, store, h)
  local found = check_secrets(findings, store, h, texts)
  return findings,
    {
      status = h.status or (journal.held(path) and "running" or "crashed"),
      records = records,
      bytes = state.size,
      sources = #sorted_keys(texts),
      answers = found.answers,
    }
end

return M
