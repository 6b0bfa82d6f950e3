local captured = require "tests.support.captured"
local errors = require "o2x.base.error"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local progress = require "o2x.report.progress"
local task = require "o2x.base.task"

-- What a report writes for people, without the times at the line starts.
local function lines_of(options, fn)
  options.live = false
  local _, text = captured(function() fn(progress.new(options)) end)
  return (text:gsub("%f[^\n%z]%d%d:%d%d:%d%d ", ""))
end

describe("a report without a terminal", function()
  it("has a line for what was changed and for a step that is done", function()
    local text = lines_of({}, function(report)
      report:step_started "Build"
      report:effect_done("Build", "toy.value", "roof", "created", 0.1)
      report:effect_done("Build", "toy.value", "wall", "unchanged", 0.1)
      report:step_done("Build", 1.5)
    end)
    assert.equal("Build: + toy.value roof\nBuild: done (1.5 s, 1 changed)\n", text)
  end)

  it("shows what is unchanged only when it is verbose", function()
    local text = lines_of(
      { verbose = true },
      function(report) report:effect_done("Build", "toy.value", "wall", "unchanged", 0.1) end
    )
    assert.matches("= toy.value wall", text)
  end)

  it("writes nothing when it is quiet", function()
    local text = lines_of({ quiet = true }, function(report)
      report:step_started "Build"
      report:effect_done("Build", "toy.value", "roof", "created", 0.1)
      report:step_done("Build", 1.5)
      report:message("Build", "info", "hello")
    end)
    assert.equal("", text)
  end)

  it("shows a check with what it found", function()
    local text = lines_of({}, function(report)
      report:check("Build", "the roof is red", true, "red")
      report:check("Build", "the door is shut", false)
    end)
    assert.equal("Build: ✓ the roof is red: red\nBuild: ✗ the door is shut\n", text)
  end)

  it("tells of a long pause before another attempt, not of a short one", function()
    local err = errors.new { kind = "unreachable", message = "no answer" }
    local text = lines_of({}, function(report)
      report:retry("Build", "roof", 1, err, 0.5)
      report:retry("Build", "roof", 2, err, 5)
    end)
    assert.equal("Build: retry in 5.0 s (attempt 3): roof: no answer\n", text)
  end)

  it("names what has been running for long, innermost first, with what it waits for", function()
    local text = lines_of({}, function(report)
      report:step_started "Build"
      report:step_started "Build/roof"
      report:waiting("Build/roof", "the paint")
      report:heartbeat()
    end)
    assert.matches("^Build/roof: still running after [%d.]+ s: the paint\n$", text)
  end)

  it("lets nothing of a script move the terminal", function()
    local text = lines_of({}, function(report) report:message("Build", "info", "a\27[2Jb") end)
    assert.is_nil(text:find("\27", 1, true))
  end)
end)

describe("a report on a terminal", function()
  it("draws a tree, and a parent again when lines of another came between", function()
    local _, text = captured(function()
      local report = progress.new { live = true }
      for _, path in ipairs { "A", "A/one", "B", "B/two" } do
        report:step_started(path)
      end
      report:step_done("A/one", 0)
      report:step_done("B/two", 0)
      report:step_done("A", 0)
      report.live:clear()
    end)
    text = text:gsub("\27%[[%d;]*%a", "")
    local at = 0
    for _, wanted in ipairs { "A\n", "✓ one", "B\n", "✓ two", "✓ A" } do
      at = assert(text:find(wanted, at + 1, true), wanted .. " is missing in\n" .. text)
    end
  end)
end)

describe("a report's counts", function()
  it("are of the whole run", function()
    local report = progress.new { quiet = true, live = false }
    for _, outcome in ipairs { "created", "created", "changed", "unchanged" } do
      report:effect_done("Build", "toy.value", "x", outcome, 0)
    end
    assert.same({ created = 2, changed = 1, deleted = 0, unchanged = 1, recalled = 0 }, report.counts)
  end)
end)

describe("a report's log", function()
  it("has every event as JSON, with the tenant and the run", function()
    local place <close> = folder()
    local report = progress.new { quiet = true, live = false }
    report:log_to(place:at "log", { tenant = { name = "acme", id = "T-1" }, run = "R-1" })
    report:step_started "Build"
    report:message("Build", "warn", "careful", { n = 1 })
    report:step_failed("Build", errors.new { kind = "failed", message = "no" }, 1)
    report:close()
    local levels = {}
    for line in fs.read(place:at "log"):gmatch "[^\n]+" do
      local entry = json.decode(line)
      assert.same({ "o2x", "T-1", "R-1" }, { entry.service, entry.tenant_id, entry.correlation_id })
      levels[#levels + 1] = entry.level .. " " .. entry.message
    end
    assert.same({ "INFO step started", "WARN careful", "ERROR step failed" }, levels)
  end)

  it("survives what JSON cannot hold", function()
    local place <close> = folder()
    local report = progress.new { quiet = true, live = false }
    report:log_to(place:at "log", { tenant = { name = "acme" }, run = "R-1" })
    report:write_log("INFO", "odd", { f = print })
    report:close()
    assert.truthy(json.decode(fs.read(place:at "log")).context.left_out)
  end)
end)

describe("report:during", function()
  it("gives what the function gives, and raises what it raises", function()
    local report = progress.new { quiet = true, live = false }
    assert.same({ 1, 2 }, { report:during(function() return 1, 2 end) })
    local ok, err = pcall(report.during, report, errors.input, "bad")
    assert.is_false(ok)
    assert.equal("bad", err.message)
    assert.equal(1, (task.live()))
  end)
end)
