-- A run removed or overwrote a Secret that all tenants of the namespace use: k8s.remove("Secret", "pg-secret").

local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local objects = require "tests.support.objects"
local raised = require "tests.support.raised"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

local SECRET <const> = { apiVersion = "v1", kind = "Secret", metadata = { name = "pg-secret" }, data = {} }

describe("a shared Secret", function()
  it("stays as it is, whatever a run tries", function()
    small_lab.with({ "k8s" }, nil, function(lab)
      local config = kubeconfig.load { path = lab.env.KUBECONFIG }
      local client = k8s.new { config = config, scope = objects.grants().spec }
      local function secret()
        local found = lab.run("kubectl", "get", "secret", "pg-secret", "-o", "jsonpath={.data}{.metadata.uid}")
        assert.equal(0, found.code, found.stderr)
        return found.stdout
      end
      assert.equal(0, lab.run("kubectl", "create", "secret", "generic", "pg-secret", "--from-literal=password=p").code)
      local before = secret()
      local run = small_run.new { clients = { k8s = client }, modules = { (require "o2x.effects.k8s") } }
      local api = run.api.k8s
      for _, try in ipairs {
        function() api.remove("Secret", "pg-secret") end,
        function() api.remove("secrets", "pg-secret", "default") end,
        function() api.ensure_secret("pg-secret", { password = "x" }, { overwrite = true }) end,
        function() api.set("Secret", "pg-secret", { data = { password = "eA==" } }) end,
        function() client:delete("Secret", "pg-secret") end,
        function() client:apply(SECRET) end,
      } do
        local problem = raised(try)
        assert.equal("refused", problem.kind)
        assert.matches("is shared by all tenants", problem.message, 1, true)
      end
      assert.equal("conflict", raised(api.ensure_secret, "pg-secret", { password = "x" }).kind)
      api.ensure_secret("pg-secret", { password = "p" })
      assert.equal(before, secret())
    end)
  end)
end)
