--- PostgreSQL. `code` is the SQLSTATE, of a statement or of an attempt to connect.

local SESSIONS <const> =
  "close idle sessions (select pid, usename, state from pg_stat_activity) or raise the connection limit"
local LOCKS <const> = "another session holds the lock; look at pg_locks and pg_stat_activity"
local LOG <const> = "the server's log says why; pg_isready shows when it is back"
local PRIMARY <const> = "point PGHOST at the primary server"
local POOL <const> = "close idle clients, or raise the pooler's limits (SHOW POOLS; SHOW CONFIG)"
local BEHIND <const> = "look at the server behind the pooler, and at the pooler's log"

return {
  -- A commit may stand although the session was ended: it waits for its copies last.
  { code = "^57P0[12]", uncertain = true, verdict = "ask", means = "it stops in the middle of a commit", hint = LOG },
  { code = "^08006", uncertain = true, verdict = "ask", means = "the connection broke", hint = LOG },
  { code = "^40003", verdict = "ask", means = "it cannot say whether the statement was done", hint = LOG },
  -- What pgbouncer says has this state, whatever it is.
  {
    code = "^08P01",
    text = "server conn crashed",
    uncertain = true,
    verdict = "ask",
    means = "the server behind the pooler ended the session in a commit",
    hint = BEHIND,
  },
  {
    code = "^08P01",
    text = "server conn crashed",
    verdict = "later",
    means = "the server behind the pooler ended the session",
    hint = BEHIND,
  },
  { code = "^08P01", text = "query_wait_timeout", verdict = "later", means = "the pooler had no session", hint = POOL },
  {
    code = "^08P01",
    text = "cannot connect to server",
    verdict = "later",
    means = "the pooler does not reach its server",
    hint = BEHIND,
  },
  {
    code = "^08P01",
    text = "server login has been failing",
    verdict = "later",
    means = "the pooler's server does not let it in",
    hint = BEHIND,
  },
  { code = "^08P01", verdict = "never", kind = "unreachable", means = "it does not speak as expected" },
  {
    code = "^08001",
    verdict = "later",
    means = "it cannot be reached",
    hint = "check PGHOST and PGPORT",
    silent = true,
  },
  { code = "^08", verdict = "later", means = "the connection broke", hint = LOG },
  { code = "^53300", verdict = "later", means = "it has no free connections", hint = SESSIONS },
  { code = "^57P01", verdict = "later", means = "an administrator ended the session", hint = LOG },
  { code = "^57P02", verdict = "later", means = "another session crashed", hint = LOG },
  { code = "^57P03", verdict = "later", means = "it is starting, recovering or stopping", hint = LOG },
  { code = "^57P05", verdict = "later", means = "it ended the idle session", hint = LOG },
  { code = "^25P03", verdict = "later", means = "it ended the idle transaction", hint = LOG },
  { code = "^40001", verdict = "later", kind = "conflict", means = "another transaction came first", hint = LOCKS },
  {
    code = "^40P01",
    verdict = "later",
    kind = "conflict",
    means = "two transactions wait for each other",
    hint = LOCKS,
  },
  { code = "^55006", verdict = "later", kind = "conflict", means = "somebody else uses the object", hint = LOCKS },
  { code = "^55P03", verdict = "later", kind = "timeout", means = "another session holds the lock", hint = LOCKS },
  { code = "^57014", verdict = "never", kind = "timeout", means = "the statement took too long or was cancelled" },
  {
    code = "^25006",
    verdict = "never",
    means = "it is a standby, or set to read only: it takes no writes",
    hint = PRIMARY,
  },
  {
    code = "^0A000",
    text = "during recovery",
    verdict = "never",
    means = "it is a standby: no writes",
    hint = PRIMARY,
  },
  { code = "^55000", text = "recovery is in progress", verdict = "never", means = "it is a standby", hint = PRIMARY },
  {
    code = "^53100",
    verdict = "never",
    means = "its disk is full",
    hint = "free disk space on the server, then o2x resume",
  },
  { code = "^53200", verdict = "later", means = "it is out of memory", hint = LOG },
  { code = "^3D000", verdict = "never", means = "there is no such database", hint = "psql -l lists the databases" },
  { code = "^28", verdict = "never", kind = "unauthorised", means = "the login is refused" },
  { code = "^42501", verdict = "never", kind = "unauthorised", means = "the role lacks the privilege" },
  { code = "^23505", verdict = "never", kind = "conflict", means = "there is one already" },
  { code = "^42P04", verdict = "never", kind = "conflict", means = "there is one already" },
}
