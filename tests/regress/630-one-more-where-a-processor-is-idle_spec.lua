-- Of a suite, two spec files ran at a time on two processors. Many of them wait for most of their time, and a processor
-- had nothing to do. tests/support/with_room.sh starts one more then.

local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

-- Each command tells that it runs, how many do, and goes on when what it waits for is there.
local HEAD <const> = [[
. tests/support/with_room.sh
cd "$1" || exit 1
mkdir running
until_true() {
  local deadline=$((SECONDS + 60))
  until "$@" || [ "$SECONDS" -gt "$deadline" ]; do read -r -t 0.02 <>wait; done
}
mkfifo wait
running() { find running -type f | wc -l; }
]]

describe("commands that run side by side", function()
  local function lines_of(script)
    local tree <close> = folder {}
    local run = proc.run { argv = { "bash", "-c", HEAD .. script, "bash", tree.path }, timeout = 120 }
    assert.equal(0, run.code, run.stderr)
    assert.equal("", run.stderr)
    local lines = {}
    for line in fs.read(tree:at "said"):gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    return lines
  end

  it("are as many as were asked for, where no processor is idle", function()
    local lines = lines_of [[
      has_room() { echo >>looks; false; }
      looked() { [ "$(wc -l <looks)" -ge 3 ]; }
      one() { touch "running/$2"; until_true looked; echo "$1 $2 $(running)" >>said; rm "running/$2"; }
      printf '%s\n' a b c d | each_with_room 2 one word
    ]]
    table.sort(lines)
    assert.equal(4, #lines)
    for i, name in ipairs { "a", "b", "c", "d" } do
      assert.matches(("^word %s [12]$"):format(name), lines[i])
    end
  end)

  it("are up to twice as many, where one is", function()
    local lines = lines_of [[
      export PROC_STAT=stat
      echo "cpu 1 2 3 0 5" >stat
      four() { [ "$(running)" -ge 4 ]; }
      all_said() { [ "$(wc -l <said)" -ge 4 ]; }
      one() {
        echo "cpu 1 2 3 ${1}00000 5" >stat # each finds that a processor was idle for long
        touch "running/$1"; until_true four; running >>said; until_true all_said; rm "running/$1"
      }
      printf '%s\n' 1 2 3 4 | each_with_room 2 one
    ]]
    assert.same({ "4", "4", "4", "4" }, lines)
  end)

  it("has room only where time went by in which a processor rested", function()
    local lines = lines_of [[
      PROC_STAT=stat has_room_looked=0
      echo "cpu 1 2 3 100 5" >stat
      look() { if has_room; then echo room >>said; else echo none >>said; fi; }
      look # since the start of the machine
      has_room_looked=$((has_room_looked - 2000000)) && look
      has_room_looked=$((has_room_looked - 2000000)) && echo "cpu 1 2 3 20000 5" >stat && look
      has_room_looked=$((has_room_looked + 60000000)) && echo "cpu 1 2 3 90000 5" >stat && look # within a second
      PROC_STAT=nowhere has_room_looked=0 && look 2>/dev/null
    ]]
    assert.same({ "none", "none", "room", "none", "none" }, lines)
  end)
end)
