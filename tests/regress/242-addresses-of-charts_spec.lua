-- A password in a chart's address was shown in the message that refused it; the digest that helm prints, which is the
-- manifest's, was refused as if somebody had changed the chart.

local chart_server = require "tests.support.chart_server"
local fs = require "o2x.base.fs"
local helm = require "o2x.client.helm"
local pull = require "o2x.client.helm.pull"
local raised = require "tests.support.raised"

local KUBECONFIG <const> = { revision = function() return 1 end, text = function() return "{}" end }
local NONE <const> = { helm = { registry_config = "/dev/null", repository_config = "/dev/null" } }
local DIGEST <const> = "sha256:" .. ("0"):rep(64)

-- chart, repo, what the hint says
local REFUSED <const> = {
  { "oci://me:s3cret@h.example/charts/app", nil, "helm registry login h.example" },
  { "oci://s3cret@h.example:5000/charts/app", nil, "helm registry login h.example:5000" },
  { "app", "https://me:s3cret@h.example/charts", "helm repo add NAME URL" },
  { "app", "oci://h.example/charts", "oci://HOST/PATH/NAME" },
  { "OCI://h.example/charts/app", nil, "small letters" },
  { "oci://h.example/charts/app:1.2.3", nil, "fields of their own" },
  { "oci://h.example/charts/app@" .. DIGEST, nil, "fields of their own" },
  { "https://h.example/charts/app-1.2.3.tgz", nil, "named by repo" },
}

describe("the address of a chart", function()
  it("that is none is refused with what to write, and without a password", function()
    local client = helm.new { kubeconfig = KUBECONFIG, k8s = {}, folder = "/nosuch" }
    for _, case in ipairs(REFUSED) do
      local source = { chart = case[1], repo = case[2], version = "1.2.3", digest = DIGEST }
      local err = raised(pull.folder, client, source, NONE)
      assert.equal("input", err.kind)
      assert.matches(case[3], err.hint, 1, true)
      assert.is_nil((err.message .. err.hint):find "s3cret", err.message)
    end
  end)

  it("with the digest of a manifest names that of the archive", function()
    local dir, server = fs.temp_folder(), chart_server.start()
    local client = helm.new { kubeconfig = KUBECONFIG, folder = dir .. "/run", cache = dir .. "/cache" }
    local bytes = chart_server.pack { ["Chart.yaml"] = "apiVersion: v2\nname: app\nversion: 1.2.3\n" }
    local archive = server:publish("app", "1.2.3", bytes)
    local source = {
      chart = ("oci://%s/charts/app"):format(server.host),
      version = "1.2.3",
      digest = chart_server.digest(server.manifests["app 1.2.3"]),
    }
    local err = raised(pull.folder, client, source, NONE)
    server:stop()
    fs.remove_tree(dir)
    assert.matches("digest of the registry's manifest", err.message, 1, true)
    assert.matches("digest: " .. archive, err.hint, 1, true)
  end)
end)
