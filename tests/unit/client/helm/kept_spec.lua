local clock = require "o2x.base.clock"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local kept = require "o2x.client.helm.kept"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

describe("what is kept", function()
  local cache, store, now
  before_each(function()
    cache = fs.temp_folder()
    store, now = kept.new(cache), clock.now
  end)
  after_each(function()
    clock.now = now
    fs.remove_tree(cache)
  end)

  local function folder() return fs.join(cache, "o2x/helm") end
  local function only_file() return fs.join(folder(), fs.list(folder())[1]) end

  it("answers the same question of the same place, and no other", function()
    store:keep({ "a" }, kept.question("x", { b = 1 }), { c = "d" })
    assert.same({ c = "d" }, store:find({ "a" }, kept.question("x", { b = 1 })))
    assert.same({ c = "d" }, kept.new(cache):find({ "a" }, kept.question("x", { b = 1 })))
    assert.is_nil(store:find({ "b" }, kept.question("x", { b = 1 })))
    for _, other in ipairs {
      { "x" },
      { "x", { b = 2 } },
      { "x", { b = "1" } },
      { "x", { b = 1 }, "" },
      { { b = 1 }, "x" },
    } do
      assert.is_nil(store:find({ "a" }, kept.question(table.unpack(other))))
    end
    store:keep({ "a" }, "second", "e")
    assert.equal(1, #fs.list(folder()))
    assert.is_nil(store:find({ "a" }, kept.question("x", { b = 1 })))
  end)

  it("grows old", function()
    local time = 1e9
    clock.now = function() return time end
    store:keep("a", "q", "answer")
    for age, found in pairs { [0] = true, [86400] = true, [29 * 86400] = true, [31 * 86400] = false, [-10] = false } do
      time = 1e9 + age
      assert.equal(found, store:find("a", "q") ~= nil, tostring(age))
    end
    time = 1e9 + 100
    assert.is_nil(store:find("a", "q", 99))
    assert.is_not_nil(store:find("a", "q", 101))
  end)

  it("does not count when any of it was changed, and is written anew", function()
    store:keep("a", "q", { x = "y" })
    local text = fs.read(only_file())
    local entry = json.decode(text)
    local damaged = { "", "{", "null", "[]", "{}", "1", text:sub(1, -2), ("\0"):rep(#text), ("x"):rep(100000) }
    for name, value in pairs { at = entry.at - 1, question = "r", answer = { x = "z" }, sum = "0" } do
      local copy = json.decode(text)
      copy[name] = value
      damaged[#damaged + 1] = json.encode(copy)
    end
    for _, other in ipairs(damaged) do
      fs.write(only_file(), other)
      assert.is_nil(store:find("a", "q"), other)
      assert.is_nil(store:find("a", "r"), other)
      store:keep("a", "q", { x = "y" })
      assert.same({ x = "y" }, store:find("a", "q"))
    end
    assert.equal(13, #damaged)
  end)

  it("lies in files of the user alone, and others' are not believed", function()
    store:keep("a", "q", "answer")
    assert.equal(tonumber("600", 8), fs.stat(only_file()).mode)
    assert.equal(tonumber("700", 8), fs.stat(folder()).mode)
    for _, mode in ipairs { "720", "702", "777" } do
      fs.chmod(folder(), tonumber(mode, 8))
      assert.is_nil(store:find("a", "q"), mode)
      store:keep("b", "q", "answer")
      assert.equal(1, #fs.list(folder()), mode)
    end
    fs.chmod(folder(), tonumber("755", 8))
    assert.equal("answer", store:find("a", "q"))
  end)

  it("is nothing without a folder, or with one that cannot be written", function()
    fs.write(fs.join(cache, "file"), "")
    for _, place in ipairs { fs.join(cache, "file"), "/proc/none", false } do
      local none = kept.new(place or nil)
      none:keep("a", "q", "answer")
      assert.is_nil(none:find("a", "q"))
    end
  end)

  it("loses its oldest entries, and what a dead process left", function()
    fs.mkdir(folder(), tonumber("700", 8))
    for _, name in ipairs { "old.json", "old.json.tmp", "new.json" } do
      fs.write(fs.join(folder(), name), "")
    end
    for _, name in ipairs { "old.json", "old.json.tmp" } do
      assert.equal(0, proc.run({ argv = { "touch", "-d", "40 days ago", fs.join(folder(), name) } }).code)
    end
    store:keep("a", "q", "answer")
    assert.equal(2, #fs.list(folder()))
    assert.is_true(fs.exists(fs.join(folder(), "new.json")))
  end)

  it("is whole, however many write at once", function()
    local function write(i)
      for n = 1, 20 do
        kept.new(cache):keep("a", "q", ("x"):rep(i * 100 + n))
        task.sleep(0)
        assert.is_truthy(kept.new(cache):find("a", "q"))
      end
    end
    task.each({ 1, 2, 3, 4 }, write)
    assert.equal(1, #fs.list(folder()))
  end)
end)
