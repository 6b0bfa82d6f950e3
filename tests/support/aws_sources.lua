--- What gives keys of AWS, on one loopback port: STS (/sts), the portal of logins (/sso), the metadata service of EC2
--- (/imds), the agent of a container (/agent). A key's id tells what was asked for, so that two clients that ask for
--- the same get the same.

local clock = require "o2x.base.clock"
local config = require "o2x.project.config"
local credentials = require "o2x.client.aws.credentials"
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local folder = require "tests.support.folder"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"

local M = {}

local LIFETIME <const> = 3600 -- seconds

local Sources = {}
Sources.__index = Sources

local function form_of(text)
  local fields = {}
  for name, value in text:gmatch "([^&=]+)=([^&]*)" do
    fields[httpd.decode(name)] = httpd.decode((value:gsub("+", " ")))
  end
  return fields
end

-- The id is a hash of what was asked for.
local function id_of(...) return "ASIA" .. crypto.sha256(table.concat({ ... }, "\n")):sub(1, 16):upper() end

function Sources:keys(...)
  local id = id_of(...)
  self.given[#self.given + 1] = id
  return id, "secret/of+" .. id, "token/of+" .. id, clock.iso(clock.now() + self.lifetime)
end

local function asker(request) return (request.headers.authorization or ""):match "Credential=([^/]+)/" or "nobody" end

local function sts_answer(action, id, key, token, expires)
  return ([[<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%sResult><Credentials>
    <AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>
    <Expiration>%s</Expiration></Credentials></%sResult></%sResponse>]]):format(
    action,
    action,
    id,
    key,
    token,
    expires,
    action,
    action
  )
end

function Sources:sts(request)
  local f = form_of(request.body)
  if f.RoleArn and f.RoleArn:find "denied" then
    return 403,
      {},
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not allowed to assume</Message></Error></ErrorResponse>"
  end
  local session = f.RoleSessionName
  if session and (session == "o2x" or session:find "^botocore") then session = "default" end
  local region = (request.headers.authorization or ""):match "Credential=[^/]+/%d+/([^/]+)/" or "none"
  return 200,
    { ["Content-Type"] = "text/xml" },
    sts_answer(
      f.Action,
      self:keys(
        f.Action,
        f.RoleArn or "",
        session or "",
        f.ExternalId or "",
        f.DurationSeconds or "",
        f.WebIdentityToken or "",
        asker(request),
        region
      )
    )
end

function Sources:sso(request)
  local token = request.headers["x-amz-sso_bearer_token"] or ""
  if token == "" or token:find "revoked" then
    return 401, {}, json.encode { message = "Session token not found or invalid" }
  end
  local id, key, session = self:keys("sso", token, request.query.role_name, request.query.account_id)
  return 200,
    { ["Content-Type"] = "application/json" },
    json.encode {
      roleCredentials = {
        accessKeyId = id,
        secretAccessKey = key,
        sessionToken = session,
        expiration = math.floor((clock.now() + self.lifetime) * 1000),
      },
    }
end

function Sources:document(...)
  local id, key, token, expires = self:keys(...)
  return 200,
    { ["Content-Type"] = "application/json" },
    json.encode {
      Code = "Success",
      AccessKeyId = id,
      SecretAccessKey = key,
      Token = token,
      Expiration = expires,
    }
end

function Sources:imds(request, path)
  if path == "/latest/api/token" then
    if request.method ~= "PUT" or not request.headers["x-aws-ec2-metadata-token-ttl-seconds"] then
      return 400, {}, ""
    end
    return 200, {}, "metadata-token"
  end
  if request.headers["x-aws-ec2-metadata-token"] ~= "metadata-token" then return 401, {}, "" end
  local roles = "/latest/meta-data/iam/security-credentials/"
  if path == roles then return 200, {}, "machine" end
  if path == roles .. "machine" then return self:document("imds", "machine") end
  return 404, {}, ""
end

function Sources:agent(request, path)
  if path:find "^/busy" and self.busy > 0 then
    self.busy = self.busy - 1
    return 500, {}, "busy"
  end
  if path:find "^/refused" then return 403, {}, "no" end
  return self:document("agent", path, request.headers.authorization or "")
end

--- Starts the server; <close> it.
---@return table sources port, url, given (the ids so far), asked (requests so far), lifetime (seconds of keys), busy
---  (how many errors /agent/busy gives first)
function M.start()
  local self = setmetatable({ given = {}, lifetime = LIFETIME, busy = 1, asked = {} }, Sources)
  self.server = httpd.serve {
    handler = function(request)
      self.asked[#self.asked + 1] = request.method .. " " .. request.target
      local name, path = request.path:match "^/(%l+)(.*)$"
      local serve = ({ sts = self.sts, sso = self.sso, imds = self.imds, agent = self.agent })[name or ""]
      if not serve then return 404, {}, "" end
      return serve(self, request, path)
    end,
  }
  self.port, self.url = self.server.port, ("http://127.0.0.1:%d"):format(self.server.port)
  return self
end

--- The variables that lead a client here, and nowhere else.
---@param home string HOME
---@param more table<string, string|boolean>? other variables; false: none of that name
---@return table<string, string>
function Sources:env(home, more)
  local env = {
    HOME = home,
    AWS_ENDPOINT_URL_STS = self.url .. "/sts",
    AWS_ENDPOINT_URL_SSO = self.url .. "/sso",
    AWS_EC2_METADATA_SERVICE_ENDPOINT = self.url .. "/nobody",
  }
  for name, value in pairs(more or {}) do
    env[name] = value or nil
  end
  return env
end

--- The environment of a case: variables and files below HOME, in which "HOME" and "URL" stand for the folder and for
--- this server.
---@param case { env: table?, config: string?, credentials: string?, files: table?, login: table? } config: the text of
---  ~/.aws/config; login: name of an SSO session or its start URL → text of its token's file
---@param place table an empty folder (tests.support.folder)
---@return table<string, string> env
function Sources:environment(case, place)
  local function put(text) return (text:gsub("HOME", place.path):gsub("URL", self.url)) end
  if case.config then place:write(".aws/config", put(case.config)) end
  if case.credentials then place:write(".aws/credentials", put(case.credentials)) end
  for name, text in pairs(case.files or {}) do
    place:write(name, text)
  end
  for name, text in pairs(case.login or {}) do
    place:write((".aws/sso/cache/%s.json"):format(crypto.sha1(name)), text)
  end
  local env = self:env(place.path)
  for name, text in pairs(case.env or {}) do
    env[name] = put(text)
  end
  return env
end

--- What a client of a case is given by o2x; the files are gone afterwards.
---@param case table see environment; also set: values of --set
---@param fn (fun(who: table, env: table): any)? what to do with the credentials; gets the keys if absent
---@return any result of fn; raises what fn raises
function Sources:with(case, fn)
  local place <close> = folder()
  local env = self:environment(case, place)
  local loaded = config.load({ root = "/", state = "/nosuch" }, case.set or {}, env)
  local who = credentials.of(loaded, env)
  if fn then return fn(who, env, place) end
  return who:get()
end

--- The error that a case ends with.
---@param case table
---@return table err
function Sources:refusal(case)
  local ok, err = pcall(self.with, self, case)
  assert(not ok and errors.is(err), ok and "not refused" or tostring(err))
  return err
end

--- Stops the server.
function Sources:stop() self.server:stop() end

Sources.__close = Sources.stop

return M
