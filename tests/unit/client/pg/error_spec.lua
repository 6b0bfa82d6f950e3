local pg_error = require "o2x.client.pg.error"
local secret = require "o2x.base.secret"

local OPTIONS <const> = { host = "db.example.com", port = 5433, user = "admin", dbname = "coredb-acme" }

describe("the error of a connection attempt", function()
  local cases = {
    { 'FATAL:  password authentication failed for user "admin"', "unauthorised", "28P01", "password of role admin" },
    { 'FATAL:  role "admin" does not exist', "unauthorised", "28000", "no role admin" },
    { 'FATAL:  database "coredb-acme" does not exist', "failed", "3D000", "no database coredb%-acme" },
    { "FATAL:  sorry, too many clients already", "unreachable", "53300", "no free connections" },
    { "FATAL:  the database system is starting up", "unreachable", "57P03", "starting up" },
    { "connection to server failed: Connection refused", "unreachable", "08001", "refuses connections" },
    { "SSL error: certificate verify failed", "unreachable", "08P01", "not trusted" },
    { "timeout expired: Connection timed out", "unreachable", "08001", "does not answer" },
  }
  for _, case in ipairs(cases) do
    it("is understood: " .. case[1], function()
      local err = pg_error.connecting(OPTIONS, case[1])
      assert.same({ case[2], case[3] }, { err.kind, err.code })
      assert.matches("^PostgreSQL at db.example.com:5433 .*" .. case[4], err.message)
    end)
  end

  it("that is a wrong certificate is not tried again", function()
    assert.is_false(pg_error.connecting(OPTIONS, "certificate verify failed").retryable)
    assert.is_true(pg_error.connecting(OPTIONS, "Connection refused").retryable)
  end)

  it("is shown by its last line where it is not known", function()
    local err = pg_error.connecting(OPTIONS, "first\nFATAL:  something new\n")
    assert.matches("5433: something new$", err.message)
    assert.equal("unreachable", err.kind)
  end)
end)

describe("the place of a server", function()
  it("is host and port, or its socket", function()
    assert.equal("PostgreSQL at localhost:5432", pg_error.where {})
    assert.equal("PostgreSQL at /run/pg/.s.PGSQL.5432", pg_error.where { host = "/run/pg" })
  end)
end)

describe("the error of a statement", function()
  local function statement(code, message, fields)
    fields = fields or {}
    fields.code, fields.message = code, message or "no"
    return pg_error.statement(OPTIONS, fields)
  end

  it("that is not allowed says whose right is missing, and what prints it", function()
    local prints = "; o2x policy TENANT --system=postgresql prints what it needs"
    local denied = statement("42501", "permission denied for table users")
    assert.equal("role admin lacks this privilege" .. prints, denied.hint)
    local other = statement("42501", 'new row violates row-level security policy for table "tenant"')
    assert.equal("the row policy of role admin is for other rows" .. prints, other.hint)
  end)

  it("has a kind by its SQLSTATE or the class of it", function()
    local kinds = {
      ["23505"] = "conflict",
      ["40001"] = "conflict",
      ["42501"] = "unauthorised",
      ["55P03"] = "timeout",
      ["57014"] = "timeout",
      ["57P01"] = "unreachable",
      ["08006"] = "unreachable",
      ["42P01"] = "failed",
    }
    for code, kind in pairs(kinds) do
      assert.equal(kind, statement(code).kind, code)
    end
  end)

  it("may be tried again only where nothing was done", function()
    assert.is_true(statement("40001").retryable)
    assert.is_true(statement("55P03").retryable)
    assert.is_false(statement("23505").retryable)
  end)

  it(
    "is one line, with the database",
    function() assert.equal("coredb-acme: no such table", statement("42P01", "no such table\nLINE 1: …").message) end
  )

  it("keeps what PostgreSQL points at", function()
    local err = statement("23505", "twice", { table = "t", constraint = "t_pkey", position = "12" })
    assert.same({ "t", "t_pkey", 12 }, { err.table, err.constraint, err.position })
  end)

  it("shows no secret that was a parameter", function()
    local _ = secret.new("sesame-sesame-pg", "x")
    assert.is_nil(statement("22P02", 'invalid input: "sesame-sesame-pg"').message:find("sesame-sesame-pg", 1, true))
  end)

  it("without a SQLSTATE is that of a broken session", function()
    local err = pg_error.statement(OPTIONS, { message = "server closed the connection unexpectedly" }, true)
    assert.equal("unknown", err.kind)
    assert.matches("unknown", err.message)
  end)
end)

describe("the error of a broken session", function()
  it("says whether the last statement may have taken effect", function()
    assert.equal("unreachable", pg_error.broken(OPTIONS, "server closed the connection").kind)
    assert.is_true(pg_error.broken(OPTIONS, "x").retryable)
    assert.equal("unknown", pg_error.broken(OPTIONS, "x", true).kind)
    assert.is_nil(pg_error.broken(OPTIONS, "x", true).retryable)
  end)
end)
