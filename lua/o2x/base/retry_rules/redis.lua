--- Redis. `code` is the first word of its error. What o2x sends can be sent twice, so a broken connection is no doubt.

local CLUSTER <const> = "o2x needs a server with cluster mode disabled; point REDIS_URL at one"
local FAILOVER <const> = "a failover may be under way; else point REDIS_URL at the master"
local PERSIST <const> = "its log says why it cannot write to its disk"

return {
  {
    code = "^NOAUTH$",
    verdict = "never",
    kind = "unauthorised",
    means = "it needs a password",
    hint = "set the password: REDISCLI_AUTH, or REDIS_URL=redis://user:password@host:port",
  },
  {
    code = "^WRONGPASS$",
    verdict = "never",
    kind = "unauthorised",
    means = "it refuses the password",
    hint = "check REDISCLI_AUTH, or user and password in REDIS_URL",
  },
  {
    code = "^NOPERM$",
    verdict = "never",
    kind = "unauthorised",
    means = "the user lacks the permission",
    hint = "the Redis user lacks this permission (ACL)",
  },
  {
    code = "^DENIED$",
    verdict = "never",
    kind = "unauthorised",
    means = "it is in protected mode",
    hint = "set a password on the server, or bind it to this network",
  },
  { code = "^READONLY$", verdict = "later", means = "it is a replica", hint = "this is a replica: " .. FAILOVER },
  { code = "^MASTERDOWN$", verdict = "later", means = "it is a replica without its master", hint = FAILOVER },
  { code = "^LOADING$", verdict = "later", means = "it is loading its data", hint = "Redis is loading its data: wait" },
  {
    code = "^BUSY$",
    verdict = "later",
    means = "a script blocks it",
    hint = "a script is blocking Redis: SCRIPT KILL",
  },
  {
    code = "^UNKILLABLE$",
    verdict = "later",
    means = "a script blocks it",
    hint = "a script that has written blocks Redis",
  },
  { code = "^TRYAGAIN$", verdict = "later", means = "it is moving the keys", hint = "wait until the slots have moved" },
  {
    code = "^CLUSTERDOWN$",
    verdict = "later",
    means = "the cluster is incomplete",
    hint = "redis-cli --cluster check shows what is missing",
  },
  {
    code = "^MOVED$",
    verdict = "never",
    means = "it is a Redis cluster",
    hint = "this is a Redis cluster; " .. CLUSTER,
  },
  { code = "^ASK$", verdict = "never", means = "it is a Redis cluster", hint = "this is a Redis cluster; " .. CLUSTER },
  {
    code = "^CROSSSLOT$",
    verdict = "never",
    means = "it is a Redis cluster",
    hint = "this is a Redis cluster; " .. CLUSTER,
  },
  { code = "^OOM$", verdict = "later", means = "its memory is full", hint = "raise maxmemory, or remove keys" },
  { code = "^NOREPLICAS$", verdict = "later", means = "it has too few replicas", hint = "look at INFO replication" },
  { code = "^MISCONF$", verdict = "later", means = "it cannot save its data", hint = PERSIST },
  {
    code = "^ERR$",
    text = "max number of clients",
    verdict = "later",
    means = "it has no free connections",
    hint = "close idle connections (CLIENT LIST), or raise maxclients",
  },
  { code = "^session$", verdict = "later", means = "the connection broke", hint = "check the server and its log" },
}
