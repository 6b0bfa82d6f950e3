--- The lab's AWS endpoint, one for all services. The credential scope of a request's signature names the service; each
--- service is a module.

local aws_auth = require("lab.aws_auth")
local clock = require("o2x.base.clock")
local crypto = require("o2x.base.crypto")
local xml = require("o2x.base.xml")

local M = { name = "aws" }

local REGION <const> = "us-east-1"

local SERVICES <const> = { rds = "lab.rds", route53 = "lab.route53", s3 = "lab.s3", sts = "lab.sts" }

local function request_id() return crypto.hex(crypto.random(16)) end

--- An error response of AWS's query and REST-XML services.
---@param status integer
---@param code string
---@param message string
---@param namespace string?
---@return integer status, table headers, string body
function M.problem(status, code, message, namespace)
  local id = request_id()
  return status,
    { ["Content-Type"] = "text/xml", ["x-amzn-RequestId"] = id },
    xml.write({
      "ErrorResponse",
      { "Error", { "Type", status < 500 and "Sender" or "Receiver" }, { "Code", code }, { "Message", message } },
      { "RequestId", id },
    }, namespace)
end

--- An XML response.
---@param status integer
---@param node table of o2x.base.xml
---@param namespace string?
---@param headers table<string, string>?
---@return integer status, table headers, string body
function M.answer(status, node, namespace, headers)
  headers = headers or {}
  headers["Content-Type"], headers["x-amzn-RequestId"] = "text/xml", request_id()
  return status, headers, xml.write(node, namespace)
end

local function keys_of(lab)
  local state = lab.state("aws")
  state.access_key = state.access_key or "AKIALAB" .. crypto.hex(crypto.random(7)):upper():sub(1, 13)
  state.secret_key = state.secret_key or crypto.base64(crypto.random(30))
  return state
end

-- A web identity needs no keys.
local function is_unsigned(request)
  local action = "&Action=AssumeRoleWithWebIdentity&"
  return not request.headers.authorization and ("&" .. request.body .. "&"):find(action, 1, true) ~= nil
end

local function handler(lab, keys)
  local services = {}
  for name, module in pairs(SERVICES) do
    services[name] = require(module).handler(lab, M)
  end
  return function(request)
    if is_unsigned(request) then return services.sts(request, keys) end
    local scope, code, message = aws_auth.check(request, keys, clock.now(), lab.clock())
    if not scope then return M.problem(403, code, message) end
    local service = services[scope.service]
    if not service then
      return M.problem(400, "UnknownService", ("the lab does not simulate %s"):format(scope.service))
    end
    return service(request, keys)
  end
end

--- Starts the endpoint.
---@param lab table
---@return table {port, env, stop}
function M.start(lab)
  local keys = keys_of(lab)
  local server = lab.serve("aws", handler(lab, keys))
  lab.save("aws")
  return {
    port = server.port,
    env = {
      AWS_ENDPOINT_URL = ("http://%s:%d"):format(lab.host, server.port),
      AWS_DEFAULT_REGION = REGION,
      AWS_ACCESS_KEY_ID = keys.access_key,
      AWS_SECRET_ACCESS_KEY = keys.secret_key,
    },
    stop = function()
      server:stop()
      M.sweep(lab)
    end,
  }
end

-- Calls a function of each service that has it.
local function each_service(name, lab)
  for _, module in pairs(SERVICES) do
    local service = require(module)
    if service[name] then service[name](lab) end
  end
end

--- Stops the servers that a killed lab left running.
---@param lab table
function M.sweep(lab) each_service("sweep", lab) end

--- Removes the data that the services keep outside of the lab's folder. The lab must be down.
---@param lab table
function M.forget(lab) each_service("forget", lab) end

return M
