--- Vault's answers.

local ACTIVE <const> = "point VAULT_ADDR at the active server"
local CLUSTER <const> = "look at the cluster: vault operator raft list-peers, vault status"

return {
  {
    status = "^400$",
    text = "[Uu]pgrading from non%-versioned",
    verdict = "later",
    means = "the key-value store is being upgraded to version 2",
    hint = "wait until Vault has upgraded it",
  },
  {
    status = "^412$",
    verdict = "later",
    means = "this server has not replicated an earlier write yet",
    hint = ACTIVE,
  },
  {
    status = "^429$",
    text = "lease count",
    verdict = "later",
    means = "over its limit of leases",
    hint = "vault read sys/quotas/config; raise the quota or revoke old leases",
  },
  {
    status = "^429$",
    verdict = "later",
    means = "rate limit exceeded",
    hint = "vault list sys/quotas/rate-limit shows the quotas; raise the one that is too low",
  },
  {
    status = "^472$",
    verdict = "later",
    means = "this server is a disaster-recovery standby",
    hint = ACTIVE,
  },
  { status = "^473$", verdict = "later", means = "this server is a performance standby", hint = ACTIVE },
  {
    status = "^500$",
    text = "node not active",
    verdict = "later",
    means = "the cluster elects a leader",
    hint = CLUSTER,
  },
  { status = "^500$", text = "no leader", verdict = "later", means = "the cluster elects a leader", hint = CLUSTER },
  { status = "^501$", verdict = "later", means = "Vault is not initialised", hint = "vault operator init" },
  { status = "^503$", text = "sealed", verdict = "later", means = "Vault is sealed", hint = "vault operator unseal" },
  { status = "^503$", verdict = "later", means = "Vault is not available", hint = "vault status shows its state" },
  {
    status = "^3%d%d$",
    verdict = "never",
    kind = "unreachable",
    means = "redirected",
    hint = "o2x does not follow redirects: " .. ACTIVE,
  },
}
