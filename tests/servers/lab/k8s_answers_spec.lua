-- The lab's Kubernetes answers as Kubernetes 1.34 did when tests/reference/k8s_answers_spec.lua asked it the same.

local cases = require "tests.support.k8s_cases"
local small_lab = require "tests.support.small_lab"

describe("the lab's Kubernetes answers as Kubernetes itself", function()
  local lab, server
  setup(function()
    lab = small_lab.start { "k8s" }
    server = cases.server(lab.env.KUBECONFIG)
    cases.prepare(server)
  end)
  teardown(function() lab.stop() end)

  local recorded = cases.recorded()
  for _, case in ipairs(cases.list()) do
    it(case.title, function()
      local text = cases.ask(server, case)
      if not case.differs then assert.equal(recorded[case.title], text) end
    end)
  end
end)
