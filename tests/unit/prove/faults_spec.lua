-- Which faults fit which requests, statements, commands and queries.

local faults = require "o2x.prove.faults"

describe("the faults of", function()
  local function kinds(entry)
    local list = {}
    for _, case in ipairs((faults.of({ entry }, {}))) do
      list[#list + 1] = case.fault
    end
    return table.concat(list, " ")
  end
  local function statement(text, service) return { service = service or "postgres", statement = text } end

  local CASES <const> = {
    { "the start of a session", statement "connect admin orders", "cut 57P01 53300" },
    { "a statement that reads", statement "select 1", "cut cut-after truncated 57P01" },
    { "a commit", statement "commit", "cut cut-after timeout truncated restart 57P01 40001" },
    {
      "a statement that writes",
      statement "insert into t values (1)",
      "cut cut-after timeout truncated restart 57P01 40001 40P01 25006 53100",
    },
    {
      "a statement that nobody knows",
      statement "with x as (delete from t) select 1",
      "cut cut-after timeout truncated restart 57P01 40001 40P01 25006 53100",
    },
    { "a command that reads", statement("GET a", "redis"), "cut cut-after truncated LOADING BUSY MOVED" },
    {
      "a question for rights",
      statement("ACL DRYRUN default PING", "redis"),
      "cut cut-after truncated LOADING BUSY MOVED",
    },
    {
      "a command that writes",
      statement("DEL a", "redis"),
      "cut cut-after timeout truncated LOADING BUSY MOVED READONLY OOM",
    },
    { "a query", { service = "dns", method = "QUERY", target = "a.example. A" }, "servfail silent truncated" },
    {
      "a request that reads",
      { service = "vault", method = "GET", target = "/v1/x", write = false },
      "429 500 drop drop-after refused truncated",
    },
    { "what the server's own log says of a statement", { service = "postgres", method = "SELECT", target = "db" }, "" },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function() assert.equal(case[3], kinds(case[2])) end)
  end

  it("a text end where it differs from run to run", function()
    local list = faults.of({ statement "insert into runs values ('R-20261126-1')" }, {})
    assert.equal("insert into runs values ('", list[1].match)
  end)

  it("requests to pods are found in every lab, by what is not drawn of a pod's name", function()
    local log = {}
    for i, name in ipairs { "web-5474856bf7-x2b4z", "web-5474856bf7-q9d6f", "web-canary-config" } do
      log[i] = { service = "k8s", method = "GET", target = ("/api/v1/namespaces/default/pods/%s/log"):format(name) }
    end
    local found = {}
    for _, case in ipairs((faults.of(log, {}))) do
      if case.fault == "drop" then found[#found + 1] = ("%s %d"):format(case.match:match "[^/]*$", case.nth) end
    end
    assert.same({ "web- 1", "web- 2", "log 1" }, found)
  end)

  it("statements of one shape are those of the first and the last", function()
    local log = {}
    for i = 1, 5 do
      log[i] = statement(("select %d"):format(i))
    end
    local list, same = faults.of(log, {})
    assert.equal(2 * 4, #list)
    assert.equal(3, same)
  end)

  it("the nth statement count those before that have its text", function()
    local list = faults.of({ statement "select 1", statement "select 10", statement "select 1" }, {})
    local seen = {}
    for _, case in ipairs(list) do
      seen[case.nth] = case.match
    end
    assert.same({ [1] = "select 1", [3] = "select 1" }, seen)
  end)
end)
