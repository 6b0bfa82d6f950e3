-- Requests that act where a script may only look, and charts that make helm write what nobody checked.

local list = {}

local function add(case) list[#list + 1] = case end

-- ---- requests ----

-- A call that must be refused in a plan and in a run. Nothing of it is sent.
local function refused(what, body, expect)
  add { what, body = body, code = 3, expect = expect }
  add { what .. ", in a plan", body = body, mode = "plan", code = 3, expect = expect }
end

refused(
  "posts by service.call",
  [[service.call { service = "urbanos-service-sso", method = "POST", path = "/api/users/create" }]],
  { "service.call only reads", "service.send" }
)
refused(
  "deletes by k8s.request",
  [[k8s.request("urbanos-service-sso", 8080, { method = "DELETE", path = "/api/users" })]],
  { "k8s.request only reads", "service.send" }
)
refused(
  "posts by http.request",
  [[http.request { method = "POST", url = "https://api.urbanos.embrix.com/graphql" }]],
  { "http.request only reads", "service.send" }
)

for what, path in pairs {
  ["a user"] = "/api/users/create",
  ["a login"] = "/api/auth/login",
  ["a path that only begins so"] = "/graphql/../api/users/create",
  ["a path with a document of its own"] = "/graphql?query=mutation%7Ba%7D",
} do
  refused(
    "posts by a query to " .. what,
    ([[service.query { service = "urbanos-service-sso", path = %q, query = "{ a }",
      variables = { username = "x" } }]]):format(path),
    path
  )
end
refused(
  "posts by a query to a URL",
  [[service.query { url = "https://api.urbanos.embrix.com/api/users/create", query = "{ a }" }]],
  "no GraphQL is served at"
)
for what, call in pairs {
  ["service.call"] = [[service.call { service = "urbanos-service-sso", path = "%s" }]],
  ["k8s.request"] = [[k8s.request("urbanos-service-sso", 8080, { path = "%s" })]],
  ["http.request"] = [[http.request { url = "https://api.urbanos.embrix.com%s" }]],
  ["find"] = [[service.ensure { name = "x", service = "urbanos-service-sso", found = "id",
    find = { service = "urbanos-service-sso", path = "%s" } }]],
} do
  refused("mutates by the path of " .. what, call:format "/graphql?query=mutation%7Ba%7D", "carries a GraphQL document")
end

for what, method in pairs {
  ["in lower case"] = "post",
  ["with a space"] = "GET ",
  ["with a line end"] = "GET\\r\\nX-HTTP-Method-Override: DELETE",
  ["with a path"] = "GET /api/users HTTP/1.1",
  ["of its own"] = "PURGE",
  ["of a tunnel"] = "CONNECT",
} do
  add {
    "uses a method " .. what,
    body = ([[service.call { service = "urbanos-service-sso", method = "%s", path = "/" }]]):format(method),
    code = 3,
    expect = "only reads: GET, HEAD or OPTIONS",
  }
end

for name, value in pairs {
  ["X-HTTP-Method-Override"] = "DELETE",
  ["X-HTTP-Method"] = "DELETE",
  ["X-Forwarded-Host"] = "coopeg-sbx.embrix.com",
  ["X-Forwarded-Authorization"] = "Bearer x",
  ["X-Original-URL"] = "/api/users",
  ["Host"] = "coopeg-sbx.embrix.com",
  ["Impersonate-User"] = "admin",
  ["Upgrade"] = "websocket",
  ["X-Tenant-ID"] = "TIDLT-100001",
} do
  add {
    "sets the header " .. name,
    body = ([[service.call { service = "urbanos-service-sso", path = "/", headers = { [%q] = %q } }]]):format(
      name,
      value
    ),
    code = 3,
    expect = name,
    absent = "answered",
  }
end

add {
  "smuggles a header by a line end",
  body = [[http.request { url = "https://urbanos.embrix.com/", headers = { Accept = "a\r\nHost: coopeg-sbx" } }]],
  code = 3,
  expect = "control character",
}
add {
  "has a body in a GET",
  body = [[service.call { service = "urbanos-service-sso", path = "/", json = { x = 1 } }]],
  code = 3,
  expect = 'unknown field "json"',
}

for what, path in pairs {
  ["upwards"] = "/../../../../api/v1/namespaces/default/secrets",
  ["upwards, encoded"] = "/%2e%2e/%2e%2e/secrets",
  ["upwards, encoded twice"] = "/%252e%252e/secrets",
  ["with an encoded slash"] = "/..%2fsecrets",
  ["with a matrix parameter"] = "/..;/actuator/env",
  ["with a backslash"] = "/..\\\\secrets",
  ["with an empty part"] = "//coopeg-sbx-service-sso/",
  ["with a fragment"] = "/a#b",
  ["that is a URL"] = "http://169.254.169.254/latest",
} do
  add {
    "asks for a path " .. what,
    body = ([[k8s.request("urbanos-service-sso", 8080, { path = "%s" })]]):format(path),
    code = 3,
    expect = "invalid path of a service request",
  }
end

for _, form in ipairs { "https:%s:8080", "%s:8080", "%s" } do
  local name = form:format "coopeg-sbx-service-sso"
  add {
    "names the service " .. name,
    body = ([[k8s.request(%q, 8080, { path = "/" })]]):format(name),
    code = 3,
    expect = "coopeg-sbx-service-sso",
  }
end
add {
  "hides a path in the port",
  body = [[k8s.request("urbanos-service-sso", "8080/proxy/../..", { path = "/" })]],
  code = 3,
  expect = "invalid port",
}

for what, url in pairs {
  ["of another tenant"] = "https://api.coopeg-sbx.embrix.com/graphql",
  ["behind a user's name"] = "https://api.urbanos.embrix.com@coopeg-sbx.embrix.com/",
  ["behind a trailing dot"] = "https://coopeg-sbx.embrix.com./",
  ["by its address"] = "https://127.0.0.1/",
  ["of the cloud"] = "http://169.254.169.254/latest/meta-data",
  ["at another port"] = "https://api.urbanos.embrix.com:8443/",
  ["in another script"] = "https://urbanos.embr\u{456}x.com/",
} do
  add {
    "asks a host " .. what,
    body = ([[service.call { url = %q }]]):format(url),
    code = 3,
    expect = "o2x:",
    absent = "answered",
  }
end

-- ---- GraphQL ----

local function query(text, more)
  return ([[service.query { url = "https://api.urbanos.embrix.com/graphql", query = %q%s }]]):format(text, more or "")
end

for what, text in pairs {
  ["a mutation"] = 'mutation { createCustomer(input: {externalId: "hostile"}) { id } }',
  ["a mutation after a query"] = "query A { a } mutation B { b }",
  ["a mutation behind a comment"] = "{ a } # x\rmutation B { b }",
  ["a subscription"] = "subscription { a }",
  ["a mutation after a text with a brace"] = '{ a(x: "}") } mutation { b }',
} do
  refused("sends " .. what .. " as a query", query(text), "a query only reads")
end
add {
  "hides a mutation in a text in triple quotes",
  body = query '{ a(x: """ \\""" """) } mutation { b }',
  code = 3,
  expect = "triple quotes",
}
add {
  "sends a persisted query",
  body = query("{ a }", ", extensions = { persistedQuery = {} }"),
  code = 3,
  expect = 'unknown field "extensions"',
}
add {
  "sends a batch",
  body = [[service.query { url = "https://api.urbanos.embrix.com/graphql", query = { "{ a }", "mutation { b }" } }]],
  code = 3,
  expect = "the query must be a text",
}
add {
  "finds by a mutation",
  body = [[service.ensure { name = "x", service = "urbanos-service-proxy", found = "id",
    find = { url = "https://api.urbanos.embrix.com/graphql", query = "mutation { a }" } }]],
  code = 3,
  expect = "a query only reads",
}

-- ---- what is declared, planned, and sent once ----

local SEND <const> =
  [[service.send { service = "urbanos-service-sso", path = "/api/users/create", json = { email = "h@x" } }]]

for _, body in ipairs {
  SEND,
  [[service.test { service = "urbanos-tax-gateway", path = "/api/avalara/ping", json = {} }]],
  [[service.session({ service = "urbanos-service-sso", path = "/api/auth/login", token = "t", json = {} }).login()]],
} do
  add {
    "acts without declaring it: " .. body:match "^[%w.]+",
    effects = "",
    body = body,
    code = 3,
    expect = { "without declaring it", "service:write" },
  }
end
add {
  "sends in a check",
  body = ("check('c', function() %s end)"):format(SEND),
  code = 3,
  expect = "a check must only read",
}
add {
  "sends in a plan, which shows it and sends nothing",
  body = SEND,
  mode = "plan",
  code = 0,
  expect = { "POST urbanos-service-sso /api/users/create", "email: h@x" },
  absent = "answered",
}
add {
  "logs in in a plan, which lists the check",
  body = [[
    local s = service.session { service = "urbanos-service-sso", path = "/api/auth/login", token = "t",
      json = { username = "a", password = "wrong" } }
    check("login works", s.login)]],
  mode = "plan",
  code = 0,
  expect = { "checked when it is applied", "login works" },
}
add {
  "tries a wrong password again and again, which is sent once",
  body = [[
    local s = service.session { service = "urbanos-service-sso", path = "/api/auth/login", token = "t",
      json = function() log("asked for the password") return { username = "a", password = "wrong" } end }
    for i = 1, 5 do pcall(s.login) end
    s.login()]],
  expect = "answered 401",
  after = function(_, result)
    local _, count = (result.stdout .. result.stderr):gsub("asked for the password", "")
    if count ~= 1 then error(("the login was sent %d times"):format(count)) end
  end,
}
add {
  "makes a session of its own",
  body = [[service.call { service = "urbanos-service-sso", path = "/",
    session = { token = function() return "x" end } }]],
  code = 3,
  expect = "session must be what service.session returned",
}
add {
  "takes the token out of a session",
  body = [[
    local s = service.session { service = "urbanos-service-sso", path = "/api/auth/login", token = "t", json = {} }
    log(tostring(s.token))
    fail("token: " .. tostring(s.token))]],
  expect = "token: nil",
}

-- ---- charts ----

local RELEASE <const> = [[helm.ensure_release("urbanos-service-sso", { chart = "core/charts/evil", values = {} })]]

local function map(name, more)
  return ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s%s}\n"):format(name, more or "")
end

-- A chart is refused in a plan and in a run.
local function chart(what, templates, expect)
  local files = { ["core/charts/evil/Chart.yaml"] = "apiVersion: v2\nname: evil\nversion: 1.0.0\n" }
  for name, text in pairs(templates) do
    files["core/charts/evil/" .. name] = text
  end
  for _, mode in ipairs { "plan", "run" } do
    add {
      ("a chart %s, %s"):format(what, mode),
      platform = files,
      body = RELEASE,
      mode = mode,
      code = 3,
      expect = expect,
    }
  end
end

chart("that names another tenant's object", { ["templates/a.yaml"] = map "coopeg-sbx-alerts" }, "coopeg-sbx-alerts")
chart("that asks the cluster", {
  ["templates/a.yaml"] = '{{ lookup "v1" "Secret" "default" "" | toJson }}',
}, { "the chart asks the cluster", "k8s.get" })
chart("that is another at the upgrade", {
  ["templates/a.yaml"] = map "{{ if .Release.IsUpgrade }}coopeg-sbx-alerts{{ else }}urbanos-alerts{{ end }}",
}, "coopeg-sbx-alerts")
chart("with another tenant's object in a hook", {
  ["templates/a.yaml"] = map("coopeg-sbx-alerts", ', annotations: {"helm.sh/hook": pre-upgrade}'),
}, "coopeg-sbx-alerts")
chart("with a CRD", {
  ["crds/a.yaml"] = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    .. "metadata: {name: things.example.com}\n",
}, { "CustomResourceDefinition things.example.com", "kubectl apply" })
chart("that is random", {
  ["templates/a.yaml"] = map "urbanos-alerts" .. "data: {x: {{ randAlphaNum 8 }}}\n",
}, "the chart renders otherwise each time: ConfigMap urbanos-alerts, data.x")
chart("with another tenant's object in a list", {
  ["templates/a.yaml"] = "apiVersion: v1\nkind: ConfigMapList\nitems:\n- "
    .. map("coopeg-sbx-alerts"):gsub("\n(.)", "\n  %1"),
}, "coopeg-sbx-alerts")
chart("with a second object behind a separator", {
  ["templates/a.yaml"] = map "urbanos-alerts" .. "--- # x\n" .. map "coopeg-sbx-alerts",
}, "coopeg-sbx-alerts")
chart("with another tenant's object in a subchart", {
  ["charts/sub/Chart.yaml"] = "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
  ["charts/sub/templates/a.yaml"] = map "coopeg-sbx-alerts",
}, "coopeg-sbx-alerts")

return list
