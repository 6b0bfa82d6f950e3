-- The lab's simulator of Kubernetes answers as Kubernetes itself: the same requests to both, their answers compared.
-- What differs on purpose is in docs/conformance.md, and in the cases (differs = "why"). O2X_RECORD=1 keeps what
-- Kubernetes answered, for tests/servers/lab/k8s_answers_spec.lua, which needs no Kubernetes.

local cases = require "tests.support.k8s_cases"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local reference = require "tests.support.reference"
local small_lab = require "tests.support.small_lab"

local BUILT <const> = reference.find("kubernetes", "bin/kube-apiserver")
  and reference.find("etcd", "bin/etcd")
  and reference.find("kwok", "bin/kwok")

describe("Kubernetes' answers", function()
  if not BUILT then return pending "it is not there: run vendor/reference etcd kubernetes kwok (some minutes)" end

  local real_lab, lab, real, simulated
  local texts = {}
  setup(function()
    real_lab, lab = labs.start { real = "k8s" }, small_lab.start { "k8s" }
    real, simulated = cases.server(real_lab.env.KUBECONFIG), cases.server(lab.env.KUBECONFIG)
    cases.prepare(real)
    cases.prepare(simulated)
  end)
  teardown(function()
    real_lab:stop()
    lab.stop()
    if os.getenv "O2X_RECORD" then cases.record(texts) end
  end)

  for _, case in ipairs(cases.list()) do
    it(case.title, function()
      local theirs, ours = cases.ask(real, case), cases.ask(simulated, case)
      texts[case.title] = theirs
      if os.getenv "DIFFERENCES" and theirs ~= ours then
        local text = ("==== %s\n---- Kubernetes\n%s\n---- lab\n%s\n"):format(case.title, theirs, ours)
        fs.append(os.getenv "DIFFERENCES", text)
      end
      if case.differs then
        assert.not_equal(theirs, ours, "alike now: " .. case.title)
      else
        assert.equal(theirs, ours)
      end
    end)
  end
end)
