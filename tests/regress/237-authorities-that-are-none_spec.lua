-- SSL_CERT_FILE that held no certificate was "error setting certificate file" of each server; SSL_CERT_DIR without
-- names of hashes was passed over, and each server was said to be unknown.

local folder = require "tests.support.folder"
local proxies = require "o2x.client.proxy"
local raised = require "tests.support.raised"

describe("the authorities that the environment names", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function file(text) return proxies.authorities { SSL_CERT_FILE = place:write("ca.pem", text) } end

  it("are certificates", function()
    for _, text in ipairs { "", "hello\n", "-----BEGIN RSA PRIVATE KEY-----\n", "\0\1" } do
      local problem = raised(file, text)
      assert.equal("input", problem.kind)
      assert.equal(place:at "ca.pem", problem.where)
      assert.matches("no file of certificates in PEM", problem.message, 1, true)
    end
    assert.matches("no file of", raised(proxies.authorities, { SSL_CERT_FILE = place.path }).message, 1, true)
    assert.equal(place:at "ca.pem", (file "# ours\n-----BEGIN TRUSTED CERTIFICATE-----\n"))
  end)

  it("are named by their hashes in a folder", function()
    place:write("plain/ca.pem", "x")
    place:write("hashed/0123abcd.0", "x")
    local plain = place:at "plain"
    for _, list in ipairs { place:at "none", plain, plain .. "/ca.pem", plain .. ":/none" } do
      local problem = raised(proxies.authorities, { SSL_CERT_DIR = list })
      assert.equal("input", problem.kind)
      assert.matches("^openssl rehash /", problem.hint)
    end
    for _, list in ipairs { place:at "hashed", place:at "plain" .. ":" .. place:at "hashed" } do
      assert.same({ nil, list }, { proxies.authorities { SSL_CERT_DIR = list } })
    end
    assert.same({}, { proxies.authorities { SSL_CERT_DIR = ":" } })
  end)
end)
