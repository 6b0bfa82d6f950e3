-- The file of summaries is a cache: whatever becomes of it, the list of runs is that of the journals.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local store = require "o2x.engine.store"

local OLD <const> = 1e9 -- seconds since 1970

describe("the summaries of a store", function()
  local folder, runs, file
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-summaries-"
    runs = store.open(folder .. "/runs")
    file = folder .. "/runs/summaries"
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function begin(tenant, status, fields)
    local id, _reserved <close> = runs:new_id()
    local header = { tenant = tenant, runbook = { name = "build", version = "1.0.0" }, params = { size = "x" } }
    header.at, header.user = "2026-02-10T12:00:00.000Z", "ann"
    for name, value in pairs(fields or {}) do
      header[name] = value
    end
    local _, journal = runs:create(id, header, {})
    journal:append({ t = "intent", path = "", kind = "thing", key = "a", effect = "e", slot = "s", desired = 1 }, true)
    journal:append({ t = "result", path = "", effect = "e", outcome = "created", after = 1 }, true)
    if status then journal:append { t = "end", status = status, at = "2026-02-10T12:00:02.000Z" } end
    journal:close()
    return id
  end

  -- What a list says, all of it.
  local function listed()
    local list = {}
    for i, run in ipairs(runs:list()) do
      list[i] = json.encode {
        id = run.id,
        status = run.status,
        tenant = run.tenant,
        runbook = run.runbook,
        version = run.version,
        fleet = run.fleet,
        changed = run.changed,
        seconds = run.seconds,
        params = run.params,
        started = run.started,
        ended = run.ended,
        counts = run.counts,
        user = run.user,
        overtaken = run.overtaken,
      }
    end
    return list
  end

  -- The list, without and with summaries.
  local function both()
    fs.remove(file)
    local read = listed()
    fs.remove(file)
    runs:list()
    return read, listed()
  end

  -- Journals that have rested: a younger one is read each time.
  local function rested()
    local clock = require "o2x.base.clock"
    local now = clock.now
    clock.now = function() return now() + 10 end
    return setmetatable({}, { __close = function() clock.now = now end })
  end

  it("say the same as the journals", function()
    local _rested <close> = rested()
    begin("alpha", "failed")
    begin("alpha", "done", { fleet = "F-20260210-120000-0001" })
    begin("beta")
    begin("gamma", "refused", { params = {} })
    begin("älpha\tx", "done") -- not the form of a tenant's name, and no reason to fail
    local read, kept = both()
    assert.equal(5, #read)
    assert.same(read, kept)
    assert.truthy(read[1]:find('"overtaken":"R-', 1, true))
    assert.equal(tonumber("600", 8), fs.stat(file).mode & 511)
  end)

  it("are read instead of the journals, and only of those that did not change", function()
    local _rested <close> = rested()
    local id = begin("alpha", "done")
    local other = begin("beta", "done")
    runs:list()
    local journal = require "o2x.engine.journal"
    local each, read = journal.each, {}
    journal.each = function(path, ...)
      read[#read + 1] = path
      return each(path, ...)
    end
    local _each <close> = setmetatable({}, { __close = function() journal.each = each end })
    runs:list()
    assert.same({}, read)
    fs.chmod(runs:journal_of(other), tonumber("400", 8))
    runs:list()
    assert.same({ runs:journal_of(other) }, read)
    assert.equal(2, #runs:list())
    assert.truthy(id)
  end)

  it("are not kept of a journal that was written just now, nor of one that is being written", function()
    begin("alpha", "done")
    runs:list()
    assert.is_nil(fs.stat(file))
    local _rested <close> = rested()
    local id, _reserved <close> = runs:new_id()
    local _, journal = runs:create(id, { tenant = "beta", runbook = { name = "build" }, params = {} }, {})
    assert.equal("running", runs:list()[2].status)
    assert.is_nil(fs.read(file):find(id, 1, true))
    journal:close()
    assert.equal("crashed", runs:list()[2].status)
  end)

  local function change(path, from, to)
    local text = fs.read(path)
    local first, last = text:find(from, 1, true)
    local handle <close> = assert(io.open(path, "r+b"))
    handle:seek("set", first - 1)
    handle:write(to)
    assert(#to == last - first + 1)
  end

  it("hide no damage of a journal, whatever it is", function()
    local _rested <close> = rested()
    for what, damage in pairs {
      ["a byte"] = function(path) change(path, "alpha", "alpho") end,
      ["a byte, the times set back"] = function(path)
        change(path, "alpha", "alpho")
        os.execute(("touch -d @%d %s"):format(OLD, path))
      end,
      ["cut"] = function(path) os.execute("truncate -s 100 " .. path) end,
      ["replaced"] = function(path)
        os.execute(("cp %s %s.new && echo >> %s.new && mv %s.new %s"):format(path, path, path, path, path))
      end,
      ["emptied"] = function(path) os.execute(": > " .. path) end,
      ["removed"] = fs.remove,
    } do
      local id = begin("alpha", "done")
      local path = runs:journal_of(id)
      os.execute(("touch -d @%d %s"):format(OLD, path))
      runs:list()
      assert.truthy(fs.read(file):find(id, 1, true))
      damage(path)
      local list = runs:list()
      assert.equal("damaged", list[#list].status, what)
      fs.remove_tree(runs:folder_of(id))
    end
  end)

  it("are made anew when they were edited, cut, made by another store or of another form", function()
    local _rested <close> = rested()
    begin("alpha", "failed")
    begin("beta", "done")
    local read = both()
    local good = fs.read(file)
    for what, text in pairs {
      edited = (good:gsub("failed", "done\0\0", 1)),
      cut = good:sub(1, -20),
      empty = "",
      longer = good .. good:sub(-50),
      zeros = ("\0"):rep(#good),
      ["another form"] = "o2x summaries 0 " .. good:sub(17),
    } do
      fs.write(file, text)
      assert.same(read, listed(), what)
      assert.equal(good, fs.read(file), what)
    end
    fs.write(folder .. "/runs/key", ("k"):rep(32))
    runs = store.open(folder .. "/runs")
    assert.same(read, listed())
  end)

  it("need not be written: a folder instead of the file is no error", function()
    local _rested <close> = rested()
    begin("alpha", "done")
    fs.mkdir(file .. "/x")
    assert.equal("done", runs:list()[1].status)
    assert.same({ "x" }, fs.list(file))
  end)

  it("follow a run that was copied, moved away or removed", function()
    local _rested <close> = rested()
    local id = begin("alpha", "done")
    runs:list()
    os.execute(("cp -a %s %s"):format(folder .. "/runs", folder .. "/copy"))
    local copy = store.open(folder .. "/copy")
    assert.equal("done", copy:list()[1].status)
    fs.remove_tree(runs:folder_of(id))
    assert.same({}, listed())
    begin("beta", "done")
    assert.equal(1, #listed())
    assert.is_nil(fs.read(file):find(id, 1, true))
  end)
end)
