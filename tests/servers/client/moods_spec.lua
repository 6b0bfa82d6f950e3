-- Servers out of sorts, one case for each rule of lua/o2x/base/retry_rules: the server answers so a few times, then as
-- it should. A read and a write of a run end right, with as many requests as the rule says.

local broker = require "o2x.client.broker"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local moods = require "tests.support.moods"
local moody = require "tests.support.moody"
local raised = require "tests.support.raised"
local retry_rules = require "o2x.base.retry_rules"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"
local vault = require "o2x.client.vault"

local CREATED <const> = { POST = true, PUT = true, PATCH = true }

-- Each system: the simulator, the effects' module, a run's read and write of one name (a new one each time), what
-- there is of it in the end, and which requests are the read or the write.
local SYSTEMS = {}

SYSTEMS.vault = {
  simulators = { "vault" },
  clients = function(lab)
    local token = secret.new(lab.env.VAULT_TOKEN, "token")
    return { vault = vault.new { addr = lab.env.VAULT_ADDR, token = token, scope = { "tenant/t1/" } } }
  end,
  concerns = function(req) return req.path:find("/secret/", 1, true) ~= nil end,
  writes = function(req) return CREATED[req.method] ~= nil and req.path:find("/secret/", 1, true) ~= nil end,
  read = function(run, name) return run.api.vault.read(name) == nil end,
  write = function(run, name) run.api.vault.ensure(name, { a = "b" }) end,
  there = function(run, name) return run.api.vault.read(name) ~= nil end,
}

local function config_map(name)
  return { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "t1-" .. name }, data = { a = "b" } }
end

SYSTEMS.kubernetes = {
  simulators = { "k8s" },
  module = "k8s",
  clients = function(lab)
    local grants = { namespace = "default", names = {}, prefixes = { "t1-" }, label = { "tenant", "t1" } }
    for i = 1, 99 do
      grants.names[i] = "t1-c" .. i
    end
    return { k8s = k8s.new { config = kubeconfig.load { path = lab.env.KUBECONFIG }, scope = grants } }
  end,
  concerns = function(req) return req.path:find("/configmaps/", 1, true) ~= nil end,
  writes = function(req) return CREATED[req.method] ~= nil and req.path:find("/configmaps", 1, true) ~= nil end,
  read = function(run, name) return run.api.k8s.get("ConfigMap", "t1-" .. name) == nil end,
  write = function(run, name) run.api.k8s.ensure(config_map(name)) end,
  there = function(run, name) return run.api.k8s.get("ConfigMap", "t1-" .. name) ~= nil end,
}

local function is_jolokia(kind)
  return function(req) return req.method == "POST" and req.body:find(('"type":"%s"'):format(kind), 1, true) ~= nil end
end

SYSTEMS.broker = {
  simulators = { "broker" },
  clients = function(lab)
    local password = secret.new(lab.env.O2X_BROKER_PASSWORD, "broker")
    local options = { url = lab.env.O2X_BROKER_URL, user = lab.env.O2X_BROKER_USER, password = password }
    options.scope = function() return { "T." } end
    return { broker = broker.new(options) }
  end,
  -- The broker's own object is looked up once, at the first use.
  concerns = function(req) return is_jolokia "read"(req) and not req.body:find("BrokerName", 1, true) end,
  writes = is_jolokia "exec",
  read = function(run) return #run.api.broker.queues "T." >= 0 end,
  write = function(run, name) run.api.broker.ensure_queue("T." .. name) end,
  there = function(run, name)
    for _, queue in ipairs(run.api.broker.queues "T.") do
      if queue.name == "T." .. name then return true end
    end
    return false
  end,
}

-- A service with GraphQL, by HTTPS.
local function start_service(lab)
  local things = {}
  local server = lab.serve("service", function(req)
    local asked = json.decode(req.body)
    if asked.query:find "^mutation" then things[asked.variables.name] = true end
    local found = things[asked.variables.name] and { id = asked.variables.name } or json.null
    return 200, { ["Content-Type"] = "application/json" }, json.encode { data = { thing = found } }
  end, { tls = lab.certificate("service", { "api.t1.example.com" }) })
  return { stop = function() server:stop() end, env = { SERVICE = "127.0.0.1:" .. server.port } }
end

local URL <const> = "https://api.t1.example.com/graphql"

local function is_graphql(word)
  return function(req) return req.body:find(word, 1, true) ~= nil end
end

local function query(name) return { url = URL, query = "query { thing { id } }", variables = { name = name } } end

SYSTEMS.service = {
  simulators = {},
  extra = start_service,
  clients = function() return {} end,
  config = function(lab) return { https = { connect_to = lab.env.SERVICE, ca = lab.ca } } end,
  scope = { http = { "api.t1.example.com" }, graphql = { "/graphql" } },
  concerns = is_graphql "query {",
  writes = is_graphql "mutation {",
  read = function(run, name) return run.api.service.query(query(name)).status == 200 end,
  write = function(run, name)
    run.api.service.ensure {
      name = name,
      service = "t1-proxy",
      find = query(name),
      found = "data.thing.id",
      create = { url = URL, json = { query = "mutation { thing { id } }", variables = { name = name } } },
    }
  end,
  there = function(run, name) return run.api.service.query(query(name)).json.data.thing ~= json.null end,
}

-- The rules of a system and of the one that it is like, as far as HTTP tells them; and a lost answer.
local function rules_of(name)
  local list, known = {}, {}
  for _, one in ipairs { name, "http" } do
    for _, rule in ipairs(retry_rules.rules(one)) do
      local mood = moods.of(rule)
      local first = rule.status and retry_rules.find(name, mood) == rule
      if first and not known[moods.name(rule)] then list[#list + 1] = rule end
      known[moods.name(rule)] = true
    end
  end
  return list
end

local RESET <const> = { verdict = "ask", means = "the connection broke before the answer" }

for name, system in pairs(SYSTEMS) do
  describe(name .. " out of sorts", function()
    local lab, mood, clients, counter = nil, nil, nil, 0

    setup(function()
      lab = small_lab.start(system.simulators, function(fresh)
        local serve = fresh.serve
        function fresh.serve(service, handler, options)
          local moody_handler
          moody_handler, mood = moody.wrap(handler)
          return serve(service, moody_handler, options)
        end
        if system.extra then
          local extra = system.extra(fresh)
          fresh.extra = extra
        end
      end)
      for key, value in pairs(lab.extra and lab.extra.env or {}) do
        lab.env[key] = value
      end
      clients = system.clients(lab)
    end)
    teardown(function()
      for _, client in pairs(clients) do
        if type(client.close) == "function" then client:close() end
      end
      if lab.extra then lab.extra.stop() end
      lab.stop()
    end)

    -- A run, and a name that nothing has yet.
    local function fresh(seconds)
      counter = counter + 1
      local modules = { (require("o2x.effects." .. (system.module or name))) }
      local run = small_run.new {
        modules = modules,
        clients = clients,
        scope = system.scope or { vault = { "tenant/t1/" }, broker = { "T." } },
        config = system.config and system.config(lab) or {},
      }
      run.ctx.tenant = { name = "t1" }
      run.first_pause, run.retry_seconds = 0, seconds
      return run, "c" .. counter
    end

    -- Ends the mood: what is asked next is about the system and not about the client.
    local function calm() mood.set { times = 0 } end

    local function each(fn)
      for _, rule in ipairs(rules_of(name)) do
        fn(rule, rule, moods.name(rule))
      end
      fn(RESET, "reset", "reset")
    end

    it("answers a read in the end", function()
      each(function(rule, shown, what)
        local run, key = fresh()
        mood.set { rule = shown, times = 2, concerns = system.concerns }
        local ok, result = pcall(system.read, run, key)
        local again = rule.verdict ~= "never"
        assert.equal(again, ok, what .. ": " .. tostring(result))
        if again then assert.is_true(result, what) end
        assert.equal(again and 3 or 1, mood.requests, what)
        calm()
      end)
    end)

    it("gets a write that was surely not carried out once more, and no other", function()
      each(function(rule, shown, what)
        local run, key = fresh()
        mood.set { rule = shown, times = 1, concerns = system.writes }
        local ok, result = pcall(system.write, run, key)
        local again = rule.verdict == "later" or rule.verdict == "ask"
        assert.equal(again, ok, what .. ": " .. tostring(result))
        assert.equal(again and 2 or 1, mood.requests, what)
        calm()
        assert.equal(again, system.there(run, key), what)
      end)
    end)

    it("is asked whether it did what it did not answer", function()
      each(function(rule, shown, what)
        if rule.verdict ~= "ask" then return end
        local run, key = fresh()
        mood.set { rule = shown, times = 1, concerns = system.writes, done = true }
        system.write(run, key)
        assert.equal(1, mood.requests, what)
        calm()
        assert.is_true(system.there(run, key), what)
      end)
    end)

    it("is waited for as long as it asks for", function()
      local run, key = fresh()
      mood.set { rule = rules_of(name)[1], times = 0 }
      for _, rule in ipairs(rules_of(name)) do
        if rule.verdict == "later" and rule.status:find "429" then
          mood.set { rule = rule, times = 1, concerns = system.concerns, retry_after = "1" }
        end
      end
      local began = os.time()
      assert.is_true(system.read(run, key))
      assert.is_true(os.time() >= began and mood.requests == 2)
    end)

    it("for good is an error in one line that says what to do", function()
      each(function(rule, shown, what)
        if rule.verdict ~= "later" and rule.verdict ~= "ask" then return end
        local run, key = fresh(0)
        mood.set { rule = shown, times = math.huge, concerns = system.writes }
        local err = raised(system.write, run, key)
        calm()
        assert.is_nil(err.message:find "\n", what)
        assert.is_true(#(err.hint or "") > 5, what)
      end)
    end)
  end)
end
