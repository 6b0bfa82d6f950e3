-- What a script does to change what others see, to answer twice, to lie about how it ended, and to get out.

local cases = {}

local function add(what, body, expect, more)
  local case = { what, body = body, expect = expect }
  for name, value in pairs(more or {}) do
    case[name] = value
  end
  cases[#cases + 1] = case
end

-- ---- what require gives is constant ----

for what, body in pairs {
  ["replaces a function of naming"] = [[require("stdlib.naming").resource = function() return "x" end]],
  ["replaces the grants"] = [[require("stdlib.platform").grants = function() return {} end]],
  ["replaces what loads tenants"] = [[require("stdlib.platform").load = function() end]],
  ["changes a service of the catalogue"] = [[require("stdlib.catalogue").all()[1].name = "x"]],
  ["removes a service of the catalogue"] = [[table.remove(require("stdlib.catalogue").all())]],
  ["adds a service to the catalogue"] = [[table.insert(require("stdlib.catalogue").all(), { name = "x" })]],
  ["sorts the catalogue"] = [[table.sort(require("stdlib.catalogue").all(), function() return true end)]],
  ["moves into the catalogue"] = [[table.move({ 1 }, 1, 1, 1, require("stdlib.catalogue").all())]],
  ["changes a provider"] = [[require("stdlib.providers").find("STRIPE").gateway = "x"]],
  ["gives the catalogue a metatable"] = [[setmetatable(require("stdlib.catalogue").all(), {})]],
  ["gives a module a metatable"] = [[setmetatable(require "stdlib.naming", { __index = function() end })]],
  ["replaces a function of an api"] = [[vault.ensure = function() end]],
  ["replaces a method of a connection"] = [[pg.tenant.rows = function() end]],
  ["changes the library of strings"] = [[string.format = function() end]],
  ["changes the library through a string"] = [[("x").format = 1]],
  ["changes the effects of a standard runbook"] = [[require("runbooks.hostile").effects[1] = "x:write"]],
} do
  local expect = what:find "connection" and "cannot be changed" or "read-only"
  if what:find "string$" then expect = "index a string value" end
  add(what, body, expect)
end

-- ---- the tenant and the parameters ----

for what, body in pairs {
  ["another name"] = [[tenant.name = "coopeg-sbx"]],
  ["another domain"] = [[tenant.domain = "coopeg-sbx.embrix.com"]],
  ["another namespace, nested"] = [[tenant.platform.namespace = "x"]],
  ["another profile field"] = [[tenant.profile.country = "x"]],
  ["an integration less"] = [[table.remove(tenant.integrations)]],
  ["an integration's name"] = [[tenant.integrations[1].name = "x"]],
  ["a new field"] = [[tenant.extra = 1]],
  ["its metatable"] = [[setmetatable(tenant, {})]],
} do
  add("gives the tenant " .. what, body, "read-only")
end
add("gives itself a parameter", [[params.confirm = true]], "read-only")

-- ---- tables that answer differently ----

local LIAR <const> = [[local n = 0 local liar = setmetatable({}, {
  __index = function() n = n + 1 return ("https://api.%s.embrix.com/"):format(n > 1 and "coopeg-sbx" or "urbanos") end,
  __pairs = function() return function(_, k) if not k then return "url", "x" end end, {}, nil end }) ]]

for what, body in pairs {
  ["http.request"] = "http.request(liar)",
  ["service.call"] = "service.call(liar)",
  ["service.call, inside"] = "service.call { url = 'https://api.urbanos.embrix.com/', headers = liar }",
  ["service.ensure"] = "service.ensure(liar)",
  ["k8s.ensure"] = "k8s.ensure(liar)",
  ["k8s.ensure, inside"] = "k8s.ensure { kind = 'ConfigMap', metadata = liar }",
  ["k8s.request"] = "k8s.request(liar)",
  ["vault.ensure"] = "vault.ensure('x', liar)",
  ["a row"] = "pg.tenant:ensure_row('core_config.tenant', { id = tenant.id }, liar)",
  ["the key of a row"] = "pg.tenant:ensure_row('core_config.tenant', liar, { status = 'ACTIVE' })",
  ["dns.ensure_record"] = "dns.ensure_record(liar)",
  ["the values of a record"] = "dns.ensure_record { name = tenant.domain, type = 'A', values = liar }",
  ["webhook.send"] = "webhook.send('x', liar)",
  ["json.encode"] = "json.encode { liar }",
  ["yaml.encode"] = "yaml.encode(liar)",
  ["output"] = "output(liar)",
  ["a step's result"] = "step('x', function() return liar end)",
  ["parallel"] = "parallel(liar)",
} do
  add("answers differently the second time: " .. what, LIAR .. body, "the table has a metatable", { code = 3 })
end

add(
  "hands over a table in itself",
  "local t = {} t.t = t vault.ensure('x', t)",
  "the table contains itself",
  { code = 3 }
)
add(
  "hands over too deep a table",
  "local t = {} for _ = 1, 99 do t = { t } end k8s.ensure(t)",
  "64 levels",
  { code = 3 }
)
add(
  "hands over a table that grows",
  "local t = {} for _ = 1, 40 do t = { t, t } end json.encode(t)",
  "too many values",
  { code = 3 }
)
add("hands over a table as a key", "vault.ensure('x', { [{}] = 'y' })", "a key is a table", { code = 3 })

-- ---- what is not what an api wants ----

add("stores a table in Vault", "vault.ensure('x', { a = { 1 } })", "a is a table", { code = 3, absent = "0x" })
add("stores a function in Vault", "vault.ensure('x', { a = log })", "a is a function", { code = 3, absent = "0x" })
add("reads Vault at a table", "vault.read({})", "path must be a string, got a table", { code = 3 })
add("reads Vault at nothing", "vault.read()", "path must be a string, got nothing", { code = 3 })
add(
  "writes a table as a record",
  "dns.ensure_record { name = 'x.' .. tenant.domain, type = 'TXT', values = { {} } }",
  "values[1] must be a text, got a table",
  { code = 3, absent = "0x" }
)
add(
  "sends a table as a header",
  "http.request { url = 'https://api.' .. tenant.domain .. '/', headers = { Accept = {} } }",
  "got a table",
  { code = 3, absent = "0x" }
)

-- Whatever is wrong with what a script hands over, the message names its line, and nothing from inside.
for what, body in pairs {
  ["counts keys of a table"] = "redis.count({})",
  ["asks for a database of a function"] = "pg.admin:database(function() end)",
  ["ensures a database of a table"] = "pg.admin:ensure_database({}, {})",
  ["hashes nothing"] = "crypto.bcrypt('')",
  ["hashes a number"] = "crypto.bcrypt(1)",
  ["compares a number"] = "secret.equal('x', 1)",
  ["parses a number"] = "yaml.decode(1)",
  ["migrates a number"] = "pg.tenant:ensure_migrated(1)",
  ["shows a fraction of a byte"] = "require('o2x.text').bytes(1.5)",
  ["leaves its folder"] = "vault.read('../x')",
  ["reads by a function that waits"] = "pg.tenant:rows 'select pg_sleep(1)'",
  ["gives helm a function"] = "helm.ensure_release(tenant.name .. '-service-sso', "
    .. "{ chart = 'core/charts/service-sso', values = { a = log } })",
  ["asks for another's secret"] = "k8s.get('Secret', 'demo-tls-cert')",
} do
  add(what, body, "runbooks/hostile.lua:", { code = 3, absent = { "0x", "lua/o2x/base", "bad argument" } })
end

-- ---- how it ended ----

add("says that it was interrupted", "error { kind = 'cancelled' }", "error object is a table", { code = 1 })
add("says that another run has the lock", "error { kind = 'locked' }", "error object is a table", { code = 1 })
add(
  "changes the kind of an error",
  "local e = select(2, pcall(fail, 'x')) e.kind = 'cancelled' error(e)",
  "the kind of an error is read-only",
  { code = 1 }
)
add(
  "asks an error for its class",
  "local e = select(2, pcall(fail, 'x')) e.__index.kind = 'x'",
  "a nil value",
  { code = 1 }
)
add(
  "keeps an interruption for later",
  [[local kept
  pcall(timeout, 0.01, function()
    local x <close> = setmetatable({}, { __close = function(_, e) kept = e end })
    sleep(5)
  end)
  error(kept)]],
  "interrupted",
  { code = 1 }
)
add("ends with another code", "output { columns = {}, rows = {}, exit = 130 }", "exit must be 0 or 2", { code = 1 })
add(
  "writes a report where nobody asked for it",
  "output { checks = true, junit = '/tmp/o2x-hostile-report.xml' }",
  "junit must be the value of a parameter",
  { code = 3 }
)

-- ---- the way out ----

for what, case in pairs {
  ["through a finalizer"] = { "setmetatable({}, { __gc = log })", "__gc is not available" },
  ["through a weak table"] = { "setmetatable({}, { __mode = 'k' })", "__mode is not available" },
  ["through debug"] = { "return debug.getinfo(1)", "debug is not available" },
  ["through load"] = { "return load('return 1')", "load is not available" },
  ["through compiled code"] = { "return string.dump(log)", "a nil value" },
  ["through the metatable of strings"] = { "getmetatable('').__index.x = 1", "a nil value" },
  ["through coroutines"] = { "return coroutine.create(log)", "coroutine is not available" },
  ["through a global"] = { "_ENV.x = 1", "global variable x is not allowed" },
  ["through an address"] = { "return ('%p'):format({})", "%p is not available" },
} do
  add("gets out " .. what, case[1], case[2])
end

-- ---- what people see ----

local TEXT <const> = [["a\27[2J\nDONE\u{202E}b\u{9B}c"]]
local SHOWN <const> = [[a\x1b[2J\nDONE\u{202e}b\u{009b}c]]

for what, body in pairs {
  ["a message"] = "fail(%s)",
  ["a hint"] = "fail('x', %s)",
  ["an error"] = "error(%s, 0)",
  ["the log"] = "log(%s) fail 'x'",
  ["a check"] = "check('x', function() return false, %s end)",
  ["a column"] = "output { columns = { 'a' }, rows = { { a = %s } }, exit = 2 }",
} do
  add("moves the terminal by " .. what, body:format(TEXT), SHOWN, { absent = { "\u{202E}", "\u{9B}", "\nDONE" } })
end

return cases
