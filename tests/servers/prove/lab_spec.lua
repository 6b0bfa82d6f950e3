-- The client of a prover's lab: starting, stopping, and comparing pictures.

local fs = require "o2x.base.fs"
local labs = require "o2x.prove.lab"
local proc = require "o2x.base.proc"
local sorted_keys = require "o2x.base.sorted_keys"

describe("a prover's lab", function()
  it("starts in memory, gives what was asked for, and leaves nothing", function()
    local folder = fs.temp_folder()
    local lab = labs.start { folder = folder }
    local pid = fs.read(fs.join(folder, "lab.json")):match '"pid": (%d+)'
    local function runs() return (fs.read_if(("/proc/%s/cmdline"):format(pid)) or "") ~= "" end -- a zombie has none
    assert.is_true(runs())
    lab:snapshot "start"
    assert.same({}, lab:restore "start")
    lab:keep_picture "start"
    assert.same({ before = {}, now = {} }, lab:unlike("start", {}))
    proc.run {
      argv = { "psql", "-XAtqd", "coredb-urbanos", "-c", "update core_config.roles set name = name || 'x'" },
      env = lab.env,
    }
    local unlike = lab:unlike("start", {})
    assert.same({ "coredb-urbanos rows core_config.roles" }, sorted_keys(unlike.now.postgres))
    assert.same(sorted_keys(unlike.before.postgres), sorted_keys(unlike.now.postgres))
    assert.not_same(unlike.before, unlike.now)
    assert.same({ before = {}, now = {} }, lab:unlike("start", { postgres = true }))
    lab:restore "start"
    assert.same({ before = {}, now = {} }, lab:unlike("start", {}))
    lab:stop()
    assert.is_false(runs())
    assert.is_false(fs.exists(fs.join(folder, "platform")))
    local listening = proc.run({ argv = { "psql", "-XAtqd", "postgres", "-c", "select 1" }, env = lab.env })
    assert.equal(2, listening.code)
    fs.remove_tree(folder)
  end)
end)

describe("the differences of two pictures", function()
  local function lines(before, after)
    local list = {}
    for i, each in ipairs(labs.differences(before, after)) do
      list[i] = ("%s/%s/%s %s %s"):format(each.part, each.item, each.path or "-", type(each.before), type(each.after))
    end
    return list
  end

  local CASES <const> = {
    { "none", { a = { b = "1" } }, { a = { b = "1" } }, {} },
    { "a hash", { a = { b = "1" } }, { a = { b = "2" } }, { "a/b/- string string" } },
    { "an item more", { a = {} }, { a = { b = "2" } }, { "a/b/- nil string" } },
    { "a part less", { a = { b = "2" } }, {}, { "a/b/- string nil" } },
    { "a path", { a = { b = { x = "1", y = "1" } } }, { a = { b = { x = "2", y = "1" } } }, { "a/b/x string string" } },
    { "a path less", { a = { b = { x = "1" } } }, { a = { b = {} } }, { "a/b/x string nil" } },
  }
  for _, case in ipairs(CASES) do
    it("are found: " .. case[1], function() assert.same(case[4], lines(case[2], case[3])) end)
  end
end)
