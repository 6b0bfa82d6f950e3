local raised = require "tests.support.raised"
local errors = require "o2x.base.error"
local history = require "o2x.engine.history"
local memory = require "o2x.engine.memory"
local service = require "o2x.effects.service"
local small_run = require "tests.support.small_run"

-- A service that counts; `lose` loses the answer to a request that was (or was not) carried out.
local function counter()
  local self = { value = 0, sent = {}, keys = {} }
  function self.request(_, _, _, o)
    if o.method == "GET" then return { status = 200, json = { value = self.value > 0 and self.value or nil } } end
    table.insert(self.sent, o.method .. " " .. o.path)
    table.insert(self.keys, o.headers["Idempotency-Key"])
    local lose = self.lose
    self.lose = nil
    if lose ~= "before" then self.value = self.value + 1 end
    if lose then errors.raise { kind = "unknown", message = "the connection broke" } end
    return { status = self.status or 201, json = { id = "J-" .. self.value, message = "no" } }
  end
  return self
end

local function open(server, mode, past)
  local run = small_run.new {
    mode = mode,
    past = past,
    clients = { k8s = server },
    modules = { service },
  }
  return run, run.api.service.send
end

local JOB <const> = { service = "jobs", path = "/trigger", json = { x = 1 }, result = "id" }
local PROOF <const> = { find = { service = "jobs", path = "/value" }, found = "value", within = 0 }

local function with(o)
  local given = {}
  for name, value in pairs(JOB) do
    given[name] = value
  end
  for name, value in pairs(o) do
    given[name] = value
  end
  return given
end

describe("service.send", function()
  it("sends a request once, as an effect", function()
    local server = counter()
    local run, send = open(server)
    local answer = send(JOB)
    assert.same({ 201, "J-1" }, { answer.status, answer.result })
    assert.same({ "POST /trigger" }, server.sent)
    assert.equal("intent result", run.story())
    assert.equal("unprovable", run.records[1].class)
  end)

  it("sends nothing in a plan, and shows it", function()
    local server = counter()
    for _, o in ipairs { {}, { repeatable = true }, { proof = PROOF } } do
      local run, send = open(server, "plan")
      send(with(o))
      local show = run.plan.changes[1].show
      assert.same({ "POST jobs /trigger", { "+ x: 1" } }, { show.title, show.lines })
    end
    assert.same({}, server.sent)
  end)

  it("fails with what the service says", function()
    local server = counter()
    server.status = 409
    local _, send = open(server)
    local e = raised(send, JOB)
    assert.matches("jobs /trigger answered 409: no", e.message)
    assert.equal(1, #server.sent)
  end)

  it("does not send again after a lost answer, unless it may be repeated", function()
    local server = counter()
    server.lose = "after"
    local _, send = open(server)
    assert.equal("unknown", raised(send, JOB).kind)
    assert.equal(1, #server.sent)
    server.lose = "after"
    _, send = open(server)
    send(with { repeatable = true })
    assert.equal(3, #server.sent)
    assert.equal(2, #server.keys)
    assert.equal(server.keys[1], server.keys[2])
  end)

  it("believes the proof", function()
    local server = counter()
    server.lose = "after"
    local run, send = open(server)
    send(with { proof = PROOF })
    assert.equal(1, #server.sent)
    assert.equal("intent result", run.story())
    run, send = open(server)
    send(with { proof = PROOF })
    assert.equal("same", run.story())
    assert.equal(1, #server.sent)
  end)

  it("without its proof has failed, and is not sent again at once", function()
    local server = counter()
    server.lose = "before"
    local _, send = open(server)
    local e = raised(send, with { proof = PROOF })
    assert.equal("failed", e.kind)
    assert.matches("the proof does not show it", e.message)
    assert.equal(1, #server.sent)
  end)

  it("that was interrupted is in doubt, or proved, or repeated", function()
    for _, case in ipairs {
      { {}, after = true, error = "it is unknown whether it was done", sent = 1 },
      { { repeatable = true }, after = true, sent = 2 },
      { { proof = PROOF }, after = true, sent = 1 },
      { { proof = PROOF }, after = false, sent = 2 },
    } do
      local server = counter()
      local run, send = open(server)
      server.lose = case.after and "after" or "before"
      pcall(send, with(case[1]))
      -- What a killed run leaves: its intent.
      local records = { run.records[1] }
      server.sent, server.lose = { server.sent[1] }, nil
      server.value = case.after and 1 or 0
      local resumed, again = open(server, "apply", memory.new(history.of(records)))
      local ok, problem = pcall(again, with(case[1]))
      assert.equal(case.error == nil, ok, tostring(problem))
      if case.error then assert.matches(case.error, problem.message) end
      assert.equal(case.sent, #server.sent)
      assert.equal(case.error == nil, resumed.story():find("result", 1, true) ~= nil)
    end
  end)

  it("is asked for plainly", function()
    local server = counter()
    local _, send = open(server)
    for _, o in ipairs {
      { method = "GET" },
      { method = "post" },
      { proof = PROOF, repeatable = true },
      { proof = "x" },
      { proof = { find = { service = "jobs", path = "/x" } } },
      { proof = { find = { service = "jobs", method = "POST", path = "/x" }, found = "x" } },
      { proof = { find = { service = "jobs", query = "mutation { a }" }, found = "x" } },
      { proof = { find = PROOF.find, found = "x", within = -1 } },
      { body = "x" },
      { extra = 1 },
    } do
      local e = raised(send, with(o))
      assert.is_truthy(e.kind == "input" or e.kind == "refused", tostring(e))
    end
    assert.same({}, server.sent)
  end)
end)
