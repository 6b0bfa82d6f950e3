local errors = require "o2x.base.error"
local notes = require "o2x.doctor.note"

describe("a check's note", function()
  it("is as bad as its worst finding", function()
    local note = notes.new "Vault"
    note:fact("%s as %s", "here", "root")
    assert.same({ "ok", { "here as root" } }, { note:state(), note.facts })
    note:finding("sealed", "unseal it")
    assert.equal("found", note:state())
    note:error(errors.new { kind = "unreachable", message = "refused", hint = "set VAULT_ADDR" })
    assert.equal("unreachable", note:state())
    assert.same({ text = "refused", mend = "set VAULT_ADDR", code = notes.UNREACHABLE }, note.findings[2])
  end)

  it("goes on after a part that failed, unless it was interrupted", function()
    local note = notes.new "Tenants"
    assert.equal(1, note:try("correct it", function() return 1 end))
    assert.is_nil(note:try("correct it", function() errors.input "bad" end))
    assert.same({ text = "bad", mend = "correct it", code = notes.FOUND }, note.findings[1])
    assert.has_error(function()
      note:try(nil, function() error(errors.cancelled, 0) end)
    end)
  end)
end)
