-- A tenant that was made by hand is taken over: its file is made of what is there, the platform stays as it is, and the
-- plan is empty afterwards.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

local CHANGES <const> = 2

describe("a tenant that was made by hand", function()
  local lab, file, values, before
  setup(function()
    lab = labs.start()
    file = fs.join(lab.platform, "tenants/urbanos.yaml")
    values = fs.join(lab.platform, "core/helm_values/urbanos")
    before = fs.read(file)
    lab:out("cp", "-a", lab.platform, lab.dir .. "/as-it-was")
  end)
  teardown(function() lab:stop() end)
  before_each(function()
    lab:out("rm", "-rf", lab.platform)
    lab:out("cp", "-a", lab.dir .. "/as-it-was", lab.platform)
  end)

  local function snapshot()
    local text = fs.read_if(file)
    fs.remove(file)
    local all = lab:snapshot "coredb-urbanos"
    if text then fs.write(file, text) end
    return all
  end

  local function plan(...) return lab:o2x { "plan", "onboard", "urbanos", "--detailed-exitcode", ... } end

  local function rows(...)
    local result = ok(lab:o2x { "adopt", "urbanos", "--json", ... })
    return json.decode(result.stdout).result, result
  end

  local function row(list, what)
    for _, one in ipairs(list) do
      if one.what == what then return one end
    end
  end

  it("gets its file, of what is there; nothing else changes, and the plan is empty", function()
    fs.remove(file)
    local was = snapshot()
    local planned = ok(lab:o2x { "plan", "adopt", "urbanos" })
    assert.is_false(fs.exists(file))
    assert.matches("taken over +registry +TIDLT%-100005, development", planned.stdout)
    assert.matches("%+ tenants/urbanos.yaml", planned.stdout)
    ok(lab:o2x { "adopt", "urbanos" })
    assert.equal(was, snapshot())
    local made, written = yaml.read(fs.read(file)), yaml.read(before)
    made.kept, made.notes = nil, nil
    assert.same(written, made)
    local result = plan()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.matches("Nothing to do", result.stdout)
    local proposed = result.stdout:match "%(o2x (plan adopt %S+) lists them%)"
    assert.matches(
      "PersistentVolumeClaim default/urbanos%-data%-pvc",
      ok(lab:o2x { proposed:match "(%S+) (%S+) (%S+)" }).stdout
    )
    assert.matches("0 changed, 1 unchanged", ok(lab:o2x { "adopt", "urbanos" }).stderr)
  end)

  it("keeps the file that it has, with its comments; what the systems say otherwise is written there", function()
    fs.write(file, (before:gsub("company: [^\n]*", "company: Somebody Else   # by contract", 1)))
    ok(lab:o2x { "adopt", "urbanos" })
    local text = fs.read(file)
    assert.matches("\ncompany: Urbanos Networks   # by contract\n", text)
    assert.equal(
      (before:gsub("company: [^\n]*", "company: Urbanos Networks   # by contract", 1)),
      text:sub(1, text:find "\nkept:")
    )
    assert.equal(0, plan().code)
  end)

  it("gets the values files that the tree lacks, from its releases", function()
    lab:out("rm", "-r", values)
    lab:out(
      "sed",
      "-i",
      "s/^replicaCount: .*/replicaCount: 1/",
      fs.join(lab.platform, "tax-gateway/helm_values/urbanos/tax-gateway.yaml")
    )
    local list = rows()
    assert.equal("override", row(list, "replicas of tax-gateway").state)
    assert.equal("taken over", row(list, "core/helm_values/urbanos/service-sso.yaml").state)
    for name in lab:out("ls", lab.dir .. "/as-it-was/core/helm_values/urbanos"):gmatch "[^\n]+" do
      local one = fs.join("core/helm_values/urbanos", name)
      local was, is = fs.join(lab.dir, "as-it-was", one), fs.join(lab.platform, one)
      assert.same(yaml.decode(fs.read(was)), yaml.decode(fs.read(is)))
    end
    assert.equal(0, plan().code)
  end)

  it("lists what is missing, with the line that makes it: pasted, it does, and adopt forgets the difference", function()
    fs.remove(file)
    local list = rows()
    local missing = row(list, "ConfigMap monitoring/urbanos-dashboard")
    assert.equal("missing", missing.state)
    assert.equal("missing", row(list, "Vault has no admin").state)
    ok(lab:run({ "sh", "-c", missing.next }, { env = { PATH = fs.folder(labs.O2X) .. ":" .. os.getenv "PATH" } }))
    lab:out("kubectl", "-n", "monitoring", "get", "configmap", "urbanos-dashboard")
    assert.matches("monitoring/ConfigMap/urbanos%-dashboard", fs.read(file))
    local again = rows()
    assert.is_nil(row(again, missing.what))
    assert.is_nil(fs.read(file):find("urbanos-dashboard", 1, true))
    assert.equal(0, plan().code)
    lab:out("kubectl", "-n", "monitoring", "delete", "configmap", "urbanos-dashboard")
  end)

  it("is planned again when somebody changes what was kept", function()
    fs.remove(file)
    ok(lab:o2x { "adopt", "urbanos" })
    local monitor = { "kubectl", "-n", "monitoring", "label", "servicemonitor", "urbanos-services" }
    local function label(word)
      lab:out(table.unpack(table.move({ word }, 1, 1, #monitor + 1, { table.unpack(monitor) })))
    end
    label "tenant-"
    local result = plan()
    label "tenant=urbanos"
    assert.equal(CHANGES, result.code, result.stderr)
    assert.matches("0 to create, 1 to change", result.stdout)
    assert.matches("ServiceMonitor monitoring/urbanos%-services", result.stdout)
    assert.equal(0, plan().code)
  end)

  it("has no secret in its file, whatever Vault holds", function()
    fs.remove(file)
    lab:out("rm", "-r", values)
    ok(lab:o2x { "adopt", "urbanos" })
    local seed = yaml.read(fs.read("examples/platform/lab/seed.yaml"))
    local public = { ["900100005"] = true, URBANOS = true, ["TIDLT-100005"] = true, urbanos = true, development = true }
    local text = fs.read(file)
    for name in lab:out("ls", values):gmatch "[^\n]+" do
      text = text .. fs.read(fs.join(values, name))
    end
    local count = 0
    for _, fields in pairs(seed.vault) do
      for field, value in pairs(fields) do
        count = count + 1
        if not public[value] then assert.is_nil(text:find(value, 1, true), field) end
      end
    end
    assert.is_true(count > 15)
  end)

  it("that was cut off at any point is taken over by a resume; an undo leaves every byte as it was", function()
    fs.remove(file)
    lab:out("rm", "-r", values)
    for at = 1, 8 do
      local killed = lab:o2x({ "adopt", "urbanos" }, { env = { O2X_KILL_AT = tostring(at) } })
      assert.equal(9, killed.signal)
      local resumed = lab:o2x { "resume" }
      if resumed.code ~= 0 then ok(lab:o2x { "adopt", "urbanos" }) end -- cut off before the first write
      assert.equal(0, plan().code)
      local runs = json.decode(lab:o2x({ "runs", "--json" }).stdout)
      ok(lab:o2x { "undo", runs[#runs].id, "--confirm=urbanos" })
      assert.is_false(fs.exists(file))
      assert.is_false(fs.exists(values))
    end
    fs.write(file, before)
    ok(lab:o2x { "adopt", "urbanos" })
    local runs = json.decode(lab:o2x({ "runs", "--json" }).stdout)
    ok(lab:o2x { "undo", runs[#runs].id, "--confirm=urbanos" })
    assert.equal(before, fs.read(file))
  end)

  it("of which there is nothing, or a row in the registry alone, is refused in one line", function()
    local nowhere = lab:o2x { "adopt", "nowhere" }
    assert.equal(3, nowhere.code)
    assert.matches("there is no tenant nowhere: it is not in the registry, and there is no database", nowhere.stderr)
    assert.matches("a new tenant: write tenants/nowhere.yaml", nowhere.stderr)
    assert.matches("a new tenant: o2x run onboard acme%-sbx\n", lab:o2x({ "adopt", "acme-sbx" }).stderr)
    lab:sql(
      "enginedevdb",
      "insert into core_config.tenant (id, name, vaulturi, vaultpath) "
        .. "values ('TIDLT-100099', 'alone', 'http://alone-vault-interface/', 'tenant/alone/demo')"
    )
    local alone = lab:o2x { "adopt", "alone" }
    lab:sql("enginedevdb", "delete from core_config.tenant where name = 'alone'")
    assert.equal(3, alone.code)
    assert.matches("alone is in the registry only %(TIDLT%-100099%)", alone.stderr)
    assert.is_false(fs.exists(fs.join(lab.platform, "tenants/alone.yaml")))
    lab:out("createdb", "coredb-stray")
    local stray = lab:o2x { "adopt", "stray" }
    lab:out("dropdb", "coredb-stray")
    assert.equal(1, stray.code)
    assert.matches("there is a database coredb%-stray, but no stray in the registry", stray.stderr)
    assert.matches("TIDLT%-100005", lab:out("sh", "-c", (stray.stderr:match "(psql %-d .-) shows who is there")))
  end)

  it("of which the registry has two rows is refused, with the line that shows them", function()
    lab:sql("enginedevdb", "alter table core_config.tenant drop constraint tenant_name_key")
    lab:sql(
      "enginedevdb",
      "insert into core_config.tenant (id, name, vaulturi, vaultpath) "
        .. "values ('TIDLT-100098', 'urbanos', 'http://x/', 'tenant/urbanos/demo')"
    )
    fs.remove(file)
    local twice = lab:o2x { "plan", "adopt", "urbanos" }
    local shown = lab:out("sh", "-c", (twice.stderr:match "(psql %-d [^\n]+) shows them"))
    lab:sql("enginedevdb", "delete from core_config.tenant where id = 'TIDLT-100098'")
    lab:sql("enginedevdb", "alter table core_config.tenant add constraint tenant_name_key unique (name)")
    assert.equal(1, twice.code, twice.stderr)
    assert.matches("more than one row of urbanos", twice.stderr)
    assert.matches("TIDLT%-100098", shown)
  end)

  it("has the label that selectors need in the list, if an object lacks it", function()
    fs.remove(file)
    lab:out("kubectl", "label", "pvc", "urbanos-data-pvc", "tenant-")
    local list = rows()
    local result = plan()
    lab:out("kubectl", "label", "pvc", "urbanos-data-pvc", "tenant=urbanos")
    assert.equal("missing", row(list, "label tenant of PersistentVolumeClaim default/urbanos-data-pvc").state)
    assert.equal(0, result.code)
  end)

  it("comes out as right YAML, whatever people have written into its database", function()
    local hostile = {
      company = 'O\'Neil: "x" # no\n- a\n\tb & c: {d}',
      html = "<!-- " .. ("é<p>&amp;\r\n"):rep(500) .. "%{x} $$ \\ -->",
      ["invoice.note"] = "--- |\n...\n!!binary &a *a\n  %TAG",
      ["a.b[c]"] = "yes",
    }
    local function literal(text) return "'" .. text:gsub("'", "''") .. "'" end
    local ID = "'TIDLT-100005'"
    local function set(h)
      local sql = {
        ("update core_config.tenant_profile set companyname = %s where tenantid = %s"):format(literal(h.company), ID),
        ("update core_config.invoice_template set template_html = %s"):format(literal(h.html)),
        "delete from core_config.tenant_property_defaults where property_key in ('invoice.note', 'a.b[c]')",
      }
      for _, key in ipairs { "invoice.note", "a.b[c]" } do
        sql[#sql + 1] = h[key]
          and ("insert into core_config.tenant_property_defaults values (%s, '%s', %s)"):format(
            ID,
            key,
            literal(h[key])
          )
      end
      lab:sql("coredb-urbanos", table.concat(sql, ";"))
    end
    set(hostile)
    for _, there in ipairs { false, true } do
      if there then
        fs.write(file, before)
      else
        fs.remove(file)
      end
      ok(lab:o2x { "adopt", "urbanos" })
      local made = yaml.read(fs.read(file))
      assert.equal(hostile.company, made.company)
      assert.equal(hostile.html, made.invoice_template.html)
      assert.equal(hostile["invoice.note"], made.properties["invoice.note"])
      assert.equal("yes", made.properties["a.b[c]"])
      assert.equal(0, plan().code)
    end
    local was = yaml.read(before)
    set { company = was.company, html = was.invoice_template.html }
  end)

  it("keeps control characters that a text can have, and names the value that is too large for a file", function()
    lab:sql(
      "coredb-urbanos",
      [[update core_config.tenant_profile set companyname = E'Urb\x01an\x1b[31m\x7f\u0085\u2028os']]
    )
    fs.remove(file)
    ok(lab:o2x { "adopt", "urbanos" })
    assert.equal("Urb\1an\27[31m\127\u{85}\u{2028}os", yaml.read(fs.read(file)).company)
    assert.falsy(fs.read(file):find("[\0-\9\11-\31\127]"), "as it is written, a terminal would obey it")
    assert.equal(0, plan().code)
    lab:sql("coredb-urbanos", "update core_config.tenant_profile set companyname = 'Urbanos Networks'")
    lab:sql(
      "coredb-urbanos",
      "insert into core_config.tenant_property_defaults values ('TIDLT-100005', 'huge', repeat('x', 6000000))"
    )
    local text = fs.read(file)
    local refused = lab:o2x { "adopt", "urbanos" }
    lab:sql("coredb-urbanos", "delete from core_config.tenant_property_defaults where property_key = 'huge'")
    assert.not_equal(0, refused.code)
    assert.matches("it may have 1048576: properties.huge alone has 6000000", refused.stderr)
    assert.equal(text, fs.read(file))
    local again = refused.stderr:match "then %S*o2x (run adopt urbanos)"
    ok(lab:o2x { again:match "(%S+) (%S+) (%S+)" })
  end)

  -- Cut off after the comparison, before the tenant's file: a values file that is written first has the four kill
  -- points before that.
  local function cut_off_before_the_file(words)
    fs.remove(fs.join(values, "service-sso.yaml"))
    local cut = lab:o2x({ "adopt", table.unpack(words) }, { env = { O2X_KILL_AT = "5" } })
    assert.equal(9, cut.signal)
    assert.is_true(fs.exists(fs.join(values, "service-sso.yaml")))
  end

  it("whose file somebody makes, changes or removes meanwhile: that stays, and one line says so", function()
    local function refused(how)
      local result = lab:o2x { "resume" }
      assert.equal(1, result.code)
      assert.matches(
        "tenants/urbanos.yaml was "
          .. how
          .. " by somebody else while the tenant was looked at\n +%S*o2x run adopt urbanos",
        result.stderr
      )
      ok(lab:o2x { "dismiss", "--reason=looked at again", result.stderr:match "R%-%d+%-%d+%-%x+" })
    end
    fs.remove(file)
    cut_off_before_the_file { "urbanos" }
    fs.write(file, before)
    refused "made"
    assert.equal(before, fs.read(file))
    cut_off_before_the_file { "urbanos" }
    fs.write(file, "# mine\n" .. before)
    refused "changed"
    assert.equal("# mine\n" .. before, fs.read(file))
    cut_off_before_the_file { "urbanos" }
    fs.remove(file)
    refused "removed"
    assert.is_false(fs.exists(file))
    ok(lab:o2x { "adopt", "urbanos" })
    assert.equal(0, plan().code)
  end)

  it("is adopted by one of two who do it at once; the other is told who does", function()
    fs.remove(file)
    local children = {}
    for i = 1, 2 do
      children[i] = lab:start({ "adopt", "urbanos" }, { O2X_STATE = lab.dir .. "/adopter" .. i })
    end
    local codes = {}
    for i = 1, 2 do
      codes[i] = proc.wait(children[i], 120)
      children[i]:close()
    end
    table.sort(codes)
    assert.is_true(codes[1] == 0 and (codes[2] == 0 or codes[2] == 5), table.concat(codes, ","))
    assert.equal(0, plan().code)
  end)

  it("whose name is another's prefix gets nothing of the other; dropped meanwhile, it gets no file", function()
    local URBAN <const> = fs.join(lab.platform, "tenants/urban.yaml")
    lab:sql(
      "enginedevdb",
      [[insert into core_config.tenant (id, name, vaulturi, vaultpath, licensekey) select 'TIDLT-100077', 'urban',
        vaulturi, replace(vaultpath, 'urbanos', 'urban'), 'x' from core_config.tenant where name = 'urbanos']]
    )
    lab:sql("postgres", [[create database "coredb-urban" template "coredb-urbanos"]])
    ok(lab:o2x { "adopt", "urban" })
    local made = yaml.read(fs.read(URBAN))
    assert.equal("TIDLT-100077", made.id)
    assert.same({}, made.integrations or {})
    for _, one in ipairs(made.kept) do
      assert.falsy(one.what:find("urbanos", 1, true), one.what)
    end
    assert.equal(before, fs.read(file))
    fs.remove(URBAN)
    fs.remove(fs.join(lab.platform, "core/helm_values/urban/service-sso.yaml"))
    assert.equal(9, lab:o2x({ "adopt", "urban" }, { env = { O2X_KILL_AT = "5" } }).signal)
    lab:sql("postgres", [[drop database "coredb-urban" with (force)]])
    local refused = lab:o2x { "resume" }
    assert.not_equal(0, refused.code)
    assert.matches(
      "urban is in the registry only %(TIDLT%-100077%): there is no database coredb%-urban",
      refused.stderr
    )
    assert.is_false(fs.exists(URBAN))
    lab:sql("enginedevdb", "delete from core_config.tenant where name = 'urban'")
    ok(lab:o2x { "dismiss", "--reason=it is gone", refused.stderr:match "R%-%d+%-%d+%-%x+" })
  end)

  it("that is half configured is taken over as it is, and what it lacks is listed", function()
    local chart, vault = "crm_gateway/charts/crm-gateway", "tenant/urbanos/salesforce"
    local release = fs.join(lab.platform, "crm_gateway/helm_values/urbanos/crm-gateway.yaml")
    local tables = { "oauth2_attributes", "crm_gateway_attributes", "tenant_merchants" }
    for _, name in ipairs(tables) do
      lab:sql(
        "coredb-urbanos",
        ("create table kept_%s as select * from core_config.%s where index = 4"):format(name, name)
      )
      lab:sql("coredb-urbanos", ("delete from core_config.%s where index = 4"):format(name))
    end
    local secret = lab:vault(vault)
    local function ask(method, path, body)
      local words = { "curl", "-sS", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN }
      if body then table.move({ "-d", json.encode(body) }, 1, 2, #words + 1, words) end
      words[#words + 1] = lab.env.VAULT_ADDR .. "/v1/secret/" .. path
      lab:out(table.unpack(words))
    end
    ask("DELETE", "metadata/" .. vault)
    lab:out("helm", "uninstall", "urbanos-crm-gateway")
    local list = rows()
    assert.equal("missing", row(list, "Vault has no salesforce").state)
    assert.equal("missing", row(list, "release urbanos-crm-gateway (crm-gateway-1.4.0)").state)
    assert.equal("not well", row(list, "crm-gateway is healthy").state)
    assert.matches("name: SALESFORCE", fs.read(file)) -- people have written that it shall be there
    local result = plan()
    for i = #tables, 1, -1 do
      lab:sql("coredb-urbanos", ("insert into core_config.%s select * from kept_%s"):format(tables[i], tables[i]))
      lab:sql("coredb-urbanos", "drop table kept_" .. tables[i])
    end
    ask("POST", "data/" .. vault, { data = secret })
    lab:out("helm", "install", "urbanos-crm-gateway", fs.join(lab.platform, chart), "-f", release)
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.matches("Nothing to do", result.stdout)
    ok(lab:o2x { "adopt", "urbanos" })
    assert.is_nil(fs.read(file):find("salesforce", 1, true) and fs.read(file):find("crm-gateway", 1, true))
    assert.equal(0, plan().code)
  end)

  it("is not taken over by somebody who may not read it: one line says so, and nothing is written", function()
    fs.remove(file)
    lab:sql("postgres", "create role narrow login password 'narrow'")
    local refused = lab:o2x({ "adopt", "urbanos" }, { env = { PGUSER = "narrow", PGPASSWORD = "narrow" } })
    lab:sql("postgres", "drop role narrow")
    assert.equal(4, refused.code, refused.stderr)
    assert.matches("permission denied", refused.stderr)
    assert.is_nil(refused.stderr:find("traceback", 1, true))
    assert.is_false(fs.exists(file))
  end)

  it("has a new password for its administrator only when that is asked for", function()
    fs.remove(file)
    local function password() return lab:sql("coredb-urbanos", "select password from core_config.users") end
    local old = password()
    ok(lab:o2x { "adopt", "urbanos" })
    assert.equal(old, password())
    assert.is_nil((lab:vault "tenant/urbanos/admin"))
    local reset = ok(lab:o2x { "adopt", "urbanos", "admin=reset" })
    assert.is_nil(reset.stdout:find("admin=reset", 1, true), reset.stdout) -- what was made is not missing any more
    assert.is_not.equal(old, password())
    assert.equal("admin@urbanos.example", lab:vault("tenant/urbanos/admin").username)
    assert.equal(0, plan().code)
  end)
end)
