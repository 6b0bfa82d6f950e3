--- Verifies the signature of a request to AWS (Signature Version 4) in full, as the real endpoint does.

local crypto = require("o2x.base.crypto")
local httpd = require("lab.httpd")

local M = {}

local AUTHORIZATION <const> = "^AWS4%-HMAC%-SHA256 Credential=([^,%s]+),%s*SignedHeaders=([^,%s]+),%s*Signature=(%x+)$"
local MAX_SKEW <const> = 15 * 60 -- seconds between the clocks of client and server

-- Query and headers in the canonical form that client and server sign.
local function canonical_query(target)
  local raw, pairs_list = target:match("%?(.*)$") or "", {}
  for pair in raw:gmatch("[^&]+") do
    local key, value = pair:match("^([^=]*)=?(.*)$")
    pairs_list[#pairs_list + 1] = httpd.encode(httpd.decode(key)) .. "=" .. httpd.encode(httpd.decode(value))
  end
  table.sort(pairs_list)
  return table.concat(pairs_list, "&")
end

local function canonical_headers(request, names)
  local lines = {}
  for name in names:gmatch("[^;]+") do
    local value = (request.headers[name] or ""):gsub("^%s+", ""):gsub("%s+$", ""):gsub("%s+", " ")
    lines[#lines + 1] = name .. ":" .. value .. "\n"
  end
  return table.concat(lines)
end

local function signature(request, keys, scope, signed)
  local payload = request.headers["x-amz-content-sha256"] or crypto.sha256(request.body)
  local canonical = table.concat({
    request.method,
    request.path,
    canonical_query(request.target),
    canonical_headers(request, signed),
    signed,
    payload,
  }, "\n")
  local text =
    table.concat({ "AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope.text, crypto.sha256(canonical) }, "\n")
  local key = "AWS4" .. keys.secret_key
  for _, part in ipairs({ scope.date, scope.region, scope.service, "aws4_request" }) do
    key = crypto.hmac_sha256_bytes(key, part)
  end
  return crypto.hmac_sha256(key, text)
end

local function time_of(stamp)
  local year, month, day, hour, minute, second = (stamp or ""):match("^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$")
  return year and require("o2x.base.clock").parse(("%s-%s-%sT%s:%s:%sZ"):format(year, month, day, hour, minute, second))
end

-- The keys that a request is signed with, or nil and what is wrong with them.
local function keys_of(request, access, keys, lab_time)
  if access == keys.access_key then return keys end
  local session = keys.sessions and keys.sessions[access]
  if not session or request.headers["x-amz-security-token"] ~= session.token then
    return nil, "InvalidClientTokenId", "The security token included in the request is invalid."
  end
  if session.expires <= lab_time then
    return nil, "ExpiredToken", "The security token included in the request is expired"
  end
  return session
end

--- Verifies a request.
---@param request httpd.request
---@param keys {access_key: string, secret_key: string, sessions: table?} sessions: keys of roles by their ids
---@param now number seconds since 1970
---@param lab_time number? the lab's clock, by which sessions expire; `now` if absent
---@return table|nil scope {date, region, service}; nil if the request is refused
---@return string? code of the error
---@return string? message of the error
function M.check(request, keys, now, lab_time)
  local header = request.headers.authorization
  if not header then return nil, "MissingAuthenticationToken", "Request is missing Authentication Token" end
  local credential, signed, given = header:match(AUTHORIZATION)
  local access, text = (credential or ""):match("^([^/]+)/(.+)$")
  local date, region, service = (text or ""):match("^(%d+)/([^/]+)/([^/]+)/aws4_request$")
  if not date then return nil, "IncompleteSignature", "Authorization header is not a Signature Version 4" end
  local own, code, message = keys_of(request, access, keys, lab_time or now)
  if not own then return nil, code, message end
  local scope = { date = date, region = region, service = service, text = text }
  local sent = time_of(request.headers["x-amz-date"])
  if not sent or math.abs(sent - now) > MAX_SKEW then
    return nil, "RequestExpired", "Signature expired or not yet current"
  end
  if given ~= signature(request, own, scope, signed) then
    return nil,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. "
        .. "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
  end
  return scope
end

return M
