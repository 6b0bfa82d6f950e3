-- One run at a time changes a tenant, on all machines: two run stores, one control database. What is not this run's any
-- more is not written: by the lock's number in PostgreSQL, by the run's own clock everywhere else.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

local ROUNDS <const> = 20
local CONTROL <const>, OWN <const> = "enginedevdb", "coredb-urbanos"
local DEPLOYMENT <const> = "deployment/urbanos-service-sso"
local STOP <const>, CONTINUE <const>, INTERRUPT <const>, KILL <const> = 19, 18, 2, 9

-- Writes, waits until somebody annotates the deployment, and writes again.
local HELD <const> = [[
local k8s = require "o2x.k8s"
local pg = require "o2x.pg"
local STAMP <const> = "kubectl.kubernetes.io/restartedAt"
return require "o2x.runbook" {
  name = "held", version = "1.0.0", api = 1, summary = "Write, wait, write",
  params = { who = { "string" }, with = { "string", default = "pg" } },
  effects = { "pg:write", "k8s:write" },
  run = function(tenant, params)
    local name = tenant.name .. "-service-sso"
    local function note(what)
      local key = { tenant_id = tenant.id, property_key = "lock." .. params.who .. "." .. what }
      pg.tenant:ensure_row("core_config.tenant_property_defaults", key, { property_value = "written" })
    end
    local function stamp(what)
      k8s.set("Deployment", name, { spec = { template = { metadata = { annotations = { [STAMP] = what } } } } })
    end
    local write = params.with == "pg" and note or stamp
    step("First", write, params.who .. " first")
    step("Wait", wait_until, "the test", 300, function()
      return k8s.get("Deployment", name).metadata.annotations["go-" .. params.who]
    end)
    step("Second", write, params.who .. " second")
  end,
}
]]

describe("a tenant, from two run stores", function()
  local lab, folder, script

  setup(function()
    lab = labs.start()
    folder = fs.temp_folder()
    script = fs.join(folder, "held.lua")
    fs.write(script, HELD)
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)
  after_each(function()
    lab:sql(OWN, "delete from core_config.tenant_property_defaults where property_key like 'lock.%'")
    lab:sql(CONTROL, "update o2x.lock set run = null")
    lab:out("kubectl", "annotate", DEPLOYMENT, "go-a-", "go-b-")
  end)

  local function store(name) return fs.join(folder, "store-" .. name) end

  -- Starts held.lua as an operator of a name, whose run store is of that name, and waits for its first write.
  local function start(name, seconds, ...)
    local log = fs.join(folder, "said-" .. name)
    fs.remove(log)
    local child = proc.start {
      argv = { labs.O2X, "run", script, "urbanos", "who=" .. name, ... },
      env = lab:environment { O2X_STATE = store(name), O2X_LOCK_SECONDS = tostring(seconds) },
      log = log,
      timeout = 300,
    }
    return { child = child, said = function() return fs.read_if(log) or "" end }
  end

  local function o2x(name, words, seconds)
    return lab:o2x(words, { env = { O2X_STATE = store(name), O2X_LOCK_SECONDS = tostring(seconds or 120) } })
  end

  local function waits(run)
    eventually("the wait", function() return run.said():find("First: done", 1, true) end, 30)
    return run
  end

  local function go(name) lab:out("kubectl", "annotate", "--overwrite", DEPLOYMENT, "go-" .. name .. "=1") end

  local function ends(run)
    local code = proc.wait(run.child, 120)
    run.child:close()
    return code, run.said()
  end

  local function notes()
    return lab:sql(
      OWN,
      "select property_key from core_config.tenant_property_defaults where property_key like 'lock.%' order by 1"
    )
  end

  local function number() return tonumber(lab:sql(CONTROL, "select number from o2x.lock where tenant = 'urbanos'")) end

  it(("is changed by exactly one of two, %d times"):format(ROUNDS), function()
    for _ = 1, ROUNDS do
      local runs = {}
      for _, name in ipairs { "a", "b" } do
        go(name)
        runs[#runs + 1] = start(name, 120)
      end
      local won = 0
      for _, run in ipairs(runs) do
        local code, said = ends(run)
        won = won + (code == 0 and 1 or 0)
        assert.is_true(code == 0 or code == 5, said)
        if code == 5 then assert.matches("urbanos is locked: .-@.- runs held %(R%-.-%) since .- ago", said) end
      end
      assert.is_true(won >= 1)
      if won == 1 then assert.equal(2, select(2, notes():gsub("lock%.", ""))) end
      lab:sql(OWN, "delete from core_config.tenant_property_defaults where property_key like 'lock.%'")
    end
  end)

  it("is shown with its holder, and may be planned by another meanwhile", function()
    local stored = fs.exists(store "b") and #fs.list(store "b") or 0
    local run = waits(start("a", 120))
    local refused = o2x("b", { "run", script, "urbanos", "who=b" })
    assert.equal(5, refused.code)
    assert.matches("o2x locks urbanos", refused.stderr)
    if stored > 0 then assert.equal(stored, #fs.list(store "b")) end -- a refused run leaves none
    local listed = json.decode(ok(o2x("b", { "locks", "--json" })).stdout).locks
    assert.equal("urbanos held", listed[1].tenant .. " " .. listed[1].runbook)
    assert.matches("urbanos +%S+@%S+ +held", ok(o2x("b", { "locks" })).stdout)
    ok(o2x("b", { "plan", script, "urbanos", "who=b" }))
    local kept = o2x("b", { "locks", "--release=urbanos", "--reason=test" })
    assert.equal(5, kept.code)
    assert.matches("urbanos is not released: %S+@%S+ runs held", kept.stderr)
    go "a"
    assert.equal(0, (ends(run)))
    assert.equal("lock.a.a first\nlock.a.a second", notes())
    assert.matches("no run holds a tenant", ok(o2x("b", { "locks" })).stderr)
  end)

  it("is held by the connection that the run has to the control database anyway", function()
    local run = waits(start("a", 4))
    local function renewed() return lab:sql(CONTROL, "select heartbeat from o2x.lock where tenant = 'urbanos'") end
    local first = renewed()
    eventually("a sign of life", function() return renewed() ~= first end)
    local open = "select count(*) from pg_stat_activity where application_name = 'o2x' and datname = '%s'"
    assert.equal("1", lab:sql(CONTROL, open:format(CONTROL)))
    go "a"
    assert.equal(0, (ends(run)))
    eventually("its end", function() return lab:sql(CONTROL, open:format(CONTROL)) == "0" end)
  end)

  it("is free at once when its holder was interrupted", function()
    local run = waits(start("a", 120))
    run.child:kill(INTERRUPT)
    assert.equal(130, (ends(run)))
    go "b"
    assert.equal(0, (ends(start("b", 120))))
  end)

  it("is taken over at once where the holder was killed on this machine, and that is journaled", function()
    local run = waits(start("a", 120))
    local before = number()
    run.child:kill(KILL)
    ends(run)
    go "b"
    local code, said = ends(start("b", 120))
    assert.equal(0, code, said)
    assert.matches("urbanos is taken over: .-; that process has ended", said)
    assert.equal(before + 1, number())
    local shown = o2x("b", { "show", "--json" })
    assert.matches("^R%-", json.decode(shown.stdout).lock.from.run)
    assert.matches("took over from", o2x("b", { "show" }).stdout)
    go "a"
    assert.equal(0, o2x("a", { "resume" }).code)
    assert.equal("lock.a.a first\nlock.a.a second\nlock.b.b first\nlock.b.b second", notes())
  end)

  it("is taken over after the time of a holder on another machine, not before", function()
    local run = waits(start("a", 120))
    run.child:kill(KILL)
    ends(run)
    lab:sql(CONTROL, "update o2x.lock set machine = 'another one'")
    local early = o2x("b", { "run", script, "urbanos", "who=b" })
    assert.equal(5, early.code)
    assert.matches("without a sign of life it is over in", early.stderr)
    lab:sql(CONTROL, "update o2x.lock set heartbeat = now() - interval '121 seconds'")
    assert.matches("expired", ok(o2x("b", { "locks", "urbanos" })).stdout)
    go "b"
    local code, said = ends(start("b", 120))
    assert.equal(0, code, said)
    assert.matches("urbanos is taken over: .-; it has expired", said)
  end)

  it("can be given back by hand when its holder has expired", function()
    local run = waits(start("a", 120))
    run.child:kill(KILL)
    ends(run)
    lab:sql(CONTROL, "update o2x.lock set machine = 'another one', heartbeat = now() - interval '1 hour'")
    assert.equal(3, o2x("b", { "locks", "--release=urbanos" }).code)
    assert.matches("released  urbanos", ok(o2x("b", { "locks", "--release=urbanos", "--reason=test" })).stderr)
    assert.equal(3, o2x("b", { "locks", "--release=urbanos", "--reason=test" }).code)
  end)

  it("is not written by a holder that believes to have it: PostgreSQL refuses the lower number", function()
    local first = waits(start("a", 120))
    lab:sql(CONTROL, "update o2x.lock set heartbeat = now() - interval '1 hour'")
    go "b"
    assert.equal(0, (ends(start("b", 120))))
    go "a"
    local code, said = ends(first)
    assert.equal(5, code, said)
    assert.matches("another run has taken urbanos since %(lock %d+, ours is %d+%): nothing was written", said)
    assert.equal("lock.a.a first\nlock.b.b first\nlock.b.b second", notes())
  end)

  for _, with in ipairs { "pg", "k8s" } do
    it("is not written by a holder that has slept meanwhile: " .. with, function()
      local first = waits(start("a", 4, "with=" .. with))
      first.child:kill(STOP)
      eventually(
        "the end of its time",
        function() return o2x("b", { "locks", "urbanos" }).stdout:find("expired", 1, true) end
      )
      go "b"
      lab:sql(CONTROL, "update o2x.lock set machine = 'another one'")
      local code, said = ends(start("b", 120, "with=" .. with))
      assert.equal(0, code, said)
      go "a"
      first.child:kill(CONTINUE)
      code, said = ends(first)
      assert.equal(5, code, said)
      assert.matches("this run has lost urbanos", said)
      if with == "pg" then
        assert.equal("lock.a.a first\nlock.b.b first\nlock.b.b second", notes())
      else
        local path = "{.spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt}"
        assert.equal("b second", lab:out("kubectl", "get", DEPLOYMENT, "-o", "jsonpath=" .. path))
      end
      assert.equal(0, o2x("a", { "resume" }).code)
    end)
  end

  it("stays its holder's after a sleep when nobody else came", function()
    local first = waits(start("a", 4))
    first.child:kill(STOP)
    eventually(
      "the end of its time",
      function() return o2x("b", { "locks", "urbanos" }).stdout:find("expired", 1, true) end
    )
    go "a"
    first.child:kill(CONTINUE)
    local code, said = ends(first)
    assert.equal(0, code, said)
  end)

  describe("while the control database", function()
    local function fault(kind) ok(lab:o2x { "lab", "fault", "postgres", kind }) end
    after_each(function() fault "off" end)

    it("restarts, is kept", function()
      local run = waits(start("a", 120, "with=k8s"))
      fault "down"
      fault "off"
      go "a"
      assert.equal(0, (ends(run)))
    end)

    it("is away for too long, is not written", function()
      local run = waits(start("a", 4, "with=k8s"))
      fault "down"
      eventually("the warning", function() return run.said():find("writes nothing more until", 1, true) end)
      go "a"
      local code, said = ends(run)
      assert.equal(4, code, said)
      assert.matches("the lock of urbanos could not be renewed, so this run writes nothing more", said)
      fault "off"
      assert.equal(0, o2x("a", { "resume" }).code)
    end)

    it("is down from the start, is written with --local-lock only, and the journal has it", function()
      fault "down"
      go "a"
      local refused = o2x("a", { "run", script, "urbanos", "who=a", "with=k8s" })
      assert.equal(4, refused.code, refused.stderr)
      assert.matches("%-%-local%-lock", refused.stderr)
      local done = ok(o2x("a", { "run", script, "urbanos", "who=a", "with=k8s", "--local-lock" }))
      assert.matches("%-%-local%-lock: runs on other machines are not kept from urbanos", done.stderr)
      assert.matches("%-%-local%-lock: ", o2x("a", { "show" }).stdout)
      assert.matches("%-%-local%-lock: ", o2x("a", { "log", "urbanos" }).stdout)
    end)
  end)
end)
