-- A tenant that was made by hand, and whose values attack whoever reads them. Nothing of it is executed, nothing is
-- printed raw, and no secret of it gets into a file, whatever its spelling. The plan after it is empty, or a line of
-- the table says what is not taken, and why.

local crypto = require "o2x.base.crypto"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

local ID <const>, OWN <const> = "TIDLT-100005", "coredb-urbanos"
local BIDI <const> = "\u{202e}\u{2066}\u{200f}"
local SECRET <const> = 'p"w&/+ä =%_hidden\\0123'
local SSO <const> = "core/helm_values/urbanos/service-sso.yaml"
local ADDED <const> = "'^(k[0-9]|key |leak)'"

local SPELLINGS <const> = {
  raw = SECRET,
  base64 = crypto.base64(SECRET),
  url = (SECRET:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)),
  json = json.encode(SECRET):sub(2, -2),
  hex = crypto.hex(SECRET),
  inside = "mail me at " .. SECRET .. " please",
  basic = "Basic " .. crypto.base64("admin:" .. SECRET),
}

local function literal(text) return "'" .. text:gsub("'", "''") .. "'" end

describe("a tenant that was made by hand to attack", function()
  local lab, file, mark, inventory, page
  setup(function()
    lab = labs.start()
    file, mark = fs.join(lab.platform, "tenants/urbanos.yaml"), fs.join(lab.dir, "mark")
    inventory = fs.join(lab.platform, "docs/TENANT_INVENTORY.md")
    page = fs.join(lab.platform, "docs/runbooks/TENANT_urbanos.md")
    lab:out("cp", "-a", lab.platform, lab.dir .. "/as-it-was")
  end)
  teardown(function() lab:stop() end)
  before_each(function()
    lab:out("rm", "-rf", lab.platform, lab.store)
    lab:out("cp", "-a", lab.dir .. "/as-it-was", lab.platform)
  end)

  local function sql(text) return lab:sql(OWN, text) end

  local function insert(columns, ...)
    local values = table.pack(...)
    for i = 1, values.n do
      values[i] = literal(tostring(values[i]))
    end
    sql(("insert into core_config.%s values (%s)"):format(columns, table.concat(values, ", ")))
  end

  local function property(key, text) insert("tenant_property_defaults", ID, key, text) end
  local function forget() sql("delete from core_config.tenant_property_defaults where property_key ~ " .. ADDED) end

  -- Texts that somebody may take for something else.
  local function texts()
    return {
      "$(touch " .. mark .. ")",
      "`touch " .. mark .. "`",
      "'; drop table core_config.users; --",
      "{{ .Values.x }} {{ fail }} ${HOME} %{x} %s %n",
      "\27[2J\27]0;title\7\27[31mred",
      "a\rb\nc: [d\n- e\n...\n---\n",
      BIDI .. "tnanet",
      "no",
      "null",
      "~",
      "1e3",
      "0o17",
      "0x1f",
      ".inf",
      "2026-11-27",
      "!!binary YQ==",
      "*alias",
      "&anchor x",
      "../../../etc/hosts",
      " leading and trailing ",
      "#",
      "%TAG",
      "a: b",
      "'\"",
      "\u{85}\u{2028}\u{feff}",
    }
  end

  local function is_clean(text, where)
    assert.falsy(text:find "[\0-\8\11-\31\127]", where)
    for _, one in ipairs { "\u{202e}", "\u{2066}", "\u{200f}", "\u{85}", "\u{9b}" } do
      assert.falsy(text:find(one, 1, true), where)
    end
  end

  -- What is printed is clean, and nothing was executed.
  local function o2x(...)
    local result = lab:o2x { ... }
    is_clean(result.stdout, "output")
    is_clean(result.stderr, "messages")
    assert.is_nil(result.stderr:find("traceback", 1, true), result.stderr)
    assert.is_false(fs.exists(mark), "it was executed")
    return result
  end

  local function adopts()
    local result = o2x("adopt", "urbanos")
    assert.equal(0, result.code, result.stdout .. result.stderr)
    return yaml.read(fs.read(file)), result
  end

  local function is_planned_empty()
    local result = o2x("plan", "onboard", "urbanos", "--detailed-exitcode")
    assert.equal(0, result.code, result.stdout .. result.stderr)
  end

  local function others()
    local script = 'cd "$1" && find . -type f -not -path "*urbanos*" -exec sha256sum {} + | LC_ALL=C sort'
    return lab:out("sh", "-c", script, "sh", lab.platform)
  end

  it("by texts and names in its database is taken over with them", function()
    fs.remove(file)
    local before, wanted = others(), {}
    for i, text in ipairs(texts()) do
      wanted["k" .. i], wanted["key " .. text] = text, "v" .. i
    end
    for key, text in pairs(wanted) do
      property(key, text)
    end
    local made = adopts()
    for key, text in pairs(wanted) do
      assert.equal(text, made.properties[key], key)
    end
    is_planned_empty()
    forget()
    assert.equal(before, others())
  end)

  it("by features and integrations with odd names is taken over without what no file can name", function()
    fs.remove(file)
    for i, text in ipairs(texts()) do
      insert("feature_flags (tenant_id, feature_key, enabled, config)", ID, text, "true", json.encode { [text] = text })
      local columns = "(id, tenant_id, index, name, type, authtype, apitype, baseurl)"
      insert("tenant_merchants " .. columns, ID, ID, 50 + i, text, "TAX_GATEWAY", "BASIC", "REST", "http://x")
    end
    local made, result = adopts()
    for _, text in ipairs(texts()) do
      assert.same({ enabled = true, config = { [text] = text } }, made.features[text], text)
    end
    assert.matches("integration %$%(touch .-no provider of this platform", result.stdout)
    is_planned_empty()
    sql "delete from core_config.feature_flags where feature_key <> 'ADVANCED_REPORTING'"
    sql "delete from core_config.tenant_merchants where index >= 50"
  end)

  it("by its documents is taken over; what is no text is left alone, and what is too long is named", function()
    local was, was_page = fs.read(inventory), fs.read(page)
    local function says(note, contact)
      fs.write(inventory, (was:gsub("(## urbanos.-Special Notes:%*%* )[^\n]*", function(a) return a .. note end)))
      fs.write(page, (was_page:gsub("(Primary Contact:%*%* )[^\n]*", function(a) return a .. contact end)))
    end
    fs.remove(file)
    says("\27[31m" .. BIDI .. "$(touch " .. mark .. ")", "{{ x }}: - no")
    local made = adopts()
    assert.equal("\27[31m" .. BIDI .. "$(touch " .. mark .. ")", made.notes)
    assert.equal("{{ x }}: - no", made.contacts.primary)
    is_planned_empty()
    fs.remove(file)
    says("\xff\xfe", "\xc3\x28")
    local second, result = adopts()
    assert.is_nil(second.notes)
    assert.matches("notes +what docs/TENANT_INVENTORY.md says of it is not UTF%-8", result.stdout)
    fs.remove(file)
    says("short", ("x"):rep(1 << 20))
    local refused = o2x("adopt", "urbanos")
    assert.equal(1, refused.code)
    assert.matches("contacts.primary alone has 1048576\n +shorten it where it is, in docs/runbooks;", refused.stderr)
    assert.is_false(fs.exists(file))
  end)

  it("by its file is refused in one line, and the file stays", function()
    local before = fs.read(file)
    local levels = { "a: &a [x,x,x,x,x,x,x,x,x]" }
    for i = 2, 6 do
      local name, below = ("abcdef"):sub(i, i), ("abcdef"):sub(i - 1, i - 1)
      levels[i] = ("%s: &%s [%s]"):format(name, name, ("*" .. below .. ","):rep(9):sub(1, -2))
    end
    for text, message in pairs {
      [before .. "company: Other\n"] = ':104:1: duplicate key "company"',
      [before .. 'notes: "\xff\xfe"\n'] = ":104:9: not UTF%-8",
      [before .. "notes: a\0b\n"] = ":104:9: a NUL byte",
      [before .. "notes: " .. ("["):rep(5000) .. ("]"):rep(5000) .. "\n"] = "nested deeper than 64 levels",
      [before .. table.concat(levels, "\n") .. "\n"] = "aliases expand to more than 10000 values",
      [before .. "notes: \27[31mred\n"] = "the character U%+001B, which YAML does not allow",
      [before:gsub("name: urbanos", "name: ../urbanos")] = "name is '../urbanos', but the file name says",
      [before:gsub("TIDLT%-100005", "TIDLT-100004")] = "id TIDLT%-100004 is also in ",
      [before .. "<<: {company: x}\n"] = "company cannot be edited without changing other values",
    } do
      fs.write(file, text)
      local refused = o2x("adopt", "urbanos")
      assert.equal(3, refused.code, refused.stderr)
      assert.matches(message, refused.stderr)
      assert.equal(text, fs.read(file))
    end
  end)

  -- ---- secrets that are no secrets to whoever wrote them somewhere else ----

  local function all(fn)
    for name, text in pairs(SPELLINGS) do
      fn(name, text)
    end
  end

  local function upgrade(...)
    lab:out("helm", "upgrade", "urbanos-service-sso", fs.join(lab.platform, "core/charts/service-sso"), ...)
  end

  -- Each writes all spellings somewhere, and returns what takes them away.
  local PLACES <const> = {
    ["a property"] = function()
      all(function(name, text) property("leak." .. name, text) end)
      return forget
    end,
    ["the name of a property"] = function()
      all(function(_, text) property("key " .. text, "v") end)
      property("key of " .. SECRET, "v")
      return forget
    end,
    ["the company"] = function()
      sql(("update core_config.tenant_profile set companyname = %s"):format(literal(SECRET)))
      return function() sql "update core_config.tenant_profile set companyname = 'Urbanos Networks'" end
    end,
    ["a note"] = function()
      local list = {}
      all(function(_, text) list[#list + 1] = text end)
      local text = fs.read(inventory)
      fs.write(
        inventory,
        (text:gsub("(## urbanos.-Special Notes:%*%* )[^\n]*", function(a) return a .. table.concat(list, " ") end))
      )
      return function() fs.write(inventory, text) end
    end,
    ["the values of a release"] = function()
      fs.remove(fs.join(lab.platform, SSO))
      fs.write(lab.dir .. "/values.yaml", yaml.encode { note = SPELLINGS })
      upgrade("--reuse-values", "-f", lab.dir .. "/values.yaml")
      return function() upgrade("-f", fs.join(lab.dir, "as-it-was", SSO)) end
    end,
    ["an object"] = function()
      local words = { "kubectl", "create", "configmap", "urbanos-leak" }
      all(function(name, text) words[#words + 1] = ("--from-literal=%s=%s"):format(name, text) end)
      lab:out(table.unpack(words))
      lab:out("kubectl", "label", "configmap", "urbanos-leak", "tenant=urbanos")
      lab:out("kubectl", "annotate", "configmap", "urbanos-leak", "note=" .. SECRET)
      return function() lab:out("kubectl", "delete", "configmap", "urbanos-leak") end
    end,
  }

  local function put_secret(path)
    lab:out(
      "curl",
      "-sSf",
      "-H",
      "X-Vault-Token: " .. lab.env.VAULT_TOKEN,
      "-d",
      json.encode { data = { username = "lab-broadsoft-urbanos", password = SECRET } },
      lab.env.VAULT_ADDR .. "/v1/secret/data/" .. path
    )
  end

  for place, plant in pairs(PLACES) do
    it("by a secret in " .. place .. " is taken over without it, in no spelling, in no file", function()
      -- At a path that the standard has, and at one that only people know.
      put_secret(place == "a property" and "tenant/urbanos/own/deep" or "tenant/urbanos/broadsoft")
      fs.remove(file)
      local away = plant()
      local _, result = adopts()
      away()
      all(function(name, text)
        local found = lab:run { "grep", "-rlF", "--", text, lab.platform, lab.store }
        assert.equal("", found.stdout, name)
        assert.falsy((result.stdout .. result.stderr):find(text, 1, true), name)
      end)
      if place ~= "an object" then assert.matches("left alone .-has the text of a secret", result.stdout) end
    end)
  end

  it("by a secret is taken over without it by somebody who may read in Vault, and not list", function()
    put_secret "tenant/urbanos/broadsoft"
    fs.remove(file)
    local away = PLACES["a property"]()
    local function ask(path, body)
      local words = { "curl", "-sSf", "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, "-d", json.encode(body) }
      words[#words + 1] = lab.env.VAULT_ADDR .. "/v1/" .. path
      return lab:out(table.unpack(words))
    end
    local read = 'path "secret/data/tenant/urbanos/*" { capabilities = ["read"] }'
    ask("sys/policies/acl/reader", { policy = read })
    local token = json.decode(ask("auth/token/create", { policies = { "reader" } })).auth.client_token
    local result = lab:o2x({ "adopt", "urbanos" }, { env = { VAULT_TOKEN = token } })
    away()
    assert.equal(0, result.code, result.stderr)
    assert.matches("Vault does not let this user list", result.stderr)
    all(
      function(name, text)
        assert.equal("", lab:run({ "grep", "-rlF", "--", text, lab.platform, lab.store }).stdout, name)
      end
    )
  end)

  it("by a deployment under way is adopted by nobody until that has ended", function()
    fs.remove(file)
    local started = fs.join(lab.dir, "go-on")
    fs.write(
      fs.join(lab.dir, "busy.lua"),
      ([[
      local k8s = require "o2x.k8s"
      return require "o2x.runbook" { name = "busy", version = "1.0.0", api = 1, summary = "A test",
        effects = { "k8s:write" },
        run = function(tenant)
          step("Wait", wait_until, %q, 120, function()
            return k8s.get("Deployment", tenant.name .. "-service-sso").metadata.annotations["go-on"]
          end)
        end }]]):format(started)
    )
    lab:out("cp", lab.dir .. "/as-it-was/tenants/urbanos.yaml", file)
    local child = lab:start({ "run", lab.dir .. "/busy.lua", "urbanos" }, { O2X_STATE = lab.dir .. "/other" })
    eventually("the run", function() return o2x("locks", "urbanos").stdout:find("busy", 1, true) end)
    fs.remove(file)
    local refused = o2x("adopt", "urbanos")
    assert.equal(5, refused.code, refused.stderr)
    assert.is_false(fs.exists(file))
    lab:out("kubectl", "annotate", "deployment/urbanos-service-sso", "go-on=1")
    assert.equal(0, (proc.wait(child, 60)))
    child:close()
    adopts()
  end)
end)
