-- The journal: its bytes on the disk as they are, or, after a "!", records in sound frames: no mutation finds the
-- checksum and the hash of a line by itself.
local frame = require "o2x.core.frame"
local history = require "o2x.engine.history"
local journal = require "o2x.engine.journal"
local only = require "tests.fuzz.only"

local path = os.tmpname()
local FIRST <const> = ("0"):rep(16)

local function framed(text)
  local lines, previous = {}, FIRST
  for record in text:gmatch "[^\n]+" do
    if #record < 3 or not record:find "^{.*}$" then return table.concat(lines) end
    lines[#lines + 1], previous = frame.seal(#lines, previous, record)
  end
  return table.concat(lines)
end

local function write(text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

return only(function(text)
  write(text:sub(1, 1) == "!" and framed(text:sub(2)) or text)
  for _, without in ipairs { "", history.LARGE } do
    local found, state = nil, nil
    found = history.new(function(place) return journal.record_at(path, state.reader, place) end)
    state = journal.each(path, function(record, place) history.add(found, record, place) end, without)
    state.reader:close()
  end
end)
