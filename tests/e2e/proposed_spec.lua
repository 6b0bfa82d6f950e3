-- Every command that a message, a hint or a help text proposes is collected from the sources, and each has its row
-- here: a function that brings the state about, pastes the command as it was printed, and looks at what came of it; or
-- the spec that does so; or the reason why it cannot run here. A new proposal without a row fails.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"
local proposed = require "tests.support.proposed"
local toys = require "tests.support.toy"

local PATH = fs.folder(fs.realpath(build.o2x)) .. ":" .. os.getenv "PATH"

local lab

-- The commands in what was printed that match a pattern; fails if there is none.
local function commands(result, pattern)
  local text, found = result.stderr .. "\n" .. result.stdout, {}
  for command in text:gmatch(pattern) do
    found[#found + 1] = command
  end
  assert(#found > 0, ("nothing proposes %s:\n%s"):format(pattern, text))
  return table.unpack(found)
end

-- Runs a command as somebody who pastes it into a shell.
local function paste(command, cwd)
  return proc.run {
    argv = { "bash", "-c", command },
    env = lab:environment { PATH = PATH },
    cwd = cwd,
    timeout = 300,
  }
end

local function works(command, cwd)
  local result = paste(command, cwd)
  assert(result.code == 0, ("%s: exit %s\n%s"):format(command, result.code, result.stderr))
  return result
end

-- ---- on the toy platform ----

local function words_of(command)
  local words = {}
  for word in command:gsub("^o2x ", ""):gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

-- A toy in which o2x runs what it proposes.
local function toy_row(fn)
  return function()
    local toy <close> = toys.new()
    local function follow(result, pattern, code)
      local command = commands(result, pattern)
      local after = toy:o2x(words_of(command))
      assert(after.code == (code or 0), ("%s: exit %s\n%s"):format(command, after.code, after.stderr))
      return after
    end
    fn(toy, follow)
  end
end

local BUILD <const> = [[step("Make", toy.ensure, "a", 1)]]

-- A run that fails once, and succeeds when it is resumed.
local function fail_once(toy)
  toy:runbook("frail", [[step("Make", toy.ensure, "a", 1)]])
  toy:fault("a", "failed")
  local result = toy:o2x { "run", "frail", "alpha" }
  assert.equal(1, result.code)
  return result
end

local resumes = toy_row(function(toy, follow)
  follow(fail_once(toy), "next: (o2x resume R%-[%w-]+)")
  assert.same(1, toy:holds().a)
end)

local shows_after = toy_row(function(toy, follow)
  toy:runbook("plain", BUILD)
  follow(toy:o2x { "run", "plain", "alpha" }, "next: (o2x show R%-[%w-]+)")
end)

local explains = toy_row(function(toy, follow)
  local result = toy:o2x { "list", "--set", "no.such=1" }
  assert.equal(3, result.code)
  follow({ stderr = result.stderr .. "\no2x config explain\n", stdout = "" }, "o2x config explain")
end)

local lists_runs = toy_row(function(toy, follow) follow(toy:o2x { "show", "R-19990101-000000-0000" }, "o2x runs") end)

local makes_new = toy_row(function(toy, follow)
  local made = toy:o2x { "new", "fresh" }
  assert.equal(0, made.code, made.stderr)
  follow(made, "o2x check [%w./-]+")
  local plan = commands(made, "o2x plan [%w./-]+ TENANT")
  assert.equal(0, toy:o2x(words_of((plan:gsub("TENANT", "alpha")))).code)
  local info = toy:o2x { "info", "fresh" }
  assert.equal(0, toy:o2x(words_of((commands(info, "o2x plan [%w./-]+ TENANT"):gsub("TENANT", "alpha")))).code)
end)

local locks = toy_row(function(toy, follow)
  toy:runbook("plain", BUILD)
  assert.equal(0, toy:o2x({ "lock" }).code)
  toy:runbook("plain", BUILD .. "\n" .. [[step("More", toy.ensure, "b", 1)]])
  local refused = toy:o2x { "run", "plain", "alpha" }
  assert.are_not.equal(0, refused.code)
  assert.matches("raise its version and run o2x lock", refused.stderr)
  local path = toy.project .. "/runbooks/plain.lua"
  fs.write(path, (fs.read(path):gsub('"1.0.0"', '"1.0.1"')))
  follow(refused, "o2x lock")
  assert.equal(0, toy:o2x({ "run", "plain", "alpha" }).code)
end)

local keeps_secrets = toy_row(function(toy)
  toy:runbook("plain", BUILD)
  local path = toy.dir .. "/secrets.yaml"
  fs.write(path, "x: y\n", { mode = 420 })
  local refused = toy:o2x { "run", "plain", "alpha", "--secrets=" .. path }
  assert.equal(3, refused.code)
  works(commands(refused, "chmod 600 [^\n]+"), toy.project)
  assert.equal(0, toy:o2x({ "run", "plain", "alpha", "--secrets=" .. path }).code)
end)

local chooses = toy_row(function(toy)
  for _, tenant in ipairs { "alpha", "beta" } do
    toy:runbook("frail", [[step("Make", toy.ensure, tenant.name, 1)]])
    toy:fault(tenant, "failed")
    assert.equal(1, toy:o2x({ "run", "frail", tenant }).code)
  end
  local several = toy:o2x { "resume" }
  assert.matches("choose one: o2x resume RUN", several.stderr)
  local id = commands(several, "R%-[%w-]+")
  assert.equal(0, toy:o2x({ "resume", id }).code)
end)

local is_done = toy_row(function(toy, follow)
  toy:runbook("plain", BUILD)
  local id = commands(toy:o2x { "run", "plain", "alpha" }, "R%-[%w-]+")
  follow(toy:o2x { "resume", id }, "o2x show R%-[%w-]+")
  follow(toy:o2x { "resume" }, "o2x runs")
end)

local helps = toy_row(function(toy, follow)
  follow(toy:o2x { "lst" }, "o2x help")
  follow(toy:o2x { "list", "--no-such" }, "o2x help list")
  assert.matches("o2x help COMMAND", toy:o2x({ "help" }).stdout)
  assert.equal(0, toy:o2x({ "help", "run" }).code)
end)

local fresh_project = toy_row(function(toy)
  assert.matches("o2x run RUNBOOK TENANT", toy:o2x({ "show" }).stderr)
  fs.remove_tree(toy.project .. "/runbooks")
  fs.mkdir(toy.project .. "/runbooks")
  for _, words in ipairs { { "list" }, { "run", "x", "alpha" } } do
    local empty = toy:o2x(words)
    assert.matches("create one: o2x new NAME", empty.stderr)
  end
  assert.equal(0, toy:o2x({ "new", "first" }).code)
  assert.equal(0, toy:o2x({ "plan", "first", "alpha" }).code)
end)

local fleet_resumes = toy_row(function(toy, follow)
  toy:runbook("frail", [[step("Make", toy.ensure, tenant.name, 1)]])
  toy:fault("beta", "failed")
  follow(toy:o2x { "run", "frail", "--tenants=alpha,beta" }, "o2x resume F%-[%w-]+")
end)

-- ---- in the lab ----

local TENANT <const> = "newclient"

-- What a runbook asks for when it is planned as its help says.
local ASKS <const> = { ["o2x plan runbooks/restore.lua newclient"] = "give exactly one of archive=FILE" }

-- What the help of a runbook proposes for a tenant. What has … or RUN in it is a form to fill in.
local function help_of(runbook)
  return function()
    local text = lab:o2x({ "info", runbook }).stdout:gsub("TENANT", TENANT)
    for command, after in text:gmatch("(o2x %l+ [%w./-]+ " .. TENANT .. "[%w=. -]*)([^\n]*)") do
      command = command:gsub(" shows.*", ""):gsub("[. ]+$", "")
      local asks = ASKS[command]
      if asks then
        assert.matches(asks, paste(command).stderr, 1, true)
      elseif not after:find "^…" and not command:find "RUN" then
        works(command)
      end
    end
    for _, pattern in ipairs { "kubectl get [^;,()\n]+", "helm list", "psql %-d [^;()\n]+" } do
      for command in text:gmatch(pattern) do
        works(command)
      end
    end
  end
end

local function lists_backups() works(("o2x run backup %s list=true"):format(TENANT)) end

local function sets_replicas()
  local refused = lab:o2x { "run", "scale", TENANT, "service=service-billing", "replicas=0", "--confirm=" .. TENANT }
  assert.are_not.equal(0, refused.code)
  assert.matches("o2x run maintenance", refused.stderr)
end

local function creates_what_is_missing()
  local refused = lab:o2x { "run", "deploy", "acme-sbx", "--confirm=acme-sbx" }
  assert.are_not.equal(0, refused.code)
  works(commands(refused, "o2x run onboard acme%-sbx"))
  works "o2x run deploy acme-sbx services=service-sso --confirm=acme-sbx"
end

local function in_maintenance()
  works(("o2x run maintenance %s mode=on --confirm=%s"):format(TENANT, TENANT))
  local refused = lab:o2x { "run", "deploy", TENANT, "--confirm=" .. TENANT }
  works(commands(refused, "o2x run maintenance [^\n]+"))
  works(("o2x run deploy %s services=service-sso --confirm=%s"):format(TENANT, TENANT))
end

local function policy()
  local printed = lab:o2x { "policy", TENANT }
  local proposals = { "psql %-v ON_ERROR_STOP=1", "vault policy write", "kubectl apply %-f", "aws iam put%-role" }
  for _, expected in ipairs(proposals) do
    assert.matches(expected, printed.stdout)
  end
end

local function balancer() works "kubectl get svc -n ingress-nginx ingress-nginx-controller" end

local function access() works "kubectl auth can-i --list" end

local function looks_at_cluster()
  for _, command in ipairs { "get --raw '/readyz?verbose'", "get namespaces", "get poddisruptionbudgets" } do
    works("kubectl " .. command)
  end
end

local function databases() works "psql -d postgres -l" end

local function logs() works "kubectl logs deployment/newclient-service-sso" end

local function history_of() works "helm history newclient-service-sso" end

local ROWS = {
  -- what is wrong is in words; the command shows the configuration
  ["lua/o2x/base/error.lua: o2x config"] = explains,
  ["lua/o2x/base/limits.lua: o2x config"] = explains,
  ["lua/o2x/cli/args.lua: o2x config"] = explains,
  ["lua/o2x/cli/config.lua: o2x config"] = explains,
  ["lua/o2x/effects/webhook.lua: o2x config"] = explains,
  ["lua/o2x/project/config.lua: o2x config"] = explains,

  ["lua/o2x/base/fs.lua: chmod 600"] = keeps_secrets,
  ["lua/o2x/cli/args.lua: o2x help"] = helps,
  ["lua/o2x/cli/commands.lua: o2x help"] = helps,
  ["lua/o2x/cli/help.lua: o2x help"] = helps,
  ["lua/o2x/cli/help.lua: o2x runs"] = { "a sentence: o2x runs runbooks" },
  ["lua/o2x/cli/check.lua: o2x lock"] = locks,
  ["lua/o2x/cli/lock.lua: o2x check"] = locks,
  ["lua/o2x/project/versions.lua: o2x lock"] = locks,
  ["lua/o2x/cli/common.lua: o2x run"] = { by = "tests/e2e/readme_spec.lua" },
  ["lua/o2x/cli/common.lua: o2x show"] = shows_after,
  ["lua/o2x/cli/info.lua: o2x plan"] = makes_new,
  ["lua/o2x/cli/new.lua: o2x check"] = makes_new,
  ["lua/o2x/cli/new.lua: o2x info"] = makes_new,
  ["lua/o2x/cli/new.lua: o2x plan"] = makes_new,
  ["lua/o2x/cli/list.lua: o2x new"] = fresh_project,
  ["lua/o2x/project/runbook_files.lua: o2x new"] = fresh_project,
  ["lua/o2x/cli/show.lua: o2x run RUNBOOK"] = fresh_project,
  ["lua/o2x/cli/run.lua: o2x run RUNBOOK"] = { "the usage line" },
  ["lua/o2x/cli/run.lua: o2x info"] = makes_new,
  ["lua/o2x/cli/resume.lua: o2x runs"] = is_done,
  ["lua/o2x/engine/fleet.lua: o2x runs"] = lists_runs,
  ["lua/o2x/engine/store.lua: o2x runs"] = lists_runs,
  ["lua/o2x/cli/lab.lua: make install-lab"] = { by = "tests/servers/lab/command_spec.lua" },

  -- resume, after each kind of end
  ["lua/o2x/cli/commands.lua: o2x resume"] = resumes,
  ["lua/o2x/cli/common.lua: o2x resume"] = resumes,
  ["lua/o2x/cli/show.lua: o2x resume"] = resumes,
  ["lua/o2x/cli/run.lua: o2x resume"] = resumes,
  ["lua/o2x/cli/resume.lua: o2x resume"] = chooses,
  ["lua/o2x/cli/fleet.lua: o2x resume"] = fleet_resumes,
  ["lua/o2x/engine/memory.lua: o2x resume"] = { by = "tests/regress/245-fields-of-others_spec.lua" },
  ["lua/o2x/engine/run.lua: o2x resume"] = { by = "tests/e2e/engine_spec.lua" },
  ["lua/o2x/engine/journal.lua: o2x resume"] = { by = "tests/e2e/engine_spec.lua" },
  ["lua/o2x/engine/apply.lua: o2x resume"] = { by = "tests/unit/engine/resume_spec.lua" },
  ["lua/o2x/engine/deadline.lua: o2x resume"] = resumes,
  ["host/loop.c: o2x resume"] = { by = "tests/e2e/engine_spec.lua" },
  ["lua/o2x/script/sandbox.lua: o2x resume"] = { by = "tests/e2e/engine_spec.lua" },
  ["lua/o2x/client/pg/archive.lua: o2x resume"] = resumes,
  ["lua/o2x/effects/archive/copy.lua: o2x resume"] = { by = "tests/servers/effects/archive_hostile_spec.lua" },
  ["lua/o2x/effects/archive/file.lua: o2x resume"] = { by = "tests/e2e/restore_spec.lua" },
  ["lua/o2x/effects/archive/swap.lua: o2x resume"] = { by = "tests/e2e/restore_spec.lua" },
  ["lua/o2x/effects/k8s/change.lua: o2x resume"] = { by = "tests/regress/011-resume-own-changes_spec.lua" },
  ["lua/o2x/effects/rds.lua: o2x resume"] = { by = "tests/e2e/restore_spec.lua" },
  ["lua/o2x/effects/service/send.lua: o2x resume"] = { by = "tests/unit/effects/service/send_spec.lua" },

  -- backups and restores
  ["lua/o2x/effects/archive/file.lua: o2x run runbooks"] = lists_backups,
  ["lua/o2x/effects/archive/init.lua: o2x run backup"] = lists_backups,
  ["lua/o2x/effects/rds.lua: o2x run backup"] = lists_backups,
  ["lua/o2x/effects/s3.lua: o2x run backup"] = lists_backups,
  ["stdlib/restore.lua: o2x run backup"] = lists_backups,
  ["stdlib/restore.lua: o2x run cache-clear"] = function()
    works(("o2x run cache-clear %s --confirm=%s"):format(TENANT, TENANT))
  end,
  ["lua/o2x/effects/archive/copy.lua: psql -d"] = { by = "tests/servers/effects/archive_hostile_spec.lua" },
  ["lua/o2x/client/pg/dump.lua: pg_restore -f"] = { by = "tests/servers/effects/archive_hostile_spec.lua" },
  ["lua/o2x/client/pg/dump_check.lua: pg_restore -f"] = { by = "tests/servers/effects/archive_hostile_spec.lua" },

  -- the systems' own clients, which show more
  ["lua/o2x/client/aws/route53.lua: aws route53"] = function() lab:aws("route53", "list-hosted-zones") end,
  ["lua/o2x/client/aws/s3.lua: aws s3"] = { by = "tests/reference/s3_spec.lua" },
  ["lua/o2x/client/k8s/discovery.lua: kubectl api-resources"] = function() works "kubectl api-resources" end,
  ["lua/o2x/client/vault/auth.lua: vault token"] = { "the vault command need not be installed" },
  ["lua/o2x/client/vault/init.lua: vault token"] = { "the label of a secret" },
  ["lua/o2x/effects/helm/init.lua: helm history"] = { by = "tests/servers/effects/helm_spec.lua" },
  ["lua/o2x/effects/helm/init.lua: helm rollback"] = { by = "tests/servers/effects/helm_spec.lua" },
  ["lua/o2x/effects/helm/init.lua: helm uninstall"] = { by = "tests/servers/effects/helm_spec.lua" },
  ["lua/o2x/effects/helm/render.lua: kubectl apply"] = { by = "tests/servers/effects/helm_spec.lua" },
  ["lua/o2x/effects/helm/rollback.lua: helm history"] = history_of,
  ["lua/o2x/effects/helm/stored.lua: helm get"] = function()
    works "helm get manifest newclient-service-sso --revision 1"
  end,
  ["lua/o2x/effects/pg/query.lua: psql -d"] = { by = "tests/servers/effects/pg_reads_spec.lua" },
  ["lua/o2x/engine/registration.lua: psql -d"] = function() works 'psql -d enginedevdb -c "select 1"' end,
  ["stdlib/deploy.lua: kubectl logs"] = logs,
  ["stdlib/ingress.lua: kubectl get"] = balancer,
  ["stdlib/rollback.lua: helm history"] = history_of,
  ["stdlib/scaling.lua: kubectl edit"] = { "opens an editor; autoscalers are in tests/e2e/scale_spec.lua" },
  ["stdlib/smoke.lua: kubectl describe"] = { by = "tests/e2e/smoke_spec.lua" },

  ["lua/o2x/policy/init.lua: aws iam"] = policy,
  ["lua/o2x/policy/init.lua: kubectl apply"] = { by = "tests/e2e/policy_spec.lua" },
  ["lua/o2x/policy/init.lua: psql -v"] = { by = "tests/e2e/policy_spec.lua" },
  ["lua/o2x/policy/init.lua: vault policy"] = policy,

  -- runbooks that send people to other runbooks
  ["stdlib/maintenance/status.lua: o2x run maintenance"] = in_maintenance,
  ["stdlib/registry.lua: o2x run onboard"] = creates_what_is_missing,
  ["stdlib/rollout.lua: o2x run onboard"] = creates_what_is_missing,
  ["stdlib/rollout.lua: o2x run deploy"] = { by = "tests/e2e/rollback_spec.lua" },
  ["stdlib/scaling.lua: o2x run maintenance"] = sets_replicas,

  -- the table of what is tried again: docs/retries.md
  ["lua/o2x/base/retry_rules/helm.lua: helm history"] = history_of,
  ["lua/o2x/base/retry_rules/helm.lua: kubectl auth"] = access,
  ["lua/o2x/base/retry_rules/helm.lua: kubectl describe"] = { "the lab has no quotas" },
  ["lua/o2x/base/retry_rules/helm.lua: kubectl get"] = looks_at_cluster,
  ["lua/o2x/base/retry_rules/helm.lua: o2x resume"] = resumes,
  ["lua/o2x/base/retry_rules/init.lua: o2x resume"] = resumes,
  ["lua/o2x/base/retry_rules/kubernetes.lua: kubectl auth"] = access,
  ["lua/o2x/base/retry_rules/kubernetes.lua: kubectl describe"] = { "the lab has no quotas" },
  ["lua/o2x/base/retry_rules/kubernetes.lua: kubectl get"] = looks_at_cluster,
  ["lua/o2x/base/retry_rules/kubernetes.lua: o2x resume"] = resumes,
  ["lua/o2x/base/retry_rules/postgresql.lua: o2x resume"] = { by = "tests/e2e/pg_resume_spec.lua" },
  ["lua/o2x/base/retry_rules/postgresql.lua: psql -l"] = databases,
  ["lua/o2x/base/retry_rules/service.lua: kubectl logs"] = logs,
  ["lua/o2x/base/retry_rules/vault.lua: vault operator"] = { "needs the unseal keys, which only people have" },
  ["lua/o2x/base/retry_rules/vault.lua: vault read"] = { "the vault command need not be installed" },
  ["lua/o2x/base/retry_rules/vault.lua: vault status"] = { "the vault command need not be installed" },

  -- credentials of AWS, charts of registries
  ["lua/o2x/client/aws/credentials/init.lua: aws configure"] = { "asks for keys at the terminal" },
  ["lua/o2x/client/aws/credentials/init.lua: o2x config"] = explains,
  ["lua/o2x/client/aws/credentials/profiles.lua: aws configure"] = { "older versions of aws do not have it" },
  ["lua/o2x/client/aws/credentials/role.lua: aws configure"] = { by = "tests/reference/aws_spec.lua" },
  ["lua/o2x/client/aws/credentials/sso.lua: aws configure"] = { "opens a browser" },
  ["lua/o2x/client/aws/credentials/sso.lua: aws sso"] = { "opens a browser" },
  ["lua/o2x/client/aws/credentials/static.lua: aws configure"] = { by = "tests/reference/aws_spec.lua" },
  ["lua/o2x/client/aws/support.lua: o2x config"] = explains,
  ["lua/o2x/client/helm/pull.lua: helm registry"] = { by = "tests/servers/client/helm/pull_spec.lua" },
  ["lua/o2x/client/helm/pull.lua: helm repo"] = { by = "tests/servers/client/helm/pull_spec.lua" },

  -- what runs stand on
  ["lua/o2x/engine/journal.lua: o2x runs"] = { by = "tests/e2e/moving_ground_spec.lua" },
  ["lua/o2x/engine/store.lua: o2x resume"] = { by = "tests/e2e/two_at_once_spec.lua" },
  ["lua/o2x/engine/store.lua: o2x run"] = { by = "tests/e2e/moving_ground_spec.lua" },
  ["lua/o2x/engine/store.lua: o2x show"] = is_done,
  ["lua/o2x/project/environment.lua: o2x runs"] = { "a sentence: the variables with which o2x runs" },

  ["lua/o2x/client/helm/releases.lua: kubectl delete"] = { by = "tests/servers/effects/helm/states_spec.lua" },
  ["lua/o2x/effects/helm/live.lua: kubectl delete"] = { by = "tests/unit/effects/helm/live_spec.lua" },
  ["lua/o2x/effects/helm/live.lua: kubectl get"] = { by = "tests/unit/effects/helm/live_spec.lua" },
  ["lua/o2x/effects/helm/stored.lua: kubectl delete"] = { by = "tests/servers/effects/helm/states_spec.lua" },
  ["lua/o2x/client/kubeconfig/init.lua: kubectl config"] = { by = "tests/reference/kubeconfig_spec.lua" },

  -- the documents of a tenant
  ["stdlib/handoff.lua: aws rds"] = { by = "tests/e2e/restore_spec.lua" },
  ["stdlib/handoff.lua: kubectl logs"] = function() works "kubectl logs -l tenant=newclient --tail=100" end,
  ["stdlib/handoff.lua: kubectl rollout"] = function()
    works "kubectl rollout restart deployment newclient-service-transactional"
  end,
  ["stdlib/handoff.lua: o2x plan runbooks"] = function() works "o2x plan runbooks/onboard.lua newclient" end,
}

-- The findings of diagnose are in a spec of their own.
for _, key in ipairs {
  "stdlib/diagnose.lua: kubectl cluster-info",
  "stdlib/diagnose/billing.lua: aws s3",
  "stdlib/diagnose/configuration.lua: psql -d",
  "stdlib/diagnose/configuration.lua: vault status",
  "stdlib/diagnose/configuration.lua: vault token",
  "stdlib/diagnose/findings.lua: o2x run",
  "stdlib/diagnose/latency.lua: redis-cli -u",
  "stdlib/diagnose/pods.lua: helm list",
  "stdlib/diagnose/pods.lua: kubectl delete",
  "stdlib/remedy.lua: kubectl -n",
  "stdlib/remedy.lua: o2x run",
  "stdlib/remedy.lua: psql -d",
} do
  ROWS[key] = { by = "tests/e2e/remedies_spec.lua" }
end
ROWS["stdlib/diagnose/billing.lua: curl -X"] = { "runs inside the cluster" }
ROWS["stdlib/diagnose/pods.lua: cmctl renew"] = { "cert-manager's own command, which the lab does not have" }
ROWS["lua/o2x/client/flyway/history.lua: flyway baseline"] = { "Flyway's own command, which the lab does not have" }
ROWS["lua/o2x/client/flyway/migrate.lua: flyway repair"] = { "Flyway's own command; a run proposes o2x's" }
ROWS["lua/o2x/effects/pg/migration.lua: o2x run migrations-repair"] = { by = "tests/e2e/migrations_spec.lua" }

-- The help of each runbook.
local HELP <const> = {
  ["backup"] = { "aws rds", "pg_restore -l" },
  ["cache-clear"] = { "o2x plan cache-clear", "redis-cli -u" },
  ["deploy"] = { "helm list", "o2x plan deploy", "o2x run rollback", "o2x run smoke" },
  ["diagnose"] = { "o2x plan --detailed-exitcode" },
  ["maintenance"] = { "curl -I", "kubectl get" },
  ["migrations-repair"] = { "flyway repair", "o2x plan migrations-repair", "o2x plan onboard", "o2x run onboard" },
  ["onboard"] = { "o2x plan onboard", "o2x resume", "o2x run rollback", "o2x run smoke" },
  ["restore"] = {
    "o2x plan restore",
    "o2x resume",
    "o2x run backup",
    "o2x run maintenance",
    "o2x run smoke",
    "psql -d",
  },
  ["rollback"] = { "helm list", "o2x plan rollback", "o2x run rollback", "o2x run smoke" },
  ["scale"] = { "kubectl get", "o2x plan scale", "o2x show" },
  ["vacuum"] = { "o2x plan vacuum", "o2x run vacuum" },
}

describe("what o2x proposes", function()
  setup(function()
    lab = labs.start()
    works("o2x run onboard " .. TENANT)
    works(("o2x run deploy %s services=service-usage image=v2.6.0 --confirm=%s"):format(TENANT, TENANT))
  end)
  teardown(function() lab:stop() end)

  it("is looked at here, command by command", function()
    local missing, known = {}, {}
    for name, list in pairs(HELP) do
      for _, command in ipairs(list) do
        known[("runbooks/%s.lua: %s"):format(name, command)] = true
      end
    end
    for key in pairs(ROWS) do
      known[key] = true
    end
    for _, key in ipairs(proposed.collect()) do
      if not known[key] then missing[#missing + 1] = key end
      known[key] = nil
    end
    assert.same({}, missing, "proposed without a row in tests/e2e/proposed_spec.lua")
    assert.same({}, known, "rows whose command nobody proposes")
    for key, row in pairs(ROWS) do
      local spec = type(row) == "table" and row.by
      assert(not spec or fs.exists(spec), ("%s: there is no %s"):format(key, tostring(spec)))
    end
  end)

  local done = {}
  local keys = {}
  for key in pairs(ROWS) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local row = ROWS[key]
    if type(row) == "function" and not done[row] then
      done[row] = true
      it("works: " .. key, row)
    end
  end

  for name in pairs(HELP) do
    it("works: the help of " .. name, help_of(name))
  end
end)
