-- Faults that take exactly the nth request, statement or command: what the client sees, and whether it took effect.

local labs = require "o2x.prove.lab"
local proc = require "o2x.base.proc"

describe("a fault of the nth", function()
  local lab, folder_env
  setup(function()
    lab = labs.start { relays = true }
    lab:snapshot "start"
    folder_env = lab.env
  end)
  teardown(function() lab:stop() end)
  after_each(function() lab:restore "start" end)

  local function run(script) return proc.run { argv = { "sh", "-c", script }, env = folder_env, timeout = 60 } end

  -- ---- requests ----

  local CURL <const> = "curl -sS -o /dev/null -w '%{http_code}' "
  local DATA <const> = [[-d '{"data":{"a":"b"}}' ]]
  local TOKEN <const> = '-H "X-Vault-Token: $VAULT_TOKEN" '

  local function put(name) return run(CURL .. TOKEN .. DATA .. "$VAULT_ADDR/v1/secret/data/" .. name) end

  local function exists(name) return lab:state({ parts = { "vault" } }).vault["secret/" .. name] ~= nil end

  -- kind, curl's exit code (56, 52: the connection broke, 18: a part is missing), the status, whether it took effect
  local REQUESTS <const> = {
    { "409", 0, "409", false },
    { "410", 0, "410", false },
    { "412", 0, "412", false },
    { "429", 0, "429", false },
    { "drop", 52, "000", false },
    { "drop-after", 52, "000", true },
    { "truncated", 18, "200", true },
    { "restart", 52, "000", false },
    { "refused", 52, "000", false },
  }
  for _, case in ipairs(REQUESTS) do
    it("request: " .. case[1], function()
      lab:fault { service = "vault", kind = case[1], nth = 3, match = "/data/case/", seconds = 0.2 }
      assert.equal("200", put("case/1").stdout)
      assert.equal("200", put("other/1").stdout)
      assert.equal("200", put("case/2").stdout)
      local third = put "case/3"
      assert.equal(case[2], third.code)
      assert.equal(case[3], third.stdout)
      assert.equal(case[4], exists "case/3")
      -- it is back soon
      assert.equal(0, run('curl -sS -o /dev/null --retry 50 --retry-connrefused --retry-delay 0 "$VAULT_ADDR"').code)
      assert.equal("200", put("case/4").stdout)
    end)
  end

  it("request: nothing listens for a while after refused", function()
    lab:fault { service = "vault", kind = "refused", seconds = 30 }
    put "case/1"
    assert.equal(7, put("case/2").code)
    lab:restore "start"
    assert.equal("200", put("case/1").stdout)
  end)

  -- ---- statements ----

  local SQL <const> = "psql -XAtq -v ON_ERROR_STOP=1 -d coredb-urbanos "
  local NAMES <const> = "-c \"select string_agg(id, ',' order by id) from core_config.roles where id ~ '^R[0-9]'\""
  local function names() return (run(SQL .. NAMES).stdout:gsub("%s", "")) end
  local function insert(id)
    return ("-c \"insert into core_config.roles (id, name) values ('%s', '%s')\" "):format(id, id)
  end

  local STATEMENTS <const> = {
    { "cut", "" },
    { "cut-after", ",R2" },
    { "restart", "" },
    { "truncated", ",R2" },
    { "57P01", "" },
  }
  for _, case in ipairs(STATEMENTS) do
    it("statement: " .. case[1], function()
      lab:fault { service = "postgres", kind = case[1], nth = 2, match = "insert into core_config.roles" }
      local result = run(SQL .. insert "R1" .. insert "R2" .. insert "R3")
      assert.equal(2, result.code)
      local deadline = 50
      while run(SQL .. "-c 'select 1'").code ~= 0 and deadline > 0 do
        deadline = deadline - 1
      end
      assert.equal("R1" .. case[2], names())
    end)
  end

  local REFUSED <const> =
    { ["40001"] = "serialize", ["40P01"] = "deadlock", ["25006"] = "read%-only", ["53100"] = "space" }
  for code, word in pairs(REFUSED) do
    it("statement: the server refuses it with " .. code .. ", and the transaction is over", function()
      lab:fault { service = "postgres", kind = code, nth = 2, match = "insert into core_config.roles" }
      local result = run(SQL .. "-v VERBOSITY=verbose -c begin " .. insert "R1" .. insert "R2" .. "-c commit")
      assert.truthy(result.stderr:find(code, 1, true), result.stderr)
      assert.truthy(result.stderr:find(word), result.stderr)
      assert.equal("", names())
    end)
  end

  it("session: there are too many", function()
    lab:fault { service = "postgres", kind = "53300", match = "connect admin coredb-urbanos" }
    assert.truthy(run(SQL .. "-c 'select 1'").stderr:find("too many clients", 1, true))
    assert.equal(0, run(SQL .. "-c 'select 1'").code)
  end)

  it("statement: the answer to a commit is lost", function()
    lab:fault { service = "postgres", kind = "cut-after", match = "commit" }
    local result = run(SQL .. "-c begin " .. insert "R1" .. "-c commit")
    assert.equal(2, result.code)
    assert.equal("R1", names())
  end)

  it("statement: they are in the log, with what came of them", function()
    run(SQL .. insert "R1" .. "-c 'select 1' -c 'select 1/0' || true")
    run(SQL .. insert "R1")
    local list = {}
    for _, entry in ipairs(lab:log()) do
      if entry.service == "postgres" then
        list[#list + 1] = ("%s %s %s"):format(entry.method, entry.write and "write" or "read", entry.status)
      end
    end
    assert.same({ "INSERT write OK", "SELECT read OK", "INSERT write ERROR" }, list)
  end)

  -- ---- commands ----

  local function redis(words) return run('redis-cli -u "$REDIS_URL" ' .. words) end
  local COMMANDS <const> = {
    { "cut", "closed", "" },
    { "cut-after", "closed", "2" },
    { "READONLY", "^READONLY", "" },
    { "LOADING", "^LOADING", "" },
    { "OOM", "^OOM", "" },
    { "BUSY", "^BUSY", "" },
    { "MOVED", "^MOVED", "" },
    { "truncated", "closed", "2" },
  }
  for _, case in ipairs(COMMANDS) do
    it("command: " .. case[1], function()
      lab:fault { service = "redis", kind = case[1], nth = 2, match = "SET" }
      assert.equal("OK\n", redis("SET a 1").stdout)
      local second = redis "SET b 2"
      assert.truthy((second.stdout .. second.stderr):find(case[2]), second.stdout .. second.stderr)
      assert.equal(case[3] .. "\n", redis("GET b").stdout)
      assert.equal("1\n", redis("GET a").stdout)
    end)
  end

  -- ---- queries of the name server ----

  local DIG <const> = "dig +tries=1 +time=1 @${O2X_LAB_DNS%:*} -p ${O2X_LAB_DNS#*:} "
  local NAMED <const> =
    { { "servfail", "SERVFAIL" }, { "silent", "timed out" }, { "truncated", "retrying in TCP mode" } }
  for _, case in ipairs(NAMED) do
    it("query: " .. case[1], function()
      lab:fault { service = "dns", kind = case[1], nth = 2, match = "urbanos" }
      local dig = DIG .. "urbanos.example.com A"
      assert.is_nil(run(dig).stdout:find(case[2], 1, true))
      assert.truthy(run(dig).stdout:find(case[2], 1, true))
      assert.is_nil(run(dig).stdout:find(case[2], 1, true))
    end)
  end

  it("command: needs a relay", function()
    local plain = labs.start()
    local ok, problem = pcall(plain.fault, plain, { service = "redis", kind = "cut" })
    plain:stop()
    assert.is_false(ok)
    assert.truthy(tostring(problem):find("there is no relay", 1, true))
    assert.equal("start it: POST /relay", problem.hint)
  end)
end)
