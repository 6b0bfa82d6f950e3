local certificate = require "o2x.doctor.certificate"
local clock = require "o2x.base.clock"
local notes = require "o2x.doctor.note"

local DAY <const> = 86400

describe("a certificate's end", function()
  it("is read as openssl writes it", function()
    assert.equal(clock.parse "2027-02-01T12:00:00Z", certificate.parse "notAfter=Feb  1 12:00:00 2027 GMT\n")
    assert.equal(clock.parse "2027-12-31T12:00:00Z", certificate.parse "notAfter=Dec 31 12:00:00 2027 GMT")
    assert.is_nil(certificate.parse "unable to load certificate")
    assert.is_nil(certificate.parse())
  end)

  for _, case in ipairs {
    { "far away", 100 },
    { "near", 3, "ends in 3 days" },
    { "over", -2, "ended 2 days ago" },
  } do
    it("is judged: " .. case[1], function()
      local note = notes.new "Vault"
      certificate.judge(note, clock.now() + case[2] * DAY + 60, "vault:8200")
      assert.equal(case[3] and 1 or 0, #note.findings)
      if not case[3] then return assert.matches("good for 100 days", note.facts[1]) end
      assert.truthy(note.findings[1].text:find(case[3], 1, true), note.findings[1].text)
      assert.matches("openssl s_client %-connect vault:8200", note.findings[1].mend)
    end)
  end
end)
