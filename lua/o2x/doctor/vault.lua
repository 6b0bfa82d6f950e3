--- Vault: whose token it is and how long it lives, what it may not do, sealed or not, its clock, plain http.

local certificate = require "o2x.doctor.certificate"
local cleartext = require "o2x.client.cleartext"
local clocks = require "o2x.doctor.clocks"
local units = require "o2x.base.units"
local vault_rights = require "o2x.policy.rights.vault"

local M = { name = "Vault", from = { "vault" } }

local SHORT <const> = 3600 -- seconds

--- The host, the port and the scheme of a URL.
---@param url string
---@return string host
---@return integer port
---@return string? scheme nil: it is no URL
function M.host_and_port(url)
  local scheme, authority = url:match "^(%a+)://([^/?#]*)"
  local host = (authority or ""):gsub("^.*@", "")
  local port = host:match ":(%d+)$"
  return (host:gsub(":%d+$", "")), math.tointeger(tonumber(port)) or (scheme == "https" and 443 or 80), scheme
end

local function check_rights(note, this)
  local missing, status = vault_rights.missing(this)
  note:add(missing)
  if status then note:fact("its rights are not told (HTTP %d)", status) end
end

--- Checks the server.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function M.check(this, note)
  local addr = this.config.vault.addr
  local host, port, scheme = M.host_and_port(addr or "")
  if scheme == "http" and not cleartext.is_local(host) then
    note:finding(
      ("%s is plain http: token and secrets cross the network readable"):format(addr),
      ("export VAULT_ADDR=https://%s"):format(addr:gsub("^%a+://", ""))
    )
  end
  local client = this.client "vault"
  local health = client:health()
  note:fact("%s, %s", addr, health.version or "version unknown")
  clocks.compare(note, tonumber(health.server_time_utc), addr)
  if scheme == "https" then certificate.look(note, host, port) end
  if health.sealed then
    return note:finding("it is sealed: nothing can be read", "vault operator unseal, by those who have the keys")
  end
  local token = client:token_info()
  local policies = table.concat(type(token.policies) == "table" and token.policies or {}, ", ")
  local ttl = token.ttl or 0
  note:fact(
    "as %s (%s)%s",
    token.display_name or "?",
    policies,
    ttl > 0 and ", token for " .. units.duration(ttl) or ""
  )
  if ttl > 0 and ttl < SHORT then
    note:finding(("the token ends in %s"):format(units.duration(ttl)), "vault token renew")
  end
  note:try(nil, client.check_mount, client)
  check_rights(note, this)
end

return M
