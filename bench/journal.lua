--- A record of the journal that is on the disk before its writer goes on; and a hundred of them at the same time.

local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"

local RECORDS <const> = "1000"
local BYTES <const> = "313" -- of a record of bench/journal/o2x.lua

return {
  title = "A durable record: appended, and on the disk before its writer goes on",
  differs = "the floor and SQLite write constant bytes; o2x encodes, masks and hashes each record",
  setup = function(folder) return { file = fs.join(folder, "journal") } end,
  contenders = function(state)
    local function clean()
      for _, ending in ipairs { "", "-wal", "-shm" } do
        fs.remove(state.file .. ending)
      end
    end
    local function whole()
      local records = 0
      journal.each(state.file, function() records = records + 1 end).reader:close()
      assert(records == tonumber(RECORDS) + 1, records)
    end
    return {
      {
        name = "floor: append and fdatasync in C",
        argv = { "build/bench/journal", state.file, RECORDS, BYTES },
        before = clean,
      },
      {
        name = "o2x",
        argv = { "build/o2x-dev", "bench/journal/o2x.lua", state.file, RECORDS, "1" },
        before = clean,
        check = whole,
      },
      {
        name = "o2x, 100 at once",
        argv = { "build/o2x-dev", "bench/journal/o2x.lua", state.file, RECORDS, "100" },
        before = clean,
        check = whole,
      },
      {
        name = "SQLite with WAL and synchronous=FULL",
        argv = { "python3", "bench/journal/sqlite.py", state.file, RECORDS, BYTES },
        probe = { "python3", "-c", "import sqlite3" },
        missing = "apt-get install python3",
        before = clean,
        versions = "Python's sqlite3",
      },
    }
  end,
  must = {
    { "o2x", 1.2, "floor: append and fdatasync in C" },
    { "o2x, 100 at once", 0.05, "o2x" },
  },
}
