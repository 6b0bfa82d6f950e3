--- What a script may put into a request: methods, paths and headers, by allow-list. A request that could be read in two
--- ways, by a proxy and by the service behind it, is refused.

local errors = require "o2x.base.error"
local secret = require "o2x.base.secret"

local M = {}

local READS <const> = { GET = true, HEAD = true, OPTIONS = true }
local WRITES <const> = { POST = true, PUT = true, PATCH = true, DELETE = true }

local LONGEST_PATH <const>, LONGEST_HEADER <const> = 8000, 8000 -- bytes

local function input(message, hint) errors.raise { kind = "input", module = "http", message = message, hint = hint } end

local function refuse(message, hint)
  errors.raise { kind = "refused", module = "http", code = "EREFUSED", message = message, hint = hint }
end

-- A value from a script in an error: on one line.
local function shown(value) return ('"%s"'):format(tostring(value):gsub("%c", "?"):sub(1, 100)) end

--- Is it a method that only reads, spelt exactly so?
---@param method any
---@return boolean
function M.is_read(method) return READS[method] == true end

--- A method that only reads.
---@param method any nil: GET
---@param what string the function that was called, for the error
---@return string method
function M.read_method(method, what)
  method = method or "GET"
  if READS[method] then return method end
  refuse(
    ("%s only reads: GET, HEAD or OPTIONS, not %s"):format(what, shown(method)),
    "a request that changes something is an effect: service.ensure or service.send; a GraphQL query: service.query"
  )
end

--- A method of a request that has an effect.
---@param method any nil: POST
---@param what string the function that was called, for the error
---@return string method
function M.write_method(method, what)
  method = method or "POST"
  if WRITES[method] then return method end
  input(
    ("%s: the method must be POST, PUT, PATCH or DELETE, not %s"):format(what, shown(method)),
    READS[method] and "a request that only reads: service.call" or nil
  )
end

-- ---- paths ----

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- Why a path is refused; nil if everybody reads it the same way. "..;x" is ".." for some servers.
local function path_problem(path)
  local plain = path:match("^[^?]*")
  if #path > LONGEST_PATH then return "is too long" end
  if path:sub(1, 1) ~= "/" then return "must begin with a slash" end
  local odd = path:match("[^%w%-._~!$&'()*+,;=:@/%%?]")
  if odd then return ("has the character %s, which must be percent-encoded"):format(shown(odd)) end
  if path:find("%%%X") or path:find("%%%x%X") or path:find("%%%x?$") then return "has a stray percent sign" end
  if plain:find("//", 1, true) then return "has an empty part" end
  if plain:find("%%2[fF]") or plain:find("%%5[cC]") then return "has an encoded slash" end
  local inner = decoded(decoded(plain))
  if inner:find("[%c\\?#]") then return "has an encoded special character" end
  for part in inner:gmatch("[^/]+") do
    local name = part:match("^[^;]*")
    if name == "." or name == ".." then return "leads upwards" end
  end
end

--- A path with its query, as it is sent. It may not lead out of where it begins, however it is written.
---@param path any
---@param what string? what it is, for the error
---@return string path
function M.path(path, what)
  local problem = type(path) ~= "string" and "must be a text" or path_problem(path)
  if not problem then return path end
  input(("invalid %s %s: it %s"):format(what or "path", shown(path), problem))
end

-- Where servers answer GraphQL by custom.
local GRAPHQL <const> = "/graphql/?$"

--- Refuses a GET whose path carries a GraphQL document: some servers carry out a mutation that comes so.
---@param path string a path with its query
---@param what string the function that was called, for the error
---@return string path
function M.read_path(path, what)
  local plain, query = path:match("^([^?]*)%??(.*)$")
  local text = decoded(query):lower()
  local is_document = query ~= "" and plain:lower():find(GRAPHQL) or ("&" .. text):find("&query=.*mutation")
  if not is_document then return path end
  refuse(
    ("%s: %s carries a GraphQL document, which may change something"):format(what, shown(path)),
    "service.query sends a query"
  )
end

--- The path of a GraphQL query. A query is a POST, which would be an effect anywhere else: only the paths that the
--- platform grants are taken, and nothing behind them.
---@param path string
---@param granted string[]?
---@return string path
function M.query_path(path, granted)
  for _, one in ipairs(granted or {}) do
    if path == one then return path end
  end
  refuse(
    ("service.query: no GraphQL is served at %s"):format(shown(path)),
    ("stdlib/platform.lua grants the paths of GraphQL: %s"):format(table.concat(granted or {}, ", "))
  )
end

-- ---- headers ----

local HEADERS <const> = {
  accept = true,
  ["accept-language"] = true,
  authorization = true,
  ["cache-control"] = true,
  ["content-type"] = true,
  ["idempotency-key"] = true,
  ["if-match"] = true,
  ["if-modified-since"] = true,
  ["if-none-match"] = true,
  ["if-unmodified-since"] = true,
  prefer = true,
  range = true,
  ["user-agent"] = true,
  ["x-correlation-id"] = true,
  ["x-request-id"] = true,
}

local function check_value(name, value)
  if secret.is(value) then return end
  if type(value) ~= "string" and type(value) ~= "number" then
    input(("header %s: expected a text or a secret, got a %s"):format(name, type(value)))
  end
  value = tostring(value)
  if #value > LONGEST_HEADER then input(("header %s is too long"):format(name)) end
  if value:find("[%z\1-\8\10-\31\127]") then input(("header %s has a control character"):format(name)) end
end

--- Headers that a script may send: those that say nothing about who asks for whom, and what the platform grants.
---@param headers any nil: none
---@param granted table<string, string|true>? more names, in lower case, and the value that each must have
---@return table<string, any> headers a copy
function M.headers(headers, granted)
  local copy = {}
  if headers ~= nil and type(headers) ~= "table" then input("headers must be a table of name = value") end
  for name, value in pairs(headers or {}) do
    local lower = type(name) == "string" and name:lower() or ""
    local grant = (granted or {})[lower]
    if not HEADERS[lower] and grant == nil then
      refuse(
        ("header %s may not be set by a script"):format(shown(name)),
        "headers in stdlib/platform.lua's grants name more that may be set"
      )
    end
    check_value(name, value)
    if not HEADERS[lower] and grant ~= true and value ~= grant then
      refuse(
        ("header %s: %s is not what this run may send"):format(name, shown(value)),
        "stdlib/platform.lua grants its value for the tenant"
      )
    end
    copy[name] = value
  end
  return copy
end

return M
