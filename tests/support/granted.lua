--- An operator who has in each system of a lab what `o2x policy TENANT` prints, and nothing else.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"

local PASSWORD <const> = "a password of the identity"

local Granted = {}
Granted.__index = Granted

local M = {}

--- Nothing is granted yet.
---@param lab table of tests.support.lab
---@param tenant string
function M.new(lab, tenant)
  local folder = fs.join(lab.dir, "granted")
  fs.mkdir(folder, 0x1c0)
  return setmetatable({ lab = lab, tenant = tenant, name = "o2x-" .. tenant, folder = folder, env = {} }, Granted)
end

--- Makes what is to be created belong to the identity, as its printed role of PostgreSQL needs it.
function Granted:own_databases()
  local path = fs.join(self.lab.platform, "platform.yaml")
  fs.write(path, (fs.read(path):gsub("(\n  owner: )admin", "%1o2x-{tenant}")))
end

--- What is printed for a system.
---@param system string
---@return string
function Granted:text(system) return ok(self.lab:o2x { "policy", self.tenant, "--system=" .. system }).stdout end

function Granted:file(system, text)
  local path = fs.join(self.folder, system)
  fs.write(path, text, { mode = 0x180 })
  return path
end

--- Runs SQL as the superuser.
function Granted:psql(...)
  local state = json.decode(fs.read(fs.join(self.lab.dir, "state/postgres.json")))
  local env = { PGUSER = "postgres", PGPASSWORD = state.superuser_password }
  return ok(self.lab:run({ "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", ... }, { env = env })).stdout
end

--- A request to Vault with the lab's token.
function Granted:vault(method, path, body)
  local lab = self.lab
  local argv = { "curl", "-sS", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN }
  table.move({ "-d", json.encode(body), lab.env.VAULT_ADDR .. "/v1/" .. path }, 1, 3, #argv + 1, argv)
  local answer = ok(lab:run(argv)).stdout
  return answer ~= "" and json.decode(answer) or nil
end

local GIVE = {}

function GIVE.postgresql(self, text)
  self:psql("-d", "postgres", "-f", self:file("postgresql", text))
  self:psql("-d", "postgres", "-c", ("ALTER ROLE %q PASSWORD '%s'"):format(self.name, PASSWORD))
  self.env.PGUSER, self.env.PGPASSWORD = self.name, PASSWORD
end

function GIVE.vault(self, text)
  self:vault("PUT", "sys/policies/acl/" .. self.name, { policy = text })
  self.env.VAULT_TOKEN = self.env.VAULT_TOKEN
    or self:vault("POST", "auth/token/create", { policies = { self.name } }).auth.client_token
end

function GIVE.kubernetes(self, text)
  local lab = self.lab
  ok(lab:run { "kubectl", "apply", "-f", self:file("kubernetes", text) })
  if self.env.KUBECONFIG then return end
  local config = json.decode(fs.read(lab.env.KUBECONFIG))
  config.users[1].user = { token = lab:out("kubectl", "create", "token", self.name, "--duration=3600s") }
  self.env.KUBECONFIG = self:file("kubeconfig", json.encode(config))
end

function GIVE.redis(self, text)
  local lab = self.lab
  local words = { "redis-cli", "-u", lab.env.REDIS_URL, "--no-auth-warning" }
  for word in text:gmatch "%S+" do
    words[#words + 1] = word
  end
  words[#words + 1] = ">redispassword"
  assert(lab:out(table.unpack(words)) == "OK")
  self.env.REDIS_URL = lab.env.REDIS_URL:gsub("^redis://", ("redis://%s:redispassword@"):format(self.name))
  self.env.REDISCLI_AUTH = ""
end

--- Tells a system what the identity may do there.
---@param system string
---@param text string? as printed, if absent
function Granted:give(system, text) GIVE[system](self, text or self:text(system)) end

--- Tells all systems. Redis' half follows when the tenant has its id: all is told again then.
function Granted:give_all()
  for _, system in ipairs { "postgresql", "vault", "kubernetes", "redis" } do
    self:give(system)
  end
end

--- Runs o2x as the identity. -> { code, signal, stdout, stderr }
function Granted:o2x(...) return self.lab:o2x({ ... }, { env = self.env, timeout = 600 }) end

return M
