--- Is the mount a key-value store of version 2? One of version 1 takes the same requests for something else: what is
--- read is never there, and what is written lands below data/, where nobody looks for it. So the first secret that is
--- not there makes the client ask what the mount is; one that is there has shown it.

local errors = require "o2x.base.error"
local problems = require "o2x.client.vault.error"

local M = {}

local function refuse(client, what, hint)
  errors.raise {
    kind = "refused",
    module = "vault",
    op = "mount",
    message = ("Vault: %s/ is %s, and o2x needs a key-value store of version 2"):format(client.mount, what),
    hint = hint,
    where = client.addr,
  }
end

local UPGRADE <const> =
  "vault kv enable-versioning %s makes it one and keeps what is in it; or set vault.mount to another"
local ENABLE <const> = "vault secrets enable -path=%s -version=2 kv; or set vault.mount to the one that has the secrets"

-- A token without a right below the mount is not told what it is.
local function kind_of(client)
  local response =
    client:send({ method = "GET", path = "sys/internal/ui/mounts/" .. client.mount }, client.auth:token())
  local data = response.status == 200 and response.body.data
  if type(data) ~= "table" then return nil end
  return data.type, type(data.options) == "table" and data.options.version or nil
end

local function look(client)
  if client.versioned then return end
  client.versioned = true
  local kind, version = kind_of(client)
  if kind == nil or kind == "kv" and version == "2" then return end
  client.versioned = nil
  if kind ~= "kv" then refuse(client, "of the kind " .. kind, ENABLE:format "ANOTHER") end
  refuse(client, "a key-value store of version 1", UPGRADE:format(client.mount))
end

--- Raises unless the mount is a key-value store of version 2, or nothing can be learnt of it.
---@param client vault.client
---@param body table? the answer that a secret is not there
function M.check(client, body)
  local text = body and problems.text_of { body = body } or ""
  if text:find("no handler for route", 1, true) then refuse(client, "no mount", ENABLE:format(client.mount)) end
  client.looking:run(look, client)
end

return M
