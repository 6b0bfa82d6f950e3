--- Which proxy a URL goes through, and which authorities are trusted by default: what the variables HTTPS_PROXY,
--- HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR say, as programs in Go (kubectl, helm) read them.
--- This machine is never asked by way of a proxy, nor is a cloud's service of metadata (169.254.0.0/16).

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local secret = require "o2x.base.secret"

local M = {}

-- libcurl's "socks5" resolves names here; Go leaves that to the proxy.
local SCHEMES <const> = { http = "http", https = "https", socks5 = "socks5h", socks5h = "socks5h" }

-- ---- addresses ----

local function bytes_of_v4(text)
  local parts = { text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$" }
  for i, part in ipairs(parts) do
    parts[i] = tonumber(part)
    if parts[i] > 255 then return nil end
  end
  return #parts == 4 and string.char(table.unpack(parts)) or nil
end

-- The 16-bit groups of one side of "::", as bytes.
local function groups(text)
  local bytes = {}
  for group in text:gmatch "[^:]+" do
    if not group:match "^%x%x?%x?%x?$" then return nil end
    bytes[#bytes + 1] = (">I2"):pack(tonumber(group, 16))
  end
  return table.concat(bytes)
end

-- An address as 4 or 16 bytes; nil for a name.
local function bytes_of(text)
  text = text:gsub("^%[(.*)%]$", "%1")
  local v4 = bytes_of_v4(text)
  if v4 or not text:find(":", 1, true) then return v4 end
  local left, right = text:match "^(.-)::(.*)$"
  local head, tail = groups(left or text), groups(right or "")
  if not head or not tail or #head + #tail > 16 or not left and #head ~= 16 then return nil end
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

local function same_bits(a, b, count)
  if #a ~= #b or count > #a * 8 then return false end
  local whole, rest = count // 8, count % 8
  if a:sub(1, whole) ~= b:sub(1, whole) then return false end
  return rest == 0 or a:byte(whole + 1) >> (8 - rest) == b:byte(whole + 1) >> (8 - rest)
end

-- This machine, and what answers on its own link only: a cloud's service of metadata, which gives keys.
local function is_near(host, bytes)
  if host == "localhost" then return true end
  if not bytes then return false end
  if #bytes == 4 then return bytes:byte(1) == 127 or bytes:sub(1, 2) == "\169\254" end
  return bytes == ("\0"):rep(15) .. "\1"
end

-- ---- NO_PROXY ----

-- Does one entry of NO_PROXY name the host?
local function names(entry, host, bytes, port)
  if entry == "*" then return true end
  local network, bits = entry:match "^(.*)/(%d+)$"
  network = network and bytes_of(network)
  if network then return bytes ~= nil and same_bits(network, bytes, tonumber(bits)) end
  local name, only = entry:match "^(.*[^:]):(%d+)$"
  if name and (not name:find(":", 1, true) or name:find "^%[.*%]$") then
    if tonumber(only) ~= port then return false end
    entry = name
  end
  local address = bytes_of(entry)
  if address then return address == bytes end
  if bytes then return false end
  entry = entry:gsub("^%*%.", ".")
  local suffix = entry:sub(1, 1) == "." and entry or "." .. entry
  return host:sub(-#suffix) == suffix or entry == host
end

local function is_direct(list, host, port)
  local bytes = bytes_of(host)
  if is_near(host, bytes) then return true end
  for entry in list:lower():gmatch "[^,%s]+" do
    if names(entry, host, bytes, port) then return true end
  end
  return false
end

-- ---- the proxy ----

local function first(env, ...)
  for _, name in ipairs { ... } do
    if (env[name] or "") ~= "" then return env[name], name end
  end
  return nil, ""
end

--- A proxy's URL in libcurl's words. Its password is masked from now on.
---@param text string "http://user:password@host:port"; http, https or socks5
---@param where string the variable or the file that it is from, for messages
---@return string url
function M.parse(text, where)
  local scheme, rest = text:match "^(%a[%w+.-]*)://(.*)$"
  local known = SCHEMES[(scheme or ""):lower()]
  rest = (rest or ""):gsub("^([^@/?#]*@?[^/?#]*)[/?#].*$", "%1") -- a path is of no use to a proxy
  local user, host = rest:match "^(.*)@(.*)$"
  host = host or rest
  local good = host:match "^[%w%-%._]+:?%d*$" or host:match "^%[[%x:%.]+%]:?%d*$"
  if not known or not good or text:find "[%c%s]" then
    local shown = (scheme and scheme .. "://" or "") .. (host ~= "" and host or text):gsub("^.*@", "")
    errors.input(("%s is not the URL of a proxy"):format(shown), "http://HOST:PORT, https:// or socks5://", where)
  end
  local password = user and user:match "^[^:]*:(.+)$"
  if password then
    secret.new(password, "proxy password")
    secret.new(M.decoded(password), "proxy password")
  end
  return known .. "://" .. (user and user .. "@" or "") .. host
end

--- Decodes %XX.
---@param text string
---@return string
function M.decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- The proxy for a host.
---@param scheme string "http" or "https"
---@param host string lower case
---@param port integer
---@param env table<string, string>
---@return string? url nil: none
---@return string? variable that says so
function M.of(scheme, host, port, env)
  local text, name
  if scheme == "https" then
    text, name = first(env, "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
  else
    text, name = first(env, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
  end
  if not text or is_direct(first(env, "NO_PROXY", "no_proxy") or "", host, port) then return nil end
  if not text:find "^%a[%w+.-]*://" then text = "http://" .. text end
  return M.parse(text, name), name
end

local good = {} -- what has been looked at: paths → true

-- libcurl would only say that it cannot load the file.
local function check_file(path)
  if not fs.exists(path) then
    errors.input("SSL_CERT_FILE names a file that does not exist", "unset SSL_CERT_FILE", path)
  end
  if fs.is_folder(path) or not fs.read(path):find "%-%-%-%-%-BEGIN [%u ]*CERTIFICATE%-%-%-%-%-" then
    errors.input("SSL_CERT_FILE names no file of certificates in PEM", "correct or unset SSL_CERT_FILE", path)
  end
end

local function has_hashed(path)
  for _, name in ipairs(fs.is_folder(path) and fs.list(path) or {}) do
    if name:find "^%x%x%x%x%x%x%x%x%.%d+$" then return true end
  end
  return false
end

-- A list of folders. One without names of hashes would be passed over in silence.
local function check_folders(list)
  local first_path
  for path in list:gmatch "[^:]+" do
    if has_hashed(path) then return end
    first_path = first_path or path
  end
  errors.input("SSL_CERT_DIR has no certificates named by their hashes", "openssl rehash " .. first_path, first_path)
end

--- The authorities that are trusted where nothing else is said.
---@param env table<string, string>
---@return string? file
---@return string? folder with names as `openssl rehash` makes them
function M.authorities(env)
  local file, folder = first(env, "SSL_CERT_FILE"), first(env, "SSL_CERT_DIR")
  if folder and folder:find "^:*$" then folder = nil end
  if file and not good[file] then check_file(file) end
  if folder and not file and not good[folder] then check_folders(folder) end
  good[file or folder or ""] = true
  return file, folder
end

return M
