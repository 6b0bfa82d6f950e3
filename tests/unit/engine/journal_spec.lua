local core = require "o2x.core.journal"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"

describe("a journal", function()
  local folder, path
  before_each(function()
    folder = fs.temp_folder("/tmp/o2x-journal-")
    path = folder .. "/journal"
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function write(records)
    local new = journal.create(path, { tenant = "alpha" })
    for _, record in ipairs(records or {}) do
      new:append(record)
    end
    new:close()
  end

  -- -> the journal, its records
  local function reopen()
    local records = {}
    return journal.reopen(path, function(record) records[#records + 1] = record end), records
  end

  it("keeps records, in a file that only its owner can read", function()
    write { { t = "intent", key = "a", before = { x = 1 } }, { t = "result", after = { list = { 1, 2 } } } }
    local records = journal.read(path)
    assert.equal(3, #records)
    assert.equal("begin", records[1].t)
    assert.equal(1, records[2].before.x)
    assert.equal(tonumber("600", 8), fs.stat(path).mode & 511)
    for line in fs.read(path):gmatch("[^\n]+") do
      assert.equal("table", type(require("o2x.base.json").decode(line)))
    end
  end)

  it("goes on where it ended", function()
    write { { t = "step", path = "a" } }
    local again, records = reopen()
    assert.equal(2, #records)
    again:append { t = "done", path = "a" }
    again:close()
    assert.equal(3, #journal.read(path))
  end)

  it("notices a change of any byte", function()
    write { { t = "intent", key = "a" }, { t = "result", after = "b" } }
    local text = fs.read(path)
    for i = 1, #text do
      for _, mask in ipairs { 1, 8, 32, 128, 255 } do
        fs.write(path, text:sub(1, i - 1) .. string.char(text:byte(i) ~ mask) .. text:sub(i + 1))
        local ok, err = pcall(journal.read, path)
        assert.is_false(ok, ("byte %d, mask %d"):format(i, mask))
        assert.truthy(tostring(err):find("journal", 1, true))
      end
    end
  end)

  it("drops a torn last line, wherever it was torn, and goes on", function()
    write { { t = "intent", key = "a" }, { t = "result", after = "b" } }
    local text = fs.read(path)
    local ends = { 0 }
    for position in text:gmatch("\n()") do
      ends[#ends + 1] = position - 1
    end
    for cut = ends[2], #text do
      fs.write(path, text:sub(1, cut))
      local whole = 0
      for _, position in ipairs(ends) do
        whole = whole + (position <= cut and position > 0 and 1 or 0)
      end
      local again, records = reopen()
      assert.equal(whole, #records, "cut at " .. cut)
      again:append { t = "step", path = "x" }
      again:close()
      assert.equal(whole + 1, #journal.read(path))
    end
  end)

  it("takes the zeros of a page that was never written for a torn line", function()
    write { { t = "intent", key = "a" } }
    fs.write(path, fs.read(path) .. '{"n":2,"len":30' .. ("\0"):rep(100))
    assert.equal(2, #journal.read(path))
  end)

  it("refuses a file with lines taken out, put in or in another order", function()
    write { { t = "step", path = "a" }, { t = "step", path = "b" }, { t = "step", path = "c" } }
    local lines = {}
    for line in fs.read(path):gmatch("[^\n]+\n") do
      lines[#lines + 1] = line
    end
    for _, order in ipairs { { 1, 3, 4 }, { 2, 3, 4 }, { 1, 3, 2, 4 }, { 1, 2, 2, 3 }, { 4 } } do
      local text = ""
      for _, i in ipairs(order) do
        text = text .. lines[i]
      end
      fs.write(path, text)
      assert.has_error(function() journal.read(path) end)
    end
  end)

  it("says what it is when there is none, or nothing in it", function()
    assert.has_error(function() journal.read(path) end)
    fs.write(path, "")
    local ok, err = pcall(journal.read, path)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("the journal is empty", 1, true))
  end)

  it("is neither overwritten nor reached through a link", function()
    write()
    assert.has_error(function() journal.create(path, {}) end)
    os.execute(("ln -s %s %s/link"):format(path, folder))
    local file, _, code = core.open(folder .. "/link")
    assert.is_nil(file)
    assert.equal("ELOOP", code)
  end)

  it("does not go on after a write that failed", function()
    local full = assert(core.open("/dev/full"))
    full:append(0, ("0"):rep(16), '{"a":1}')
    local ok, _, code = full:flush()
    assert.is_nil(ok)
    assert.equal("ENOSPC", code)
    assert.has_error(
      function() full:append(1, ("0"):rep(16), '{"a":1}') end,
      "calling 'append' on bad self (the journal is broken: an earlier write failed)"
    )
    full:close()
  end)

  it("is written by one at a time, and says so to the others", function()
    local new = journal.create(path, { tenant = "alpha" })
    assert.is_true(journal.held(path))
    local err = raised(reopen)
    assert.same({ "locked", "another process continues this run" }, { err.kind, err.message })
    assert.equal(1, #journal.read(path))
    new:close()
    assert.is_false(journal.held(path))
    reopen():close()
  end)

  it("takes no record any more once one was refused", function()
    local new = journal.create(path, { tenant = "alpha" })
    fs.rename(path, path .. "-old")
    local err = raised(new.append, new, { t = "step", path = "a" })
    assert.equal("lost", err.code)
    assert.matches("the journal was moved, or its folder was: the run stops", err.message)
    fs.rename(path .. "-old", path)
    assert.equal(err, raised(new.append, new, { t = "step", path = "b" }))
    assert.is_true(new:is_lost())
    new:close()
    assert.equal(1, #journal.read(path))
  end)

  it("never holds a live secret, even one that a script pieced together", function()
    local key = secret.new("open-sesame-open", "door/key")
    write { { t = "done", path = "a", result = "it is open-sesame-open" }, { t = "done", path = "b", result = "fine" } }
    assert.is_nil(fs.read(path):find("open-sesame", 1, true))
    local records = journal.read(path)
    assert.is_true(records[2].masked)
    assert.is_nil(records[3].masked)
    assert.is_true(secret.is(key))
  end)
end)
