-- What a tenant file, a script and the registry say of who the tenant is.

local FILE <const> = "tenants/urbanos.yaml"

-- A run for urbanos whose file has these texts replaced.
local function file(what, old, new, expect)
  return {
    what,
    edits = { [FILE] = { { old, new } } },
    body = [[log("reached " .. tenant.domain .. " " .. tenant.database)]],
    code = 3,
    expect = expect,
    absent = "reached",
  }
end

local function domain(what, value, expect)
  return file(what, "domain: urbanos.embrix.com", "domain: " .. value, { "urbanos.yaml:", expect })
end

local function database(what, value, expect)
  return file(what, "company:", "overrides: {database: " .. value .. "}\ncompany:", { "urbanos.yaml:", expect })
end

-- A tenant that is not registered yet: one that is has the registry's id from the start.
local function id(what, value, expect)
  return {
    what,
    tenant = "newclient",
    body = ([[tenant.id = %s
redis.count(tenant.id .. ":*")
log "reached"]]):format(value),
    code = 3,
    expect = { "tenant.id", expect },
    absent = "reached",
  }
end

local function row(what, body, ...)
  return { what, body = body .. '\nlog "reached"', code = 3, expect = { ... }, absent = "reached" }
end

return {
  domain("claims another's domain", "shm.embrix.com", "belongs to shm"),
  domain("claims a domain below another's", "x.shm.embrix.com", "belongs to shm"),
  domain("claims the platform's domain", "embrix.com", "the platform's own"),
  domain("claims a host of the platform", "grafana.embrix.com", "belongs to the platform"),
  domain("claims a domain outside", "urbanos.example.com", "custom_domains: {urbanos: urbanos.example.com}"),
  domain("claims another's domain in capitals", "SHM.embrix.com", "not a domain name"),
  domain("claims another's domain with a dot", "shm.embrix.com.", "not a domain name"),
  domain("claims domains by a list", "[shm.embrix.com]", "domain must be a string"),
  database("claims another's database", "coredb-shm", "is not coredb-urbanos"),
  database("claims the control database", "enginedevdb", "the control database"),
  database("claims the admin database", "postgres", "belongs to the server"),
  database("claims a template", "template1", "belongs to the server"),
  database("claims a kept copy", "coredb-shm--before-r1", "is not coredb-urbanos"),
  database("claims a database in capitals", "COREDB-SHM", "is not a name"),
  database("claims databases by a list", "[coredb-shm]", "overrides.database must be a string"),
  file("claims another's id", "id: TIDLT-100005", "id: TIDLT-100004", "TIDLT-100004 is also in"),
  file(
    "claims an id that the registry does not have for it",
    "id: TIDLT-100005",
    "id: TIDLT-100099",
    "the registry has urbanos as TIDLT-100005"
  ),
  file("claims another's name", "name: urbanos", "name: shm", "name is 'shm'"),
  {
    "claims the domain of a tenant whose file is broken",
    platform = { ["tenants/newclient.yaml"] = "\tx" },
    edits = { [FILE] = { { "domain: urbanos.embrix.com", "domain: x.newclient.embrix.com" } } },
    body = [[log "reached"]],
    code = 3,
    expect = { "urbanos.yaml:6", "domain x.newclient.embrix.com belongs to newclient" },
    absent = "reached",
  },
  {
    "claims the database of a tenant without a file",
    edits = {
      [FILE] = { { "company:", "overrides: {database: coredb-shm}\ncompany:" } },
      ["platform.yaml"] = { { "    dev: enginedevdb", "    dev: enginedevdb\n    urbanos: coredb-shm" } },
      ["tenants/shm.yaml"] = { { "name: shm", "name: [" } },
    },
    body = [[log "reached"]],
    code = 3,
    expect = { "urbanos.yaml:", "database coredb-shm belongs to shm" },
    absent = "reached",
  },
  file(
    "keeps another's redirect URI without a scheme",
    "https://urbanos.embrix.com/oauth2/callback",
    "shm.embrix.com/oauth2/callback",
    { "redirecturi names shm.embrix.com", "urbanos.yaml:36" }
  ),
  file(
    "keeps another's id in a property",
    "properties:",
    "properties:\n  tenant: TIDLT-100004",
    "properties.tenant names TIDLT-100004, which belongs to shm"
  ),
  file(
    "keeps another's database in a property",
    "properties:",
    "properties:\n  db: jdbc:postgresql://h/coredb-shm",
    "properties.db names coredb-shm"
  ),
  id("takes another's id", '"TIDLT-100004"', "TIDLT-100004 belongs to shm"),
  id("takes an id that nobody has", '"TIDLT-100099"', "there is no newclient"),
  id("takes the test tenant's id", '"TIDLT-000000"', "there is no newclient"),
  id("takes a glob for an id", '"TIDLT-??????"', "does not have the form"),
  id("takes a path for an id", '"../TIDLT-100004"', "does not have the form"),
  id("takes an id with a newline", '"TIDLT-100005\\n"', "does not have the form"),
  id("takes an id with NUL", '"TIDLT-100005\\0"', "does not have the form"),
  id("takes a beginning for an id", '"TIDLT-10000"', "does not have the form"),
  id("takes an empty id", '""', "expected a text"),
  id("takes a number for an id", "100004", "expected a text"),
  id(
    "takes a table for an id",
    'setmetatable({}, { __tostring = function() return "TIDLT-100004" end })',
    "expected a text"
  ),
  row("changes the name", [[tenant.name = "shm"]], "tenant.name is read-only"),
  row("changes the id", [[tenant.id = "TIDLT-100004"]], "TIDLT-100004 belongs to shm"),
  {
    "changes a field inside the tenant",
    body = [[tenant.platform.database.control = "coredb-shm"]],
    expect = "control is read-only",
  },
  {
    "changes what grants are made of",
    body = [[
pcall(function() require("stdlib.naming").resource = function(_, what) return "shm-" .. what end end)
pcall(function() require("stdlib.claims").objects = function() return { "shm-service-sso" } end end)
tenant.id = "TIDLT-100005"
k8s.get("Deployment", "shm-service-sso")]],
    edits = { [FILE] = { { "id: TIDLT-100005\n", "" } } },
    code = 3,
    expect = "shm-service-sso",
  },
}
