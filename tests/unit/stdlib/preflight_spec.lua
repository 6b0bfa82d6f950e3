local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local stdlib = require "tests.support.stdlib"

describe("stdlib.preflight", function()
  -- Everything that newclient's providers need.
  local function secrets()
    local providers = stdlib.new().require "providers"
    local given = { license = { license_key = secret.new "l" } }
    for _, item in ipairs(stdlib.tenant("newclient").integrations) do
      local provider = providers.find(item.name)
      given[provider.vault] = {}
      for _, field in ipairs(provider.fields) do
        given[provider.vault][field] = secret.new "s"
      end
    end
    return given
  end

  -- Platform and systems are all right, unless options say otherwise.
  local function new(options)
    local std = stdlib.new {
      vault = { read = function() return options.in_vault end },
      rights = {
        check = function(looks)
          for _, look in ipairs(looks) do
            look()
          end
        end,
      },
      k8s = { get = function(kind) return kind == "Service" and not options.no_ingress and {} or nil end },
    }
    local naming = std.require "naming"
    for _, service in ipairs(std.require("catalogue").names()) do
      std.tree[naming.chart(service) .. "/Chart.yaml"] = "version: 1"
    end
    return std
  end

  local function onboard(options)
    local std = new(options)
    if options.missing_file then std.tree[options.missing_file] = nil end
    local tenant = stdlib.tenant("newclient", { secrets = options.secrets or secrets(), kept = options.kept })
    std.require("preflight").onboard(tenant, options.params or {})
    return std
  end

  local function problem(options) return raised(onboard, options).message end

  it("passes when nothing is missing", function() onboard {} end)

  it(
    "passes without a secrets source if Vault has the secrets",
    function() onboard { secrets = {}, in_vault = { api_key = secret.new "s" } } end
  )

  it("passes without secrets with which the tenant was taken over, and no others", function()
    local kept = {}
    for _, path in ipairs { "license/onboarding", "quickbooks", "stripe", "avalara", "broadsoft", "salesforce" } do
      kept[#kept + 1] = { what = "vault.secret secret/tenant/newclient/" .. path, tag = "missing" }
    end
    onboard { secrets = {}, kept = kept }
    kept[1].tag = "0123456789abcdef"
    assert.matches("no secrets for license", problem { secrets = {}, kept = kept })
  end)

  it("contacts every system", function()
    local std = onboard {}
    for _, name in ipairs { "vault.read", "redis.ping", "helm.list", "dns.zone", "k8s.get" } do
      assert.is_true(#std.called(name) > 0, name)
    end
  end)

  it("finds a missing chart", function()
    local path = "core/charts/service-sso/Chart.yaml"
    assert.matches("there is no core/charts/service%-sso/Chart.yaml", problem { missing_file = path })
  end)

  it(
    "finds a missing values file of the tenant to copy",
    function()
      assert.matches("from=urbanos: there is no core/helm_values/urbanos", problem { params = { from = "urbanos" } })
    end
  )

  it(
    "finds that the ingress controller is missing",
    function() assert.matches("there is no service ingress%-nginx%-controller", problem { no_ingress = true }) end
  )

  it(
    "finds missing secrets",
    function() assert.matches("no secrets for license, neither given nor in Vault", problem { secrets = {} }) end
  )

  -- The problem with secrets of which one was changed.
  local function with_stripe_key(value)
    local given = secrets()
    given.stripe.api_key = value
    return problem { secrets = given }
  end

  it("finds a missing field", function() assert.matches("stripe.api_key is missing", with_stripe_key(nil)) end)

  it("finds an empty field", function() assert.matches("stripe.api_key is empty", with_stripe_key(secret.new "")) end)

  it(
    "finds a field that is not a string",
    function() assert.matches("stripe.api_key must be a string", with_stripe_key(12)) end
  )
end)
