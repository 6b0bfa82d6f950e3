-- A plan in a file for effects of each type, created, changed and removed (tests/support/typed_changes.lua), against a
-- lab: it is done as it was shown, in order and value; what somebody else changes meanwhile is refused with three
-- values (planned on, now, would become), and stays.

local eventually = require "tests.support.eventually"
local fits = require "tests.support.fits"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local plan_file = require "o2x.engine.plan_file"
local raw_server = require "tests.support.raw_server"
local typed_changes = require "tests.support.typed_changes"
local value = require "o2x.base.value"

local RUNBOOK <const> = [[
%s
return require "o2x.runbook" {
  name = "one", version = "1.0.0", api = 1, summary = "A test: one change",
  params = {
    what = { "integer", help = "x" }, to = { "string", help = "x" }, from = { "string", help = "x" },
  },
  effects = { %s },
  run = function(tenant, params)
    local write = { %s }
    step("Before", function() end)
    step("Write", write[params.what])
  end,
}
]]

local MODULES <const> = {
  "alerts",
  "archive",
  "broker",
  "clock",
  "dns",
  "files",
  "helm",
  "json",
  "k8s",
  "pg",
  "rds",
  "redis",
  "s3",
  "service",
  "vault",
  "webhook",
}

local function runbook()
  local requires, words, bodies = {}, {}, {}
  for i, name in ipairs(MODULES) do
    requires[i] = ("local %s = require %q"):format(name, "o2x." .. name)
    if name ~= "clock" and name ~= "json" then words[#words + 1] = ("%q"):format(name .. ":write") end
  end
  for i, row in ipairs(typed_changes) do
    bodies[i] = ("function() %s end"):format(row.write)
  end
  return RUNBOOK:format(table.concat(requires, "\n"), table.concat(words, ", "), table.concat(bodies, ",\n"))
end

-- They need a login, so a plan cannot look: it lists them.
local ELSEWHERE <const> = {
  ["service.object"] = "tests/e2e/plan_is_run_spec.lua: onboard",
  ["service.proved"] = "tests/unit/effects/service/send_spec.lua",
}

-- A plan has no id and no time yet; what is named after the run has "plan" in their place.
local function as_planned(text, id)
  local stamp = id:match "^R%-(%d+%-%d+)"
  text = text:gsub(id:lower():gsub("%p", "%%%0"), "plan")
  return (text:gsub(id:gsub("%p", "%%%0"), "plan"):gsub(stamp:gsub("%p", "%%%0"), "plan"))
end

local function name_of(effect)
  return ("%s: %s %s"):format(effect.step or effect.path, effect.kind, effect.target or effect.key)
end

-- What is shown has no tags of secrets.
local function without_tags(item)
  if type(item) ~= "table" or item == json.null then return item end
  local copy = {}
  for name, one in pairs(item) do
    if name ~= "fp" or not item["$secret"] then copy[name] = without_tags(one) end
  end
  return copy
end

local function text_of(item) return item == nil and "nothing" or json.encode(item) end

local function compare(planned, done)
  assert.equal(#planned, #done)
  for i, one in ipairs(planned) do
    local other = done[i]
    assert.same({ name_of(one), one.outcome }, { name_of(other), other.outcome })
    for _, field in ipairs { "before", "desired", "after" } do
      local a, b = without_tags(one[field]), without_tags(other[field])
      assert.is_true(
        other.outcome == "unchanged" or fits(value.revive(a), value.revive(b)),
        ("%s of %s: %s, then %s"):format(field, name_of(one), text_of(a), text_of(b))
      )
    end
  end
end

describe("a plan in a file", function()
  local lab, project, words, hook, more
  setup(function()
    lab = labs.start()
    project = lab.dir .. "/project"
    fs.mkdir(project)
    for _, name in ipairs { "runbooks", "stdlib" } do
      fs.copy_tree(name, fs.join(project, name))
    end
    fs.write(project .. "/runbooks/one.lua", runbook())
    words = {
      dir = lab.dir,
      platform = lab.platform,
      zone = lab:zone(),
      dns = lab.env.O2X_LAB_DNS:gsub(":", " -p "),
    }
    hook = raw_server.serve(
      function(_, answer) answer "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" end
    )
    more = { O2X_WEBHOOK_URL = ("http://127.0.0.1:%d/hook"):format(hook.port) }
    ok(lab:o2x { "run", "backup", "urbanos", "to=" .. lab.dir .. "/from.dump" })
  end)
  teardown(function()
    if hook then getmetatable(hook).__close(hook) end
    lab:stop()
  end)

  local function sh(line) return line and lab:out("sh", "-ec", (line:gsub("{(%l+)}", words))) end

  local function o2x(...) return lab:run({ labs.O2X, ... }, { cwd = project, env = more }) end

  local function plan(index, file)
    local result = o2x(
      "plan",
      "one",
      typed_changes[index].tenant or "urbanos",
      "what=" .. index,
      "to=" .. lab.dir .. "/typed.dump",
      "from=" .. lab.dir .. "/from.dump",
      "--json",
      "--out=" .. file
    )
    assert.equal(0, result.code, result.stderr .. result.stdout:gsub('^.*"problems"', ""))
    return plan_file.read(file).parts[1].effects
  end

  local function ids() return lab:out("ls", lab.store) end

  -- Is the row's own effect among them, with its outcome?
  local function assert_shown(row, planned)
    for _, effect in ipairs(planned) do
      if effect.kind == row.kind and effect.outcome == row.outcome then return end
    end
    error(("%s is not planned as %s: %s"):format(row.kind, row.outcome, json.encode(planned)), 2)
  end

  local function refuse(row, index, file)
    sh(row.prepare)
    assert_shown(row, plan(index, file))
    sh(row.foreign)
    local function seen() return not row.look or sh(row.look) == row.theirs end
    eventually("their change is seen", seen) -- Route 53 takes a moment
    local runs = ids()
    local result = o2x("apply", file)
    assert.equal(1, result.code, result.stderr)
    assert.matches(row.problem or "was changed since", result.stderr)
    if not row.problem then assert.matches("PLANNED ON +NOW +WOULD BECOME", result.stderr) end
    assert.is_true(seen())
    assert.equal(runs, ids())
    fs.remove(file)
  end

  local function apply(row, index, file)
    sh(row.prepare)
    local planned = plan(index, file)
    assert_shown(row, planned)
    local result = o2x("apply", file, "--json")
    assert.equal(0, result.code, result.stderr)
    local shown = o2x("show", "--json").stdout
    compare(planned, json.decode(as_planned(shown, json.decode(shown).id)).effects)
    if row.ours then eventually("what was planned is seen", function() return sh(row.look) == row.ours end) end
  end

  for index, row in ipairs(typed_changes) do
    it(
      ("%s is %s as it was shown, and refused when somebody else was there"):format(row.kind, row.name or row.outcome),
      function()
        local file = ("%s/%d.plan"):format(lab.dir, index)
        if row.foreign then refuse(row, index, file) end
        apply(row, index, file)
      end
    )
  end

  it("was made of each type that writes", function()
    local seen, missing = {}, {}
    for _, row in ipairs(typed_changes) do
      seen[row.kind] = true
    end
    local rows = fs.read("docs/effects.md"):match "\n| type | class |.-\n\n?<!%-%- end of types"
    for kind in rows:gmatch "\n| `([^`]+)`" do
      if not seen[kind] and not ELSEWHERE[kind] then missing[#missing + 1] = kind end
    end
    assert.same({}, missing)
  end)

  -- What decides what a plan does, and is edited afterwards.
  for what, line in pairs {
    ["a chart"] = "sed -i 's/^version: .*/version: 9.9.9/' {platform}/core/charts/service-usage/Chart.yaml",
    ["a values file"] = "echo 'edited: 1' >> {platform}/core/helm_values/urbanos/service-usage.yaml",
    ["the tenant's file"] = "echo '# edited' >> {platform}/tenants/urbanos.yaml",
  } do
    it("is refused when it was made before " .. what .. " was edited, and nothing is deployed", function()
      local file = ("%s/deploy-%s.plan"):format(lab.dir, what:gsub("%W", "-"))
      local image = "image=v2.7." .. #what
      local made = o2x("plan", "deploy", "urbanos", "services=service-usage", image, "--out=" .. file)
      assert.equal(0, made.code, made.stdout .. made.stderr)
      local before = lab:out("helm", "history", "urbanos-service-usage", "-o", "json")
      sh(line)
      local result = o2x("apply", file, "--confirm=urbanos")
      assert.is_true(result.code == 1 or result.code == 3, result.stdout .. result.stderr)
      assert.matches("since the plan was made", result.stderr)
      assert.equal(before, lab:out("helm", "history", "urbanos-service-usage", "-o", "json"))
    end)
  end
end)
