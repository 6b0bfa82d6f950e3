--- The lab's Vault for tests: its state in a table, its clock in the test's hand.
local httpd = require "lab.httpd"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local simulator = require "lab.vault"

local M = {}

---@param options { state: table?, tls: table? }?
---@return table vault port, addr, root, state, requests (those that came), now, intercept(req); <close> it
function M.start(options)
  local vault = { state = options and options.state or {}, requests = {}, now = 1795412490 }
  local lab = {
    host = "127.0.0.1",
    save = function() end,
    state = function() return vault.state end,
    clock = function() return vault.now end,
    serve = function(_, handler)
      return httpd.serve {
        tls = options and options.tls,
        handler = function(req)
          vault.requests[#vault.requests + 1] = req.method .. " " .. req.target
          if vault.intercept then
            local status, headers, body = vault.intercept(req, handler)
            if status then return status, headers, body end
            if req.taken then return end
          end
          return handler(req)
        end,
      }
    end,
  }
  local instance = simulator.start(lab)
  vault.fault, vault.port, vault.root = instance.fault, instance.port, instance.env.VAULT_TOKEN
  vault.addr = (options and options.tls and "https://127.0.0.1:%d" or "http://127.0.0.1:%d"):format(vault.port)

  ---A raw request with the root token (or another).
  function vault.ask(method, path, body, token)
    local response = http.request {
      method = method,
      url = vault.addr .. "/v1/" .. path,
      json = body,
      headers = { ["X-Vault-Token"] = token or vault.root },
    }
    return response.status, response.body ~= "" and json.decode(response.body) or nil
  end

  return setmetatable(vault, { __close = instance.stop })
end

return M
