-- o2x and redis-cli with the same URL and the same REDISCLI_AUTH: the same user and database, or both refused.

local proc = require "o2x.base.proc"
local redis = require "o2x.client.redis"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

-- url: %P is the port, %W the server's password; auth: REDISCLI_AUTH
local NAMELESS <const> =
  "redis-cli takes :password@ for a user without a name; o2x, as other clients, for the default one"

local CASES <const> = {
  { "redis://:%W@127.0.0.1:%P", differs = NAMELESS },
  { "redis://:%W@127.0.0.1:%P/", differs = NAMELESS },
  { "redis://:%W@127.0.0.1:%P/0", differs = NAMELESS },
  { "redis://:%W@127.0.0.1:%P/7", differs = NAMELESS },
  { "redis://:%W@127.0.0.1:%P/15", differs = NAMELESS },
  { "redis://:%W@127.0.0.1:%P/16" },
  { "redis://default:%W@127.0.0.1:%P/1" },
  { "redis://app:app-password@127.0.0.1:%P/2" },
  { "redis://app:app%2Dpassword@127.0.0.1:%P/2" },
  { "redis://odd:p%40ss%3Aw%2Fo%25rd@127.0.0.1:%P/3" },
  { "redis://u%2Fv:x@127.0.0.1:%P" },
  { "redis://app:wrong@127.0.0.1:%P" },
  { "redis://nobody:x@127.0.0.1:%P" },
  { "redis://127.0.0.1:%P/4", auth = "%W" },
  { "redis://127.0.0.1:%P/4", auth = "wrong" },
  { "redis://127.0.0.1:%P/4" },
  { "redis://app:app-password@127.0.0.1:%P/5", auth = "%W" },
  { "redis://:%W@localhost:%P/6", differs = NAMELESS },
  { "redis://app@127.0.0.1:%P", auth = "app-password", differs = "redis-cli takes a lone word for the password" },
  { "redis://default:%W@127.0.0.1:%P" },
  { "redis://default:%W@localhost:%P/6" },
  { "redis://default:%W@127.0.0.1:%P/16", differs = "redis-cli stays in database 0 where there is no such database" },
  { "redis://127.0.0.1:1/0" },
  { "http://:%W@127.0.0.1:%P" },
  { "127.0.0.1:%P" },
  { "redis://:%W@127.0.0.1:99999" },
  { "redis://default:%W@127.0.0.1:%P/x", differs = "redis-cli takes any word for database 0; o2x wants a number" },
  { "redis://default:%W@127.0.0.1:%P/-1", differs = "redis-cli sends SELECT -1 and goes on; o2x wants a number" },
  { "redis://:%zz@127.0.0.1:%P" },
}

describe("Redis by o2x and by redis-cli", function()
  local server
  local alike, different = 0, 0

  local function cli(...) return server.client("redis-cli", "--no-auth-warning", "-u", server.env.REDIS_URL, ...) end

  setup(function()
    server = servers.start "redis"
    cli("ACL", "SETUSER", "app", "on", ">app-password", "~*", "&*", "+@all")
    cli("ACL", "SETUSER", "odd", "on", ">p@ss:w/o%rd", "~*", "&*", "+@all")
    cli("ACL", "SETUSER", "u/v", "on", ">x", "~*", "&*", "+@all")
  end)
  teardown(function()
    server.stop()
    print(("redis: %d cases, %d alike, %d different on purpose"):format(#CASES, alike, different))
  end)

  local function fill(text)
    return text and text:gsub("%%P", tostring(server.port)):gsub("%%W", server.state.password) or nil
  end

  -- "USER in database N", or "refused"
  local function of(user, info)
    local db = info:match "db=(%d+)"
    return db and user ~= "" and ("%s in database %s"):format(user, db) or "refused"
  end

  local function by_cli(case)
    local result = proc.run {
      argv = {
        "sh",
        "-c",
        'printf "ACL WHOAMI\\nCLIENT INFO\\n" | redis-cli --no-auth-warning -u "$1"',
        "sh",
        fill(case[1]),
      },
      env = { REDISCLI_AUTH = fill(case.auth) },
      timeout = 20,
    }
    local user, info = result.stdout:match "^(%S+)\n(.*)$"
    if not user or user:find "^NO" or user:find "^WRONG" or user:find "^ERR" then return "refused" end
    return of(user, info)
  end

  local function by_o2x(case)
    local ok, found = pcall(function()
      local auth = fill(case.auth)
      local client = redis.connect {
        url = secret.new(fill(case[1]), "redis.url"),
        password = auth and secret.new(auth, "redis.password") or nil,
        connect_timeout = 2,
      }
      local answers = client:pipeline { { "ACL", "WHOAMI" }, { "CLIENT", "INFO" } }
      client:close()
      return of(answers[1], answers[2])
    end)
    return ok and found or "refused"
  end

  for _, case in ipairs(CASES) do
    it(case[1] .. (case.auth and " and REDISCLI_AUTH" or ""), function()
      local theirs, ours = by_cli(case), by_o2x(case)
      if case.differs then
        assert.are_not.equal(theirs, ours, "no longer differs: " .. case.differs)
        different = different + 1
      else
        assert.equal(theirs, ours)
        alike = alike + 1
      end
    end)
  end
end)
