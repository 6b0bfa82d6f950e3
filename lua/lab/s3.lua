--- The lab's S3: buckets and objects as files, with path-style addresses.

local clock = require "o2x.base.clock"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local xml = require "o2x.base.xml"

local M = {}

local NAMESPACE <const> = "http://s3.amazonaws.com/doc/2006-03-01/"
local MAX_KEYS <const> = 1000
local MAX_OBJECT_BYTES <const> = 1 << 30
local UNSIGNED <const> = { ["UNSIGNED-PAYLOAD"] = true, ["STREAMING-UNSIGNED-PAYLOAD-TRAILER"] = true }

-- Errors of S3 have no ErrorResponse envelope.
local function problem(status, code, message, resource)
  return status,
    { ["Content-Type"] = "application/xml" },
    xml.write({
      "Error",
      { "Code", code },
      { "Message", message },
      { "Resource", resource or "/" },
      { "RequestId", "lab" },
    })
end

local function answer(node) return 200, { ["Content-Type"] = "application/xml" }, xml.write(node, NAMESPACE) end

local function http_date(time) return os.date("!%a, %d %b %Y %H:%M:%S GMT", time // 1 | 0) end

local Api = {}
Api.__index = Api

-- Content is stored under its hash, so that keys need not be valid file names.
local function file_of(api, object) return fs.join(api.folder, object.sha256) end

local function no_bucket(bucket)
  return problem(404, "NoSuchBucket", "The specified bucket does not exist", "/" .. bucket)
end

-- ---- buckets ----

--- Lists buckets.
---@return integer status
---@return table headers
---@return string body
function Api:list_buckets()
  local list = { "Buckets" }
  for name, bucket in pairs(self.state.buckets) do
    list[#list + 1] = { "Bucket", { "Name", name }, { "CreationDate", clock.iso(bucket.created) } }
  end
  return answer { "ListAllMyBucketsResult", { "Owner", { "ID", "lab" } }, list }
end

--- Creates a bucket.
---@param name string
---@return integer status
---@return table headers
---@return string body
function Api:create_bucket(name)
  if self.state.buckets[name] then
    return problem(
      409,
      "BucketAlreadyOwnedByYou",
      "Your previous request to create the named bucket succeeded",
      "/" .. name
    )
  end
  self.state.buckets[name] = { created = self.lab.clock(), objects = {} }
  self.lab.save("s3")
  return 200, { Location = "/" .. name }, ""
end

local function sorted_keys(objects, prefix, after)
  local keys = {}
  for key in pairs(objects) do
    if key:sub(1, #prefix) == prefix and key > after then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

-- The common prefix of a key: up to the first delimiter after the prefix.
local function common(key, prefix, delimiter)
  local at = delimiter ~= "" and key:find(delimiter, #prefix + 1, true)
  return at and key:sub(1, at + #delimiter - 1)
end

--- Lists the objects of a bucket, one page.
---@param request table
---@param name string
---@param bucket table
---@return integer status
---@return table headers
---@return string body
function Api:list_objects(request, name, bucket)
  local query = request.query
  local prefix, delimiter = query.prefix or "", query.delimiter or ""
  local after = query["continuation-token"] or query["start-after"] or query.marker or ""
  local limit = math.min(math.tointeger(tonumber(query["max-keys"] or "")) or MAX_KEYS, MAX_KEYS)
  local function encode(key) return query["encoding-type"] == "url" and httpd.encode(key, "/") or key end
  local node, count, last, seen = { "ListBucketResult", { "Name", name }, { "Prefix", encode(prefix) } }, 0, nil, {}
  local truncated = false
  for _, key in ipairs(sorted_keys(bucket.objects, prefix, after)) do
    local group = common(key, prefix, delimiter)
    if not (group and seen[group]) then
      if count == limit then
        truncated = true
        break
      end
      count = count + 1
      local object = bucket.objects[key]
      node[#node + 1] = group and { "CommonPrefixes", { "Prefix", encode(group) } }
        or {
          "Contents",
          { "Key", encode(key) },
          { "LastModified", clock.iso(object.modified, 3) },
          { "ETag", object.etag },
          { "Size", object.size },
          { "StorageClass", "STANDARD" },
        }
      if group then seen[group] = true end
    end
    last = key
  end
  node[#node + 1] = { "MaxKeys", limit }
  node[#node + 1] = { "KeyCount", count }
  node[#node + 1] = { "EncodingType", query["encoding-type"] or "url" }
  node[#node + 1] = { "IsTruncated", tostring(truncated) }
  if truncated then node[#node + 1] = { "NextContinuationToken", last } end
  return answer(node)
end

-- ---- objects ----

-- The body of a chunked upload ("aws-chunked"): each chunk after its length in hex, then a trailer.
local function unchunk(body)
  local parts, at = {}, 1
  while true do
    local length, from = body:match("^(%x+)[^\r\n]*\r\n()", at)
    local size = length and tonumber(length, 16)
    if not size or size == 0 then return table.concat(parts) end
    parts[#parts + 1] = body:sub(from, from + size - 1)
    at = from + size + 2
  end
end

local function unmet()
  return problem(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
end

--- Stores an object; If-None-Match: * keeps an existing one, If-Match: ETAG replaces only that one.
---@param request table
---@param bucket table
---@param key string
---@return integer status
---@return table headers
---@return string body
function Api:put_object(request, bucket, key)
  local body, declared = request.body or "", request.headers["x-amz-content-sha256"]
  if (request.headers["content-encoding"] or ""):find("aws-chunked", 1, true) then body = unchunk(body) end
  local sha256 = crypto.sha256(body)
  if declared and not UNSIGNED[declared] and not declared:find("^STREAMING") and declared ~= sha256 then
    return problem(
      400,
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was computed."
    )
  end
  if request.headers["if-none-match"] == "*" and bucket.objects[key] then return unmet() end
  local wanted, there = request.headers["if-match"], bucket.objects[key]
  if wanted and not (there and (wanted == "*" or wanted == there.etag)) then return unmet() end
  local object = {
    sha256 = sha256,
    size = #body,
    modified = self.lab.clock(),
    etag = ('"%s"'):format(sha256:sub(1, 32)),
    metadata = {},
    type = request.headers["content-type"] or "binary/octet-stream",
  }
  for name, value in pairs(request.headers) do
    local field = name:match("^x%-amz%-meta%-(.*)$")
    if field then object.metadata[field] = value end
  end
  fs.mkdir(self.folder, 0x1c0)
  fs.write(file_of(self, object), body, { mode = 0x180 })
  bucket.objects[key] = object
  self.lab.save("s3")
  return 200, { ETag = object.etag }, ""
end

--- An object, or a range of it.
---@param request table
---@param bucket table
---@param key string
---@return integer status
---@return table headers
---@return string body
function Api:get_object(request, bucket, key)
  local object = bucket.objects[key]
  if not object then return problem(404, "NoSuchKey", "The specified key does not exist.", "/" .. key) end
  local headers = {
    ETag = object.etag,
    ["Last-Modified"] = http_date(object.modified),
    ["Content-Type"] = object.type,
    ["Accept-Ranges"] = "bytes",
  }
  for name, value in pairs(object.metadata) do
    headers["x-amz-meta-" .. name] = value
  end
  local body = fs.read(file_of(self, object), MAX_OBJECT_BYTES)
  local from, to = (request.headers.range or ""):match("^bytes=(%d+)%-(%d*)$")
  if not from then return 200, headers, body end
  to = math.min(tonumber(to) or math.huge, object.size - 1)
  headers["Content-Range"] = ("bytes %d-%d/%d"):format(from, to, object.size)
  return 206, headers, body:sub(from + 1, to + 1)
end

--- Deletes an object, if it is there.
---@param request table
---@param bucket table
---@param key string
---@return integer status
---@return table headers
---@return string body
function Api:delete_object(request, bucket, key)
  local wanted, object = request.headers["if-match"], bucket.objects[key]
  if wanted and object and wanted ~= "*" and wanted ~= object.etag then return unmet() end
  bucket.objects[key] = nil
  self.lab.save("s3")
  return 204, {}, ""
end

--- Handles a request for an object.
---@param request table
---@param bucket table
---@param key string
---@return integer status
---@return table headers
---@return string body
function Api:on_object(request, bucket, key)
  if request.method == "PUT" then return self:put_object(request, bucket, key) end
  if request.method == "DELETE" then return self:delete_object(request, bucket, key) end
  if request.method == "GET" or request.method == "HEAD" then return self:get_object(request, bucket, key) end
  return problem(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
end

--- Handles a request for a bucket.
---@param request table
---@param name string
---@return integer status
---@return table headers
---@return string body
function Api:on_bucket(request, name)
  if request.method == "PUT" then return self:create_bucket(name) end
  local bucket = self.state.buckets[name]
  if not bucket then return no_bucket(name) end
  if request.method == "HEAD" then return 200, {}, "" end
  if request.method == "DELETE" then
    if next(bucket.objects) then
      return problem(409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
    end
    self.state.buckets[name] = nil
    self.lab.save("s3")
    return 204, {}, ""
  end
  if request.target:find("[?&]location") then return answer { "LocationConstraint" } end
  return self:list_objects(request, name, bucket)
end

--- The handler of requests signed for S3.
---@param lab table
---@return function
function M.handler(lab)
  local state = lab.state("s3")
  state.buckets = state.buckets or {}
  local api = setmetatable({ lab = lab, state = state, folder = fs.join(lab.dir, "s3") }, Api)
  return function(request)
    local name, key = request.path:match("^/([^/]*)/?(.*)$")
    if name == "" then return api:list_buckets() end
    if key == "" then return api:on_bucket(request, name) end
    local bucket = state.buckets[name]
    if not bucket then return no_bucket(name) end
    return api:on_object(request, bucket, httpd.decode(key))
  end
end

--- Creates the platform's buckets.
---@param lab table
---@param names string[]
function M.seed(lab, names)
  local state = lab.state("s3")
  state.buckets = state.buckets or {}
  for _, name in ipairs(names) do
    state.buckets[name] = state.buckets[name] or { created = lab.clock(), objects = {} }
  end
  lab.save("s3")
end

return M
