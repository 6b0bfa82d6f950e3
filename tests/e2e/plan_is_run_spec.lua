-- What a plan shows is what a run does: each shipped runbook is planned into a file and applied in the lab, one state
-- after the other; then the plan's effects and the run's are the same, in the same order, with the same values.

local fits = require "tests.support.fits"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local plan_file = require "o2x.engine.plan_file"
local value = require "o2x.base.value"

-- Each in the state that the one before leaves; what somebody does before that.
local STATES <const> = {
  { "onboard newclient", changes = 84 },
  { "onboard newclient", changes = 0 },
  { "cache-clear newclient --confirm=newclient" },
  { "scale newclient service=service-sso replicas=4 force=true --confirm=newclient", changes = 1 },
  { "smoke newclient", changes = 0 },
  { "maintenance newclient mode=on --confirm=newclient", changes = 37 },
  { "maintenance newclient mode=off --confirm=newclient", changes = 37 },
  { "deploy newclient image=v2.5.1 --confirm=newclient" },
  { "rollback newclient --confirm=newclient" },
  {
    "onboard newclient",
    before = function(lab)
      lab:out("kubectl", "delete", "deployment", "newclient-service-usage")
      lab:out("kubectl", "set", "image", "deployment/newclient-service-billing", "*=by-hand:1")
      lab:out("kubectl", "delete", "ingress", "newclient-ingress")
    end,
  },
  { "backup newclient" },
  { "vacuum newclient" },
  { "diagnose newclient", changes = 0 },
  { "migrations-repair newclient --confirm=newclient", changes = 0 },
  { "deploy urbanos --confirm=urbanos" },
  { "adopt urbanos", changes = 1 },
  { "adopt urbanos", changes = 0 },
}

local TIME <const> = "%d%d%d%d%-?%d%d%-?%d%d[T%-]%d%d:?%d%d:?%d%d"

-- The service makes the invoice of a bill by itself.
local MADE_BY_OTHERS <const> = { ["newclient-service-proxy: invoice o2x-smoke"] = true }

local function compare(planned, done, found)
  local function note(what) found[#found + 1] = ("%s %s: %s"):format(done.kind, done.target, what) end
  local is_masked = done.target:find("******", 1, true) -- a run may have learned a secret that is in the name
  if planned.kind ~= done.kind or planned.path ~= done.step or planned.key ~= done.target and not is_masked then
    return note(("planned was %s %s"):format(planned.kind, planned.key))
  end
  if planned.outcome == "open" or MADE_BY_OTHERS[done.target] then return end
  if planned.outcome ~= done.outcome then note(("planned was %s, it is %s"):format(planned.outcome, done.outcome)) end
  if done.outcome == "unchanged" then return end
  if not fits(value.revive(planned.before), value.revive(done.before)) then note "another value before" end
  if not fits(value.revive(planned.desired), value.revive(done.desired)) then note "another desired value" end
end

describe("a plan of a shipped runbook", function()
  local lab, file
  setup(function()
    lab = labs.start()
    file = os.tmpname()
    fs.remove(file)
  end)
  teardown(function()
    lab:stop()
    fs.remove(file)
  end)

  for i, state in ipairs(STATES) do
    it(("is what the run does: %d, %s"):format(i, state[1]), function()
      local words, confirm = {}, nil
      for word in state[1]:gmatch "%S+" do
        if word:find "^%-%-confirm" then
          confirm = word
        else
          words[#words + 1] = word
        end
      end
      if state.before then state.before(lab) end
      local function o2x(...) return lab:o2x { ... } end
      ok(o2x("plan", "--out=" .. file, table.unpack(words)))
      -- The time of a plan is in some of its values.
      local function plan() return (ok(o2x("plan", "--json", table.unpack(words))).stdout:gsub(TIME, "TIME")) end
      local first = plan()
      assert.equal(first, plan())
      if state.changes then assert.equal(state.changes, #json.decode(first).changes) end
      ok(o2x("apply", file, confirm))
      local text = ok(o2x("show", "--json")).stdout
      local stamp = json.decode(text).id:match "^R%-(%d+%-%d+)"
      -- A plan has no time yet: what is named after the run's has "plan" in its place.
      local shown = json.decode((text:gsub("manual%-" .. stamp:gsub("%-", "%%-"), "manual-plan")))
      local planned, found = plan_file.read(file).parts[1].effects, {}
      for n, done in ipairs(shown.effects) do
        compare(planned[n] or { outcome = "none" }, done, found)
      end
      assert.same({}, found)
      assert.equal(#planned, #shown.effects)
    end)
  end
end)
