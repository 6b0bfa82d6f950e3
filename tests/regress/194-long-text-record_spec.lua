-- A text of more than 255 bytes was sent as one string, which Route 53 refuses in the middle of a run.

local record = require "o2x.client.aws.record"

describe("a long text for a TXT record", function()
  it("is split into strings of 255 bytes", function()
    local key = "v=DKIM1; k=rsa; p=" .. ("A"):rep(392)
    local value = record.value("TXT", key)
    local joined = ""
    for text in value:gmatch '"([^"]*)"' do
      assert.is_true(#text <= 255)
      joined = joined .. text
    end
    assert.equal(key, joined)
    assert.is_nil(record.problem { name = "k._domainkey.example.com", type = "TXT", ttl = 300, values = { value } })
  end)
end)
