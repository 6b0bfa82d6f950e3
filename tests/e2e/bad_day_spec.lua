-- One onboarding that meets every trouble on its way: each time it stops with a clear line and goes on with `resume`.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("a run that meets one trouble after another", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function stopped(code, pattern, words, options)
    local result = lab:o2x(words, options)
    assert(result.code == code, ("exit %s instead of %d\n%s%s"):format(result.code, code, result.stdout, result.stderr))
    assert.matches(pattern, result.stderr)
    assert.is_nil(result.stderr:find("stack traceback", 1, true))
    return result
  end

  -- What the last lines told to type: a run that wrote nothing is started again, any other is resumed.
  local function again()
    local open = json.decode(lab:o2x({ "runs", "--unfinished", "--json" }).stdout)
    return open[1] and { "resume" } or { "run", "onboard", "newclient", "timeout=4s" }
  end

  local function in_tree(path) return fs.join(lab.platform, path) end

  it("is told before the first effect when the DNS zone is missing", function()
    local path, platform = in_tree "tenants/newclient.yaml", in_tree "platform.yaml"
    local text, settings = fs.read(path), fs.read(platform)
    fs.write(path, (text:gsub("newclient%.embrix%.com", "newclient.example.net")))
    fs.write(platform, (settings:gsub("custom_domains: {}", "custom_domains: {newclient: newclient.example.net}")))
    stopped(1, "zone", { "run", "onboard", "newclient" })
    fs.write(path, text)
    fs.write(platform, settings)
    assert.equal("0", lab:sql("enginedevdb", "select count(*) from core_config.tenant where name = 'newclient'"))
  end)

  it("stops at a sealed Vault", function()
    assert.equal(0, lab:o2x({ "lab", "fault", "vault", "sealed" }).code)
    stopped(4, "[Ss]ealed", { "run", "onboard", "newclient", "timeout=4s", "--set=retry.seconds=2" })
    assert.equal(0, lab:o2x({ "lab", "fault", "vault", "off" }).code)
  end)

  it("goes on to a kubeconfig that is not there, and to a helm that is not there", function()
    stopped(3, "kubeconfig", again(), { env = { KUBECONFIG = lab.dir .. "/nosuch" } })
    stopped(1, "helm is not on PATH", again(), { env = { PATH = "/nonexistent", XDG_CACHE_HOME = "/nonexistent" } })
  end)

  it("goes on to a chart that does not render", function()
    local template = in_tree "core/charts/service-sso/templates/broken.yaml"
    fs.write(template, "kind: {{ .Values.nosuch.field.deep }}\n")
    stopped(3, "broken.yaml:1", again())
    fs.remove(template)
  end)

  it("goes on to pods that never get ready, and shows why: events and the last log lines", function()
    local values = in_tree "core/helm_values/newclient/service-sso.yaml"
    local text = fs.read(values)
    fs.write(values, (text:gsub("tag: [^\n]*", "tag: v2.5.0-broken")))
    local result = stopped(1, "newclient%-service%-sso is not ready after 4 s", again())
    assert.matches("broken", result.stderr)
    fs.write(values, text)
  end)

  it("goes on to lost answers and throttling, which it passes by itself", function()
    assert.equal(0, lab:o2x({ "lab", "fault", "aws", "drop-after", "times=1", "match=rrset" }).code)
    assert.equal(0, lab:o2x({ "lab", "fault", "k8s", "429", "times=2" }).code)
    local result = lab:o2x(again())
    assert(result.code == 0, result.stderr)
  end)

  it("and ends where an undisturbed one ends", function()
    assert.equal(0, lab:o2x({ "plan", "onboard", "newclient", "--detailed-exitcode" }).code)
    local releases = json.decode(lab:out("helm", "list", "-o", "json", "--max", "0", "--filter", "^newclient-"))
    assert.equal(16, #releases)
    for _, release in ipairs(releases) do
      assert.equal("deployed", release.status, release.name)
    end
    for _, name in ipairs { "newclient", "api.newclient", "x.newclient" } do
      assert.not_equal("", lab:dig(name .. ".embrix.com", "CNAME"))
    end
    assert.equal("1", lab:sql("enginedevdb", "select count(*) from core_config.tenant where name = 'newclient'"))
  end)

  it("does not begin on a full disk", function()
    local result = lab:run { "sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$1" run onboard acme-sbx', "sh", labs.O2X }
    assert.equal(1, result.code)
    assert.is_nil(result.stderr:find("stack traceback", 1, true))
    assert.equal("0", lab:sql("enginedevdb", "select count(*) from core_config.tenant where name = 'acme-sbx'"))
  end)
end)
