local cleartext = require "o2x.client.cleartext"
local raised = require "tests.support.raised"

local ALLOWING <const> = { cleartext = { hosts = { "Vault", "10.0.0.7" } } }

local FINE <const> = {
  "https://vault.example.com",
  "https://vault",
  "http://127.0.0.1:8200",
  "http://127.8.9.10/",
  "http://localhost:8200/v1",
  "http://LOCALHOST",
  "http://[::1]:8200",
  "http://user:word@127.0.0.1:1/x",
  "http://vault:8200",
  "http://VAULT",
  "http://10.0.0.7:1",
}

local REFUSED <const> = {
  ["http://vault.example.com"] = "vault.example.com",
  ["http://vault2:8200"] = "vault2",
  ["HTTP://vault.example.com:8200/x"] = "vault.example.com",
  ["http://10.0.0.70"] = "10.0.0.70",
  ["http://127.0.0.1.example.com"] = "127.0.0.1.example.com",
  ["http://localhost.example.com"] = "localhost.example.com",
  ["http://localhost@example.com"] = "example.com",
  ["http://127.0.0.1:80@example.com:81"] = "example.com",
  ["http://[::2]:8200"] = "[::2]",
  ["http://0.0.0.0"] = "0.0.0.0",
  ["http://1.127.0.0.1"] = "1.127.0.0.1",
}

describe("credentials over plain http", function()
  for _, url in ipairs(FINE) do
    it("may go to " .. url, function() assert.equal(url, cleartext.check_url(ALLOWING, url, "Vault")) end)
  end

  for url, host in pairs(REFUSED) do
    it("are refused for " .. url, function()
      local err = raised(cleartext.check_url, ALLOWING, url, "Vault")
      assert.equal("refused", err.kind)
      assert.equal(("Vault: credentials would go to %s unencrypted"):format(host), err.message)
      assert.equal(("use https://; or allow it: O2X_CLEARTEXT_HOSTS=%s"):format(host), err.hint)
    end)
  end

  it("are no matter where there is no URL", function() assert.is_nil(cleartext.check_url({}, nil, "Vault")) end)
end)

describe("this machine", function()
  for _, host in ipairs { "127.0.0.1", "localhost", "::1", "[::1]", "/var/run/postgresql" } do
    it("is " .. host, function() assert.is_true(cleartext.is_local(host)) end)
  end
  for _, host in ipairs { "", "127.1", "127.0.0.1x", "localhost.", "::", "example.com", "var/run" } do
    it(("is not %q"):format(host), function() assert.is_false(cleartext.is_local(host)) end)
  end
end)
