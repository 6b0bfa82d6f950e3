--- The plan of a tenant that is onboarded: nothing is to be changed.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local kubeconfig = require "o2x.client.kubeconfig"
local labs = require "tests.support.lab"
local statements = dofile "bench/plan/statements.lua"

local TENANT <const>, ID <const> = "newclient", "TIDLT-100008"
local PLAN <const> = { "plan", "onboard", TENANT, "--detailed-exitcode" }

local QUEUES <const> = json.encode {
  type = "read",
  mbean = ("org.apache.activemq:type=Broker,brokerName=*,destinationType=Queue,destinationName=%s.*"):format(ID),
  attribute = { "Name", "QueueSize" },
}

local function planned(lab)
  local result = lab:o2x(PLAN)
  assert(result.code == 0, result.stdout .. result.stderr)
end

-- The requests that a plan sends, as the lab's servers have counted them: "service METHOD /path".
local function requests_of_a_plan(lab)
  local function counted() return json.decode(lab:o2x({ "lab", "requests", "--json" }).stdout) end
  local before = counted()
  planned(lab)
  local lines = {}
  for line, times in pairs(counted()) do
    for _ = 1, line:find "^control " and 0 or times - (before[line] or 0) do
      lines[#lines + 1] = line
    end
  end
  table.sort(lines)
  return lines
end

-- Where a service is and how it knows the caller, in the fields of bench/floor/reads.c.
local function services(lab, folder)
  local env, cluster = lab.env, kubeconfig.load { path = lab.env.KUBECONFIG }
  local authority = fs.join(folder, "ca.crt")
  fs.write(authority, cluster.ca)
  local token = json.decode(fs.read(env.KUBECONFIG)).users[1].user.token
  return {
    vault = { env.VAULT_ADDR, { "header=X-Vault-Token: " .. env.VAULT_TOKEN } },
    k8s = { cluster.server, { "token=" .. token, "cacert=" .. authority } },
    aws = {
      env.AWS_ENDPOINT_URL,
      {
        "sigv4=aws:amz:us-east-1:route53",
        ("user=%s:%s"):format(env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY),
      },
    },
    broker = {
      env.O2X_BROKER_URL,
      {
        ("user=%s:%s"):format(env.O2X_BROKER_USER, env.O2X_BROKER_PASSWORD),
        "header=Origin: http://localhost",
        "header=Content-Type: application/json",
        "body=" .. QUEUES,
      },
    },
    ingress = {
      "https://api.newclient.embrix.com",
      { "connect=::" .. env.O2X_LAB_HTTPS, "cacert=" .. env.O2X_LAB_CA },
    },
  }
end

local function write_requests(lab, folder)
  local known, lines = services(lab, folder), {}
  for i, line in ipairs(requests_of_a_plan(lab)) do
    local service, method, target = line:match "^(%S+) (%S+) (%S+)$"
    local address, fields = table.unpack((assert(known[service], line)))
    local parts = { "url=" .. address .. target, table.unpack(fields) }
    if method == "HEAD" then parts[#parts + 1] = "head=1" end
    lines[i] = table.concat(parts, "\t") .. "\n"
  end
  fs.write(fs.join(folder, "requests"), table.concat(lines))
end

local function write_statements(folder)
  local lines = {}
  for i, each in ipairs(statements) do
    lines[i] = table.concat(each, "\t"):gsub("%%([si])", { s = TENANT, i = ID }) .. "\n"
  end
  fs.write(fs.join(folder, "statements"), table.concat(lines))
end

return {
  title = "The plan of a tenant of 16 services that needs no change",
  rounds = 9,
  differs = "the floor receives the answers and compares nothing, asks all at once, and has its 16 statements in two "
    .. "pipelines; the shell looks at releases and objects as a list, and does not render",
  setup = function(folder)
    local lab = labs.start()
    local ran = lab:o2x { "run", "onboard", TENANT }
    assert(ran.code == 0, ran.stderr)
    write_requests(lab, folder)
    write_statements(folder)
    return { lab = lab, folder = folder }
  end,
  teardown = function(state) state.lab:stop() end,
  contenders = function(state)
    local env = state.lab:environment()
    return {
      {
        name = "floor: libcurl, libpq",
        argv = { "build/bench/reads", fs.join(state.folder, "requests"), fs.join(state.folder, "statements") },
        env = env,
        check = function(result) assert(result.stdout:find "^%d+ requests, 16 statements", result.stdout) end,
      },
      { name = "o2x", argv = { "build/o2x", table.unpack(PLAN) }, env = env },
      {
        name = "guide's shell",
        argv = { "bench/plan/guide.sh" },
        env = env,
        check = function(result) assert(result.stdout:find "service%-proxy", result.stdout) end,
      },
    }
  end,
  must = { { "o2x", 0.25, "guide's shell" } },
}
