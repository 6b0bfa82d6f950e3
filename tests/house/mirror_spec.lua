-- Each file of lua/o2x and stdlib has a spec at its mirrored path: lua/o2x/base/fs.lua is tested by
-- tests/unit/base/fs_spec.lua, or by tests/servers/base/fs_spec.lua where it needs a server; a command of lua/o2x/cli
-- by the page of its name in tests/pages as well.

local fs = require "o2x.base.fs"
local house = require "tests.support.house"

-- Tested elsewhere, and why.
local ELSEWHERE <const> = {
  -- What the first word of a command line leads to is seen from outside.
  ["lua/o2x/main.lua"] = "tests/pages/main.txt",
  -- Tables of rules, each tested row by row.
  ["lua/o2x/base/retry_rules/aws.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/broker.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/dns.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/helm.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/http.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/kubernetes.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/network.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/postgresql.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/redis.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/service.lua"] = "tests/unit/base/retry_rules_spec.lua",
  ["lua/o2x/base/retry_rules/vault.lua"] = "tests/unit/base/retry_rules_spec.lua",
  -- They look at all systems of a tenant that was made by hand.
  ["lua/o2x/effects/adoption.lua"] = "tests/e2e/adopt_spec.lua",
  ["lua/o2x/engine/differences.lua"] = "tests/e2e/adopt_spec.lua",
  ["lua/o2x/engine/kept.lua"] = "tests/e2e/adopt_spec.lua",
  ["stdlib/adoption.lua"] = "tests/e2e/adopt_spec.lua",
  ["stdlib/adoption/around.lua"] = "tests/e2e/adopt_spec.lua",
  ["stdlib/adoption/file.lua"] = "tests/e2e/adopt_spec.lua",
  ["stdlib/adoption/nested.lua"] = "tests/e2e/adopt_odd_spec.lua",
  ["stdlib/adoption/releases.lua"] = "tests/e2e/adopt_spec.lua",
  ["stdlib/adoption/tenant.lua"] = "tests/e2e/adopt_spec.lua",
  -- What narrow roles, policies and users may not do.
  ["lua/o2x/effects/rights.lua"] = "tests/regress/723-all-that-is-missing-at-once_spec.lua",
  ["lua/o2x/policy/rights/postgresql.lua"] = "tests/regress/723-all-that-is-missing-at-once_spec.lua",
  ["lua/o2x/policy/rights/redis.lua"] = "tests/regress/723-all-that-is-missing-at-once_spec.lua",
  ["lua/o2x/policy/rights/vault.lua"] = "tests/regress/723-all-that-is-missing-at-once_spec.lua",
  -- What Vault says of mounts of other kinds.
  ["lua/o2x/client/vault/mount.lua"] = "tests/regress/722-a-mount-of-version-1_spec.lua",
  -- It is about roles of a server.
  ["lua/o2x/client/pg/as_owner.lua"] = "tests/regress/721-operators-with-roles-of-their-own_spec.lua",
  -- They ask the systems of a lab, in which things are broken.
  ["lua/o2x/doctor/init.lua"] = "tests/e2e/doctor_spec.lua",
  ["lua/o2x/doctor/kubernetes.lua"] = "tests/e2e/doctor_spec.lua",
  ["lua/o2x/doctor/machine.lua"] = "tests/e2e/doctor_spec.lua",
  ["lua/o2x/doctor/postgresql.lua"] = "tests/e2e/doctor_spec.lua",
  ["lua/o2x/doctor/project.lua"] = "tests/e2e/doctor_spec.lua",
  ["lua/o2x/doctor/redis.lua"] = "tests/e2e/doctor_spec.lua",
  ["lua/o2x/doctor/services.lua"] = "tests/e2e/doctor_spec.lua",
  ["lua/o2x/doctor/vault.lua"] = "tests/e2e/doctor_spec.lua",
  -- They need whole runs, killed and resumed.
  ["lua/o2x/engine/audit.lua"] = "tests/e2e/audit_spec.lua",
  ["lua/o2x/engine/audits.lua"] = "tests/e2e/audit_spec.lua",
  ["lua/o2x/engine/orphans.lua"] = "tests/e2e/audit_spec.lua",
  ["lua/o2x/engine/replay_steps.lua"] = "tests/e2e/capsule_kinds_spec.lua",
  ["lua/o2x/engine/story.lua"] = "tests/e2e/audit_half_deleted_spec.lua",
  ["lua/o2x/engine/left_over.lua"] = "tests/e2e/audit_spec.lua",
  ["lua/o2x/engine/never_made.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/pg/registry_review.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/engine/company.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/engine/reviewed.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/pg/database_review.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/pg/structure.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/pg/structure_mend.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/pg/structure_review.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/k8s/left.lua"] = "tests/e2e/audit_spec.lua",
  ["lua/o2x/effects/k8s/added.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/k8s/object_review.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/pg/login_review.lua"] = "tests/e2e/audit_places_spec.lua",
  ["lua/o2x/effects/pg/row_left.lua"] = "tests/e2e/audit_spec.lua",
  ["lua/o2x/base/git.lua"] = "tests/e2e/commit_spec.lua",
  ["lua/o2x/base/git_key.lua"] = "tests/e2e/commit_trees_spec.lua",
  ["lua/o2x/base/git_lock.lua"] = "tests/e2e/commit_trees_spec.lua",
  ["lua/o2x/engine/checkout.lua"] = "tests/e2e/commit_trees_spec.lua",
  ["lua/o2x/engine/commit.lua"] = "tests/e2e/commit_spec.lua",
  ["lua/o2x/engine/apply.lua"] = "tests/e2e/engine_spec.lua",
  ["lua/o2x/engine/held.lua"] = "tests/e2e/lock_spec.lua",
  ["lua/o2x/engine/lock_words.lua"] = "tests/e2e/lock_spec.lua",
  ["lua/o2x/engine/holding.lua"] = "tests/e2e/lock_spec.lua",
  ["lua/o2x/engine/signs_of_life.lua"] = "tests/e2e/lock_spec.lua",
  ["lua/o2x/engine/planning.lua"] = "tests/unit/engine/gate_spec.lua",
  ["lua/o2x/effects/pg/fence.lua"] = "tests/e2e/lock_spec.lua",
  ["lua/o2x/engine/run.lua"] = "tests/e2e/engine_spec.lua",
  ["lua/o2x/engine/preparation.lua"] = "tests/e2e/engine_spec.lua",
  ["lua/o2x/effects/k8s/secret.lua"] = "tests/servers/effects/k8s_spec.lua",
  ["lua/o2x/engine/tape.lua"] = "tests/e2e/capsule_spec.lua",
  ["lua/o2x/engine/player.lua"] = "tests/e2e/capsule_spec.lua",
  ["lua/o2x/engine/replay_undo.lua"] = "tests/e2e/capsule_undo_spec.lua",
  ["lua/o2x/cli/replay_test.lua"] = "tests/e2e/capsule_spec.lua",
  ["lua/o2x/engine/reversal.lua"] = "tests/e2e/undo_spec.lua",
  ["lua/o2x/engine/undo.lua"] = "tests/e2e/undo_spec.lua",
  -- They need two labs: one that plays production, and the rehearsal's own.
  ["lua/o2x/engine/rehearsal/init.lua"] = "tests/e2e/rehearse_spec.lua",
  ["lua/o2x/engine/rehearsal/arrival.lua"] = "tests/e2e/rehearse_spec.lua",
  ["lua/o2x/engine/rehearsal/place.lua"] = "tests/e2e/rehearse_spec.lua",
  ["lua/o2x/client/k8s/decode.lua"] = "tests/servers/client/k8s_spec.lua",
  ["lua/o2x/client/k8s/requests.lua"] = "tests/servers/client/k8s_spec.lua",
  ["lua/o2x/client/k8s/writes.lua"] = "tests/servers/client/k8s_spec.lua",
  ["lua/o2x/client/helm/arguments.lua"] = "tests/unit/client/helm_spec.lua",
  ["lua/o2x/client/helm/process.lua"] = "tests/unit/client/helm_spec.lua",
  ["lua/o2x/client/helm/rendering.lua"] = "tests/unit/client/helm_spec.lua",
  ["lua/o2x/client/helm/writes.lua"] = "tests/unit/client/helm_spec.lua",
  ["lua/o2x/effects/helm/release.lua"] = "tests/servers/effects/helm_spec.lua",
  ["lua/o2x/effects/helm/seen.lua"] = "tests/servers/effects/helm/states_spec.lua",
  ["lua/o2x/effects/helm/show.lua"] = "tests/servers/effects/helm_spec.lua",
  ["lua/o2x/effects/helm/whole.lua"] = "tests/e2e/rehearse_spec.lua",
  ["lua/o2x/effects/k8s/whole.lua"] = "tests/e2e/rehearse_spec.lua",
  -- They play whole cases, in forks of the program.
  ["lua/o2x/prove/base.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/case.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/foreign.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/fork.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/forks.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/ground.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/hook.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/init.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/look.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/tables.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/prove/together.lua"] = "tests/e2e/prove_spec.lua",
  ["lua/o2x/cli/fleet_ending.lua"] = "tests/e2e/next_lines_spec.lua",
  ["lua/o2x/cli/fleet_undo.lua"] = "tests/e2e/fleet_undo_spec.lua",
  -- Parts of o2x.pg, tested with it on a real server.
  ["lua/o2x/effects/pg/database.lua"] = "tests/servers/effects/pg_spec.lua",
  ["lua/o2x/effects/pg/migration_repair.lua"] = "tests/servers/effects/pg_spec.lua",
  ["lua/o2x/effects/pg/migration.lua"] = "tests/servers/effects/pg_spec.lua",
  ["lua/o2x/effects/pg/row.lua"] = "tests/servers/effects/pg_spec.lua",
  ["lua/o2x/effects/pg/database_contents.lua"] = "tests/servers/effects/pg/undo_spec.lua",
  ["lua/o2x/effects/pg/row_back.lua"] = "tests/servers/effects/pg/undo_spec.lua",
  ["lua/o2x/effects/pg/known.lua"] = "tests/servers/effects/pg/rows_spec.lua",
  ["lua/o2x/effects/pg/row_ahead.lua"] = "tests/servers/effects/pg/rows_spec.lua",
  ["lua/o2x/effects/pg/row_sql.lua"] = "tests/servers/effects/pg/rows_spec.lua",
  ["lua/o2x/effects/pg/row_value.lua"] = "tests/servers/effects/pg/rows_spec.lua",
  ["lua/o2x/effects/pg/row_write.lua"] = "tests/servers/effects/pg/rows_spec.lua",
  -- Commands for people: whether they do what o2x does shows only when they run.
  ["lua/o2x/effects/helm/commands.lua"] = "tests/e2e/guide_spec.lua",
  ["lua/o2x/effects/k8s/commands.lua"] = "tests/e2e/guide_spec.lua",
  ["lua/o2x/effects/service/by_hand.lua"] = "tests/e2e/guide_spec.lua",
  -- They rename, fill and compare whole databases: only a real server tells.
  ["lua/o2x/effects/archive/init.lua"] = "tests/e2e/restore_spec.lua",
  ["lua/o2x/effects/archive/copy.lua"] = "tests/e2e/restore_spec.lua",
  ["lua/o2x/effects/archive/swap.lua"] = "tests/e2e/restore_spec.lua",
  ["lua/o2x/effects/archive/table.lua"] = "tests/e2e/restore_spec.lua",
}

-- The places where the spec of a source may be.
local function places(path)
  local name = path:gsub("^lua/o2x/", ""):gsub("%.lua$", "")
  local list = {}
  for _, one in ipairs { name, (name:gsub("/init$", "")) } do
    list[#list + 1] = ("tests/unit/%s_spec.lua"):format(one)
    list[#list + 1] = ("tests/servers/%s_spec.lua"):format(one)
  end
  local command = name:match "^cli/([%w_]+)$"
  if command then list[#list + 1] = ("tests/pages/%s.txt"):format(command) end
  return list
end

local function is_tested(path)
  for _, place in ipairs(places(path)) do
    if fs.exists(place) then return true end
  end
  return ELSEWHERE[path] ~= nil and fs.exists(ELSEWHERE[path])
end

describe("a file of lua/o2x or stdlib", function()
  it("has a spec at its mirrored path", function()
    local missing = {}
    for path in pairs(house.read ".") do
      local ours = path:match "^lua/o2x/.*%.lua$" or path:match "^stdlib/.*%.lua$"
      if ours and not is_tested(path) then missing[#missing + 1] = path end
    end
    table.sort(missing)
    assert.same({}, missing)
  end)

  it("that is tested elsewhere is there, and has no spec of its own", function()
    for path in pairs(ELSEWHERE) do
      assert.is_true(fs.exists(path), path)
      for _, place in ipairs(places(path)) do
        assert.is_false(fs.exists(place), place)
      end
    end
  end)
end)
