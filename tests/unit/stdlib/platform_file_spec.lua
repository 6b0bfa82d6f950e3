local fs = require "o2x.base.fs"
local stdlib = require "tests.support.stdlib"
local yaml = require "o2x.base.yaml"

local FILE <const> = "examples/platform/platform.yaml"

local THRESHOLDS <const> =
  "monitoring.thresholds must be a map of thresholds, such as disk: {above: 0.85, for: 5m, severity: warning}"

local CHARTS <const> = "charts must be a map of charts, such as "
  .. "tax-gateway: {chart: oci://HOST/charts/tax-gateway, version: 1.2.3, digest: sha256:…}"

-- path of a field, YAML of its value (nil: the field is removed), message
local CASES <const> = {
  { "redis", nil, "redis is missing" },
  { "redis", "null", "redis is missing" },
  { "redis", "1", "redis must be a map" },
  { "redis", "text", "redis must be a map" },
  { "redis", "[a, b]", "redis must be a map" },
  { "redis", "{}", "redis.host is missing" },
  { "redis", "{host: h}", "redis.port is missing" },
  { "redis.host", "null", "redis.host is missing" },
  { "redis.host", "''", "redis.host must be a text" },
  { "redis.host", "7", "redis.host must be a text (put it in quotes)" },
  { "redis.host", "[h]", "redis.host must be a text" },
  { "redis.port", "'6379'", "redis.port must be an integer" },
  { "redis.port", "6379.5", "redis.port must be an integer" },
  { "database", nil, "database is missing" },
  { "database.control", nil, "database.control is missing" },
  { "database.legacy", "dev", "database.legacy must be a map of texts" },
  { "database.schemas", "public", "database.schemas must be a list of texts" },
  { "database.schemas", "[public, 1]", "database.schemas must be a list of texts" },
  { "image", nil, "image is missing" },
  { "image.tag", "2.5", "image.tag must be a text (put it in quotes)" },
  { "domain", nil, "domain is missing" },
  { "domain", "[embrix.com]", "domain must be a text" },
  { "namespace", "true", "namespace must be a text" },
  { "custom_domains", "[a]", "custom_domains must be a map of texts" },
  { "custom_domains", "{acme: [a.com]}", "custom_domains must be a map of texts" },
  { "database.legacy", "{acme: null}", "database.legacy must be a map of texts" },
  { "database.roles", "reporting", "database.roles must be a list of texts" },
  { "kubernetes.rotate", "[pg-secret]", "kubernetes.rotate must be a map of texts" },
  { "storage", nil, "storage is missing" },
  { "broker", nil, "broker is missing" },
  { "broker.queues", "{a: b}", "broker.queues must be a list of texts" },
  { "vault", nil, "vault is missing" },
  { "vault.uri", "{}", "vault.uri must be a text" },
  { "kubernetes", nil, "kubernetes is missing" },
  { "kubernetes.ingress_service", nil, "kubernetes.ingress_service is missing" },
  { "kubernetes.ingress_service", "nginx", "kubernetes.ingress_service must be a map" },
  { "kubernetes.ingress_service.name", nil, "kubernetes.ingress_service.name is missing" },
  { "monitoring", nil, "monitoring is missing" },
  { "monitoring.namespace", "{a: b}", "monitoring.namespace must be a text" },
  { "monitoring.thresholds", "[a]", THRESHOLDS },
  { "monitoring.thresholds", "7", THRESHOLDS },
  { "monitoring.thresholds", "{disk: 0.85}", THRESHOLDS },
  { "monitoring.thresholds", "{disk: []}", THRESHOLDS },
  { "monitoring.thresholds", "{disk: {}}", THRESHOLDS },
  { "monitoring.thresholds", "{disk: {above: high}}", THRESHOLDS },
  { "monitoring.thresholds", "{disk: {above: 1, for: 5}}", THRESHOLDS },
  { "monitoring.thresholds", "{disk: {above: 1, severity: [a]}}", THRESHOLDS },
  { "monitoring.thresholds", "{disk: null}", THRESHOLDS },
  { "charts", "[a]", CHARTS },
  { "charts", "oci://h/app", CHARTS },
  { "charts", "{tax-gateway: oci://h/app}", CHARTS },
  { "charts", "{tax-gateway: {chart: oci://h/app, digest: sha256:aa}}", CHARTS },
  { "charts", "{tax-gateway: {chart: oci://h/app, version: 1.2, digest: x}}", CHARTS },
  { "charts", "{tax-gateway: {chart: app, repo: [x], version: 1.2.3, digest: x}}", CHARTS },
}

describe("stdlib.platform_file", function()
  local std = stdlib.new()
  local platform_file, platform = std.require "platform_file", std.require "platform"

  local function settings() return yaml.decode(fs.read(FILE), FILE) end

  -- The file with another value at a path.
  local function changed(path, value)
    local root = settings()
    local section, parts = root, {}
    for part in path:gmatch("[^.]+") do
      parts[#parts + 1] = part
    end
    for i = 1, #parts - 1 do
      section = section[parts[i]]
    end
    section[parts[#parts]] = value and yaml.decode(value, "value")
    return root
  end

  it("takes the example", function() assert.is_nil(platform_file.problem(settings())) end)

  for _, case in ipairs(CASES) do
    it(("says %s where it is %s"):format(case[3], case[2] or "absent"), function()
      local problem = platform_file.problem(changed(case[1], case[2]))
      assert.equal(case[3], problem and problem.message)
      assert.is_string(problem.hint)
    end)
  end

  it("is asked before a tenant is made, and the error is at the file", function()
    local file = yaml.decode(fs.read "examples/platform/tenants/newclient.yaml", "file")
    local tenant, problem = platform.load("newclient", changed "redis.host", file, "/p/tenants/newclient.yaml", {})
    assert.is_nil(tenant)
    assert.equal("redis.host is missing", problem.message)
    assert.equal("/p/platform.yaml", problem.where)
  end)
end)
