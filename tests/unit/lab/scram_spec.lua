local scram = require "lab.scram"

-- That a server takes it is what each lab shows: everybody logs in with one.
describe("what PostgreSQL keeps of a password of the lab", function()
  it("has one iteration, and a salt of its own", function()
    local one, other = scram.verifier "secret", scram.verifier "secret"
    local base64 = "[%w+/]+=*"
    assert.matches(("^'SCRAM%%-SHA%%-256%%$1:%s%%$%s:%s'$"):format(base64, base64, base64), one)
    assert.not_equal(one, other)
    assert.falsy(one:find("secret", 1, true))
  end)
end)
