-- o2x lab copy: an onboarded tenant, copied, seen by the ordinary clients and by o2x.

local audits = require "tests.support.audits"
local databases = require "lab.copy.databases"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local COPIES <const> = { "copy1-newclient", "copy2-newclient", "copy3-newclient" }

describe("a copied tenant", function()
  local lab

  setup(function()
    lab = labs.in_memory()
    audits.onboard(lab, { "newclient" })
    ok(lab:o2x { "lab", "copy", "newclient", "--count=2" })
    ok(lab:o2x { "lab", "copy", "newclient" }) -- the copies of before are none of its things
  end)
  teardown(function() lab:stop() end)

  it("has nothing to do, and no finding", function()
    for _, name in ipairs(COPIES) do
      local plan = lab:o2x { "plan", "onboard", name, "--detailed-exitcode" }
      assert.equal(0, plan.code, plan.stdout .. plan.stderr)
    end
    local reports = audits.audit(lab, "--all")
    local seen = {}
    for _, report in ipairs(reports) do
      if report.tenant:find "newclient$" then
        assert.same({}, report.findings)
        assert.same({}, report.unseen)
        seen[#seen + 1] = report.as_it_should_be
      end
      assert.is_falsy(report.orphan)
    end
    assert.same({ seen[1], seen[1], seen[1], seen[1] }, seen)
  end)

  it("has ids, rows and a database of its own", function()
    local query = "select id, name from core_config.tenant where name ~ 'newclient' order by id"
    local rows = "TIDLT-100008|newclient\nTIDLT-100009|copy1-newclient\nTIDLT-100010|copy2-newclient\n"
    assert.equal(rows .. "TIDLT-100011|copy3-newclient", lab:sql("enginedevdb", query))
    assert.equal("TIDLT-100010|copy2-newclient", lab:sql("coredb-copy2-newclient", query))
    assert.equal("admin@copy1-newclient.com", lab:sql("coredb-copy1-newclient", "select userid from core_config.users"))
    query = "select array(select unnest(datacl)::text order by 1), datconnlimit, datdba from pg_database "
      .. "where datname = 'coredb-%s'"
    assert.equal(
      lab:sql("enginedevdb", query:format "newclient"),
      lab:sql("enginedevdb", query:format "copy3-newclient")
    )
  end)

  it("has objects, releases, records, secrets and files under its name alone", function()
    local pods = lab:kubectl("get", "pods", "-l", "tenant=copy2-newclient", "-o", "json").items
    local of_source = lab:kubectl("get", "pods", "-l", "tenant=newclient", "-o", "json").items
    assert.equal(#of_source, #pods)
    assert.not_equal(of_source[1].metadata.uid, pods[1].metadata.uid)
    local manifest = lab:out("helm", "get", "manifest", "copy2-newclient-service-sso")
    local wanted = lab:out("helm", "get", "manifest", "newclient-service-sso")
    assert.equal((wanted:gsub("newclient", "copy2-newclient"):gsub("100008", "100010")), manifest)
    assert.matches("TIDLT%-100010", manifest)
    assert.equal(lab:dig("api.newclient.embrix.com", "CNAME"), lab:dig("api.copy3-newclient.embrix.com", "CNAME"))
    assert.equal("admin@copy1-newclient.com", lab:vault("tenant/copy1-newclient/admin").username)
    local values = fs.read(fs.join(lab.platform, "core/helm_values/copy1-newclient/service-sso.yaml"))
    assert.is_nil(values:gsub("copy1%-newclient", ""):find("newclient", 1, true))
    local data = lab:out("kubectl", "get", "secret", "copy3-newclient-tls-cert", "-o", [[jsonpath={.data.tls\.crt}]])
    local certificate = lab:out("sh", "-c", 'echo "$1" | base64 -d | openssl x509 -noout -text', "sh", data)
    assert.matches("DNS:copy3%-newclient%.embrix%.com", certificate)
  end)

  it("is one that a run changes, and no other", function()
    ok(lab:o2x { "restart", "copy1-newclient", "services=service-sso" })
    local pods = lab:kubectl("get", "pods", "-l", "tenant=copy1-newclient", "-o", "json").items
    assert.equal(#lab:kubectl("get", "pods", "-l", "tenant=newclient", "-o", "json").items, #pods)
    assert.matches("Nothing to do", ok(lab:o2x { "plan", "onboard", "newclient" }).stdout)
  end)

  it("is not made where its database finds no room", function()
    local state = json.decode(fs.read(fs.join(lab.dir, "state/postgres.json")))
    local server = {
      port = function() return math.tointeger(tonumber(lab.env.PGPORT)) end,
      state = function() return state end,
    }
    local plan = { database = "coredb-newclient", copies = { {}, {} } }
    databases.check_room(server, plan, 2 << 30)
    local good, problem = pcall(databases.check_room, server, plan, 1 << 30)
    assert.is_false(good)
    assert.matches("2 copies of coredb%-newclient take %d+ MB, and there are 1024 MB free", tostring(problem))
  end)

  it("is refused at once while a server is down, and works when it is back", function()
    for _, name in ipairs { "postgres", "redis" } do
      ok(lab:o2x { "lab", "fault", name, "down" })
      local refused = lab:o2x({ "lab", "copy", "newclient" }, { timeout = 30 })
      assert.equal(3, refused.code, refused.stderr)
      assert.matches(("%s is down\n *o2x lab fault %s off"):format(name, name), refused.stderr)
      ok(lab:o2x { "lab", "fault", name, "off" })
    end
  end)

  it("is told as JSON, and refused with what to type", function()
    local cases = {
      { { "newcleint" }, "no tenant newcleint" },
      { { "acme-sbx" }, "o2x run onboard acme%-sbx" },
      { { "newclient", "--count=none" }, "%-%-count is a number" },
      { {}, "which tenant" },
    }
    for _, case in ipairs(cases) do
      local result = lab:o2x { "lab", "copy", table.unpack(case[1]) }
      assert.equal(3, result.code, result.stderr)
      assert.matches(case[2], result.stderr)
    end
    local result = ok(lab:o2x { "lab", "copy", "newclient", "--json" })
    assert.same({ "copy4-newclient" }, json.decode(result.stdout))
  end)
end)
