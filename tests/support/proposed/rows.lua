--- Every command that a message, a hint or a help text proposes has its row here: a function that brings the state
--- about, pastes the command as it was printed, and looks at what came of it; or the spec that does so; or the reason
--- why it cannot run here. tests/house/proposed_spec.lua fails where a proposal has no row, and
--- tests/e2e/proposed_spec.lua plays the functions.

local assert = require "luassert"
local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local paste = require "tests.support.proposed.paste"

local M = {}

--- The tenant that the rows are played for.
M.TENANT = "newclient"

local lab

local function works(command) return paste.works(lab, command) end

-- ---- in the lab ----

local TENANT <const> = M.TENANT

-- What a runbook asks for when it is planned as its help says.
local ASKS <const> = {
  ["o2x plan runbooks/restart.lua newclient"] = "missing parameter services",
  ["o2x plan runbooks/restore.lua newclient"] = "give exactly one of archive=FILE",
}

-- What the help of a runbook proposes for a tenant. What has … or RUN in it is a form to fill in.
local function help_of(runbook)
  return function()
    local text = lab:o2x({ "info", runbook }).stdout:gsub("TENANT", TENANT)
    for command, after in text:gmatch("(o2x %l+ [%w./-]+ " .. TENANT .. "[%w=. -]*)([^\n]*)") do
      command = command:gsub(" shows.*", ""):gsub("[. ]+$", "")
      local asks = ASKS[command]
      if asks then
        assert.matches(asks, paste.run(lab, command).stderr, 1, true)
      elseif not after:find "^…" and not command:find "RUN" then
        works(command)
      end
    end
    for _, pattern in ipairs { "kubectl get [^;,()\n]+", "helm list", "psql %-d [^:;()\n]+" } do
      for command in text:gmatch(pattern) do
        works(command)
      end
    end
  end
end

local function lists_backups() works(("o2x run backup %s list=true"):format(TENANT)) end

local function stops_in_order()
  local refused = lab:o2x { "run", "scale", TENANT, "service=service-billing", "replicas=0", "--confirm=" .. TENANT }
  assert.are_not.equal(0, refused.code)
  works(paste.commands(refused, "(o2x run maintenance %S+ mode=on %S+) stops"))
  works(("o2x run maintenance %s mode=off --confirm=%s"):format(TENANT, TENANT))
end

local function creates_what_is_missing()
  local refused = lab:o2x { "run", "deploy", "acme-sbx", "--confirm=acme-sbx" }
  assert.are_not.equal(0, refused.code)
  works(paste.commands(refused, "o2x run onboard acme%-sbx"))
  works "o2x run deploy acme-sbx services=service-sso --confirm=acme-sbx"
end

local function in_maintenance()
  works(("o2x run maintenance %s mode=on --confirm=%s"):format(TENANT, TENANT))
  local refused = lab:o2x { "run", "deploy", TENANT, "--confirm=" .. TENANT }
  works(paste.commands(refused, "o2x run maintenance [^\n]+"))
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

-- The example in the help of prove: what it plays, and what comes first.
local function prove_example()
  local text = lab:o2x({ "help", "prove" }).stdout
  local first = assert(text:match "%-%-after='(o2x run maintenance [^'\n]+)'", text)
  works((first:gsub("urbanos", TENANT)))
  local then_ = assert(text:match "o2x prove (maintenance [^\n]-) *\\", text)
  works("o2x plan " .. then_:gsub(" %-%-confirm=%S+", ""):gsub("urbanos", TENANT))
  works(("o2x run maintenance %s mode=off --confirm=%s"):format(TENANT, TENANT))
end

local function makes_project()
  local folder = fs.temp_folder "/tmp/o2x-proposed "
  local _remove <close> = defer(function() fs.remove_tree(folder) end)
  local options = { cwd = folder }
  local printed = paste.works(lab, "o2x init ours", options)
  local lines = paste.commands(printed, "next: (.*)$")
  for command in lines:gmatch "[^\n]+" do
    local whole = ("cd ours && " .. command):gsub("^cd ours && cd ours", "cd ours")
    local result = paste.run(lab, whole, options)
    local looks = command:find "doctor$" and (result.code == 2 or result.code == 4) -- it may find something
    assert(result.code == 0 or looks, whole .. result.stderr)
  end
  options.cwd = folder .. "/ours"
  paste.works(lab, "o2x config explain", options)
end

local function lists() works "o2x list && o2x list --tenants" end

local function explains() works "o2x config explain" end

local ROWS = {
  -- what is wrong is in words; the command shows the configuration

  ["lua/o2x/cli/lab.lua: make install-lab"] = { by = "tests/servers/lab/command_spec.lua" },

  -- what a rehearsal proposes
  ["lua/o2x/engine/rehearsal/arrival.lua: o2x rehearse"] = { by = "tests/e2e/rehearse_spec.lua" },
  ["lua/o2x/engine/rehearsal/place.lua: make install-lab"] = { by = "tests/servers/lab/command_spec.lua" },
  ["lua/o2x/engine/rehearsal/place.lua: o2x lab"] = { by = "tests/e2e/rehearse_spec.lua" },

  -- words that are missing or in another order, projects
  ["lua/o2x/cli/args.lua: o2x list"] = lists,
  ["lua/o2x/cli/commands.lua: o2x list"] = lists,
  ["lua/o2x/cli/project.lua: git init"] = makes_project,
  ["lua/o2x/cli/project.lua: o2x check"] = makes_project,
  ["lua/o2x/cli/project.lua: o2x doctor"] = makes_project,
  ["lua/o2x/cli/project.lua: o2x list"] = makes_project,
  ["lua/o2x/cli/project.lua: o2x config"] = makes_project,
  ["lua/o2x/cli/project.lua: o2x init"] = makes_project,
  ["lua/o2x/base/retry_rules/network.lua: o2x config"] = explains,
  ["lua/o2x/client/k8s/ready.lua: kubectl describe"] = { by = "tests/e2e/hints_spec.lua" },
  ["lua/o2x/engine/fleet.lua: o2x config"] = explains,
  ["lua/o2x/project/tenant_files.lua: o2x config"] = explains,

  -- what o2x prove proposes
  ["lua/o2x/cli/prove.lua: o2x prove"] = prove_example,
  ["lua/o2x/cli/prove.lua: o2x run RUNBOOK"] = { "a form to fill in" },
  ["lua/o2x/client/pg/error.lua: o2x policy"] = { "a form to fill in; tests/e2e/policy_spec.lua applies it" },
  ["lua/o2x/cli/prove.lua: o2x run maintenance"] = prove_example,
  ["lua/o2x/prove/base.lua: o2x prove"] = { "what it needs, in a sentence" },
  ["lua/o2x/prove/certificate.lua: o2x prove"] = { by = "tests/e2e/prove_spec.lua" },
  ["lua/o2x/prove/forks.lua: o2x prove"] = { "what has ended, in a sentence" },

  ["lua/o2x/engine/story.lua: o2x audit"] = { by = "tests/e2e/audit_spec.lua" },

  -- the commands of a checklist
  ["lua/o2x/cli/guide.lua: o2x guide"] = { by = "tests/e2e/guide_spec.lua" },
  ["lua/o2x/effects/dns.lua: aws route53"] = { by = "tests/e2e/guide_spec.lua" },
  ["lua/o2x/effects/files.lua: o2x plan would"] = { "what is written, in a sentence" },
  ["lua/o2x/effects/k8s/commands.lua: kubectl create"] = { by = "tests/e2e/guide_spec.lua" },
  ["lua/o2x/effects/pg/migration_repair.lua: flyway repair"] = {
    "Flyway's own command, which the lab does not have",
  },
  ["lua/o2x/effects/redis.lua: redis-cli -u"] = { by = "tests/e2e/guide_spec.lua" },
  ["lua/o2x/effects/service/by_hand.lua: curl -fsS"] = { by = "tests/e2e/guide_spec.lua" },
  ["lua/o2x/effects/webhook.lua: curl -fsS"] = { "the address of the webhook is a secret of the operator" },

  -- resume, after each kind of end

  -- backups and restores
  ["stdlib/restore.lua: o2x run backup"] = lists_backups,
  ["stdlib/restore.lua: o2x run cache-clear"] = function()
    local command = "o2x run cache-clear %s --confirm=%s"
    assert.truthy(fs.read("stdlib/restore.lua"):find(command, 1, true))
    works(command:format(TENANT, TENANT))
  end,
  ["lua/o2x/client/pg/dump.lua: pg_restore -f"] = { "the same command as dump_check.lua's, for text that is no SQL" },

  -- the systems' own clients, which show more
  ["lua/o2x/client/aws/route53.lua: aws route53"] = function() lab:aws("route53", "list-hosted-zones") end,
  ["lua/o2x/client/aws/s3.lua: aws s3"] = { "for archives larger than 5 GB, which are not made here" },
  ["lua/o2x/cli/audit.lua: o2x audit"] = { by = "tests/pages/audit.txt" },
  ["lua/o2x/engine/audit.lua: o2x run"] = { by = "tests/e2e/audit_spec.lua" },
  ["lua/o2x/client/k8s/ready.lua: kubectl delete"] = { by = "tests/e2e/audit_spec.lua" },
  ["lua/o2x/client/k8s/discovery.lua: kubectl api-resources"] = function() works "kubectl api-resources" end,
  ["lua/o2x/client/vault/auth.lua: vault token"] = { "the vault command need not be installed" },
  ["stdlib/restore.lua: o2x resume"] = { "tests/regress/725-last-lines-of-what-was-not-done_spec.lua" },
  ["stdlib/restore.lua: o2x undo"] = { "tests/regress/725-last-lines-of-what-was-not-done_spec.lua" },
  ["lua/o2x/client/vault/mount.lua: vault kv"] = { "the vault command need not be installed" },
  ["lua/o2x/client/vault/mount.lua: vault secrets"] = { "the vault command need not be installed" },
  ["lua/o2x/client/vault/init.lua: vault token"] = { "the label of a secret" },
  ["lua/o2x/engine/registration.lua: psql -d"] = function() works 'psql -d enginedevdb -c "select 1"' end,
  ["stdlib/deploy.lua: kubectl logs"] = logs,
  ["stdlib/ingress.lua: kubectl get"] = balancer,
  ["stdlib/diagnose/names.lua: kubectl get"] = balancer,
  ["stdlib/rollback.lua: helm history"] = history_of,
  ["stdlib/rollback.lua: o2x run diagnose"] = { by = "tests/regress/746-next-that-cannot-work_spec.lua" },
  ["stdlib/scaling.lua: kubectl -n"] = { "opens an editor; autoscalers are in tests/e2e/scale_spec.lua" },

  ["lua/o2x/policy/init.lua: aws iam"] = policy,
  ["lua/o2x/policy/init.lua: kubectl apply"] = { by = "tests/e2e/policy_spec.lua" },
  ["lua/o2x/policy/init.lua: psql -v"] = { by = "tests/e2e/policy_spec.lua" },
  ["lua/o2x/policy/init.lua: vault policy"] = policy,

  -- runbooks that send people to other runbooks
  ["stdlib/maintenance/status.lua: o2x run maintenance"] = in_maintenance,
  ["lua/o2x/cli/plan.lua: o2x plan adopt"] = { by = "tests/e2e/adopt_spec.lua" },
  ["stdlib/adoption/tenant.lua: o2x run onboard"] = { "the tenant's file is to be written first" },
  ["stdlib/registry.lua: o2x run onboard"] = creates_what_is_missing,
  ["stdlib/rollout.lua: o2x run onboard"] = creates_what_is_missing,
  ["stdlib/scaling.lua: o2x run maintenance"] = stops_in_order,

  -- the table of what is tried again: docs/retries.md
  ["lua/o2x/base/retry_rules/helm.lua: helm history"] = history_of,
  ["lua/o2x/base/retry_rules/helm.lua: kubectl auth"] = access,
  ["lua/o2x/base/retry_rules/helm.lua: kubectl describe"] = { "the lab has no quotas" },
  ["lua/o2x/base/retry_rules/helm.lua: kubectl get"] = looks_at_cluster,
  ["lua/o2x/base/retry_rules/kubernetes.lua: kubectl auth"] = access,
  ["lua/o2x/base/retry_rules/kubernetes.lua: kubectl describe"] = { "the lab has no quotas" },
  ["lua/o2x/base/retry_rules/kubernetes.lua: kubectl get"] = looks_at_cluster,
  ["lua/o2x/base/retry_rules/postgresql.lua: psql -l"] = databases,
  ["lua/o2x/base/retry_rules/service.lua: kubectl logs"] = logs,
  ["lua/o2x/base/retry_rules/redis.lua: redis-cli --cluster"] = { "the lab's Redis is no cluster" },
  ["lua/o2x/base/retry_rules/vault.lua: vault list"] = { "the vault command need not be installed" },
  ["lua/o2x/base/retry_rules/vault.lua: vault operator"] = { "needs the unseal keys, which only people have" },
  ["lua/o2x/base/retry_rules/vault.lua: vault read"] = { "the vault command need not be installed" },
  ["lua/o2x/base/retry_rules/vault.lua: vault status"] = { "the vault command need not be installed" },

  -- credentials of AWS, charts of registries
  ["lua/o2x/client/aws/credentials/profiles.lua: aws configure"] = { "older versions of aws do not have it" },
  ["lua/o2x/client/aws/credentials/role.lua: aws configure"] = { "aws asks for the code of a device" },
  ["lua/o2x/client/aws/credentials/sso.lua: aws configure"] = { "opens a browser" },
  ["lua/o2x/client/aws/credentials/sso.lua: aws sso"] = { "opens a browser" },
  ["lua/o2x/client/aws/credentials/static.lua: aws configure"] = {
    "needs what aws login leaves, which opens a browser",
  },
  ["lua/o2x/client/helm/pull.lua: helm show"] = { "asks a registry that did not have the chart" },
  ["lua/o2x/client/helm/pull.lua: helm registry"] = {
    "asks for a password at the terminal; tests/servers/client/helm/pull_spec.lua has logins",
  },
  ["lua/o2x/client/helm/pull.lua: helm repo"] = {
    "asks for a password at the terminal; tests/servers/client/helm/pull_spec.lua has logins",
  },

  -- what runs stand on

  -- the documents of a tenant
  ["stdlib/handoff.lua: aws rds"] = { "a form to fill in; snapshots are in tests/e2e/restore_spec.lua" },
  ["stdlib/handoff.lua: kubectl logs"] = function() works "kubectl logs -l tenant=newclient --tail=100" end,
  ["stdlib/handoff.lua: kubectl rollout"] = function()
    works "kubectl rollout restart deployment newclient-service-transactional"
  end,
  ["stdlib/handoff.lua: o2x plan runbooks"] = function() works "o2x plan runbooks/onboard.lua newclient" end,
}

for _, part in ipairs { "toy", "resume", "unfinished", "releases", "data", "access" } do
  for key, row in pairs(require("tests.support.proposed." .. part)) do
    assert(not ROWS[key], key .. " has two rows")
    ROWS[key] = row
  end
end

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
  "stdlib/diagnose/configuration.lua: kubectl get",
  "stdlib/diagnose/payments.lua: kubectl get",
  "stdlib/diagnose/pods.lua: kubectl describe",
  "stdlib/diagnose/pods.lua: kubectl logs",
  "stdlib/remedy.lua: kubectl -n",
  "stdlib/diagnose/pods.lua: kubectl rollout",
  "stdlib/remedy.lua: kubectl get",
  "stdlib/remedy.lua: kubectl logs",
  "stdlib/remedy.lua: kubectl rollout",
  "stdlib/remedy.lua: o2x run",
  "stdlib/remedy.lua: psql -d",
} do
  ROWS[key] = { by = "tests/e2e/remedies_spec.lua" }
end
for _, key in ipairs {
  "cli/apply.lua: o2x plan --out",
  "cli/plan.lua: o2x apply",
  "cli/plan.lua: o2x plan RUNBOOK",
  "engine/fleet.lua: o2x plan",
  "engine/plan_file.lua: o2x plan",
  "engine/plan_file.lua: o2x plan RUNBOOK",
  "engine/planned.lua: o2x plan",
} do
  ROWS["lua/o2x/" .. key] = { by = "tests/e2e/apply_spec.lua" }
end
for _, key in ipairs {
  "cli/undo.lua: o2x resume",
  "cli/undo.lua: o2x show",
  "effects/pg/database.lua: o2x resume",
  "engine/undo.lua: o2x resume",
  "engine/undo.lua: o2x show",
  "engine/undone.lua: o2x resume",
} do
  ROWS["lua/o2x/" .. key] = { by = "tests/e2e/undo_spec.lua" }
end
for _, key in ipairs {
  "effects/pg/fence.lua: o2x locks",
  "effects/pg/fence.lua: o2x resume",
  "engine/held.lua: o2x locks",
  "engine/lock_words.lua: o2x locks",
  "engine/lock_words.lua: o2x resume",
} do
  ROWS["lua/o2x/" .. key] = { by = "tests/e2e/lock_spec.lua" }
end
for _, key in ipairs { "cli/locks.lua: o2x locks", "cli/locks.lua: o2x log", "engine/lock_words.lua: o2x show" } do
  ROWS["lua/o2x/" .. key] = { by = "tests/regress/571-words-of-locks_spec.lua" }
end
ROWS["lua/o2x/client/pg/own_tables.lua: psql -d"] = { by = "tests/servers/client/pg/own_tables_spec.lua" }
ROWS["lua/o2x/engine/step_by_step.lua: o2x resume"] = { by = "tests/e2e/step_by_step_spec.lua" }
for _, key in ipairs {
  "cli/capsule.lua: o2x config",
  "cli/capsule.lua: o2x replay",
  "cli/replay.lua: o2x capsule",
  "cli/replay_test.lua: o2x replay",
  "engine/capsule.lua: o2x capsule",
  "project/config.lua: o2x replay",
} do
  ROWS["lua/o2x/" .. key] = { by = "tests/e2e/capsule_spec.lua" }
end
for _, key in ipairs {
  "cli/capsule.lua: o2x apply",
  "cli/capsule.lua: o2x runs",
  "cli/replay_test.lua: o2x capsule",
  "engine/capsule.lua: o2x apply",
} do
  ROWS["lua/o2x/" .. key] = { by = "tests/e2e/capsule_kinds_spec.lua" }
end
ROWS["lua/o2x/engine/capsule.lua: o2x verify"] = { by = "tests/e2e/capsule_undo_spec.lua" }
for _, command in ipairs {
  "fleet_undo.lua: o2x resume",
  "fleet_undo.lua: o2x runs",
  "fleet_undo.lua: o2x undo",
  "fleet.lua: o2x undo",
} do
  ROWS["lua/o2x/cli/" .. command] = { by = "tests/e2e/fleet_undo_spec.lua" }
end
for _, file in ipairs { "cli/ending", "cli/undo", "engine/store", "engine/undo", "engine/undone" } do
  ROWS[("lua/o2x/%s.lua: o2x undo"):format(file)] = { by = "tests/e2e/undo_spec.lua" }
end
ROWS["stdlib/diagnose/billing.lua: curl -X"] = { "runs inside the cluster" }
ROWS["stdlib/diagnose/pods.lua: helm get"] = { by = "tests/e2e/adopt_odd_spec.lua" }
ROWS["stdlib/diagnose/pods.lua: cmctl renew"] = { "cert-manager's own command, which the lab does not have" }
ROWS["lua/o2x/client/flyway/history.lua: flyway baseline"] = { "Flyway's own command, which the lab does not have" }
ROWS["lua/o2x/client/flyway/migrate.lua: flyway repair"] = { "Flyway's own command; a run proposes o2x's" }
ROWS["lua/o2x/effects/pg/migration.lua: o2x run migrations-repair"] = { by = "tests/e2e/migrations_spec.lua" }

-- What o2x doctor proposes.
for _, key in ipairs {
  "cli/doctor.lua: o2x config",
  "doctor/init.lua: o2x config",
  "policy/rights/kubernetes.lua: kubectl apply",
  "doctor/kubernetes.lua: kubectl config",
  "policy/rights/kubernetes.lua: o2x policy",
  "policy/rights/kubernetes.lua: kubectl api-resources",
  "doctor/machine.lua: chmod go-rwx",
  "doctor/machine.lua: o2x runs",
  "policy/rights/postgresql.lua: o2x policy",
  "policy/rights/postgresql.lua: psql -d",
  "policy/rights/postgresql.lua: psql -v",
  "doctor/project.lua: o2x check",
  "doctor/project.lua: o2x config",
  "doctor/project.lua: o2x help",
  "policy/rights/redis.lua: redis-cli -u",
  "doctor/services.lua: aws sts",
  "doctor/services.lua: kubectl -n",
  "doctor/services.lua: o2x config",
  "doctor/services.lua: o2x policy",
  "policy/rights/vault.lua: o2x policy",
  "doctor/vault.lua: vault operator",
  "policy/rights/vault.lua: vault policy",
  "effects/rights.lua: o2x doctor",
  "doctor/vault.lua: vault token",
} do
  ROWS["lua/o2x/" .. key] = { by = "tests/e2e/doctor_spec.lua" }
end

ROWS["lua/o2x/cli/capsule.lua: o2x export"] = { by = "tests/regress/555-exported-logs_spec.lua" }
ROWS["lua/o2x/engine/same_again.lua: o2x run"] = { by = "tests/regress/557-next-after-a-rollback_spec.lua" }

ROWS["lua/o2x/engine/commit.lua: o2x resume"] = { by = "tests/e2e/commit_spec.lua" }
ROWS["lua/o2x/base/retry_rules/dns.lua: o2x config"] = { by = "tests/e2e/doctor_spec.lua" }
for _, command in ipairs { "replay", "resume", "undo" } do
  ROWS["lua/o2x/engine/elsewhere.lua: o2x " .. command] = { by = "tests/e2e/two_people_spec.lua" }
end
ROWS["lua/o2x/engine/checkout.lua: git clone"] = { by = "tests/e2e/commit_trees_spec.lua" }
ROWS["lua/o2x/engine/checkout.lua: git config"] = { by = "tests/e2e/commit_spec.lua" }

ROWS["lua/o2x/effects/pg/login_review.lua: kubectl edit"] = { by = "tests/e2e/audit_places_spec.lua" }

-- The help of each runbook.
local HELP <const> = {
  ["adopt"] = { "o2x plan adopt", "o2x plan onboard", "o2x run onboard", "o2x run smoke", "o2x undo" },
  ["backup"] = { "aws rds", "pg_restore -l" },
  ["cache-clear"] = { "o2x plan cache-clear", "redis-cli -u" },
  ["deploy"] = { "helm list", "o2x plan deploy", "o2x run rollback", "o2x run smoke" },
  ["diagnose"] = { "o2x plan --detailed-exitcode" },
  ["maintenance"] = { "curl -I", "kubectl get" },
  ["migrations-repair"] = { "flyway repair", "o2x plan migrations-repair", "o2x plan onboard", "o2x run onboard" },
  ["onboard"] = { "o2x plan onboard", "o2x resume", "o2x run rollback", "o2x run smoke", "o2x undo" },
  ["restart"] = { "kubectl get", "kubectl rollout" },
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

--- The rows, by "FILE: COMMAND".
M.ROWS = ROWS

--- What the help of each runbook proposes, by its name.
M.HELP = HELP

--- What plays the proposals of a runbook's help.
---@param runbook string
---@return fun()
M.help_of = help_of

--- The lab in which the rows are played.
---@param one table
function M.use(one) lab = one end

return M
