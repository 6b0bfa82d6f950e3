--- Rows of what is proposed, on the toy platform: the command line, the project, help.

local assert = require "luassert"
local fs = require "o2x.base.fs"
local paste = require "tests.support.proposed.paste"

local PLAIN <const> = [[step("Make", toy.ensure, "a", 1)]]

local function code(expected, result)
  assert.equal(expected, result.code, result.stderr)
  return result
end

local explains = paste.toy(
  function(toy, follow) follow(code(3, toy:o2x { "list", "--set", "no.such=1" }), "o2x config explain") end
)

local lists_runs = paste.toy(function(toy, follow) follow(toy:o2x { "show", "R-19990101-000000-0000" }, "o2x runs") end)

local runs_a_plan = paste.toy(function(toy, follow)
  toy:runbook("plain", [[step("Make", toy.ensure, "a", params.note)]], 'params = { note = { "string", help = "x" } },')
  follow(code(0, toy:o2x { "plan", "plain", "alpha", "note=it's late" }), "o2x run [^\n]+")
  assert.same({ a = "it's late" }, toy:holds())
end)

local shows_after = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  follow(toy:o2x { "run", "plain", "alpha" }, "next: (o2x show R%-[%w-]+)")
end)

local makes_new = paste.toy(function(toy, follow)
  local made = code(0, toy:o2x { "new", "fresh" })
  follow(made, "o2x check [%w./-]+")
  local function for_alpha(result)
    return { stdout = "", stderr = (result.stdout .. result.stderr):gsub("TENANT", "alpha") }
  end
  follow(for_alpha(made), "o2x plan [%w./-]+ alpha")
  follow(for_alpha(toy:o2x { "info", "fresh" }), "o2x plan [%w./-]+ alpha")
end)

local locks = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  code(0, toy:o2x { "lock" })
  toy:runbook("plain", PLAIN .. "\n" .. [[step("More", toy.ensure, "b", 1)]])
  local refused = toy:o2x { "run", "plain", "alpha" }
  assert.are_not.equal(0, refused.code)
  assert.matches("raise its version and run o2x lock", refused.stderr)
  local path = toy.project .. "/runbooks/plain.lua"
  fs.write(path, (fs.read(path):gsub('"1.0.0"', '"1.0.1"')))
  follow(refused, "o2x lock")
  code(0, toy:o2x { "run", "plain", "alpha" })
end)

-- A path may have a space and a quote in it.
local keeps_secrets = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  for _, name in ipairs { "secrets.yaml", "my secrets.yaml", "it's.yaml", "$HOME.yaml" } do
    local path = ("%s/%s"):format(toy.dir, name)
    fs.write(path, "x: y\n", { mode = 420 })
    local words = { "run", "plain", "alpha", "--secrets=" .. path }
    follow(code(3, toy:o2x(words)), "chmod 600 [^\n]+")
    code(0, toy:o2x(words))
  end
end)

local helps = paste.toy(function(toy, follow)
  follow(toy:o2x { "lst" }, "o2x help")
  follow(toy:o2x { "list", "--no-such" }, "o2x help list")
  assert.matches("o2x help COMMAND", toy:o2x({ "help" }).stdout)
  code(0, toy:o2x { "help", "run" })
end)

local fresh_project = paste.toy(function(toy)
  assert.matches("o2x run RUNBOOK TENANT", toy:o2x({ "show" }).stderr)
  fs.remove_tree(toy.project .. "/runbooks")
  fs.mkdir(toy.project .. "/runbooks")
  for _, words in ipairs { { "list" }, { "run", "x", "alpha" } } do
    assert.matches("create one: o2x new NAME", toy:o2x(words).stderr)
  end
  code(0, toy:o2x { "new", "first" })
  code(0, toy:o2x { "plan", "first", "alpha" })
end)

local prunes = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  code(0, toy:o2x { "run", "plain", "alpha" })
  follow(code(3, toy:o2x { "runs", "prune" }), "o2x runs prune %-%-keep%-days=90 %-%-keep%-last=20")
  follow(code(0, toy:o2x { "runs", "prune", "--keep-last=0" }), "next: (o2x runs prune [^\n]+)")
  assert.matches("no runs", toy:o2x({ "runs" }).stdout .. toy:o2x({ "runs" }).stderr)
end)

local logs = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  follow(code(3, toy:o2x { "log", "nobody" }), "o2x runs")
  code(0, toy:o2x { "run", "plain", "alpha" })
  local id = toy:o2x({ "runs" }).stdout:match "R%-%S+"
  local folder = toy.state .. "/" .. id
  fs.chmod(folder .. "/journal", 420)
  follow(code(2, toy:o2x { "verify", id }), "chmod go%-rwx [^\n]+")
  follow(code(3, toy:o2x { "verify" }), "o2x verify %-%-all")
  fs.write(folder .. "/journal", "damaged")
  local said = code(1, toy:o2x { "log", "alpha" })
  assert.matches("next: o2x verify " .. id, said.stderr, 1, true)
  code(2, toy:o2x { "verify", id })
end)

return {
  -- what the store has of its runs
  ["lua/o2x/cli/log.lua: o2x audit"] = { "what finds other changes, in a sentence of the help" },
  ["lua/o2x/cli/log.lua: o2x runs"] = logs,
  ["lua/o2x/cli/log.lua: o2x verify"] = logs,
  ["lua/o2x/cli/common.lua: o2x approve"] = { by = "tests/pages/approve.txt" },
  ["lua/o2x/cli/approve.lua: o2x apply"] = { by = "tests/e2e/approve_spec.lua" },
  ["lua/o2x/cli/approve.lua: o2x help"] = helps,
  ["lua/o2x/cli/approve.lua: o2x plan --out"] = { "what it needs, in a sentence" },
  ["lua/o2x/engine/approvals.lua: o2x approve"] = { by = "tests/pages/approve.txt" },
  ["lua/o2x/engine/approvals.lua: o2x plan"] = { "what is signed" },
  ["lua/o2x/cli/ending.lua: o2x plan"] = { by = "tests/e2e/approve_spec.lua" },
  ["lua/o2x/project/project.lua: o2x init"] = { by = "tests/regress/413-init-from-anywhere_spec.lua" },
  ["lua/o2x/engine/permission.lua: o2x apply"] = { by = "tests/e2e/approve_spec.lua" },
  ["lua/o2x/engine/permission.lua: o2x approve"] = { by = "tests/pages/approve.txt" },
  ["lua/o2x/engine/permission.lua: o2x plan"] = { by = "tests/pages/approve.txt" },
  ["lua/o2x/project/approval_rules.lua: o2x help"] = helps,
  ["lua/o2x/project/calendar.lua: o2x help"] = helps,
  ["lua/o2x/project/config.lua: o2x help"] = { "where the form of a file is, in the list of keys" },
  ["lua/o2x/cli/apply.lua: o2x resume"] = { by = "tests/e2e/apply_spec.lua" },
  ["lua/o2x/effects/helm/live.lua: o2x resume"] = { by = "tests/servers/effects/helm/live_spec.lua" },
  ["lua/o2x/effects/pg/structure_review.lua: o2x run restore"] = { by = "tests/e2e/restore_spec.lua" },
  ["lua/o2x/engine/dependents.lua: o2x undo"] = { by = "tests/e2e/undo_onboard_spec.lua" },
  ["lua/o2x/engine/remains.lua: o2x plan"] = { by = "tests/e2e/undo_onboard_spec.lua" },
  ["lua/o2x/cli/windows.lua: o2x help"] = helps,
  ["lua/o2x/cli/windows.lua: o2x list"] = { by = "tests/pages/tenants.txt" },
  ["lua/o2x/cli/runs.lua: o2x help"] = helps,
  ["lua/o2x/cli/runs.lua: o2x runs"] = prunes,
  ["lua/o2x/cli/runs.lua: o2x show"] = { "a form to fill in" },
  ["lua/o2x/cli/runs_prune.lua: o2x runs"] = prunes,
  ["lua/o2x/cli/verify.lua: o2x verify"] = logs,
  ["lua/o2x/engine/prune.lua: o2x show"] = { by = "tests/unit/engine/prune_spec.lua" },
  ["lua/o2x/engine/verify.lua: chmod go-rwx"] = logs,

  -- what is wrong is in words; the command shows the configuration
  ["lua/o2x/base/error.lua: o2x config"] = explains,
  ["lua/o2x/base/limits.lua: o2x config"] = explains,
  ["lua/o2x/cli/args.lua: o2x config"] = explains,
  ["lua/o2x/cli/config.lua: o2x config"] = explains,
  ["lua/o2x/client/aws/credentials/init.lua: o2x config"] = explains,
  ["lua/o2x/client/aws/support.lua: o2x config"] = explains,
  ["lua/o2x/effects/webhook.lua: o2x config"] = explains,
  ["lua/o2x/project/config.lua: o2x config"] = explains,

  ["lua/o2x/base/fs.lua: chmod 600"] = keeps_secrets,
  ["lua/o2x/cli/args.lua: o2x help"] = helps,
  ["lua/o2x/cli/commands.lua: o2x help"] = helps,
  ["lua/o2x/cli/help.lua: o2x help"] = helps,
  ["lua/o2x/cli/help.lua: o2x runs"] = { "a sentence: o2x runs runbooks" },
  ["lua/o2x/project/environment.lua: o2x runs"] = { "a sentence: the variables with which o2x runs" },
  ["lua/o2x/cli/check.lua: o2x lock"] = locks,
  ["lua/o2x/cli/lock.lua: o2x check"] = locks,
  ["lua/o2x/project/versions.lua: o2x lock"] = locks,
  ["lua/o2x/cli/ending.lua: o2x run"] = runs_a_plan,
  ["lua/o2x/cli/ending.lua: o2x show"] = shows_after,
  ["lua/o2x/cli/info.lua: o2x plan"] = makes_new,
  ["lua/o2x/cli/new.lua: o2x check"] = makes_new,
  ["lua/o2x/cli/new.lua: o2x info"] = makes_new,
  ["lua/o2x/cli/new.lua: o2x plan"] = makes_new,
  ["lua/o2x/cli/run.lua: o2x info"] = makes_new,
  ["lua/o2x/cli/list.lua: o2x new"] = fresh_project,
  ["lua/o2x/project/runbook_files.lua: o2x new"] = fresh_project,
  ["lua/o2x/cli/show.lua: o2x run RUNBOOK"] = fresh_project,
  ["lua/o2x/cli/run.lua: o2x run RUNBOOK"] = { "the usage line" },
  ["lua/o2x/engine/elsewhere.lua: o2x runs"] = lists_runs,
}
