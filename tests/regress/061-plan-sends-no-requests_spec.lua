-- service.call and k8s.request sent POST and DELETE in a plan, and without a declared effect; a plan logged in, and so
-- counted as a failed login of a real user where the password was wrong.

local raised = require "tests.support.raised"
local small_run = require "tests.support.small_run"

-- A cluster that counts what changes something.
local function cluster()
  local self = { writes = 0 }
  function self.request(_, _, _, o)
    if o.method and o.method ~= "GET" then self.writes = self.writes + 1 end
    return { status = 200, headers = {}, body = "", json = { token = "t-1" } }
  end
  return self
end

local function open(mode)
  local k8s = cluster()
  local run = small_run.new {
    mode = mode,
    clients = { k8s = k8s },
    modules = { (require "o2x.effects.k8s"), (require "o2x.effects.service") },
  }
  return run, k8s
end

describe("a request that changes something", function()
  it("is sent by no function that reads, in a plan or in a run", function()
    for _, mode in ipairs { "plan", "apply" } do
      local run, k8s = open(mode)
      for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE", "post" } do
        local given = { service = "sso", path = "/x", method = method }
        assert.equal("refused", raised(run.api.service.call, given).kind)
        assert.equal("refused", raised(run.api.k8s.request, "sso", 8080, { path = "/x", method = method }).kind)
      end
      assert.equal(0, k8s.writes)
    end
  end)

  it("is shown by a plan, and sent by a run", function()
    local run, k8s = open "plan"
    run.api.service.send { service = "sso", path = "/x" }
    assert.equal("POST sso /x", run.plan.changes[1].show.title)
    assert.equal(0, k8s.writes)
    run, k8s = open "apply"
    run.api.service.send { service = "sso", path = "/x" }
    assert.equal(1, k8s.writes)
    assert.equal("intent result", run.story())
  end)
end)

describe("a login", function()
  it("is not sent by a plan, and is in the journal of a run", function()
    local options = { service = "sso", path = "/login", token = "token", json = {} }
    local run, k8s = open "plan"
    assert.equal("when_applied", raised(run.api.service.session(options).login).code)
    assert.equal(0, k8s.writes)
    run, k8s = open "apply"
    run.api.service.session(options).login()
    assert.equal(1, k8s.writes)
    assert.equal("sent", run.story())
  end)
end)
