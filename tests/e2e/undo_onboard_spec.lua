-- A whole onboarding is undone: the lab is as it was, seen by the ordinary clients. Then onboarding works again, with
-- the next id.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

-- What helm, the API server and the controllers count by themselves.
local FLEETING <const> =
  { events = true, leases = true, replicasets = true, pods = true, endpoints = true, endpointslices = true }

local function words_of(line)
  local words = {}
  for word in line:gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

describe("undo of an onboarding", function()
  local lab, listed
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  -- Each part is what an ordinary client says.
  local LOOKS <const> = {
    databases = function()
      local sql = "select datname, pg_get_userbyid(datdba), datacl, datconnlimit from pg_database order by 1"
      return lab:sql("postgres", sql) .. lab:sql("postgres", "select rolname from pg_roles order by 1")
    end,
    registry = function()
      local dump = lab:out("pg_dump", "-d", "enginedevdb", "--exclude-schema=o2x")
      return (dump:gsub("\\u?n?restrict [^\n]*", ""))
    end,
    vault = function()
      local parts = {}
      local function walk(folder)
        local url = lab.env.VAULT_ADDR .. "/v1/secret/metadata/" .. folder
        local list = lab:run { "curl", "-sS", "-X", "LIST", "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, url }
        for _, name in ipairs((json.decode(list.stdout).data or { keys = {} }).keys) do
          if name:sub(-1) == "/" then
            walk(folder .. name)
          else
            parts[#parts + 1] = folder .. name .. json.encode { select(2, lab:vault(folder .. name)) }
          end
        end
      end
      walk ""
      return table.concat(parts, "\n")
    end,
    files = function()
      local find = [[cd "$1" && find . \( -type f -o -type d \) -printf '%p %m %y\n' | LC_ALL=C sort
        find . -type f -exec sha256sum {} + | LC_ALL=C sort]]
      return lab:out("sh", "-c", find, "sh", lab.platform)
    end,
    objects = function()
      if not listed then
        local list = {}
        for kind in lab:out("kubectl", "api-resources", "--verbs=list", "-o", "name"):gmatch "%S+" do
          if not FLEETING[kind:match "^[^.]+"] then list[#list + 1] = kind end
        end
        listed = table.concat(list, ",")
      end
      return lab:names(listed, "-A") -- one kubectl: what it starts with costs more than what it asks
    end,
    content = function()
      local parts = {}
      local kinds = "deployments,services,secrets,configmaps,persistentvolumeclaims,ingresses"
      for _, item in ipairs(lab:kubectl("get", kinds, "-A", "-o", "json").items) do
        local meta = item.metadata
        parts[#parts + 1] =
          json.encode { item.kind, meta.name, { labels = meta.labels, data = item.data, spec = item.spec } }
      end
      return table.concat(parts, "\n")
    end,
    releases = function() return lab:out("helm", "list", "-A", "-a", "-o", "json") end,
    dns = function() return lab:records() end,
    queues = function()
      local login = ("%s:%s"):format(lab.env.O2X_BROKER_USER, lab.env.O2X_BROKER_PASSWORD)
      local question = json.encode {
        type = "read",
        mbean = "org.apache.activemq:type=Broker,brokerName=*",
        attribute = "Queues",
      }
      local url = lab.env.O2X_BROKER_URL .. "/api/jolokia"
      local answer = lab:out("curl", "-sS", "-u", login, "-H", "Origin: http://localhost", "-d", question, url)
      return json.encode(json.decode(answer).value)
    end,
    redis = function() return lab:out("sh", "-c", 'redis-cli -u "$REDIS_URL" --scan | sort') end,
  }

  local function look()
    local seen = {}
    for name, see in pairs(LOOKS) do
      seen[name] = see()
    end
    return seen
  end

  local function run_of(words)
    local result = json.decode(ok(lab:o2x(words)).stdout)
    return result.run
  end

  local function id_of(tenant)
    return lab:sql("enginedevdb", ("select id from core_config.tenant where name = '%s'"):format(tenant))
  end

  local function same(before, after)
    for name in pairs(LOOKS) do
      assert.equal(before[name], after[name], name)
    end
  end

  for _, tenant in ipairs { "newclient", "acme-sbx" } do
    it("of " .. tenant .. " leaves the lab as it was, and the next onboarding gets the next id", function()
      local before = look()
      local id = run_of { "run", "onboard", tenant, "--json" }
      local number = tonumber(id_of(tenant):match "%d+$")
      assert.are_not.equal(before.objects, look().objects)
      local result = lab:o2x { "undo", id, "--confirm=" .. tenant, "--json" }
      assert.equal(7, result.code, result.stderr) -- what services were asked to do stays
      local done = json.decode(result.stdout)
      assert.equal("incomplete", done.status)
      same(before, look())
      run_of { "run", "onboard", tenant, "--json" }
      assert.equal(number + 1, tonumber(id_of(tenant):match "%d+$"))
      assert.equal(0, lab:o2x({ "plan", "onboard", tenant, "--detailed-exitcode" }).code)
    end)
  end

  it("touches nothing when somebody edited one of its objects", function()
    local runs = json.decode(ok(lab:o2x { "runs", "--tenant=newclient", "--json" }).stdout)
    local id = runs[#runs].id
    lab:out(
      "kubectl",
      "annotate",
      "ingress",
      "newclient-ingress",
      "--overwrite",
      "cert-manager.io/cluster-issuer=theirs"
    )
    local before = look()
    local result = lab:o2x { "undo", id, "--confirm=newclient" }
    assert.equal(1, result.code, result.stderr)
    for _, text in ipairs { "newclient-ingress", "before:", "ours:", "now:", "theirs", "--take-over=" } do
      assert.truthy(result.stderr:find(text, 1, true), text .. " in " .. result.stderr)
    end
    same(before, look())
    lab:out(
      "kubectl",
      "annotate",
      "ingress",
      "newclient-ingress",
      "--overwrite",
      "cert-manager.io/cluster-issuer=letsencrypt-prod"
    )
  end)

  it("of a step says what later steps made of it, or takes it back alone", function()
    local STEPS <const> = {
      { "Create the database", 1, "later steps stand on pg.database coredb%-newclient: Create the admin user" },
      { "Allocate the tenant id", 1, "later steps stand on pg.allocated .- and %d+ more" },
      { "Create the data volume", 0, "pods mount it: newclient%-batch%-process" },
      { "Migrate the database", 0, "cannot be undone: migrations" },
      { "Smoke test", 0, "Nothing to undo" },
      { "Smoke tset", 3, "did you mean Smoke test?" },
      { "Deploy/Wave 1/service-sso", 0, "1 to delete" },
      { "Create the DNS records", 0, "3 to delete" },
    }
    local id
    for _, run in ipairs(json.decode(ok(lab:o2x { "runs", "--tenant=newclient", "--json" }).stdout)) do
      if run.runbook == "onboard" then id = run.id end
    end
    local before = look()
    for _, one in ipairs(STEPS) do
      local result = lab:o2x { "undo", id .. "#" .. one[1] }
      assert.equal(one[2], result.code, one[1] .. result.stderr)
      assert.matches(one[3], result.stdout .. result.stderr)
    end
    same(before, look())
    ok(lab:o2x { "undo", id .. "#Deploy/Wave 1/service-sso", "--confirm=newclient" })
    assert.equal(1, lab:run({ "kubectl", "get", "deployment", "newclient-service-sso" }).code)
    local newest = json.decode(ok(lab:o2x { "runs", "--tenant=newclient", "--json" }).stdout)
    ok(lab:o2x { "undo", newest[#newest].id, "--confirm=newclient" })
    assert.equal(0, lab:o2x({ "plan", "onboard", "newclient", "--detailed-exitcode" }).code)
  end)

  it("is killed at some of its arrows, and ends in the same state when it is resumed", function()
    local kills = 0
    for _, at in ipairs { 31, 110, 161, 201 } do
      local before = look()
      local tenant = "acme-sbx"
      local runs = json.decode(ok(lab:o2x { "runs", "--tenant=" .. tenant, "--json" }).stdout)
      local words = { "undo", runs[#runs].id, "--confirm=" .. tenant }
      local result = lab:o2x(words, { env = { O2X_KILL_AT = tostring(at) } })
      if result.signal == 9 then
        kills = kills + 1
        result = lab:o2x { "resume" }
      end
      assert.equal(0, result.code, ("killed at %d: %s"):format(at, result.stderr)) -- the services had it all already
      assert.equal("", id_of(tenant))
      assert.equal(1, lab:run({ "kubectl", "get", "deployment", tenant .. "-service-sso" }).code)
      assert.are_not.equal(before.releases, look().releases)
      run_of { "run", "onboard", tenant, "--json" }
    end
    assert.equal(4, kills)
  end)

  it("keeps a database that the tenant has used, under another name", function()
    lab:sql("coredb-newclient", "create table public.theirs (id int); insert into public.theirs values (1)")
    local runs = json.decode(ok(lab:o2x { "runs", "--tenant=newclient", "--json" }).stdout)
    local id
    for _, one in ipairs(runs) do
      if one.runbook == "onboard" then id = one.id end
    end
    local plan = ok(lab:o2x { "undo", id }).stdout
    assert.truthy(plan:find("kept as coredb-newclient--" .. id, 1, true), plan)
    ok(lab:o2x { "undo", id, "--confirm=newclient" })
    assert.equal("1", lab:sql("coredb-newclient--" .. id, "select count(*) from public.theirs"))
  end)

  it(
    "is undone itself, as far as the systems keep what was there; onboarding does the rest, with the same id",
    function()
      local first = run_of { "run", "onboard", "newclient", "--json" }
      local id = id_of "newclient"
      local function releases()
        local list = json.decode(lab:out("helm", "list", "-a", "-o", "json"))
        for _, one in ipairs(list) do
          one.updated = nil
        end
        return list
      end
      local deployed = releases()
      assert.are_not.equal(1, lab:o2x({ "undo", first, "--confirm=newclient" }).code)
      assert.equal("", id_of "newclient")
      local runs = json.decode(ok(lab:o2x { "runs", "--tenant=newclient", "--json" }).stdout)
      local result = lab:o2x { "undo", runs[#runs].id, "--confirm=newclient" }
      assert.equal(7, result.code, result.stderr)
      assert.truthy(result.stderr:find("database coredb-newclient: it was dropped with all that was in it", 1, true))
      assert.same(deployed, releases())
      assert.truthy(result.stderr:find("next: %S*o2x plan onboard newclient\n$"), result.stderr)
      assert.truthy(result.stderr:find("stays: the schema `o2x` of enginedevdb", 1, true), result.stderr)
      assert.equal(id, id_of "newclient")
      assert.truthy(lab:dig("api.newclient.embrix.com", "CNAME") ~= "")
      -- what is proposed, pasted: the plan has the database again, and leads to the run that makes it
      local proposed = ok(lab:o2x(words_of(result.stderr:match "next: %S*o2x ([^\n]+)\n$")))
      assert.truthy(proposed.stdout:find("+ coredb-newclient", 1, true), proposed.stdout)
      ok(lab:o2x(words_of(proposed.stdout:match "To apply: %S*o2x ([^\n]+)")))
      assert.equal("1", lab:sql("postgres", "select count(*) from pg_database where datname = 'coredb-newclient'"))
      assert.equal(id, id_of "newclient")
      assert.equal(0, lab:o2x({ "plan", "onboard", "newclient", "--detailed-exitcode" }).code)
    end
  )
end)
