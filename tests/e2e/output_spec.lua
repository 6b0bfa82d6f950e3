-- Every command × every place that does not take what it writes: nothing is lost in silence. The exit code says so, and
-- a run that did its work is recorded as done.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local toys = require "tests.support.toy"

local OUTPUT_LOST <const> = 74

-- What a shell does to the command's descriptors; lost: those that cannot be written then.
local FULL, CLOSED, GONE = "No space left on device", "it is closed", "Broken pipe"
local SINKS = {
  { name = "a full disk", redirect = ">/dev/full", out = FULL },
  { name = "a full disk for messages", redirect = "2>/dev/full", err = true },
  { name = "a full disk for both", redirect = ">/dev/full 2>&1", out = FULL, err = true },
  { name = "a pipe that nobody reads", before = "exec 5> >(:); wait $!;", redirect = ">&5", out = GONE },
  { name = "a pipe for messages that nobody reads", before = "exec 5> >(:); wait $!;", redirect = "2>&5", err = true },
  { name = "nothing closed", redirect = "" },
  { name = "no input", redirect = "<&-" },
  { name = "no output", redirect = ">&-", out = CLOSED },
  { name = "no messages", redirect = "2>&-", err = true },
  { name = "no input, no output", redirect = "<&- >&-", out = CLOSED },
  { name = "no input, no messages", redirect = "<&- 2>&-", err = true },
  { name = "no output, no messages", redirect = ">&- 2>&-", out = CLOSED, err = true },
  { name = "all closed", redirect = "<&- >&- 2>&-", out = CLOSED, err = true },
}

-- done: it is a run that must be recorded as done.
local COMMANDS = {
  { "list" },
  { "list", "--tenants" },
  { "list", "--json" },
  { "info", "build" },
  { "plan", "build", "alpha" },
  { "plan", "build", "alpha", "--json" },
  { "plan", "build", "beta", "--detailed-exitcode" },
  { "run", "build", "alpha", done = true },
  { "run", "build", "alpha", "--json", done = true },
  { "run", "build", "--tenants=alpha", done = true },
  { "resume", done = true, fails = true },
  { "runs" },
  { "runs", "--json" },
  { "show" },
  { "show", "--json" },
  { "check" },
  { "lock" },
  { "defs" },
  { "policy", "alpha" },
  { "config", "explain" },
  { "version" },
  { "help" },
  { "help", "run" },
  { "lab", "help" },
  { "lab", "status" },
  { "nonsense" },
}

-- A toy in the state that the command needs.
local function prepared(command)
  local toy = toys.new()
  if command.fails then toy:fault("sign", "failed") end
  if command[1] == "show" or command[1] == "runs" or command.fails then toy:o2x { "run", "build", "alpha" } end
  return toy
end

-- -> code, signal, stdout, stderr, as far as they were not sent elsewhere
local function run(command, sink)
  local toy <close> = prepared(command)
  local result = toy:shell(command, sink.redirect, sink.before)
  if command.done then
    local last = toy:json { "runs", "--json" }
    assert.equal("done", last[#last].status)
    assert.equal(7, #toy:writes())
  end
  return result
end

describe("output that is not taken", function()
  for _, command in ipairs(COMMANDS) do
    it("is noticed by o2x " .. table.concat(command, " "), function()
      local usual = run(command, { redirect = "" })
      for i = 1, #SINKS, build.sanitized and 3 or 1 do -- the sanitizers are slow
        local sink = SINKS[i]
        local found = run(command, sink)
        local lost = sink.out and usual.stdout ~= "" or sink.err and usual.stderr ~= ""
        local good = usual.code == 0 or usual.code == 2
        assert.is_nil(found.signal, sink.name)
        assert.equal(lost and good and OUTPUT_LOST or usual.code, found.code, sink.name)
        if sink.out and not sink.err and usual.stdout ~= "" then
          assert.truthy(found.stderr:find("o2x: standard output is incomplete: " .. sink.out, 1, true), found.stderr)
        end
      end
    end)
  end

  it("waits for a reader that is slow, although the pipe is non-blocking", function()
    local toy <close> = toys.new()
    toy:runbook("talk", [[ output { columns = { "x" }, rows = { { x = ("x"):rep(300000) } } } ]])
    local whole = json.decode(toy:o2x({ "run", "talk", "alpha", "--json" }).stdout).result[1].x
    local out = toy.dir .. "/out"
    local slow = ([[use Fcntl; fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK); exec @ARGV]]):gsub("'", "")
    local result = toy:shell(
      { "run", "talk", "alpha", "--json" },
      ("| dd bs=100 of=%s 2>/dev/null; exit ${PIPESTATUS[0]}"):format(out),
      ("set -- perl -e '%s' \"$@\";"):format(slow)
    )
    assert.equal(0, result.code, result.stderr)
    assert.equal(whole, json.decode(fs.read(out)).result[1].x)
  end)
end)
