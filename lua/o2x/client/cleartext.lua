--- Credentials must not cross a network unencrypted. The same rule for every system: TLS, or a server on this machine,
--- or a host that the configuration allows by name (cleartext.hosts).

local errors = require "o2x.base.error"

local M = {}

--- Is the host this machine?
---@param host string? a name or an address, an IPv6 one with or without brackets; a path is a Unix socket
---@return boolean
function M.is_local(host)
  if not host then return false end
  host = host:lower():gsub("^%[(.*)%]$", "%1")
  return host == "localhost" or host == "::1" or host:match "^127%.%d+%.%d+%.%d+$" ~= nil or host:sub(1, 1) == "/"
end

local function is_allowed(config, host)
  for _, allowed in ipairs(config and config.cleartext and config.cleartext.hosts or {}) do
    if allowed:lower() == host:lower() then return true end
  end
  return false
end

--- May a host be spoken to without TLS?
---@param config table
---@param host string
---@return boolean
function M.allows(config, host) return M.is_local(host) or is_allowed(config, host) end

--- Refuses a host to which credentials would go unencrypted.
---@param config table
---@param host string
---@param what string the system, for the message: "Vault"
---@param instead string what to write: "https://"
function M.check_host(config, host, what, instead)
  if M.allows(config, host) then return end
  errors.raise {
    kind = "refused",
    message = ("%s: credentials would go to %s unencrypted"):format(what, host),
    hint = ("use %s; or allow it: O2X_CLEARTEXT_HOSTS=%s"):format(instead, host),
  }
end

--- The same for a URL; one that is not http is not looked at.
---@param config table
---@param url string?
---@param what string
---@return string? url
function M.check_url(config, url, what)
  local authority = url and url:lower():match "^http://([^/?#]*)"
  if not authority then return url end
  local host = authority:gsub("^.*@", ""):gsub(":%d*$", "")
  M.check_host(config, host, what, "https://")
  return url
end

return M
