-- Where secrets must not go, what must not come back in clear, and how they could be guessed.

local KEY <const> = "sk_live_attack_47110815"

local SECRETS <const> = ([[
stripe:
  api_key: %s
  pin: "739164"
  empty: ""
]]):format(KEY)

-- What each attack starts with.
local PRELUDE <const> = [[
    local key, pin, empty = tenant.secrets.stripe.api_key, tenant.secrets.stripe.pin, tenant.secrets.stripe.empty
    local clear = "sk_live_" .. "attack_" .. "47110815"
]]

local cases = {}

local function add(what, body, expect, more)
  local case = {
    what,
    body = PRELUDE .. body,
    secrets = SECRETS,
    expect = expect,
    absent = { KEY, "739164" },
  }
  for name, value in pairs(more or {}) do
    case[name] = value
  end
  cases[#cases + 1] = case
end

-- Calls that write or send a text: what is in it must be no secret. %s is an expression.
local SINKS <const> = {
  ["a file of the tree"] = [[files.ensure("docs/runbooks/TENANT_urbanos.md", "key: " .. %s)]],
  ["the name of a file"] = [[files.exists("docs/" .. %s)]],
  ["a DNS record"] = [[dns.ensure_record { name = "urbanos.embrix.com", type = "TXT", values = { "v=" .. %s } }]],
  ["the name of a DNS record"] = [[dns.ensure_record { name = %s .. ".urbanos.embrix.com", type = "A", values = {} }]],
  ["a webhook"] = [[webhook.send("chat", { text = "it is " .. %s })]],
  ["a ConfigMap"] = [[k8s.ensure { apiVersion = "v1", kind = "ConfigMap",
      metadata = { name = "urbanos-x" }, data = { key = "x" .. %s } }]],
  ["an annotation"] = [[k8s.ensure { apiVersion = "v1", kind = "ConfigMap",
      metadata = { name = "urbanos-x", annotations = { x = "x" .. %s } } }]],
  ["the environment of a pod"] = [[k8s.ensure { apiVersion = "apps/v1", kind = "Deployment",
      metadata = { name = "urbanos-service-sso" },
      spec = { template = { spec = { containers = { { name = "x",
        env = { { name = "K", value = "x" .. %s } } } } } } } }]],
  ["helm's values"] = [[helm.ensure_release("urbanos-x", { chart = "charts/x", values = { key = "x" .. %s } })]],
  ["a plain column"] = [[pg.tenant:ensure_row("core_config.tenant_profile", { tenantid = tenant.id or "x" },
      { address = "x" .. %s })]],
  ["the key of a row"] = [[pg.tenant:ensure_row("core_config.users", { userid = "x" .. %s }, { email = "x" })]],
  ["a statement"] = [[pg.tenant:rows("select '" .. %s .. "'")]],
  ["a parameter of a read"] = [[pg.tenant:rows("select $1::text as x", "x" .. %s)]],
  ["a URL"] = [[http.request { url = "https://urbanos.embrix.com/?k=" .. %s }]],
  ["a header's name"] = [[http.request { url = "https://urbanos.embrix.com/", headers = { ["X-" .. %s] = "1" } }]],
  ["the path of a service"] = [[service.call { service = "urbanos-service-sso", path = "/x/" .. %s }]],
  ["a queue's name"] = [[broker.ensure_queue("TIDLT-100005." .. %s)]],
  ["a pattern of Redis"] = [[redis.count("TIDLT-100005:" .. %s .. "*")]],
  ["a key of S3"] = [[s3.check("s3://embrix-production-data/TIDLT-100005/" .. %s)]],
  ["the comment of a silence"] = [[alerts.silence({ service = "alertmanager-operated", port = 9093,
      namespace = "monitoring" }, { until_time = "2030-01-01T00:00:00Z", comment = "x" .. %s })]],
  ["a path in Vault"] = [[vault.read("x/" .. %s)]],
}

-- What is said of a secret, where that is something else.
local REFUSALS <const> = {
  ["a header's name"] = "a key is a userdata",
  ["the key of a row"] = "the value of a key must be a string, a number or a boolean",
}

local names = {}
for what in pairs(SINKS) do
  names[#names + 1] = what
end
table.sort(names)

for _, what in ipairs(names) do
  local call = SINKS[what]
  add(what .. " with the label of a secret", call:format "tostring(key)", "has the label of a secret", { code = 3 })
  add(what .. " with the text of a secret", call:format "clear", "has the text of a secret", { code = 3 })
  -- A column may hold a secret: then it is never shown.
  if what ~= "a plain column" then
    local refusal = REFUSALS[what] or "a secret must not go there"
    add(what .. " with a secret", call:format "key", refusal, { code = 3 })
  end
end

add(
  "a step's name with the label of a secret",
  [[step("use " .. tostring(key), function() end)]],
  "a step's name: has the label of a secret",
  { code = 3 }
)
add(
  "a login with the label of a secret",
  [[
    service.session({ service = "urbanos-service-sso", path = "/api/auth/login", token = "accessToken",
      json = function() return { username = "x", password = tostring(key) } end }).login()]],
  "password: has the label of a secret",
  { code = 3 }
)

-- A script cannot go on after it found out.
add(
  "catches the refusal of a right guess",
  [[
    for _, guess in ipairs { "sk_live_attack_00000000", clear, "sk_live_attack_99999999" } do
      pcall(files.exists, "docs/" .. guess)
      log("not " .. #guess)
    end]],
  "has the text of a secret",
  { code = 3 }
)

-- What a system sends back.
add("a secret as a parameter of a read", [[pg.tenant:rows("select $1::text as x", key)]], "a secret must not go there")
add(
  "a secret that is kept in a row and read back",
  [[
    pg.tenant:ensure_row("core_config.tenant_profile", { tenantid = "TIDLT-100005" }, { address = key })
    local row = pg.tenant:one("select address from core_config.tenant_profile where tenantid = 'TIDLT-100005'")
    fail("read " .. tostring(row.address))]],
  "‹secret"
)
add(
  "a secret that an error of the server quotes",
  [[
    pg.tenant:ensure_row("core_config.users", { userid = "hostile" }, { status = key, lastlogin = key })]],
  ""
)
add(
  "a secret in a text that is read back",
  [[
    pg.tenant:ensure_row("core_config.tenant_profile", { tenantid = "TIDLT-100005" }, { address = key })
    local row = pg.tenant:one("select 'it is ' || address as x from core_config.tenant_profile")
    fail(row.x)]],
  "it is ‹secret›"
)

-- Guesses.
add(
  "compares with a text too often",
  [[
    for i = 1, 100 do secret.equal(key, "sk_live_" .. i) end]],
  "more than 20 comparisons of a secret with a text"
)
add(
  "catches the refusal to compare",
  [[
    for i = 1, 100 do pcall(secret.equal, key, "sk_live_" .. i) end]],
  "more than 20 comparisons",
  { code = 3 }
)
add(
  "makes secrets of guesses to compare",
  [[
    for i = 1, 100 do secret.equal(key, empty .. "sk_live_" .. i) end]],
  "more than 20 comparisons"
)
add(
  "compares by bcrypt too often",
  [[
    for i = 1, 30 do crypto.bcrypt_matches(key, "$2a$04$0123456789012345678901uGZhS6DzzKd2kBQqFyPv1Rh7kbGqkWu") end]],
  "more than 20 comparisons"
)
add(
  "reads the time out of digits",
  [[
    clock.parse("2027-02-11T10:00:" .. pin .. "Z")]],
  "a secret that was joined from parts"
)
add("asks for a fingerprint", [[fail(key:fingerprint())]], "fingerprint")
add("asks for a part", [[fail(key:sub(1, 4))]], "sub")
add("asks for the first byte", [[fail(string.byte(key))]], "byte")
add("sorts", [[table.sort { key, "sk" }]], "compare")
add("measures order", [[return key < pin]], "compare")
add("hashes", [[fail(crypto.sha256(key))]], "crypto.sha256, argument 1: a secret must not")
add("writes hex", [[fail(crypto.hex(key))]], "crypto.hex, argument 1: a secret must not")
add("writes base64", [[fail(crypto.base64(key))]], "crypto.base64, argument 1: a secret must not")
add("writes JSON", [[fail(json.encode { key })]], "a secret")
add("writes YAML", [[fail(yaml.encode { key = key })]], "a secret")
add("writes a values file", [[fail(helm_values.render { key = key })]], "a secret")
add("formats", [[fail(("%s"):format(key))]], "‹secret stripe/api_key›")
add("ends a secret by a scope", [[do local x <close> = key end fail "ended"]], "closable")
add("returns it from a step", [[step("x", function() return key end)]], "returns a secret")
add("outputs it", [[output { columns = { "a" }, rows = { { a = key } } }]], "the result contains a secret")

-- Guesses by what vault.ensure gives back: fields must not become text because a guess was right.
add(
  "guesses by the fields of vault.ensure",
  [[
    vault.ensure("hostile", { real = key })
    local fields = vault.ensure("hostile", { a = "sk_live_0", b = "sk_live_1" })
    fail(secret.is(fields.real) and "still a secret" or "opened")]],
  "still a secret"
)

-- Credentials that would go over a network in clear text.
local function unencrypted(what, body, env, expect) add(what, body, expect, { env = env }) end
unencrypted(
  "PostgreSQL that declines TLS",
  [[pg.tenant:one "select 1 as x"]],
  { PGSSLMODE = "" },
  "does not support TLS, but sslmode requires it"
)
unencrypted(
  "Vault by http",
  [[vault.read "info"]],
  { VAULT_ADDR = "http://vault.example.com:8200" },
  "Vault: credentials would go to vault.example.com unencrypted"
)
unencrypted(
  "Redis without TLS",
  [[redis.ping()]],
  { REDIS_URL = "redis://:sesame-sesame@redis.example.com" },
  "Redis: credentials would go to redis.example.com unencrypted"
)
unencrypted(
  "the broker by http",
  [[broker.queues "TIDLT-100005."]],
  { O2X_BROKER_URL = "http://mq.example.com" },
  "the message broker: credentials would go to mq.example.com unencrypted"
)
unencrypted(
  "AWS by http",
  [[rds.snapshots()]],
  { AWS_ENDPOINT_URL = "http://aws.example.com" },
  "AWS: credentials would go to aws.example.com unencrypted"
)
unencrypted(
  "one service of AWS by http",
  [[rds.snapshots()]],
  { AWS_ENDPOINT_URL_RDS = "http://rds.example.com" },
  "AWS: credentials would go to rds.example.com unencrypted"
)
unencrypted("a token for keys of AWS by http", [[rds.snapshots()]], {
  AWS_ACCESS_KEY_ID = "",
  AWS_ENDPOINT_URL_STS = "http://sts.example.com",
  AWS_WEB_IDENTITY_TOKEN_FILE = "/proc/self/status",
  AWS_ROLE_ARN = "arn:aws:iam::1:role/x",
}, "AWS: credentials would go to sts.example.com unencrypted")
unencrypted(
  "keys of AWS from somebody else by http",
  [[rds.snapshots()]],
  { AWS_ACCESS_KEY_ID = "", AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://keys.example.com/x" },
  "neither this machine, an agent of AWS, nor https"
)
unencrypted(
  "a webhook by http",
  [[webhook.send("chat", { text = "x" })]],
  { O2X_WEBHOOK_URL = "http://hooks.example.com/T0/B0" },
  "the webhook: credentials would go to hooks.example.com unencrypted"
)

-- Files of secrets.
local function file(what, text, expect)
  cases[#cases + 1] = { what, body = "log 'x'", secrets = text, expect = expect, absent = "hunter2hunter2", code = 3 }
end
file("a secrets file that is a list", "- hunter2hunter2\n", "expected a map of secrets")
file("a secrets file with a key twice", "a: hunter2hunter2\na: x\n", "stands twice")
file("a secrets file with an alias", "a: &x hunter2hunter2\nb: *x\n", "anchors and aliases")
file("a secrets file without an end", "a: 'hunter2hunter2\n", "unexpected end")
file("a secrets file that is nested too deep", "a: " .. ("["):rep(200), "nested deeper")
file("a secrets file of two documents", "a: hunter2hunter2\n---\nb: c\n", "more than one YAML document")
file("a secrets file of 2 MB", "a: " .. ("x"):rep(2 * 1024 * 1024) .. "\n", "larger than 1 MB")

local function input(what, words, stdin, expect)
  local all = { "run", "runbooks/hostile.lua", "urbanos", table.unpack(words) }
  cases[#cases + 1] = { what, body = "log 'x'", words = all, stdin = stdin, expect = expect, code = 3 }
end
input("standard input that is no map", { "--secrets=-" }, "hunter2hunter2", "standard input: expected a map")
input("standard input of 2 MB", { "--secrets=-" }, ("x"):rep(2 * 1024 * 1024), "standard input: larger than 1 MB")
input("a folder as a secrets file", { "--secrets=/" }, nil, "not a file")
input("a device as a secrets file", { "--secrets=/dev/zero" }, nil, "not a file")
input("a file that all can read", { "--secrets=/etc/passwd" }, nil, "must be 0600")

return cases
