--- Makes a regression test of a capsule: a spec for busted that replays it with the scripts of the project as they are
--- then. Part of the command o2x replay.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local out = require "o2x.report.out"
local project = require "o2x.project.project"
local replay = require "o2x.engine.replay"
local shell = require "o2x.base.shell"

local M = {}

local TEST <const> = [[
-- Made by o2x replay --to-test: %s must do what %s did in run %s,
-- %s %s for %s, with the answers of then. No system is contacted.
-- O2X is the program to test with, REPLAY_PROJECT another project.

local function word(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "."

describe(%q, function()
  it("does what it did", function()
    local command = ("%%s replay %%s --project=%%s 2>&1; echo \"exit code $?\""):format(
      word(os.getenv "O2X" or "o2x"),
      word(here .. "/" .. %q),
      word(os.getenv "REPLAY_PROJECT" or here .. "/" .. %q)
    )
    local output = assert(io.popen(command))
    local text = output:read "*a"
    output:close()
    assert(text:find "exit code 0%%s*$", text)
  end)
end)
]]

local function parts_of(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do
    parts[#parts + 1] = part
  end
  return parts
end

-- The way from one folder to another one; both are absolute.
local function relative(from, to)
  local a, b, same = parts_of(from), parts_of(to), 0
  while same < #a and a[same + 1] == b[same + 1] do
    same = same + 1
  end
  local words = {}
  for _ = same + 1, #a do
    words[#words + 1] = ".."
  end
  table.move(b, same + 1, #b, #words + 1, words)
  return words[1] and table.concat(words, "/") or "."
end

local function check_free(path)
  if not fs.is_folder(fs.folder(path)) then
    local folder = fs.folder(path)
    errors.input("there is no such folder", "make it: mkdir -p " .. shell.command { folder }, folder)
  end
  if not fs.stat(path, false) then return end
  errors.input("it is there already", "choose another name: --out=FILE", path)
end

-- A test of a capsule that cannot be replayed, that diverges from itself, or from the scripts that are to be tested,
-- would be red for ever. -> what replay.perform gave
local function check_replay(from, file, folder, root)
  local result = replay.perform(file, { folder = folder })
  local shows, who = { "o2x", "replay", from }, "its own scripts do"
  if not result.divergence and not file.undoes then
    result = replay.perform(file, { folder = folder, project = project.at(root) })
    shows[4], who = "--project=" .. root, ("the scripts of %s do"):format(root)
  end
  if not result.divergence then return result end
  errors.raise {
    kind = "failed",
    where = from,
    message = who .. " not what the run did: no test was written",
    hint = shell.command(shows) .. " shows where",
  }
end

local function root_of(options)
  if options.project then return fs.realpath(options.project) end
  local ok, found = pcall(project.find)
  if ok then return found.root end
  local hint = "which scripts should it test? cd to their project, or add --project=FOLDER"
  error(errors.amend(errors.wrap(found), { hint = hint }), 0)
end

-- What the test does not notice.
local function say_limits(file, result)
  if file.undoes then
    local undone = file.records[1].undo.run
    out.say(("note: an undo has no scripts; this tests o2x itself. The runbook: o2x capsule %s"):format(undone))
  end
  if result.corrected then
    out.say "note: the run was corrected: steps that were done before are tested with the scripts of then"
  end
  if result.lost then out.say("note: up to an answer that was not kept: " .. result.lost) end
end

--- Writes the test, and the capsule beside it.
---@param from string the capsule
---@param file table of capsule.read
---@param folder string a temporary one
---@param options { out: string?, project: string?, json: boolean? }
function M.write(from, file, folder, options)
  local header = file.records[1]
  local path = options.out or header.id .. "_spec.lua"
  if not path:find "_spec%.lua$" then errors.input("the name of a test ends with _spec.lua", nil, path) end
  local beside = path:gsub("_spec%.lua$", ".capsule")
  local is_own = fs.exists(beside) and fs.realpath(beside) == fs.realpath(from)
  check_free(path)
  if not is_own then check_free(beside) end
  local root = root_of(options)
  local result = check_replay(from, file, folder, root)
  local who = file.undoes and { "o2x", "it" } or { "the scripts of the project", "they" }
  local text = TEST:format(
    who[1],
    who[2],
    header.id,
    out.printable(header.runbook.name),
    out.printable(header.runbook.version),
    header.tenant,
    ("%s for %s, run %s"):format(header.runbook.name, header.tenant, header.id),
    fs.name(beside),
    relative(fs.realpath(fs.folder(path)), root)
  )
  if not is_own then fs.write(beside, fs.read(from), { mode = tonumber("600", 8), expected = false }) end
  fs.write(path, text, { expected = false })
  if options.json then
    return out.json { test = path, capsule = beside, run = header.id, project = root, incomplete = result.lost }
  end
  out.data(("%s replays %s"):format(path, beside))
  say_limits(file, result)
end

return M
