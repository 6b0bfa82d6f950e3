local helm_values = require "o2x.client.helm.values"
local json = require "o2x.base.json"
local yaml = require "o2x.base.yaml"

local TEXT = [[
# Values of urbanos, kept by hand.
app:
  env: production   # not sandbox
  envMap:
  # where logs go
  - name: LOGS_DIR
    value: /logs
  - name: REDIS_PORT
    value: "6379"     # quoted: a string

  - name: TAX_GATEWAY_URL
    value: 'http://urbanos-tax-gateway'
  - name: EMPTY
    value:
  postgres:
    secret: pg-secret
    url: jdbc:postgresql://h:5432/coredb-urbanos?stringtype=unspecified&sslmode=require
  tenantId: TIDLT-100005
  tenantName: urbanos
  text: |  # urbanos, in a comment
    tenant urbanos
      of urbanos-sbx and urbanosphere
  urbanos-key: x
fullnameOverride: urbanos-service-billing
image: {pullPolicy: Always, tag: v2.5.0}   # flow
replicaCount: 2
on: "yes"
hosts: [a.urbanos.com, "b"]
# the end
]]

local function parse(text) return helm_values.parse(text or TEXT, "v.yaml") end

-- The lines that differ, as "-old" and "+new"; lines are added or removed in one place only.
local function changed(before, after)
  local function lines(text)
    local list = {}
    for line in text:gmatch "([^\n]*)\n?" do
      list[#list + 1] = line
    end
    return list
  end
  local a, b = lines(before), lines(after)
  while a[1] and a[1] == b[1] do
    table.remove(a, 1)
    table.remove(b, 1)
  end
  while a[#a] and a[#a] == b[#b] do
    a[#a], b[#b] = nil, nil
  end
  local out = {}
  for _, line in ipairs(a) do
    out[#out + 1] = "-" .. line
  end
  for _, line in ipairs(b) do
    out[#out + 1] = "+" .. line
  end
  return table.concat(out, "\n")
end

local function set(path, value, text)
  local doc = parse(text)
  doc:set(path, value)
  return changed(text or TEXT, doc:text())
end

local function refusal(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return tostring(err)
end

describe("helm_values", function()
  it("gets by path", function()
    local doc = parse()
    assert.equal("production", doc:get "app.env")
    assert.equal("6379", doc:get "app.envMap[name=REDIS_PORT].value")
    assert.equal("/logs", doc:get "app.envMap[0].value")
    assert.equal(json.null, doc:get "app.envMap[name=EMPTY].value")
    assert.equal(2, doc:get "replicaCount")
    assert.equal("yes", doc:get "true")
    assert.equal("v2.5.0", doc:get "image.tag")
    local absent = { "nosuch", "app.env.x", "app[0]", "app.envMap[name=NO]", "app.envMap[9].value", "hosts.a" }
    for _, path in ipairs(absent) do
      assert.is_nil(doc:get(path))
    end
    assert.equal(false, parse("a: {b: no}\n"):get "a.b")
    doc:get("app").env = "changed"
    assert.equal("production", doc:get "app.env")
  end)

  it("refuses a path that is none", function()
    local doc = parse()
    for _, path in ipairs { "", ".", "a.", "a..b", "a[", "a[x]", "a[]", "[0]x", "a[name=]" } do
      assert.is_truthy(refusal(doc.get, doc, path):find("the path", 1, true), path)
    end
  end)

  it("lists paths, each of which gets", function()
    local doc = parse("a: {b: 1, 'c.d': [x, {w: {}}]}\ne:\n- name: n.1\n  v: no\n")
    assert.same({ "a.b", "a.c\\.d[0]", "a.c\\.d[1].w", "e[name=n\\.1].name", "e[name=n\\.1].v" }, doc:paths())
    for _, path in ipairs(doc:paths()) do
      assert.not_nil(doc:get(path))
    end
    assert.same({}, parse("# nothing\n"):paths())
  end)

  it("sets a scalar and touches nothing else", function()
    assert.equal("-  env: production   # not sandbox\n+  env: sandbox   # not sandbox", set("app.env", "sandbox"))
    assert.equal(
      '-    value: "6379"     # quoted: a string\n+    value: "6380"     # quoted: a string',
      set("app.envMap[name=REDIS_PORT].value", "6380")
    )
    assert.equal(
      '-    value: "6379"     # quoted: a string\n+    value: 6380     # quoted: a string',
      set("app.envMap[name=REDIS_PORT].value", 6380)
    )
    assert.equal(
      "-    value: 'http://urbanos-tax-gateway'\n+    value: 'it''s'",
      set("app.envMap[name=TAX_GATEWAY_URL].value", "it's")
    )
    assert.equal('-  env: production   # not sandbox\n+  env: "no"   # not sandbox', set("app.env", "no"))
    assert.equal("-    value:\n+    value: x", set("app.envMap[name=EMPTY].value", "x"))
    assert.equal("-replicaCount: 2\n+replicaCount: 5", set("replicaCount", 5))
    assert.equal('-on: "yes"\n+on: "x"', set("true", "x"))
    assert.equal(
      "-image: {pullPolicy: Always, tag: v2.5.0}   # flow\n+image: {pullPolicy: Always, tag: v3.0.0}   # flow",
      set("image.tag", "v3.0.0")
    )
    assert.equal('-hosts: [a.urbanos.com, "b"]\n+hosts: [a.urbanos.com, "c"]', set("hosts[1]", "c"))
    assert.equal("-  tenantName: urbanos\n+  tenantName: |-\n+    a\n+    b", set("app.tenantName", "a\nb"))
    assert.equal(
      "-  text: |  # urbanos, in a comment\n-    tenant urbanos\n"
        .. "-      of urbanos-sbx and urbanosphere\n+  text: short",
      set("app.text", "short")
    )
    assert.equal("", set("app.env", "production"))
    assert.equal("", set("app.envMap[0]", { name = "LOGS_DIR", value = "/logs" }))
  end)

  it("adds what is missing, at its place", function()
    assert.equal("+  extra: 1", set("app.extra", 1))
    assert.equal("+    port: 1", set("app.postgres.port", 1))
    assert.equal("+  b: 2", set("x.b", 2, "x:\n  a: 1   # one\n\n  # about c\n  c: 3\n"))
    assert.equal("+  d: 2", set("x.d", 2, "x:\n  a: 1\n  c: 3\ny: 1\n"))
    assert.equal("+  b: 2", set("x.b", 2, "x:\n  z: 1\n  c: 3\ny: 1\n"))
    assert.equal("+a: 2", set("a", 2, "b: 1\nc: 1\n"))
    assert.equal("-- b: 1\n+- a: 2\n+  b: 1", set("l[0].a", 2, "l:\n- b: 1\n  c: 1\n"))
    assert.equal("+x:\n+  w:\n+  - name: NEW\n+    value: v", set("x.w[name=NEW].value", "v", "a: 1\n"))
    assert.equal("+  - name: NEW\n+    value: v", set("app.envMap[name=NEW].value", "v"))
    assert.equal("+  - 2", set("l[1]", 2, "l:\n  - 1\nm: 1\n"))
    assert.equal(
      "-image: {pullPolicy: Always, tag: v2.5.0}   # flow\n"
        .. "+image: {pullPolicy: Always, tag: v2.5.0, x: {w: [1]}}   # flow",
      set("image.x.w", { 1 })
    )
    assert.equal("-a: {}\n+a:\n+  b: 1", set("a.b", 1, "a: {}\nc: 1\n"))
    assert.equal("+  b:\n+    c: 1", set("a.b.c", 1, "a:\nc: 1\n"))
    assert.equal("-a: []\n+a:\n+- b", set("a[0]", "b", "a: []\nc: 1\n"))
    assert.equal("a:\n  b: 1\n", parse(""):set("a.b", 1):text())
    assert.equal("# c\na: 1\n", parse("# c\n"):set("a", 1):text())
    assert.equal("a: 1\nb: 1", parse("a: 1"):set("b", 1):text())
    assert.equal("a: 1\r\nb:\r\n  c: 1\r\nz: 2\r\n", parse("a: 1\r\nz: 2\r\n"):set("b.c", 1):text())
  end)

  it("puts tables in the place of scalars and back", function()
    assert.equal(
      "-  tenantName: urbanos\n+  tenantName:\n+    a: 1\n+    b:\n+    - x",
      set("app.tenantName", { a = 1, b = { "x" } })
    )
    assert.equal(
      "-  postgres:\n-    secret: pg-secret\n"
        .. "-    url: jdbc:postgresql://h:5432/coredb-urbanos?stringtype=unspecified&sslmode=require\n"
        .. "+  postgres: none",
      set("app.postgres", "none")
    )
    assert.equal("-- a: 1\n-  b: 2\n+- x", set("l[0]", "x", "l:\n- a: 1\n  b: 2\n- y\n"))
    assert.equal("-- x\n+- a: 1\n+  b: 2", set("l[0]", { a = 1, b = 2 }, "l:\n- x\n- y\n"))
    assert.equal("-a:\n-- 1\n+a: []", set("a", json.array {}, "a:\n- 1\nb: 1\n"))
  end)

  it("refuses a change that would change something else too", function()
    local text = "base: &b\n  x: 1\nother: *b\nmerged:\n  <<: *b\n"
    assert.is_truthy(
      refusal(set, "base.x", 2, text):find("v.yaml:2: base.x cannot be edited without changing other values", 1, true)
    )
    assert.is_truthy(refusal(set, "other.x", 2, text):find("goes through an alias", 1, true))
    assert.is_truthy(refusal(set, "other", 2, text):find("is an alias", 1, true))
    assert.equal("+  x: 2", set("merged.x", 2, text))
    assert.is_truthy(refusal(set, "app.env.x", 2):find("not a table", 1, true))
    assert.is_truthy(refusal(set, "hosts[7]", 2):find("no element [7]", 1, true))
    assert.is_truthy(refusal(set, "a", nil):find("cannot set nil", 1, true))
    assert.is_truthy(refusal(set, "app.env", print):find("function", 1, true))
  end)

  it("removes", function()
    local function remove(path, text)
      local doc = parse(text)
      assert.is_true(doc:remove(path))
      return changed(text or TEXT, doc:text())
    end
    assert.equal("-  env: production   # not sandbox", remove "app.env")
    assert.equal(
      '-  - name: REDIS_PORT\n-    value: "6379"     # quoted: a string',
      remove "app.envMap[name=REDIS_PORT]"
    )
    assert.equal(
      "-image: {pullPolicy: Always, tag: v2.5.0}   # flow\n+image: {pullPolicy: Always}   # flow",
      remove "image.tag"
    )
    assert.equal("-- a: 1\n-  b: 2\n+- b: 2", remove("l[0].a", "l:\n- a: 1\n  b: 2\n"))
    assert.equal("-a:\n-  b: 1\n+a: {}", remove("a.b", "a:\n  b: 1\nc: 1\n"))
    assert.equal("-- - 1\n-  - 2", remove("a[0]", "a:\n- - 1\n  - 2\n- x\n"))
    assert.equal("-- - 1\n-  - 2\n+- - 2", remove("a[0][0]", "a:\n- - 1\n  - 2\n- x\n"))
    assert.equal("-b: 1", remove("b", "a: 1\nb: 1"))
    assert.is_false(parse():remove "nosuch.key")
  end)

  it("merges a table as Helm does, and lists of named things by name", function()
    local doc = parse()
    doc:merge {
      app = {
        env = "sandbox",
        envMap = { { name = "REDIS_PORT", value = "1" }, { name = "ZZ", value = "z" } },
        tenantName = json.null,
      },
      hosts = { "c" },
      replicaCount = 2,
      resources = { limits = { cpu = "1" } },
    }
    assert.equal("sandbox", doc:get "app.env")
    assert.equal("1", doc:get "app.envMap[name=REDIS_PORT].value")
    assert.equal("/logs", doc:get "app.envMap[name=LOGS_DIR].value")
    assert.equal("z", doc:get "app.envMap[name=ZZ].value")
    assert.is_nil(doc:get "app.tenantName")
    assert.same({ "c" }, { table.unpack(doc:get "hosts") })
    assert.equal("1", doc:get "resources.limits.cpu")
    assert.is_truthy(doc:text():find("# quoted: a string", 1, true))
    assert.is_truthy(doc:text():find("# the end\n$"))
    assert.equal(doc:text(), parse(doc:text()):merge({ app = { env = "sandbox" } }):text())
  end)

  it("makes another tenant's file this one's", function()
    local doc = parse()
    local report = doc:replace_tenant(
      { { "TIDLT-100005", "TIDLT-100008" }, { "urbanos", "newclient" } },
      { keep = { "urbanos-sbx" } }
    )
    local expected = TEXT
    for _, pair in ipairs {
      { "http://urbanos%-tax", "http://newclient-tax" },
      { "coredb%-urbanos", "coredb-newclient" },
      { "TIDLT%-100005", "TIDLT-100008" },
      { "tenantName: urbanos", "tenantName: newclient" },
      { "    tenant urbanos\n", "    tenant newclient\n" },
      { "fullnameOverride: urbanos", "fullnameOverride: newclient" },
      { "a%.urbanos%.com", "a.newclient.com" },
    } do
      expected = expected:gsub(pair[1], pair[2])
    end
    assert.equal(expected, doc:text())
    assert.equal(7, #report.replaced)
    assert.same({
      path = "app.envMap[2].value",
      line = 12,
      before = "http://urbanos-tax-gateway",
      after = "http://newclient-tax-gateway",
    }, report.replaced[1])
    local left = {}
    for i, mention in ipairs(report.left) do
      left[i] = mention.line .. " " .. mention.where
    end
    assert.same({ "1 comment", "20 comment", "22 value", "23 key" }, left)
  end)

  it("replaces names whole, once, and quotes what then needs it", function()
    local doc = parse(
      'a: acme\nb: "x\\tacme"\nc: [acme, acme-x]\nd: acme_acme\ne: pacme acmes\nf: acme.acme\ng: >\n  acme\n  b\n'
    )
    doc:replace_tenant { { "acme", "no" } }
    assert.equal(
      'a: "no"\nb: "x\\tno"\nc: ["no", no-x]\nd: no_no\ne: pacme acmes\nf: no.no\ng: >\n  no\n  b\n',
      doc:text()
    )
    doc = parse "a: acme\nb: acme-billing\n"
    local report = doc:replace_tenant { { "acme", "acme-sbx" } }
    assert.equal("a: acme-sbx\nb: acme-sbx-billing\n", doc:text())
    assert.same({}, report.left)
  end)

  it(
    "renders the guide's layout",
    function()
      assert.equal(
        'app:\n  envMap:\n  - name: REDIS_PORT\n    value: "6379"\nfullnameOverride: x\n',
        helm_values.render {
          fullnameOverride = "x",
          app = { envMap = { yaml.ordered { { "name", "REDIS_PORT" }, { "value", "6379" } } } },
        }
      )
    end
  )

  it("refuses what is no values file", function()
    assert.is_truthy(refusal(helm_values.parse, "a", "v.yaml"):find("v.yaml:1: a values file must be a map", 1, true))
    assert.is_truthy(refusal(helm_values.parse, "a: 1\na: 2\n", "v.yaml"):find("v.yaml:2:1: duplicate key", 1, true))
    assert.is_truthy(refusal(helm_values.parse, "a: 1\n---\nb: 1\n", "v.yaml"):find("only one document", 1, true))
    assert.is_nil(parse(""):get "a")
  end)

  local OTHER = "# CRLF, deeper indentation, keeps\n"
    .. "a:\n    b:\n        - - x   # 1\n          - {k: [1, 2]}\n"
    .. "        -\n          c: |+\n            t\n\n"
    .. "        - >2\n            u\n        - 'q'   # 2\n"
    .. 'd: "multi\n  line"   # 3\ne: plain\n  over lines   # 4\nh: !!str 5\n'

  it("makes random changes, each of which changes its value and nothing else", function()
    math.randomseed(23)
    local values = {
      "x",
      "no",
      "a\nb\n",
      "  lead",
      5,
      2.5,
      true,
      json.null,
      { k = 1 },
      { "l", { m = "n" } },
      json.array {},
      {},
      "6379",
      "#c",
      "é: ü",
    }
    local doc = parse()
    local refused = 0
    for i = 1, 1500 do
      if i % 50 == 1 then doc = parse(({ TEXT, OTHER, (OTHER:gsub("\n", "\r\n")) })[math.random(3)]) end
      local paths = doc:paths()
      local path = paths[math.random(#paths)]
      if i % 4 == 0 then path = path .. ".k" .. math.random(9) end
      if i % 7 == 0 then path = path:gsub("[^.]*$", "new" .. math.random(9)) end
      local value = values[math.random(#values)]
      if path:find "%.name$" then path = "app.env" end -- the name is how its element is found
      local before = doc:text()
      local ok, err
      if i % 9 == 0 then
        ok, err = pcall(doc.remove, doc, path)
        assert.is_true(ok, tostring(err) .. "\n" .. path .. "\n" .. before)
      else
        ok, err = pcall(doc.set, doc, path, value)
        if not ok then
          refused = refused + 1
          assert.equal(before, doc:text())
          assert.is_truthy(
            tostring(err):find("not a table", 1, true) or tostring(err):find("mapping", 1, true),
            tostring(err) .. "\n" .. path .. "\n" .. json.encode(value) .. "\n" .. before
          )
        else
          assert.equal(json.encode(value), json.encode(doc:get(path)), path .. "\n" .. before .. "\n--\n" .. doc:text())
        end
      end
    end
    assert.is_true(refused < 700)
  end)
end)
