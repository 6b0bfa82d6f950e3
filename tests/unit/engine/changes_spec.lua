-- What o2x log has of a store: runs of one tenant, what each changed, what was taken back since.

local changes = require "o2x.engine.changes"
local core = require "o2x.core.fs"
local fs = require "o2x.base.fs"
local store = require "o2x.engine.store"

describe("the changes for a tenant", function()
  local folder, runs
  before_each(function()
    folder = fs.temp_folder "/tmp/o2x-changes-"
    runs = store.open(folder)
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function intent(name, step)
    return { t = "intent", path = step, kind = "thing." .. name, key = name, effect = name, slot = name, desired = 1 }
  end

  local function result(name, how) return { t = "result", path = "", effect = name, outcome = how, after = 1 } end

  local function begin(tenant, records, fields)
    local id, _reserved <close> = runs:new_id()
    local header = { tenant = tenant, runbook = { name = "build", version = "1.0.0" }, params = {}, user = "ann" }
    header.at = "2026-02-10T12:00:00.000Z"
    for name, value in pairs(fields or {}) do
      header[name] = value
    end
    local _, journal = runs:create(id, header, {})
    for _, record in ipairs(records) do
      record.at = record.at or "2026-02-10T12:00:01.000Z"
      journal:append(record)
    end
    journal:close()
    return id
  end

  local DONE <const> = { t = "end", status = "done" }

  local function found(tenant, filter)
    local list = {}
    local looked_at = changes.each(runs, tenant, filter or {}, function(summary, _, effects, steps)
      for _, change in ipairs(effects) do
        local back = change.undone_by and " undone by " .. change.undone_by or ""
        list[#list + 1] = ("%s %s %s%s"):format(summary.id, change.entry.key, change.entry.outcome, back)
      end
      for _, step in ipairs(steps) do
        list[#list + 1] = ("%s %s by hand: %s"):format(summary.id, step.path, step.skipped.reason)
      end
    end)
    return list, looked_at
  end

  it("are those of its runs, the oldest first, with what may have happened", function()
    local one = begin("acme", {
      intent("a", "s"),
      result("a", "created"),
      { t = "same", path = "s", kind = "thing.b", key = "b", effect = "b", slot = "b" },
      DONE,
    })
    begin("other", { intent("a", "s"), result("a", "created"), DONE })
    local two = begin("acme", { intent("c", "s") })
    local list, looked_at = found "acme"
    assert.same({ one .. " a created", two .. " c begun" }, list)
    assert.same({ 2, {} }, { looked_at.runs, looked_at.damaged })
    assert.same({ ["thing.a"] = true, ["thing.b"] = true, ["thing.c"] = true }, looked_at.kinds)
    assert.same({ "acme", "other" }, changes.tenants(runs))
  end)

  it("say which undo took them back: a whole run, or a step", function()
    local one =
      begin("acme", { intent("a", "s"), result("a", "created"), intent("b", "t"), result("b", "changed"), DONE })
    local of_undo = { runbook = { name = "undo" }, undo = { run = one, step = "t" } }
    local two = begin("acme", { intent("b", "t"), result("b", "changed"), DONE }, of_undo)
    assert.same(
      { one .. " a created", ("%s b changed undone by %s"):format(one, two), two .. " b changed" },
      found "acme"
    )
    of_undo.undo = { run = one }
    local three = begin("acme", { intent("a", "s"), result("a", "deleted"), DONE }, of_undo)
    assert.equal(("%s a created undone by %s"):format(one, three), found("acme")[1])
  end)

  it("are filtered by kind and time", function()
    begin("acme", {
      intent("a", "s"),
      result("a", "created"),
      {
        t = "intent",
        path = "s",
        kind = "thing.b",
        key = "b",
        effect = "b",
        slot = "b",
        at = "2026-03-01T00:00:00.000Z",
      },
      DONE,
    })
    assert.equal(1, #found("acme", { kind = "thing.a" }))
    assert.equal(2, #found("acme", { kind = "thing" }))
    assert.equal(0, #found("acme", { kind = "thin" }))
    assert.equal(1, #found("acme", { since = "2026-02-15T00:00:00.000Z" }))
    assert.equal(0, #found("acme", { since = "2027-02-15T00:00:00.000Z" }))
  end)

  it("have the steps that somebody did by hand", function()
    local id = begin("acme", { { t = "skip", path = "s", reason = "by hand", user = "ann", host = "h" }, DONE })
    assert.same({ id .. " s by hand: by hand" }, (found "acme"))
  end)

  it("name a damaged journal that may be the tenant's, and no other", function()
    local mine = begin("acme", { intent("a", "s"), DONE })
    local others = begin("other", { intent("a", "s"), DONE })
    for _, id in ipairs { mine, others } do
      local path = runs:journal_of(id)
      fs.write(path, (fs.read(path):gsub("thing", "think")))
    end
    local list, looked_at = found "acme"
    assert.same({ {}, 1, mine }, { list, #looked_at.damaged, looked_at.damaged[1].id })
    fs.write(runs:journal_of(others), "x")
    looked_at = select(2, found "acme")
    assert.equal(2, #looked_at.damaged)
  end)

  it("leave no file open", function()
    local function open()
      local count = 0
      for _, fd in ipairs(fs.list "/proc/self/fd") do
        local path = core.readlink("/proc/self/fd/" .. fd) or ""
        count = count + (path:sub(1, #folder) == folder and 1 or 0)
      end
      return count
    end
    for _ = 1, 30 do
      begin("acme", { intent("a", "s"), result("a", "created"), DONE })
    end
    collectgarbage "stop"
    found "acme"
    collectgarbage "restart"
    assert.equal(0, open())
  end)
end)
