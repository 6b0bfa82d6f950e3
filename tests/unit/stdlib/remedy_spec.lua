local stdlib = require "tests.support.stdlib"

describe("stdlib.remedy", function()
  local remedy = stdlib.new().require "remedy"
  local tenant = { name = "urbanos", namespace = "prod" }

  it("writes command lines that a shell reads as they are meant", function()
    local rows = {
      { remedy.run(tenant, "smoke"), "o2x run smoke urbanos" },
      { remedy.run(tenant, "backup", "list=true"), "o2x run backup urbanos list=true" },
      { remedy.run(tenant, "maintenance", "mode=off", true), "o2x run maintenance urbanos mode=off --confirm=urbanos" },
      { remedy.run(tenant, "vacuum", nil, true), "o2x run vacuum urbanos --confirm=urbanos" },
      { remedy.onboard(tenant), "o2x run onboard urbanos" },
      { remedy.deploy(tenant, "s"), "o2x run deploy urbanos services=s --confirm=urbanos" },
      { remedy.rollback(tenant, "s"), "o2x run rollback urbanos services=s --confirm=urbanos" },
      { remedy.scale(tenant, "s", 3), "o2x run scale urbanos service=s replicas=3 --confirm=urbanos" },
      {
        remedy.scale(tenant, "s", 3, true),
        "o2x run scale urbanos service=s replicas=3 force=true --confirm=urbanos",
      },
      { remedy.kubectl(tenant, "get pods"), "kubectl -n prod get pods" },
      { remedy.logs(tenant, "s"), "kubectl -n prod logs deployment/urbanos-s" },
      { remedy.logs(tenant, "s", "no route"), "kubectl -n prod logs deployment/urbanos-s | grep -i 'no route'" },
      { remedy.restart(tenant, "s"), "kubectl -n prod rollout restart deployment/urbanos-s" },
      { remedy.psql("core db", "select 'it''s'"), [[psql -d 'core db' -c 'select '\''it'\'''\''s'\''']] },
    }
    for _, row in ipairs(rows) do
      assert.equal(row[2], row[1])
    end
  end)

  it("takes over what an adopted tenant's file keeps, and what is asked for", function()
    local adopted = { name = "urbanos", database = "coredb-urbanos", kept = {} }
    local row = remedy.row(adopted, "core_config.tenant_merchants", "id", "T-1", "index", 1)
    for i, what in ipairs { row, "helm.release urbanos-s", "broker.queue T-1.q" } do
      adopted.kept[i] = { what = what, tag = "missing" }
    end
    assert.equal("o2x run onboard urbanos", remedy.onboard(adopted, "helm.release urbanos-other"))
    assert.equal("o2x run onboard urbanos --take-over=T-1.q", remedy.onboard(adopted, "broker.queue T-1.q"))
    assert.equal(
      [[o2x run onboard urbanos --take-over=urbanos-s '--take-over=coredb-urbanos core_config.tenant_merchants where ]]
        .. [[id = '\''T-1'\'' and index = 1']],
      remedy.onboard(adopted, "helm.release urbanos-s", row)
    )
  end)

  it("quotes a text for SQL", function() assert.equal("'it''s'", remedy.literal "it's") end)

  it("asks the cluster for the name of the services' role", function()
    local own = { namespace = "prod", platform = { kubernetes = { postgres_secret = "pg-secret" } } }
    assert.equal(
      [[psql -d postgres -c "alter role \"$(kubectl -n prod get secret pg-secret -o jsonpath={.data.username}]]
        .. [[ | base64 -d)\" in database \"d\" reset x"]],
      remedy.psql_of_services(own, 'alter role %s in database "d" reset x')
    )
  end)

  it("names what only a backup has", function()
    local fix = remedy.restore(tenant, "or not")
    assert.equal("o2x run backup urbanos list=true", fix.look)
    assert.matches("o2x run restore urbanos snapshot=NAME %-%-confirm=urbanos; or not$", fix.say)
  end)
end)
