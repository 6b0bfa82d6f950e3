-- $${name} was replaced, which Flyway leaves as it is: other data, and other checksums of repeatable migrations.

local folder = require "o2x.client.flyway.folder"
local checksum = require "o2x.client.flyway.checksum"

describe("a placeholder after a dollar sign", function()
  it("is none", function()
    local text = "INSERT INTO t VALUES ('$${name} $${nosuch}')"
    local resolved = folder.resolve({ ["R__r.sql"] = text }, { name = "acme" })
    assert.equal(checksum.of(text), resolved.migrations[1].checksum)
  end)
end)
