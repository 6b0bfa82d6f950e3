-- helm's reads failed a run where the API server answered 500, 429 or nothing once.

local faults = require "lab.faults"
local helm = require "o2x.client.helm"
local kubeconfig = require "o2x.client.kubeconfig"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

describe("a read of helm", function()
  -- The real helm: it asks some of these again by itself.
  for _, kind in ipairs { "500", "503", "drop" } do
    it("is made again after " .. kind, function()
      small_lab.with({ "k8s" }, nil, function(lab)
        local client = helm.new { kubeconfig = kubeconfig.load { path = lab.env.KUBECONFIG }, folder = lab.dir }
        local run = small_run.new { modules = {}, clients = { helm = client } }
        run.first_pause = 0
        faults.add(lab.faults.rules, "k8s", kind, { times = "2", match = "secrets" })
        assert.is_nil(run.ctx:ask("helm", client.status, client, "t1-app", "default"))
        assert.same({}, lab.faults.rules)
        client:close()
      end)
    end)
  end
end)
