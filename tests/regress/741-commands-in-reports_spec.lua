-- What diagnose and smoke proposed was `o2x run …`, also where o2x was called as build/o2x and no shell finds o2x:
-- hints had the program as it was called and its --set, the texts and messages of scripts had not.

local captured = require "tests.support.captured"
local output = require "o2x.cli.output"
local progress = require "o2x.report.progress"
local proposed = require "o2x.report.proposed"

local FIX <const> = "fix: o2x run onboard newclient"

describe("a command that a script proposes", function()
  before_each(function() proposed.called("o2x", { "--set=pg.host=db" }, { run = true }) end)
  after_each(function() proposed.called("o2x", {}, {}) end)

  it("is as it has to be typed, in a report", function()
    local text = captured(function() output.print({ mode = "apply", output = { rows = {}, text = FIX } }, {}) end)
    assert.equal("fix: o2x run --set=pg.host=db onboard newclient\n", text)
  end)

  it("is as it has to be typed, in a message", function()
    local _, text = captured(function() progress.new({ live = false }):message("", "info", FIX) end)
    assert.matches("fix: o2x run %-%-set=pg%.host=db onboard newclient\n$", text)
  end)
end)
