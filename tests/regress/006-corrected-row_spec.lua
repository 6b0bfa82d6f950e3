-- `ensure_row "A"`, failure, the script corrected to "B", `o2x resume --edited`: the marker of the first attempt
-- counted as done and the run could never be resumed. Now the row becomes "B", or the operator is asked about a foreign
-- change.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"

local DATABASE = "coredb-newclient"

describe("a row whose script is corrected before the run is resumed", function()
  local server, folder
  setup(function()
    server = servers.start "postgres"
    folder = fs.temp_folder()
    fs.mkdir(fs.join(folder, "runbooks"))
    fs.copy_tree(fs.join(fs.cwd(), "stdlib"), fs.join(folder, "stdlib"))
    server.sql("postgres", "CREATE DATABASE enginedevdb OWNER admin")
    server.sql("postgres", ('CREATE DATABASE "%s" OWNER admin'):format(DATABASE))
    server.sql(
      DATABASE,
      "CREATE TABLE public.note (id int PRIMARY KEY, v text, w text); ALTER TABLE public.note OWNER TO admin"
    )
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(folder)
  end)

  local function o2x(kill_at, ...)
    local env = { O2X_PLATFORM = fs.join(fs.cwd(), "examples/platform"), O2X_STATE = fs.join(folder, "runs") }
    for name, value in pairs(server.env) do
      env[name] = value
    end
    env.O2X_KILL_AT = kill_at and tostring(kill_at) or nil
    return proc.run { argv = { build.o2x, ... }, cwd = folder, env = env, timeout = 300 }
  end

  local function script(text, after, column)
    fs.write(
      fs.join(folder, "runbooks/note.lua"),
      ([[
local pg = require "o2x.pg"
return require "o2x.runbook" {
  name = "note", version = "1.0.0", api = 1, summary = "A row", effects = { "pg:write" },
  run = function()
    step("Note", function()
      pg.tenant:ensure_row("public.note", { id = 1 }, { %s = "%s" })
      %s
    end)
  end,
}]]):format(column or "v", text, after or "")
    )
  end

  local function row() return server.sql(DATABASE, "SELECT v FROM public.note WHERE id = 1") end

  before_each(function()
    server.sql(
      DATABASE,
      "TRUNCATE public.note; INSERT INTO public.note VALUES (1, 'old'); DROP SCHEMA IF EXISTS o2x CASCADE"
    )
    if fs.exists(fs.join(folder, "runs")) then fs.remove_tree(fs.join(folder, "runs")) end
  end)

  local function effects()
    local list = {}
    for i, e in ipairs(json.decode(o2x(nil, "show", "--json").stdout).effects) do
      list[i] = ("%s → %s %s"):format(e.before and e.before.v or "nothing", e.desired.v, e.outcome)
    end
    return list
  end

  it("gets the corrected value after a failure", function()
    script("A", 'fail("the price list is wrong")')
    assert.equal(1, o2x(nil, "run", "note", "newclient").code)
    assert.equal("A", row())
    script "B"
    local resumed = o2x(nil, "resume", "--edited")
    assert.equal(0, resumed.code, resumed.stderr)
    assert.equal("B", row())
    assert.same({ "old → A changed", "A → B changed" }, effects())
  end)

  it("gets the corrected value wherever the run was killed, and the records have no hole", function()
    for at = 1, 4 do
      server.sql(DATABASE, "UPDATE public.note SET v = 'old'; DROP SCHEMA IF EXISTS o2x CASCADE")
      if fs.exists(fs.join(folder, "runs")) then fs.remove_tree(fs.join(folder, "runs")) end
      script "A"
      assert.equal(9, o2x(at, "run", "note", "newclient").signal)
      script "B"
      local resumed = o2x(nil, "resume", "--edited")
      assert.equal(0, resumed.code, ("killed at %d: %s"):format(at, resumed.stderr))
      assert.equal("B", row(), "killed at " .. at)
      for _, effect in ipairs(effects()) do
        assert.is_nil(effect:find "begun", ("killed at %d: %s"):format(at, effect))
      end
    end
  end)

  it("is not overwritten where somebody else changed it meanwhile, until the operator says so", function()
    for at = 2, 3 do
      server.sql(DATABASE, "UPDATE public.note SET v = 'old'; DROP SCHEMA IF EXISTS o2x CASCADE")
      if fs.exists(fs.join(folder, "runs")) then fs.remove_tree(fs.join(folder, "runs")) end
      script "A"
      assert.equal(9, o2x(at, "run", "note", "newclient").signal)
      server.sql(DATABASE, "UPDATE public.note SET v = 'theirs'")
      for _ = 1, 2 do
        local stopped = o2x(nil, "resume")
        assert.equal(1, stopped.code)
        assert.truthy(stopped.stderr:find("old → A", 1, true), stopped.stderr)
        assert.truthy(stopped.stderr:find("old → theirs", 1, true), stopped.stderr)
        assert.equal("theirs", row())
      end
      local hint = o2x(nil, "resume").stderr:match "(%-%-take%-over=%x+)"
      local resumed = o2x(nil, "resume", hint)
      assert.equal(0, resumed.code, resumed.stderr)
      assert.equal("A", row())
      local list = effects()
      assert.equal("theirs → A changed", list[#list])
    end
  end)

  it("may name another column: what it did not ask for then was not changed by somebody else", function()
    for at = 2, 4 do
      server.sql(DATABASE, "UPDATE public.note SET v = 'old', w = 'old'; DROP SCHEMA IF EXISTS o2x CASCADE")
      if fs.exists(fs.join(folder, "runs")) then fs.remove_tree(fs.join(folder, "runs")) end
      script "A"
      assert.equal(9, o2x(at, "run", "note", "newclient").signal)
      script("B", nil, "w")
      local resumed = o2x(nil, "resume", "--edited")
      assert.equal(0, resumed.code, ("killed at %d: %s"):format(at, resumed.stderr))
      assert.equal(at == 2 and "old|B" or "A|B", server.sql(DATABASE, "SELECT v || '|' || w FROM public.note"))
    end
  end)
end)
