--- A client of Amazon S3: objects up to 5 GB, uploaded from and downloaded into files, so that memory stays constant.

local access = require "o2x.client.aws.access"
local aws = require "o2x.client.aws.support"
local crypto = require "o2x.base.crypto"
local defer = require "o2x.base.defer"
local endpoint = require "o2x.client.aws.endpoint"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local guard = require "o2x.base.guard"
local http = require "o2x.client.http"
local paging = require "o2x.base.paging"
local xml = require "o2x.base.xml"

local M = {}

local LARGEST <const> = 5 * 1024 ^ 3
local SLOWEST <const> = 1 << 20 -- bytes a second; with less, a request has gone astray

---@class o2x.s3
local Client = {}
Client.__index = Client

--- A client. Nothing is sent yet.
---@param options table region, credentials or keys (see support.sign), endpoint, ca_file, pause
---@return o2x.s3
function M.new(options)
  return setmetatable({ options = options, pause = options.pause or aws.PAUSE, regions = {} }, Client)
end

-- Buckets live in a region of their own, which an answer names when it is another than was asked.
local function region_of(client, bucket) return client.regions[bucket] or client.options.region end

-- Amazon's endpoint has the bucket in the host name. Other endpoints, and buckets whose name has a dot (no certificate
-- covers it), have it in the path.
local function url_of(client, bucket, key)
  local path = key and http.percent_encode(key):gsub("%%2F", "/") or ""
  local given = client.options.endpoint
  if given then return ("%s/%s/%s"):format(given:gsub("/$", ""), bucket, path) end
  local amazon = endpoint.amazon("s3", region_of(client, bucket))
  if bucket:find(".", 1, true) then return ("%s/%s/%s"):format(amazon, bucket, path) end
  return ("https://%s.%s/%s"):format(bucket, amazon:gsub("^https://", ""), path)
end

local EMPTY <const> = crypto.sha256("")

-- A signed copy: a request that is sent again may need another region or other keys.
local function signed(client, request, bucket, key)
  local copy, headers = {}, {}
  for name, value in pairs(request) do
    copy[name] = value
  end
  for name, value in pairs(request.headers or {}) do
    headers[name] = value
  end
  headers["x-amz-content-sha256"] = headers["x-amz-content-sha256"] or EMPTY
  copy.headers, copy.query = headers, nil
  copy.url = url_of(client, bucket, key) .. (request.query and "?" .. request.query or "")
  request.url = copy.url
  return aws.sign(copy, client.options, "s3", region_of(client, bucket))
end

local function fail(client, request, response)
  local what = ("%s %s"):format(request.method, request.url:gsub("%?.*", ""))
  aws.fail("s3", "S3", what, response, request.method, client.options.credentials)
end

-- Notes the region that an answer names, if it is news.
local function moved(client, bucket, response)
  if response.status < 300 then return false end
  local _, _, problem = aws.problem(response)
  local region = response.headers["x-amz-bucket-region"] or problem and problem:value("Region")
  if not region or not region:find("^[%l%d-]+$") or region == region_of(client, bucket) then return false end
  client.regions[bucket] = region
  return true
end

-- Sends until the service has time, the keys are fresh, and the bucket is in the region that is asked.
local function insist(client, bucket, once)
  local response = aws.send(once, client.pause, client.options.credentials)
  if not moved(client, bucket, response) then return response end
  return aws.send(once, client.pause, client.options.credentials)
end

local function send(client, request, bucket, key)
  return insist(client, bucket, function() return http.request(signed(client, request, bucket, key)) end)
end

-- The answer to HEAD has no body that could say what is wrong; that to GET has one.
local function reason(client, bucket, key)
  local response = send(client, { method = "GET", headers = { Range = "bytes=0-0" } }, bucket, key)
  return response.status >= 300 and response or nil
end

--- The properties of an object; nil if it does not exist.
---@param bucket string
---@param key string
---@return table? size, modified, metadata, etag
function Client:head(bucket, key)
  local request = { method = "HEAD" }
  local response = send(self, request, bucket, key)
  if response.status == 404 then return nil end
  if response.status ~= 200 then fail(self, request, reason(self, bucket, key) or response) end
  local metadata = {}
  for name, value in pairs(response.headers) do
    local field = name:match("^x%-amz%-meta%-(.*)$")
    if field then metadata[field] = value end
  end
  return {
    size = math.tointeger(tonumber(response.headers["content-length"] or "")) or 0,
    modified = response.headers["last-modified"],
    metadata = metadata,
    etag = response.headers.etag,
  }
end

-- A server that knows no conditions may refuse them; what it has is read back then.
local WITHOUT <const> = { NotImplemented = true }

-- Sends a write under a condition; an object that does not meet it is a guard's refusal.
local function send_guarded(client, request, bucket, key, condition)
  local headers = {}
  for name, value in pairs(request.headers or {}) do
    headers[name] = value
  end
  for name, value in pairs(condition or {}) do
    headers[name] = value
  end
  local plain = request.headers
  request.headers = headers
  local response = send(client, request, bucket, key)
  if response.status == 412 then guard.refuse("s3", ("s3://%s/%s"):format(bucket, key)) end
  if condition and response.status == 501 and WITHOUT[aws.problem(response)] then
    request.headers = plain
    response = send(client, request, bucket, key)
  end
  return response
end

--- Uploads a file. S3 verifies the hash and rejects a damaged upload.
---@param bucket string
---@param key string
---@param path string
---@param sha256 string of the file
---@param metadata table<string, string>?
---@param condition table<string, string>? headers: ["If-None-Match"] = "*", or ["If-Match"] = an etag of head
function Client:put_file(bucket, key, path, sha256, metadata, condition)
  local size = fs.stat(path).size
  if size > LARGEST then
    errors.raise {
      kind = "failed",
      module = "s3",
      where = path,
      message = "larger than 5 GB, the limit of a single S3 upload",
      hint = "back up to a local file, then upload it with aws s3 cp",
    }
  end
  local headers = {
    ["x-amz-content-sha256"] = sha256,
    ["Content-Type"] = "application/octet-stream",
    ["x-amz-server-side-encryption"] = "AES256",
  }
  for name, value in pairs(metadata or {}) do
    headers["x-amz-meta-" .. name] = value
  end
  local request = { method = "PUT", headers = headers, body_file = path, timeout = 60 + size / SLOWEST }
  local response = send_guarded(self, request, bucket, key, condition)
  if response.status ~= 200 then fail(self, request, response) end
end

-- The body of an object as a stream.
local function open(client, bucket, key)
  local request = { method = "GET" }
  local response = insist(client, bucket, function()
    local stream = http.stream(signed(client, request, bucket, key))
    if stream.status == 200 then return stream end
    local _closed <close> = stream
    return { status = stream.status, headers = stream.headers, body = stream:rest() }
  end)
  return response.status == 200 and response or fail(client, request, response)
end

--- Downloads an object into a new file of mode 0600.
---@param bucket string
---@param key string
---@param path string
function Client:get_file(bucket, key, path)
  local stream <close> = open(self, bucket, key)
  local part, got = path .. ".part", 0
  local _part <close> = defer(function(problem)
    if problem then pcall(fs.remove, part) end
  end)
  fs.remove(part)
  fs.append(part, "", 0x180)
  for bytes in function() return stream:read() end do
    fs.append(part, bytes)
    got = got + #bytes
  end
  local length = tonumber(stream.headers["content-length"] or "")
  if length and length ~= got then
    errors.raise {
      kind = "unreachable",
      module = "s3",
      op = "GET",
      retryable = true,
      message = ("S3: the download of %s ended early: %d of %d bytes"):format(key, got, length),
    }
  end
  fs.rename(part, path)
end

--- All objects below a prefix.
---@param bucket string
---@param prefix string
---@return {key: string, size: integer, modified: string}[]
function Client:list(bucket, prefix)
  local what = "S3's list of " .. bucket
  local found, token, listed = {}, nil, paging.new(what)
  repeat
    local query = "list-type=2&prefix=" .. http.percent_encode(prefix)
    if token then query = ("continuation-token=%s&%s"):format(http.percent_encode(token), query) end
    local request = { method = "GET", query = query }
    local response = send(self, request, bucket)
    if response.status ~= 200 then fail(self, request, response) end
    local root = xml.parse(response.body, what)
    local elements = root:all("Contents")
    for _, element in ipairs(elements) do
      found[#found + 1] = {
        key = aws.need(element, what, "Key"),
        size = math.tointeger(tonumber(element:value("Size") or "")) or 0,
        modified = element:value("LastModified"),
      }
    end
    token = aws.need(root, what, "IsTruncated") == "true" and aws.need(root, what, "NextContinuationToken")
    token = listed:next(token or nil, #elements)
  until not token
  return found
end

--- Deletes an object; a missing object is not an error.
---@param bucket string
---@param key string
---@param condition table<string, string>? as for put_file
function Client:delete(bucket, key, condition)
  local request = { method = "DELETE" }
  local response = send_guarded(self, request, bucket, key, condition)
  if response.status >= 300 and response.status ~= 404 then fail(self, request, response) end
end

--- The S3 client of a run.
---@param config table
---@return table client
function M.for_run(config) return M.new(access.of(config, "s3")) end

return M
