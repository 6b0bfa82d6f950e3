-- A tenant that was made by hand, in places that nobody thinks of: JSON deeper than any file, names in Vault that are
-- no paths, odd records, keys, queues, objects and labels; and others who adopt at the same time. What cannot be taken
-- over is one line of the table, and all else is taken over.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

local ID <const>, OWN <const> = "TIDLT-100005", "coredb-urbanos"
local SSO <const> = "core/helm_values/urbanos/service-sso.yaml"
local SECRET <const> = 'p"w&/+ä =%_hidden\\0123'

local function url(text)
  return (text:gsub("[^%w/._-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local SPELLINGS <const> = {
  raw = SECRET,
  base64 = crypto.base64(SECRET),
  url = url(SECRET),
  json = json.encode(SECRET):sub(2, -2),
  hex = crypto.hex(SECRET),
}

local function nested(levels) return ('{"a":'):rep(levels) .. "1" .. ("}"):rep(levels) end

describe("a tenant that was made by hand in odd places", function()
  local lab, file, mark
  setup(function()
    lab = labs.start()
    file, mark = fs.join(lab.platform, "tenants/urbanos.yaml"), fs.join(lab.dir, "mark")
    lab:out("cp", "-a", lab.platform, lab.dir .. "/as-it-was")
  end)
  teardown(function() lab:stop() end)
  before_each(function()
    lab:out("rm", "-rf", lab.platform, lab.store)
    lab:out("cp", "-a", lab.dir .. "/as-it-was", lab.platform)
    fs.remove(file)
  end)

  local function sql(text) return lab:sql(OWN, text) end

  local function is_clean(result)
    for _, text in ipairs { result.stdout, result.stderr } do
      assert.falsy(text:find "[\0-\8\11-\31\127]")
      assert.falsy(text:find("\u{202e}", 1, true))
      assert.is_nil(text:find("traceback", 1, true), text)
      for name, spelling in pairs(SPELLINGS) do
        assert.falsy(text:find(spelling, 1, true), name)
      end
    end
    assert.is_false(fs.exists(mark), "it was executed")
    return result
  end

  local function adopts()
    local result = is_clean(lab:o2x { "adopt", "urbanos" })
    assert.equal(0, result.code, result.stdout .. result.stderr)
    return yaml.read(fs.read(file)), result.stdout
  end

  local function plan() return is_clean(lab:o2x { "plan", "onboard", "urbanos", "--detailed-exitcode" }) end

  local function is_planned_empty()
    local result = plan()
    assert.equal(0, result.code, result.stdout .. result.stderr)
  end

  local function no_file_has_the_secret()
    for name, spelling in pairs(SPELLINGS) do
      assert.equal("", lab:run({ "grep", "-rlF", "--", spelling, lab.platform, lab.store }).stdout, name)
    end
  end

  local function vault(method, path, body)
    local words = { "curl", "-sSf", "--path-as-is", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN }
    if body then table.move({ "-d", json.encode(body) }, 1, 2, #words + 1, words) end
    words[#words + 1] = lab.env.VAULT_ADDR .. "/v1/secret/" .. path
    return lab:out(table.unpack(words))
  end

  local function put_secret(path)
    vault("POST", "data/" .. url(path), { data = { username = "somebody", password = SECRET } })
  end

  -- ---- what is too deep ----

  it("is taken over without JSON that is nested too deep, or that no file can have", function()
    local insert = "insert into core_config.feature_flags (tenant_id, feature_key, enabled, config) values "
    local flags = { deep = nested(300), deeper = nested(5000), near = nested(49), fits = nested(48) }
    flags.odd = '{"nothing": null, "large": 12345678901234567890, "list": [null, {}, []]}'
    flags.null = "null"
    for key, config in pairs(flags) do
      sql(insert .. ("('%s', '%s', true, '%s')"):format(ID, key, config))
    end
    local own = "update core_config.%s_gateway_attributes set custom_config = '%s', custom_mappings = '%s'"
    sql(own:format("crm", nested(300), '{"x": [1, 2]}'))
    local was = sql "select md5(string_agg(feature_key || config, '' order by 1)) from core_config.feature_flags"
    local made, table_of = adopts()
    local why = " +is nested deeper than 48 levels, which no file may be; it stays as it is"
    for _, what in ipairs { "feature deep", "feature deeper", "feature near" } do
      assert.matches("left alone +config of " .. what .. why, table_of)
    end
    assert.matches("left alone +custom_config of integration SALESFORCE" .. why, table_of)
    assert.matches("left alone +config of feature odd +.-an integer that does not fit 64 bits", table_of)
    assert.same({ enabled = true }, made.features.deep)
    assert.equal(nested(48), json.encode(made.features.fits.config))
    assert.same({ x = { 1, 2 } }, made.integrations[5].custom_mappings)
    is_planned_empty()
    assert.equal(was, sql "select md5(string_agg(feature_key || config, '' order by 1)) from core_config.feature_flags")
    sql(own:format("crm", "null", "null"):gsub("'null'", "null"))
    sql(
      ("delete from core_config.feature_flags where feature_key in ('%s')"):format("deep','deeper','near','fits','null")
    )
    sql [[update core_config.feature_flags set config = '{"nothing": null, "b": {"c": null}}'
      where feature_key = 'odd']]
    fs.remove(file)
    local second, nulls = adopts()
    assert.matches("left alone +config of feature odd: nothing +is null, which a tenant's file cannot say", nulls)
    assert.matches("left alone +config of feature odd: b.c +is null", nulls)
    assert.same({ b = {} }, second.features.odd.config)
    is_planned_empty()
    sql "delete from core_config.feature_flags where feature_key = 'odd'"
  end)

  it("is taken over without the values of a release that are nested too deep", function()
    local chart, values = fs.join(lab.platform, "core/charts/service-sso"), fs.join(lab.dir, "as-it-was", SSO)
    for levels, more in pairs { [100] = "override +release", [300] = "not looked at +Deploy/Wave 1/service%-sso" } do
      fs.write(lab.dir .. "/values.json", '{"own": ' .. nested(levels) .. "}")
      lab:out("helm", "upgrade", "urbanos-service-sso", chart, "-f", values, "-f", lab.dir .. "/values.json")
      fs.remove(file)
      fs.remove(fs.join(lab.platform, SSO))
      local made, table_of = adopts()
      assert.equal(ID, made.id)
      assert.matches("left alone +values of urbanos%-service%-sso +no file can have them: they are nested", table_of)
      assert.matches(more, table_of)
      assert.is_nil(table_of:find("kubectl delete secret", 1, true), "helm reads the record")
      assert.is_false(fs.exists(fs.join(lab.platform, SSO)), "the standard's values are not the release's")
      local planned = plan().stdout
      assert.matches("%+ " .. SSO:gsub("%-", "%%-"), planned)
      assert.matches("1 to create, 0 to change, 0 to delete", planned)
    end
    local proposed = plan().stdout:match "helm get values urbanos%-service%-sso %-n default"
      or plan().stderr:match "helm get values urbanos%-service%-sso %-n default"
    assert.matches("own:", lab:out("sh", "-c", proposed))
    local found = lab:o2x({ "diagnose", "urbanos", "--json" }).stdout
    assert.matches("the record of its release cannot be read", found)
    assert.truthy(found:find(('"look": "%s"'):format(proposed), 1, true), found)
    lab:out("helm", "upgrade", "urbanos-service-sso", chart, "-f", values)
  end)

  -- ---- secrets ----

  local function all(fn)
    for name, text in pairs(SPELLINGS) do
      fn(name, text)
    end
  end

  it("by secrets at odd paths of Vault is taken over without them; what is no path is named", function()
    local names = { "a b", "ünï/ключ", "$(touch " .. mark .. ")", "a'b\"c", " lead", "-n", "..x/y", "x/-", "*" }
    for i, name in ipairs(names) do
      vault("POST", "data/tenant/urbanos/" .. url(name), { data = { password = SECRET .. i } })
      sql(("insert into core_config.tenant_property_defaults values ('%s', 'k%d', '%s')"):format(ID, i, SECRET .. i))
    end
    local odd = { "%1b%5b2J", "a%3fb%23c", "pct%252e%252e", "%2e%2e/demo/x", "x%2f%2fy", "%2fy", "end." }
    for _, name in ipairs(odd) do
      vault("POST", "data/tenant/urbanos/" .. name, { data = { password = SECRET } })
    end
    for _, name in ipairs { "gone", "destroyed" } do
      put_secret("tenant/urbanos/" .. name)
    end
    vault("DELETE", "data/tenant/urbanos/gone")
    vault("POST", "destroy/tenant/urbanos/destroyed", { versions = { 1 } })
    local made, table_of = adopts()
    for i, name in ipairs(names) do
      assert.is_nil((made.properties or {})["k" .. i], name)
      assert.matches("left alone +properties%.k" .. i .. " +has the text of a secret", table_of)
    end
    for _, name in ipairs { "\\x1b[2J", "a?b#c", "pct%2e%2e", "../", "x//", "/", "end." } do
      local line = ("not looked at  Vault's tenant/urbanos/%s "):format(name)
      assert.truthy(table_of:find(line, 1, true), line .. "\n" .. table_of)
    end
    no_file_has_the_secret()
    is_planned_empty()
    for _, name in ipairs(names) do
      vault("DELETE", "metadata/tenant/urbanos/" .. url(name))
    end
    for _, name in ipairs(odd) do
      vault("DELETE", "metadata/tenant/urbanos/" .. name)
    end
    sql "delete from core_config.tenant_property_defaults where property_key ~ '^k[0-9]'"
  end)

  local function zone_change(action, sets)
    local changes = {}
    for i, set in ipairs(sets) do
      local records = {}
      for j, text in ipairs(set[3]) do
        records[j] = { Value = text }
      end
      changes[i] = {
        Action = action,
        ResourceRecordSet = { Name = set[1], Type = set[2], TTL = 60, ResourceRecords = records },
      }
    end
    lab:aws(
      "route53",
      "change-resource-record-sets",
      "--hosted-zone-id",
      lab:zone(),
      "--change-batch",
      json.encode { Changes = changes }
    )
  end

  local function quoted(text)
    local escaped = text:gsub('[\\"]', "\\%0"):gsub("[^ -~]", function(c) return ("\\%03o"):format(c:byte()) end)
    return '"' .. escaped .. '"'
  end

  local function jolokia(ask)
    return json.decode(lab:run({
      "curl",
      "-sSf",
      "-H",
      "Origin: http://localhost",
      "-u",
      lab.env.O2X_BROKER_USER .. ":" .. lab.env.O2X_BROKER_PASSWORD,
      "-d",
      json.encode(ask),
      lab.env.O2X_BROKER_URL .. "/api/jolokia/",
    }).stdout)
  end

  local function add_queues(names)
    local any = { type = "read", mbean = "org.apache.activemq:type=Broker,brokerName=*", attribute = "BrokerName" }
    local broker = next(jolokia(any).value)
    for _, name in ipairs(names) do
      local answer = jolokia { type = "exec", mbean = broker, operation = "addQueue", arguments = json.array { name } }
      assert.equal(200, answer.status, name)
    end
  end

  it("by secrets in records, keys, queues, objects, labels and annotations is taken over without them", function()
    put_secret "tenant/urbanos/broadsoft"
    local run_it, raw = "$(touch " .. mark .. ")", "\27[2J\u{202e}"
    local texts = { quoted(run_it), quoted(raw) }
    all(function(_, text) texts[#texts + 1] = quoted(text) end)
    local sets = {
      { "txt.urbanos.embrix.com", "TXT", texts },
      { "\\052.x.urbanos.embrix.com", "CNAME", { "demo.embrix.com" } },
      { "\\033\\047.urbanos.embrix.com", "TXT", { '"x"' } },
    }
    zone_change("UPSERT", sets)
    local names, keys = { ID .. "." .. run_it, ID .. "." .. raw }, {}
    all(function(_, text)
      names[#names + 1] = ID .. "." .. text
      keys[#keys + 1] = ID .. ":session:" .. text
    end)
    add_queues(names)
    for _, key in ipairs(keys) do
      lab:out("redis-cli", "-u", lab.env.REDIS_URL, "set", key, SECRET)
    end
    for _, key in ipairs { "urbanos/" .. SECRET, "urbanos/../demo/" .. run_it } do
      lab:aws(
        "s3api",
        "put-object",
        "--bucket",
        "embrix-development-data",
        "--key",
        key,
        "--body",
        lab.dir .. "/lab.json"
      )
    end
    local annotations = { "a=" .. run_it, "b=" .. raw }
    all(function(name, text) annotations[#annotations + 1] = ("c/%s=%s"):format(name, text) end)
    local function annotate(what) lab:out("kubectl", "annotate", what, table.unpack(annotations)) end
    annotate "ingress/urbanos-ingress"
    annotate "deployment/urbanos-service-sso"
    lab:out("kubectl", "create", "configmap", "demo-settings", "--from-literal=a=" .. SECRET)
    lab:out("kubectl", "label", "configmap", "demo-settings", "tenant=urbanos", "own=" .. SPELLINGS.hex:sub(1, 63))
    annotate "configmap/demo-settings"
    local config = json.encode({ list = { SPELLINGS }, [SECRET] = 1, fine = true }):gsub("'", "''")
    sql(("update core_config.crm_gateway_attributes set custom_mappings = '%s'"):format(config))
    sql(("insert into core_config.feature_flags values ('%s', 'leak', true, '%s')"):format(ID, config))
    local others = lab:kubectl("get", "configmap", "demo-settings", "-o", "json")
    local made, table_of = adopts()
    assert.same({ fine = true, list = { {} } }, made.features.leak.config)
    assert.matches("left alone +ConfigMap demo%-settings +has the tenant's label", table_of)
    is_planned_empty()
    is_clean(lab:o2x { "adopt", "urbanos", "--json" })
    is_clean(lab:o2x { "audit", "urbanos" })
    no_file_has_the_secret()
    assert.same(others, lab:kubectl("get", "configmap", "demo-settings", "-o", "json"))
    for _, key in ipairs(keys) do
      assert.equal(SECRET, lab:out("redis-cli", "-u", lab.env.REDIS_URL, "get", key))
    end
    assert.matches("%$%(touch", lab:dig("txt.urbanos.embrix.com", "TXT"))
    zone_change("DELETE", sets)
    sql "delete from core_config.feature_flags where feature_key = 'leak'"
    sql "update core_config.crm_gateway_attributes set custom_mappings = null"
    lab:out("kubectl", "delete", "configmap", "demo-settings")
  end)

  -- ---- others at the same time ----

  it("by two at once is taken over by both or by one, and the other is told", function()
    local stores, children = { lab.dir .. "/one", lab.dir .. "/two" }, {}
    for i, store in ipairs(stores) do
      children[i] = lab:start({ "adopt", "urbanos" }, { O2X_STATE = store })
    end
    local codes = {}
    for i, child in ipairs(children) do
      codes[i] = proc.wait(child, 120)
      child:close()
    end
    table.sort(codes)
    assert.equal(0, codes[1])
    assert.is_true(codes[2] == 0 or codes[2] == 5, "exit " .. codes[2])
    assert.equal(ID, yaml.read(fs.read(file)).id)
    is_planned_empty()
  end)

  it("whose monitoring is deleted while it is looked at is taken over, and what is gone is listed", function()
    local objects = lab:kubectl("get", "servicemonitors,prometheusrules", "-n", "monitoring", "-o", "json")
    local child = lab:start { "adopt", "urbanos" }
    lab:out("kubectl", "delete", "namespace", "monitoring", "--wait=false")
    assert.equal(0, (proc.wait(child, 120)))
    child:close()
    local _, table_of = adopts()
    assert.matches("missing +ServiceMonitor monitoring/urbanos%-services", table_of)
    local result = plan()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    lab:out("kubectl", "create", "namespace", "monitoring")
    local path = lab.dir .. "/objects.json"
    for _, item in ipairs(objects.items) do
      item.metadata.uid, item.metadata.resourceVersion = nil, nil
    end
    fs.write(path, json.encode(objects))
    lab:out("kubectl", "apply", "-f", path)
    adopts()
    is_planned_empty()
  end)
end)
