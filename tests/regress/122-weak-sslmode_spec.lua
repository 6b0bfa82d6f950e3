-- PostgreSQL's modes disable, allow and prefer sent the password unencrypted to a server on another machine, which
-- no other client does; an unknown mode was a server that cannot be reached.

local pool = require "o2x.client.pg.pool"

local function made(host, given, platform, allowed)
  local config = { pg = { host = host, port = 5432, sslmode = given }, cleartext = { hosts = allowed } }
  local ok, result = pcall(pool.for_run, config, { pg = {}, sslmode = platform }, {})
  return ok, ok and result.options.sslmode or tostring(result), result
end

describe("the sslmode of PostgreSQL", function()
  for _, mode in ipairs { "disable", "allow", "prefer" } do
    it(mode .. " is for this machine", function()
      for _, host in ipairs { "127.0.0.1", "localhost", "/run/postgresql", "::1" } do
        assert.is_true(made(host, mode))
      end
    end)

    it(mode .. " is refused for another one", function()
      for _, host in ipairs { "db.example.com", "192.0.2.2", "127.0.0.1.example.com", "127.0.0.1,db.example.com" } do
        local ok, message, err = made(host, mode)
        assert.is_false(ok)
        assert.matches("PostgreSQL: credentials would go to", message)
        assert.matches("O2X_CLEARTEXT_HOSTS=", err.hint)
        assert.is_false(made(host, nil, mode))
      end
    end)

    it(mode .. " is taken for a host that the configuration allows", function()
      assert.is_true(made("db.example.com", mode, nil, { "db.example.com" }))
      assert.is_true(made("db.example.com", nil, mode, { "db.example.com" }))
    end)
  end

  it("may be one that wants TLS for any host", function()
    for _, mode in ipairs { "require", "verify-ca", "verify-full" } do
      local ok, found = made("db.example.com", mode, "disable")
      assert.is_true(ok)
      assert.equal(mode, found)
    end
    assert.same({ true, "verify-full" }, { table.unpack({ made "db.example.com" }, 1, 2) })
  end)

  it("is bad input when there is no such mode", function()
    local ok, message, err = made("127.0.0.1", "verify_full")
    assert.is_false(ok)
    assert.matches('unknown sslmode "verify_full"', message)
    assert.equal("input", err.kind)
  end)
end)
