-- Each place that o2x writes, on a disk that takes no more: full, without inodes, mounted read-only, or beyond a limit
-- of the shell. One line names the path and what to do, nothing is left half written, and when there is room again the
-- command that was proposed goes on to the right end. Only root can mount; the limit is for everybody.

local checkouts = require "tests.support.checkout"
local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local small_disk = require "tests.support.small_disk"
local toys = require "tests.support.toy"

local SSO <const> = "deployment/urbanos-service-sso"
local STAMP <const> = [[jsonpath={.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}]]
local NO_STAMP <const> =
  [[{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":null}}}}}]]

local function words_of(line)
  local words = {}
  for word in line:gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

local function next_of(result) return result.stderr:match "next: o2x ([^\n]+)" end

-- One line says so, and the next what to do.
local function says(result, moment, folder, remedy)
  assert.equal(1, result.code, result.stdout .. result.stderr)
  local line = ("\n" .. result.stderr):match "\no2x: ([^\n]+)"
  assert.truthy(line and line:find(folder, 1, true), result.stderr)
  assert.truthy(line:find(small_disk.SAYS[moment], 1, true) or line:find("the disk is full", 1, true), line)
  remedy = remedy or moment == "read-only" and "mount the file system for writing" or "free some space"
  assert.truthy(result.stderr:find("\n     " .. remedy, 1, true), result.stderr)
  assert.is_nil(result.stderr:find("traceback", 1, true))
end

describe("a disk that takes no more", function()
  local lab, folder

  setup(function()
    lab = labs.start()
    folder = fs.temp_folder()
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  local function fresh(name)
    local path = fs.join(folder, name)
    if fs.exists(path) then fs.remove_tree(path) end
    fs.mkdir(path)
    return path
  end

  local function restarted() return lab:out("kubectl", "get", SSO, "-o", STAMP) end
  local function plat(env) return env.O2X_PLATFORM or lab.platform end

  -- run: what fails, AT and RUN filled in; env: of a folder; before: what is done while there is room; seen: what it
  -- changes in the end; file: what it makes; remedy, word: other words of the message; code: of the command then.
  local PLACES = {
    {
      "the run store, at the beginning of a run",
      run = { "restart", "urbanos", "services=service-sso" },
      env = function(at) return { O2X_STATE = at } end,
      before = { "runs" },
      seen = restarted,
    },
    {
      "the platform tree",
      run = { "adopt", "urbanos" },
      env = function(at) return { O2X_PLATFORM = at, O2X_STATE = fresh "state" } end,
      tree = true,
      seen = function(env) return fs.read_if(plat(env) .. "/tenants/urbanos.yaml") or "" end,
    },
    {
      "an archive of the database",
      run = { "backup", "urbanos", "to=AT/urbanos.dump" },
      env = function() return { O2X_STATE = fresh "state" } end,
      seen = function(_, at) return lab:out("pg_restore", "--list", at .. "/urbanos.dump"):match "dbname: (%S+)" end,
      unless = "no archive",
    },
    { "an export", run = { "export", "RUN", "--out=AT/run.export" }, file = "run.export" },
    { "a capsule", run = { "capsule", "RUN", "--out=AT/run.capsule" }, file = "run.capsule" },
    { "a plan", run = { "plan", "restart", "urbanos", "services=service-sso", "--out=AT/a.plan" }, file = "a.plan" },
    { "a report", run = { "audit", "urbanos", "--report=AT/report.md" }, file = "report.md", code = 2 },
    { "a project of one's own", run = { "init", "AT/project" }, file = "project/platform/tenants/README.md" },
    {
      "temporary files, which helm reads",
      run = { "plan", "deploy", "urbanos", "services=service-sso", "image=9.9.9" },
      env = function(at) return { TMPDIR = at } end,
      word = "TMPDIR",
    },
  }

  for _, place in ipairs(PLACES) do
    for moment in pairs(small_disk.MOMENTS) do
      it(("%s: %s"):format(place[1], moment), function()
        local at = fresh "at"
        if place.tree then ok(proc.run { argv = { "cp", "-a", lab.platform .. "/.", at } }) end
        if place.tree then fs.remove(at .. "/tenants/urbanos.yaml") end
        local env = place.env and place.env(at) or {}
        local run = json.decode(ok(lab:o2x({ "runs", "--json" })).stdout)[1]
        if not run then
          ok(lab:o2x { "restart", "urbanos", "services=service-sso" })
          run = json.decode(ok(lab:o2x({ "runs", "--json" })).stdout)[1]
        end
        local words = {}
        for i, word in ipairs(place.run) do
          words[i] = word:gsub("AT", at):gsub("RUN", run.id)
        end
        local disk <close> = small_disk.over(at)
        if not disk then return pending "only root can mount" end
        if place.before then ok(lab:o2x(place.before, { env = env })) end
        lab:out("kubectl", "patch", SSO, "--type=merge", "-p", NO_STAMP)
        local before = place.seen and not place.unless and place.seen(env, at)
        local files = disk:files()
        disk:stop(moment)
        local failed = lab:o2x(words, { env = env })
        if failed.code == 3 and place.word then
          assert.truthy(failed.stderr:find(place.word, 1, true), failed.stderr)
        else
          says(failed, moment, at, place.remedy)
        end
        if place.seen and not place.unless then assert.equal(before, place.seen(env, at)) end
        disk:free()
        for line in disk:files():gmatch "[^\n]+" do
          local is_known = files:find(line, 1, true)
          local is_record = env.O2X_STATE == at and (line:find "^%./locks" or line:find "^%. ")
          assert.truthy(is_known or is_record or line:find "^%. ", "left: " .. line)
        end
        local command = next_of(failed)
        local again = lab:o2x(command and words_of(command) or words, { env = env })
        assert.equal(place.code or 0, again.code, again.stdout .. again.stderr)
        if place.seen then assert.not_equal(before, place.seen(env, at)) end
        if place.file then assert.is_true(fs.exists(fs.join(at, place.file))) end
      end)
    end
  end

  it("of the lab's own: up says so; down does not lose what it has in memory; a copy fails as such", function()
    local at = fresh "lab"
    local disk <close> = small_disk.over(at, "100k")
    if not disk then return pending "only root can mount" end
    local env = { O2X_LAB_DIR = at .. "/lab" }
    local _remove <close> = defer(function() lab:o2x({ "lab", "remove" }, { env = env }) end)
    disk:stop "full"
    local failed = lab:o2x({ "lab", "up" }, { env = env })
    says(failed, "full", at)
    disk:free()
    ok(lab:o2x({ "lab", "up" }, { env = env }))
    for name, value in pairs(json.decode(ok(lab:o2x({ "lab", "env", "--json" }, { env = env })).stdout)) do
      env[name] = value
    end
    disk:stop "full"
    says(lab:o2x({ "lab", "copy", "urbanos" }, { env = env }), "full", at)
    ok(lab:run({ "kubectl", "label", SSO, "kept=yes" }, { env = env }))
    says(lab:o2x({ "lab", "down" }, { env = env }), "full", at)
    ok(lab:o2x({ "lab", "status" }, { env = env }))
    disk:free()
    ok(lab:o2x({ "lab", "down" }, { env = env }))
    ok(lab:o2x({ "lab", "up" }, { env = env }))
    local label = lab:run({ "kubectl", "get", SSO, "-o", "jsonpath={.metadata.labels.kept}" }, { env = env })
    assert.equal("yes", ok(label).stdout)
  end)

  -- Without a mount: a limit of the shell for the size of a file.
  for name, words in pairs {
    ["the run store"] = { "restart", "urbanos", "services=service-sso" },
    ["an archive of the database"] = { "backup", "urbanos", "to=AT/urbanos.dump" },
    ["a project of one's own"] = { "init", "AT/project" },
  } do
    it(name .. ": beyond the limit for a file", function()
      local at, state = fresh "at", fresh "state"
      local command = { "bash", "-c", 'ulimit -f "$1"; shift; exec "$@"', "bash" }
      command[#command + 1] = name:find "archive" and "40" or "4"
      command[#command + 1] = labs.O2X
      for _, word in ipairs(words) do
        command[#command + 1] = (word:gsub("AT", at))
      end
      local failed = lab:run(command, { env = { O2X_STATE = state } })
      assert.equal(1, failed.code, failed.stderr)
      assert.matches("\n?o2x: [^\n]*/[^\n]*: [^\n]*File too large\n     raise the limit %(ulimit %-f%)", failed.stderr)
      assert.same({}, fs.list(at))
      for _, one in ipairs(fs.list(state)) do
        assert.is_nil(one:find "^%.new")
      end
    end)
  end
end)

describe("a run of which the store takes no more", function()
  local TWO = [[
  step("one", function() toy.ensure("one", { text = ("x"):rep(60000) }) %s end)
  step("two", function() toy.ensure("two", { text = ("y"):rep(60000) }) %s end)]]

  -- Not read-only: the journal is open. tests/e2e/moving_ground_spec.lua has the error.
  for _, moment in ipairs { "full", "without inodes" } do
    for _, where in ipairs { "middle", "end" } do
      it(("at its %s goes on when there is room: %s"):format(where, moment), function()
        local toy <close> = toys.new()
        local disk <close> = small_disk.over(toy.state, "400k") -- too small to reserve much for the journal
        if not disk then return pending "only root can mount" end
        local stop = ("toy.somebody(%q)"):format("AT=$STATE; " .. small_disk.MOMENTS[moment])
        toy:runbook("two", TWO:format(where == "middle" and stop or "", where == "end" and stop or ""))
        local result = toy:o2x { "run", "two", "alpha" }
        disk:free()
        assert.is_true(result.code == 0 or result.code == 1 or result.code == 74, result.stderr)
        if moment == "full" and where == "middle" then assert.equal(1, result.code) end
        if result.code == 1 then
          toy:write("runbooks/two.lua", (fs.read(toy.project .. "/runbooks/two.lua"):gsub("toy.somebody%b()", "")))
          ok(toy:o2x { "resume", "--edited" })
        end
        assert.same({ one = { text = ("x"):rep(60000) }, two = { text = ("y"):rep(60000) } }, toy:holds())
        assert.equal(2, #toy:writes())
      end)
    end
  end
end)

describe("a checkout of git on a disk that takes no more", function()
  local checkout, toy, tree
  before_each(function()
    checkout = checkouts.new()
    toy, tree = checkout.toy, checkout.tree
    checkout:repository()
    fs.remove_tree(fs.realpath(tree .. "/.git/hooks"))
  end)
  after_each(function() toy:__close() end)

  -- Room for so many pages: the objects do not fit, the index does not, the commit's own index does not.
  local PLACES = { ["its objects"] = 0, ["its index"] = 1, ["an object of the commit"] = 3, ["the new index"] = 8 }
  for place, pages in pairs(PLACES) do
    it(place .. ": the run fails at once, leaves no lock, and is resumed", function()
      local disk <close> = small_disk.over(tree .. "/.git", "400k")
      if not disk then return pending "only root can mount" end
      disk:stop "full"
      ok(proc.run { argv = { "truncate", "-s", ("-%d"):format(pages * 4096), tree .. "/.git/.filler/1" } })
      local failed = toy:o2x { "run", "enter", "alpha" }
      assert.equal(1, failed.code, failed.stderr)
      assert.truthy(failed.stderr:find("o2x: " .. tree .. ": git ", 1, true), failed.stderr)
      assert.matches("\n     free some space on this disk, then o2x resume R%-", failed.stderr)
      assert.is_nil(failed.stderr:find "in %d%d s") -- nobody else's lock is waited for
      assert.is_nil(disk:files():find(".lock", 1, true))
      disk:free()
      ok(toy:o2x(words_of(next_of(failed))))
      assert.equal(2, checkout:count())
      assert.equal("", checkout:git("status", "--porcelain"))
    end)
  end
end)
