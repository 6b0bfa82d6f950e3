-- What a tenant's file claims, against every way of claiming what is another's or the platform's. Each attack is the
-- example tree with a few lines changed, loaded as a run loads it.

local captured = require "tests.support.captured"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local project = require "o2x.project.project"
local sandbox = require "o2x.script.sandbox"
local tenants = require "o2x.project.tenants"

local EXAMPLE <const> = "examples/platform/"

-- Each change replaces the line that begins with its key, or adds it.
local function changed(text, changes)
  for key, line in pairs(changes) do
    local pattern = "\n" .. key:gsub("%p", "%%%0") .. "[^\n]*\n"
    local safe = line:gsub("%%", "%%%%")
    local result, count = ("\n" .. text):gsub(pattern, "\n" .. safe .. "\n", 1)
    text = count > 0 and result:sub(2) or text .. line .. "\n"
  end
  return text
end

local function domain(value) return { ["domain:"] = "domain: " .. value } end
local function database(value) return { ["overrides:"] = "overrides: {database: " .. value .. "}" } end

-- What newclient's file says → what is said of it.
local REFUSED <const> = {
  -- the id
  { "another's id", { ["id:"] = "id: TIDLT-100005" }, "TIDLT%-100005 is also in .*urbanos.yaml" },
  { "an id in lower case", { ["id:"] = "id: tidlt-100005" }, "form TIDLT" },
  { "an id as a glob", { ["id:"] = "id: 'TIDLT-??????'" }, "form TIDLT" },
  { "an id as a path", { ["id:"] = "id: ../TIDLT-100005" }, "form TIDLT" },
  { "an id with a space", { ["id:"] = "id: 'TIDLT-100005 '" }, "form TIDLT" },
  { "an id that is too long", { ["id:"] = "id: TIDLT-1000050" }, "form TIDLT" },
  { "an id as a number", { ["id:"] = "id: 100005" }, "id must be a string" },
  { "an id as a list", { ["id:"] = "id: [TIDLT-100008]" }, "id must be a string" },
  { "an id as a map", { ["id:"] = "id: {a: b}" }, "id must be a string" },
  { "an empty id", { ["id:"] = "id: ''" }, "id must be a string" },
  -- the name
  { "another's name", { ["name:"] = "name: urbanos" }, "name is 'urbanos'" },
  { "its name in capitals", { ["name:"] = "name: NewClient" }, "name is 'NewClient'" },
  { "no name", { ["name:"] = "" }, "name is missing" },
  { "a name as a number", { ["name:"] = "name: 7" }, "name must be a string" },
  { "a name as a list", { ["name:"] = "name: [newclient]" }, "name must be a string" },
  -- the domain
  { "another's domain", domain "urbanos.embrix.com", "urbanos.embrix.com belongs to urbanos.*urbanos.yaml" },
  { "a domain below another's", domain "x.urbanos.embrix.com", "belongs to urbanos" },
  { "a domain far below another's", domain "a.b.c.urbanos.embrix.com", "belongs to urbanos" },
  { "another's domain in capitals", domain "URBANOS.embrix.com", "not a domain name" },
  { "another's domain with a dot", domain "urbanos.embrix.com.", "not a domain name" },
  { "another's domain with a Cyrillic o", domain "urban\u{43E}s.embrix.com", "not a domain name" },
  { "another's domain with a soft hyphen", domain '"urbanos\u{AD}.embrix.com"', "not a domain name" },
  { "a domain with a wildcard", domain "'*.embrix.com'", "not a domain name" },
  { "a domain with a port", domain "'newclient.embrix.com:443'", "not a domain name" },
  { "a domain with a path", domain "newclient.embrix.com/x", "not a domain name" },
  { "a domain with a space", domain "'newclient.embrix.com '", "not a domain name" },
  { "a domain with a newline", domain '"newclient.embrix.com\\n"', "not a domain name" },
  { "a domain with NUL", domain '"newclient.embrix.com\\0"', "not a domain name" },
  { "a domain with two dots", domain "newclient..embrix.com", "not a domain name" },
  { "a domain that begins with a dot", domain "'.embrix.com'", "not a domain name" },
  { "a domain with a hyphen at an end", domain "newclient-.embrix.com", "not a domain name" },
  { "a domain without a dot", domain "localhost", "not a domain name" },
  { "an address", domain "127.0.0.1", "not a domain name" },
  { "a label that is too long", domain(("a"):rep(64) .. ".embrix.com"), "not a domain name" },
  { "a domain that is too long", domain(("a."):rep(130) .. "embrix.com"), "not a domain name" },
  { "a domain as a number", domain "7", "domain must be a string" },
  { "a domain as a list", domain "[newclient.embrix.com]", "domain must be a string" },
  { "a domain as a map", domain "{a: b}", "domain must be a string" },
  { "an empty domain", domain '""', "domain must be a string" },
  { "the platform's domain", domain "embrix.com", "is the platform's own" },
  { "a domain above the platform's", domain "com.com", "not below the platform's" },
  { "the monitoring's host", domain "grafana.embrix.com", "belongs to the platform" },
  { "a domain below the monitoring's", domain "x.grafana.embrix.com", "belongs to the platform" },
  { "somebody's domain", domain "newclient.example.com", "not below the platform's" },
  { "a domain that only ends alike", domain "newclient.evilembrix.com", "not below the platform's" },
  { "a domain that goes on", domain "newclient.embrix.com.evil.com", "not below the platform's" },
  -- the database
  { "another's database", database "coredb-urbanos", "coredb%-urbanos" },
  { "the control database", database "enginedevdb", "is the control database" },
  { "the admin database", database "postgres", "belongs to the server" },
  { "template1", database "template1", "belongs to the server" },
  { "template0", database "template0", "belongs to the server" },
  { "the database of a tenant without a file", database "coredb-ghost", "is not coredb%-newclient" },
  { "a database that platform.yaml does not list", database "warehouse", "is not coredb%-newclient" },
  { "another's database in capitals", database "CoreDB-urbanos", "is not a name" },
  { "a database in quotes", database [['"coredb-urbanos"']], "is not a name" },
  { "a database as a connection string", database "'x dbname=coredb-urbanos'", "is not a name" },
  { "a database as a URL", database "'postgresql://h/coredb-urbanos'", "is not a name" },
  { "a database that is too long", database(("a"):rep(64)), "is not a name" },
  { "a database with a Cyrillic e", database "cor\u{435}db-urbanos", "is not a name" },
  { "a kept copy of another's database", database "coredb-urbanos--before-r1", "is not coredb%-newclient" },
  { "a database as a number", database "7", "overrides.database must be a string" },
  { "a database as a list", database "[coredb-urbanos]", "overrides.database must be a string" },
  -- what no file may override
  { "a Vault path", { ["overrides:"] = "overrides: {vault_path: tenant/urbanos}" }, "vault_path is not a known field" },
  { "a volume claim", { ["overrides:"] = "overrides: {data_pvc: x}" }, "data_pvc is not a known field" },
  { "a bucket", { ["overrides:"] = "overrides: {data_bucket: x}" }, "data_bucket is not a known field" },
  { "a namespace", { ["namespace:"] = "namespace: kube-system" }, "namespace is not a known field" },
  { "a database outside overrides", { ["database:"] = "database: coredb-urbanos" }, "database is not a known field" },
  { "overrides as a list", { ["overrides:"] = "overrides: [database]" }, "overrides" },
  { "overrides as a text", { ["overrides:"] = "overrides: x" }, "overrides must be a map" },
  { "the environment as a path", { ["environment:"] = "environment: ../urbanos" }, "is not known" },
  -- addresses of others
  {
    "another's redirect URI",
    { ["    redirecturi:"] = "    redirecturi: https://urbanos.embrix.com/oauth2/callback" },
    "redirecturi names urbanos.embrix.com, which belongs to urbanos",
  },
  {
    "another's logo",
    { ["  logo_url:"] = "  logo_url: 'https://API.Urbanos.embrix.com/logo.png'" },
    "branding.logo_url names API.Urbanos.embrix.com",
  },
  {
    "another's redirect URI without its scheme",
    { ["    redirecturi:"] = "    redirecturi: urbanos.embrix.com/oauth2/callback" },
    "newclient.yaml:%d+: integrations.1.oauth2.redirecturi names urbanos.embrix.com",
  },
  {
    "another's redirect URI with a user",
    { ["    redirecturi:"] = "    redirecturi: HTTPS://x@URBANOS.embrix.com:443/" },
    "redirecturi names URBANOS.embrix.com",
  },
  {
    "another's redirect URI inside a URL",
    { ["    redirecturi:"] = "    redirecturi: https://newclient.embrix.com/?to=https%3A%2F%2Furbanos.embrix.com" },
    "redirecturi names urbanos.embrix.com",
  },
  {
    "another's mailbox",
    { ["  email:"] = "  email: admin@urbanos.embrix.com" },
    "admin.email names urbanos.embrix.com",
  },
  {
    "another's id in a URL",
    { ["  logo_url:"] = "  logo_url: https://files.example.com/TIDLT-100005/logo.png" },
    "branding.logo_url names TIDLT%-100005, which belongs to urbanos",
  },
  {
    "another's database in a property",
    { ["properties:"] = "properties:\n  db: jdbc:postgresql://h:5432/coredb-urbanos?x" },
    "properties.db names coredb%-urbanos",
  },
  {
    "another's service in a property",
    { ["properties:"] = "properties:\n  sso: http://urbanos-service-sso:8080" },
    "properties.sso names urbanos%-service%-sso",
  },
  {
    "another's volume in a property",
    { ["properties:"] = "properties:\n  data: urbanos-data-pvc" },
    "properties.data names urbanos%-data%-pvc",
  },
}

describe("the file of a tenant", function()
  local place, config
  before_each(function()
    place = folder { ["platform.yaml"] = fs.read(EXAMPLE .. "platform.yaml") }
    fs.copy_tree(EXAMPLE .. "tenants", place:at "tenants")
    config = { platform = place.path }
  end)
  after_each(function() place:close() end)

  local function change(name, changes)
    local path = name == "platform" and "platform.yaml" or ("tenants/%s.yaml"):format(name)
    place:write(path, changed(fs.read(place:at(path)), changes))
  end

  local function load(name) return (tenants.load(sandbox.new(project.at(fs.cwd())), config, name)) end

  local function refused(message, name)
    local ok, err = pcall(load, name)
    assert.is_false(ok, "taken")
    assert.equal("input", err.kind, tostring(err))
    assert.matches(message, tostring(err))
    return err
  end

  for _, case in ipairs(REFUSED) do
    it("may not claim " .. case[1], function()
      change("newclient", case[2])
      assert.matches("tenants/newclient.yaml", refused(case[3], "newclient").where)
    end)
  end

  -- An absent id comes from the registry, an absent domain or database from platform.yaml: the tenant's own.
  it("claims nothing with what is null", function()
    local own = load "newclient"
    for _, changes in ipairs { { ["id:"] = "id: null" }, domain "~", database "null" } do
      change("newclient", changes)
      local tenant = load "newclient"
      assert.same({ own.domain, own.database }, { tenant.domain, tenant.database })
    end
  end)

  it("is named with the line of the claim", function()
    change("newclient", domain "urbanos.embrix.com")
    assert.matches("newclient.yaml:7$", refused("urbanos", "newclient").where)
    place:write(
      "tenants/newclient.yaml",
      fs.read(EXAMPLE .. "tenants/newclient.yaml") .. "overrides:\n  database: postgres\n"
    )
    local lines = select(2, fs.read(place:at "tenants/newclient.yaml"):gsub("\n", ""))
    assert.matches("newclient.yaml:" .. lines .. "$", refused("postgres", "newclient").where)
  end)

  it("may state what it has anyway", function()
    change("newclient", database "coredb-newclient")
    assert.equal("coredb-newclient", load("newclient").database)
    change("newclient", domain "shop.embrix.com")
    assert.equal("shop.embrix.com", load("newclient").domain)
  end)

  it("may state a domain and a database that platform.yaml lists for it, and for no other", function()
    change("platform", {
      ["custom_domains:"] = "custom_domains: {newclient: pay.example.com}",
      ["    dev:"] = "    newclient: oldclient",
    })
    change("newclient", domain "pay.example.com")
    change("newclient", database "oldclient")
    assert.equal("oldclient", load("newclient").database)
    assert.equal("pay.example.com", load("newclient").domain)
    change("acme-sbx", domain "pay.example.com")
    refused("not below", "acme-sbx")
    change("acme-sbx", domain "acme-sbx.embrix.com")
    change("acme-sbx", database "oldclient")
    refused("is not coredb", "acme-sbx")
    refused("is the control database", "dev") -- listed no longer
  end)

  it("keeps what follows from its name, whatever another file claims, which is told", function()
    for _, changes in ipairs {
      domain "newclient.embrix.com",
      domain "x.newclient.embrix.com",
      database "coredb-newclient",
    } do
      change("acme-sbx", changes)
      local tenant
      local _, told = captured(function() tenant = load "newclient" end)
      assert.equal("newclient", tenant.name)
      assert.matches("acme%-sbx.yaml: .* belongs to newclient", told)
      refused("", "acme-sbx")
      place:write("tenants/acme-sbx.yaml", fs.read(EXAMPLE .. "tenants/acme-sbx.yaml"))
    end
  end)

  it("is refused with the other one where neither has a right to what both claim", function()
    change("acme-sbx", domain "shop.embrix.com")
    for _, name in ipairs { "shop.embrix.com", "a.shop.embrix.com" } do
      change("newclient", domain(name))
      refused("belongs to acme%-sbx", "newclient")
      refused("belongs to newclient", "acme-sbx")
    end
    change("newclient", { ["id:"] = "id: TIDLT-100009" })
    change("newclient", domain "newclient.embrix.com")
    change("acme-sbx", { ["id:"] = "id: TIDLT-100009" })
    refused("is also in", "newclient")
    refused("is also in", "acme-sbx")
  end)

  it("may not have a name that leads to another's names", function()
    change("platform", { ["  volume_claim:"] = "  volume_claim: shared-data" })
    refused("leads to shared%-data, which .* has, too", "newclient")
    change(
      "platform",
      { ["  volume_claim:"] = '  volume_claim: "{tenant}-data-pvc"', ["  path:"] = "  path: tenant/all" }
    )
    refused("leads to tenant/all", "newclient")
    change(
      "platform",
      { ["  path:"] = "  path: tenant/{tenant}", ["  postgres_secret:"] = "  postgres_secret: newclient-services" }
    )
    refused("which belongs to the platform", "newclient")
  end)

  it("may name others in its notes", function()
    change("newclient", { ["notes:"] = "notes: was a part of urbanos.embrix.com (TIDLT-100005)" })
    assert.equal("newclient", load("newclient").name)
  end)

  it("may not claim what follows from the name of a tenant whose file is broken", function()
    place:write("tenants/urbanos.yaml", "\tx")
    for _, changes in ipairs { domain "urbanos.embrix.com", domain "x.urbanos.embrix.com" } do
      change("newclient", changes)
      captured(function() refused("newclient.yaml:7: .*belongs to urbanos", "newclient") end)
    end
  end)

  it("may not claim what platform.yaml lists for a tenant without a file", function()
    change("platform", {
      ["custom_domains:"] = "custom_domains: {ghost: pay.ghost.com, newclient: ghost.com}",
      ["    dev:"] = "    newclient: oldghost\n    ghost: oldghost",
    })
    change("newclient", domain "ghost.com")
    refused("ghost.com belongs to ghost, which has pay.ghost.com %(platform.yaml%)", "newclient")
    change("newclient", domain "newclient.embrix.com")
    change("newclient", database "oldghost")
    refused("oldghost belongs to ghost", "newclient")
  end)

  it("says which tenants of the registry its domain and database lead to", function()
    local claims = require("tests.support.stdlib").new().require "claims"
    local platform = { domain = "example.com", database = { name = "core-{tenant}-db" } }
    local function names(domain_name, database_name)
      local found = {}
      local tenant = { name = "acme", domain = domain_name, database = database_name, platform = platform }
      for i, one in ipairs(claims.names_of(tenant)) do
        found[i] = ("%s: %s, %s"):format(one.name, one.claim, one.field)
      end
      return found
    end
    assert.same({}, names("acme.example.com", "core-acme-db"))
    assert.same({}, names("x.acme.example.com", "legacy"))
    assert.same({}, names("pay.acme.com", "core--db"))
    assert.same(
      { "shop: domain x.shop.example.com, domain", "shop: database core-shop-db, overrides.database" },
      names("x.shop.example.com", "core-shop-db")
    )
  end)

  it("is not stopped by another's that is broken in any way", function()
    for _, text in ipairs {
      "a: [\n",
      "- x\n",
      "",
      "name: 7\nid: 8\ndomain: [x]\noverrides: x\nenvironment: {}\n",
      "name: null\nid: null\ndomain: null\noverrides: {database: 7}\n",
    } do
      place:write("tenants/broken.yaml", text)
      captured(function() assert.equal("newclient", load("newclient").name) end)
    end
  end)
end)
