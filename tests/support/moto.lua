--- moto, an emulator of AWS by others, on a loopback port.

local http = require "o2x.client.http"
local proc = require "o2x.base.proc"
local reference = require "tests.support.reference"
local task = require "o2x.base.task"
local xml = require "o2x.base.xml"

local M = {}

local SECONDS <const> = 60 -- to start

local Moto = {}
Moto.__index = Moto

-- It says on which port it listens.
local function read_url(child)
  local text = ""
  while true do
    local bytes, why = child:read "stderr"
    if bytes == "" then error("moto ended: " .. text) end
    text = text .. (bytes or "")
    local url = text:match "Running on (http://127%.0%.0%.1:%d+)\n"
    if url then return url end
    if not bytes and why == "again" then task.wait_fd(child:fd "stderr", "r", SECONDS) end
  end
end

--- Starts it; <close> or stop it.
---@return table moto url
function M.start()
  local program = assert(reference.find("aws", "bin/moto_server"), "run vendor/reference aws")
  local child = proc.start { argv = { program, "-H", "127.0.0.1", "-p", "0" } }
  return setmetatable({ child = child, url = task.timeout(SECONDS, read_url, child) }, Moto)
end

-- The service is told from the scope of the signature, which it does not look at.
local function signed_for(service)
  return ("AWS4-HMAC-SHA256 Credential=AKIAMOTO/20260101/us-east-1/%s/aws4_request"):format(service)
end

--- Makes a bucket.
---@param name string
function Moto:create_bucket(name)
  local request = { method = "PUT", url = self.url .. "/" .. name, headers = { Authorization = signed_for "s3" } }
  assert(http.request(request).status == 200, "no bucket")
end

--- Makes a hosted zone.
---@param name string
---@param caller string its reference
---@return string id
function Moto:create_zone(name, caller)
  local response = http.request {
    method = "POST",
    url = self.url .. "/2013-04-01/hostedzone",
    body = xml.write(
      { "CreateHostedZoneRequest", { "Name", name }, { "CallerReference", caller } },
      "https://route53.amazonaws.com/doc/2013-04-01/"
    ),
    headers = { Authorization = signed_for "route53" },
  }
  return xml.parse(response.body):value("HostedZone", "Id"):match "[^/]*$"
end

--- Stops it.
function Moto:stop()
  proc.stop(self.child)
  self.child:close()
end

Moto.__close = Moto.stop

return M
