-- Lua's memory (host/heap.c): small blocks are used again, by their sizes.

local build = require "tests.support.build"
local proc = require "o2x.base.proc"

if build.sanitized then return end

-- The most memory that a script of o2x-dev had, in KiB.
local function peak_of(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(text, '\nfor line in io.lines "/proc/self/status" do print(line) end\nreturn 0\n')
  file:flush()
  local result = proc.run { argv = { build.dev, path }, timeout = 120 }
  os.remove(path)
  assert(result.code == 0, result.stderr)
  return math.tointeger(tonumber(result.stdout:match "VmHWM:%s*(%d+)"))
end

describe("Lua's memory", function()
  it("is that of what lives, not of what was", function()
    local once = [[
      local function fill(size)
        local list = {}
        for i = 1, 20000 do list[i] = ("x"):rep(size) .. i end
      end
    ]]
    local some = peak_of(once .. "for _ = 1, 3 do fill(40) end")
    local many = peak_of(once .. "for _ = 1, 60 do fill(40) end")
    assert.is_true(many < some * 1.2, ("%d, %d KiB"):format(some, many))
  end)

  it("keeps its bytes, as blocks grow and shrink over every size", function()
    for most = 1, 80 do
      local list, names = {}, {}
      for i = 1, most do
        list[i] = i
        names["n" .. i] = table.concat(list, ",")
      end
      for i = most, 1, -1 do
        assert.equal(i, list[i])
        assert.equal(table.concat(list, ",", 1, i), names["n" .. i])
        list[i], names["n" .. i] = nil, nil
        if i % 7 == 0 then collectgarbage() end
      end
      assert.is_nil(next(list) or next(names))
    end
  end)

  it("is looked at for garbage only when a part of its limit is used, and then it is", function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write [[
      local function fill(bytes)
        for i = 1, bytes // 1024 do local _ = ("x"):rep(1024) .. i end
      end
      local function collected_after(mebibytes, limit)
        require("o2x.core.program").memory_limit(limit)
        local collected = false
        setmetatable({}, { __gc = function() collected = true end })
        fill(mebibytes << 20)
        return collected
      end
      print(collected_after(4, 0), collected_after(4, 1 << 30), collected_after(64, 1 << 30))
      return 0
    ]]
    file:flush()
    local result = proc.run { argv = { build.dev, path }, timeout = 120 }
    os.remove(path)
    assert.equal("true\tfalse\ttrue\n", result.stdout .. result.stderr)
  end)
end)
