local compare = require "o2x.engine.rehearsal.compare"

local function change(target, outcome, diff, step)
  return { step = step or "Deploy", kind = "helm.release", target = target, outcome = outcome, diff = diff }
end

local function plan(changes, problems) return { changes = changes, problems = problems or {} } end

local function problem(message) return { step = "Deploy", error = { message = message } } end

-- name, production's plan, the lab's plan, what is said
local ROWS = {
  { "equal plans", plan { change("a", "changed", { "~ x" }) }, plan { change("a", "changed", { "~ x" }) }, {} },
  {
    "a change that is missing",
    plan { change("a", "created") },
    plan {},
    { { what = "helm.release a", why = "would be created in production, and is not a change here" } },
  },
  {
    "a change that is added",
    plan {},
    plan { change("a", "deleted") },
    { { what = "helm.release a", why = "is deleted here, and not a change in production" } },
  },
  {
    "another outcome",
    plan { change("a", "created") },
    plan { change("a", "changed") },
    { { what = "helm.release a", why = "in production created, here changed" } },
  },
  {
    "another line",
    plan { change("a", "changed", { "~ x: 1 → 2", "~ y" }) },
    plan { change("a", "changed", { "~ x: 1 → 3", "~ y" }) },
    { { what = "helm.release a", why = "in production ~ x: 1 → 2, here ~ x: 1 → 3" } },
  },
  {
    "the same target twice",
    plan { change("a", "changed"), change("a", "deleted") },
    plan { change("a", "changed") },
    { { what = "helm.release a", why = "would be deleted in production, and is not a change here" } },
  },
  {
    "tags of secrets, made-up texts, times",
    plan {
      change("a-20261126-152427", "changed", {
        "~ k: (changed, 1a → 2b)",
        "~ v: sk ‹secret vault/x›",
        "~ until: 2026-11-26T15:51:01Z",
        "rehearsal-00ff",
      }),
    },
    plan {
      change("a-20261126-152430", "changed", {
        "~ k: (changed, 3c → 4d)",
        "~ v: sk ‹secret y›",
        "~ until: 2026-11-26T15:51:13Z",
        "rehearsal-11aa",
      }),
    },
    {},
  },
  {
    "problems of one of them",
    plan({}, { problem "not ready", problem "both" }),
    plan({}, { problem "both", problem "no file" }),
    {
      { what = "Deploy", why = "a problem in production only: not ready" },
      { what = "Deploy", why = "a problem in the rehearsal only: no file" },
    },
  },
  {
    "nothing of a runbook's folder",
    plan({}, { problem "/home/ops/own.lua:8: it is broken" }),
    plan({}, { problem "runbooks/own.lua:8: it is broken" }),
    {},
  },
}

describe("rehearsal.compare", function()
  for _, row in ipairs(ROWS) do
    it("tells " .. row[1], function() assert.same(row[4], compare.plans(row[2], row[3])) end)
  end
end)
