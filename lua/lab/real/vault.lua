--- HashiCorp Vault itself: with TLS, integrated storage and an audit log. It begins sealed,
--- as in production; its key and its first token are in the lab's state "vault_server".

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local program = require "lab.real.program"
local task = require "o2x.base.task"

local M = { name = "vault" }

local PRIVATE <const> = 0x180 -- 0600
local START_TIMEOUT <const> = 60 -- seconds
local POLL <const> = 0.05 -- seconds

local function place(lab)
  local config = fs.join(lab.dir, "vault/vault.hcl")
  local at = program.place(lab, "vault", "-config=" .. config)
  at.config, at.audit = config, fs.join(at.dir, "audit.log")
  return at
end

local CONFIG <const> = [[
disable_mlock = true
api_addr = "https://127.0.0.1:%d"
cluster_addr = "https://127.0.0.1:%d"
storage "raft" {
  path = "%s"
  node_id = "lab"
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:%d"
  cluster_address = "127.0.0.1:%d"
  tls_cert_file = "%s"
  tls_key_file = "%s"
}
]]

local function write_config(lab, at, port)
  fs.mkdir(at.dir, 0x1c0)
  lab.certificate("vault", { "localhost", "127.0.0.1" })
  local data, pair, cluster = fs.join(at.dir, "data"), fs.join(lab.dir, "tls/vault"), lab.port "vault-cluster"
  fs.mkdir(data, 0x1c0)
  local text = CONFIG:format(port, cluster, data, port, cluster, pair .. ".crt", pair .. ".key")
  fs.write(at.config, text, { mode = PRIVATE })
end

-- A request as the server's own operator.
local function ask(lab, method, path, body)
  local state = lab.state "vault_server"
  local answer = http.request {
    method = method,
    url = ("https://127.0.0.1:%d/v1/%s"):format(state.port, path),
    ca_file = lab.ca,
    headers = state.root and { ["X-Vault-Token"] = state.root } or nil,
    json = body,
    timeout = 10,
  }
  return answer.status, answer.body ~= "" and json.decode(answer.body, "vault") or nil
end

local function must(lab, method, path, body)
  local status, answer = ask(lab, method, path, body)
  if status >= 200 and status < 300 then return answer end
  errors.raise {
    kind = "failed",
    module = "lab",
    message = ("vault: %s %s: %d %s"):format(method, path, status, json.encode(answer and answer.errors or {})),
    where = place(lab).log,
  }
end

local function answers(lab, statuses)
  local ok, status = pcall(ask, lab, "GET", "sys/health")
  return ok and statuses[status] == true
end

local STARTED <const> = { [200] = true, [429] = true, [501] = true, [503] = true } -- 501 new, 503 sealed
local ACTIVE <const> = { [200] = true }

local function wait_for(what, fn)
  local deadline = task.now() + START_TIMEOUT
  while not fn() do
    if task.now() > deadline then
      errors.raise { kind = "failed", module = "lab", message = ("vault: %s after %d s"):format(what, START_TIMEOUT) }
    end
    task.sleep(POLL)
  end
end

local function unseal(lab)
  must(lab, "PUT", "sys/unseal", { key = lab.state("vault_server").key })
  wait_for("is not active", function() return answers(lab, ACTIVE) end)
end

local function client_token(lab) return lab.state("vault_server").token end

-- The token of the clients is not the first one, so that it can end and come back.
local function give_token(lab)
  must(
    lab,
    "POST",
    "auth/token/create-orphan",
    { id = client_token(lab), policies = { "root" }, display_name = "o2x-lab" }
  )
end

local function initialise(lab)
  local state = lab.state "vault_server"
  local made = must(lab, "PUT", "sys/init", { secret_shares = 1, secret_threshold = 1 })
  state.key, state.root, state.token = made.keys_base64[1], made.root_token, "o2x-lab-" .. crypto.hex(crypto.random(12))
  lab.flush()
  unseal(lab)
  must(lab, "PUT", "sys/audit/file", { type = "file", options = { file_path = place(lab).audit } })
  must(lab, "POST", "sys/mounts/secret", {
    type = "kv",
    options = { version = "2" },
    description = "the platform's secrets",
  })
  -- The store is made into one of version 2 a moment later.
  wait_for("has no key-value store", function() return (ask(lab, "GET", "secret/config")) == 200 end)
  give_token(lab)
  state.ready = true
  lab.flush()
end

local function launch(lab, at, port)
  local state = lab.state "vault_server"
  state.port = port
  lab.flush()
  write_config(lab, at, port)
  local argv = { program.find("vault", "vault"), "server", at.mark }
  program.launch(at, argv, function() return answers(lab, STARTED) end, START_TIMEOUT)
end

-- o2x lab fault vault sealed | token-expired | down | off
local FAULTS <const> = {
  sealed = function(lab) must(lab, "PUT", "sys/seal") end,
  ["token-expired"] = function(lab) must(lab, "POST", "auth/token/revoke", { token = client_token(lab) }) end,
  down = function(lab) M.sweep(lab) end,
  off = function(lab)
    M.start(lab)
    if ask(lab, "POST", "auth/token/lookup", { token = client_token(lab) }) ~= 200 then give_token(lab) end
  end,
}

-- What other simulators ask of lab.vault: the fields of a secret; nil if it does not exist.
local function face(lab)
  return {
    read = function(path)
      local status, answer = ask(lab, "GET", "secret/data/" .. path)
      return status == 200 and answer.data.data or nil
    end,
  }
end

--- Starts the server unless it is running, and unseals it.
---@param lab table
---@return table instance port, env, stop(), fault(kind)
function M.start(lab)
  local at, state = place(lab), lab.state "vault_server"
  if not program.pid(at) then lab.on_port("vault", function(port) launch(lab, at, port) end) end
  if not state.ready then
    initialise(lab)
  elseif not answers(lab, ACTIVE) then
    unseal(lab)
  end
  lab.vault = face(lab)
  return {
    port = state.port,
    env = {
      VAULT_ADDR = ("https://127.0.0.1:%d"):format(state.port),
      VAULT_CACERT = lab.ca,
      VAULT_TOKEN = state.token,
    },
    stop = function() M.sweep(lab) end,
    fault = function(kind)
      if not FAULTS[kind] then return false end
      FAULTS[kind](lab)
      return true
    end,
  }
end

--- Stops the server, also one that a killed lab left running. The data stay.
---@param lab table
function M.sweep(lab) program.stop(place(lab)) end

--- Stops it before its data are removed. The lab must be down.
---@param lab table
function M.forget(lab) M.sweep(lab) end

return M
