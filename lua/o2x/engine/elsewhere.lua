--- Runs that a run store does not have: where they are, and what is typed there. A run goes on, and is taken back,
--- where its journal is: its key, by which secrets are compared, never leaves the store, and only there is an undo
--- noted.

local lazy = require "o2x.base.lazy"
local capsule = lazy "o2x.engine.capsule"
local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local shell = lazy "o2x.base.shell"

local M = {}

-- Whole ids: nobody guesses them, so the run was begun elsewhere, or has been removed.
local WHOLE <const> = "^R%-%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x+$"

-- The records of the run in a colleague's file.
local function records_of(path)
  local folder = fs.temp_folder()
  local _remove <close> = defer(function() fs.remove_tree(folder) end)
  return capsule.read(path, folder).records
end

-- Is there something to go on with?
local function is_over(records)
  local status
  for _, record in ipairs(records) do
    if record.t == "end" or record.t == "resume" then status = record.status end
  end
  return status == "done" or status == "incomplete"
end

local function refuse_file(path)
  local records = records_of(path)
  local run = records[1]
  local undo = "o2x undo " .. run.id
  local there = is_over(records) and undo or ("o2x resume %s, or %s"):format(run.id, undo)
  local message = "%s is %s, which %s@%s began: it goes on and is taken back in its own run store"
  errors.input(
    message:format(path, run.id, run.user or "?", run.host or "?"),
    ("there: %s; here: o2x replay %s --log shows what it did"):format(there, shell.quote(path))
  )
end

--- Raises: this run store does not have such a run.
---@param word string of the command line: an id, a part of one, or the file of a run
---@param folder string of the run store
---@param guess string? did you mean …
function M.refuse(word, folder, guess)
  local file = not word:find(WHOLE) and fs.stat(word)
  if file and file.type == "file" then refuse_file(word) end
  local hint = "o2x runs lists them"
  if word:find(WHOLE) then
    hint = (
      "o2x runs lists those of %s; a run is resumed, undone and exported where it was begun: by its user and "
      .. "host there, or with O2X_STATE as that folder"
    ):format(folder)
  end
  errors.input(("unknown run %s%s"):format(word, guess or ""), hint)
end

return M
