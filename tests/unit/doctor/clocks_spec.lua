local clock = require "o2x.base.clock"
local clocks = require "o2x.doctor.clocks"
local notes = require "o2x.doctor.note"

describe("clocks", function()
  for _, case in ipairs {
    { "the same", 0 },
    { "a little apart", 4 },
    { "behind", 90, "this machine is 1 min 30 s behind Vault" },
    { "ahead", -90, "this machine is 1 min 30 s ahead of Vault" },
    { "of a system that does not say" },
  } do
    it("are compared: " .. case[1], function()
      local note, now = notes.new "Vault", clock.now
      clock.now = function() return 1e9 end
      clocks.compare(note, case[2] and 1e9 + case[2], "Vault")
      clock.now = now
      assert.equal(case[3] and 1 or 0, #note.findings)
      if case[3] then assert.truthy(note.findings[1].text:find(case[3], 1, true), note.findings[1].text) end
    end)
  end

  it("are told by a Date header", function()
    assert.equal(clock.parse "2026-02-10T12:00:05Z", clocks.of_header "Tue, 10 Feb 2026 12:00:05 GMT")
    for _, text in ipairs { "", "today", "Tue, 10 Foo 2026 12:00:05 GMT" } do
      assert.is_nil(clocks.of_header(text))
    end
    assert.is_nil(clocks.of_header())
  end)
end)
