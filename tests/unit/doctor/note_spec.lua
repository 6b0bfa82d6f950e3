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
    local refused = note.findings[2]
    assert.same({ "refused", "set VAULT_ADDR", notes.UNREACHABLE }, { refused.text, refused.mend, refused.code })
  end)

  it("has one finding a cause, and leaves out what another check has said", function()
    local down, front = notes.new "Alertmanager", notes.new "Kubernetes"
    for _, path in ipairs { "a", "b" } do
      down:error(errors.new { kind = "unreachable", message = ("GET https://k8s:1/%s: refused"):format(path) })
    end
    assert.equal(1, #down.findings)
    front:error(errors.new { kind = "unreachable", message = "GET https://k8s:1/version: refused" })
    local seen = {}
    front:leave_out(seen)
    down:leave_out(seen)
    assert.same({ 1, 0 }, { #front.findings, #down.findings })
    assert.same({ "unreachable", { "what Kubernetes says" } }, { down:state(), down.facts })
  end)

  it("goes on after a part that failed, unless it was interrupted", function()
    local note = notes.new "Tenants"
    assert.equal(1, note:try("correct it", function() return 1 end))
    assert.is_nil(note:try("correct it", function() errors.input "bad" end))
    local bad = note.findings[1]
    assert.same({ "bad", "correct it", notes.FOUND }, { bad.text, bad.mend, bad.code })
    assert.has_error(function()
      note:try(nil, function() error(errors.cancelled, 0) end)
    end)
  end)
end)
