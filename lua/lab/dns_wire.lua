--- Encodes DNS messages for the lab's name server. Decoding is in o2x.core.dnsmsg.

local dns = require("o2x.client.dns")

local M = {}

local RCODES = { NOERROR = 0, FORMERR = 1, SERVFAIL = 2, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5 }
local EDNS_SIZE <const> = 1232

-- "a\.b.c." → labels, each after its length.
local function encode_name(name)
  local parts, label, i = {}, {}, 1
  local function finish()
    if label[1] then parts[#parts + 1] = string.pack("s1", table.concat(label)) end
    label = {}
  end
  while i <= #name do
    local number, escaped = name:match("^\\(%d%d%d)", i), name:match("^\\(.)", i)
    if number then
      label[#label + 1], i = string.char(tonumber(number)), i + 4
    elseif escaped then
      label[#label + 1], i = escaped, i + 2
    elseif name:sub(i, i) == "." then
      finish()
      i = i + 1
    else
      label[#label + 1], i = name:sub(i, i), i + 1
    end
  end
  finish()
  return table.concat(parts) .. "\0"
end

local function encode_ipv4(text) return string.pack("BBBB", text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")) end

local function ipv6_groups(text)
  assert(text == "" or (text .. ":"):gsub("%x%x?%x?%x?:", "") == "", "not an IPv6 address")
  local groups = {}
  for group in text:gmatch("%x+") do
    groups[#groups + 1] = string.pack(">I2", tonumber(group, 16))
  end
  return groups
end

local function encode_ipv6(text)
  local left, right = text:match("^(.-)::(.*)$")
  local head, tail = ipv6_groups(left or text), ipv6_groups(right or "")
  local missing = 8 - #head - #tail
  assert(left and missing > 0 or missing == 0, "not an IPv6 address")
  return table.concat(head) .. ("\0\0"):rep(missing) .. table.concat(tail)
end

-- Route 53 writes bytes in octal.
local function byte_of(digits) return string.char(tonumber(digits, 8) & 255) end

-- `"one" "two"` → character strings, each after its length; a long one is split into pieces of 255 bytes.
local function encode_strings(text)
  local result, i = {}, 1
  while i <= #text do
    local close = i + 1
    while text:sub(close, close) ~= '"' and close <= #text do
      close = close + (text:sub(close, close) == "\\" and 2 or 1)
    end
    local plain = text:sub(i + 1, close - 1):gsub("\\([0-7][0-7][0-7])", byte_of):gsub("\\(.)", "%1")
    repeat
      result[#result + 1], plain = string.pack("s1", plain:sub(1, 255)), plain:sub(256)
    until plain == ""
    i = text:find('"', close + 1, true) or #text + 1
  end
  return table.concat(result)
end

local ENCODERS = {
  A = encode_ipv4,
  AAAA = encode_ipv6,
  CNAME = encode_name,
  NS = encode_name,
  PTR = encode_name,
  TXT = encode_strings,
  MX = function(text)
    local preference, exchange = text:match("^(%d+)%s+(%S+)$")
    return string.pack(">I2", preference) .. encode_name(exchange)
  end,
  SRV = function(text)
    local priority, weight, port, target = text:match("^(%d+)%s+(%d+)%s+(%d+)%s+(%S+)$")
    return string.pack(">I2I2I2", priority, weight, port) .. encode_name(target)
  end,
  CAA = function(text)
    local flags, tag, value = text:match('^(%d+)%s+(%w+)%s+"(.*)"$')
    return string.pack("Bs1", flags, tag) .. value
  end,
  SOA = function(text)
    local mname, rname, numbers = text:match("^(%S+)%s+(%S+)%s+(%d+%s+%d+%s+%d+%s+%d+%s+%d+)$")
    return encode_name(mname)
      .. encode_name(rname)
      .. string.pack(">I4I4I4I4I4", numbers:match("(%d+)%s+(%d+)%s+(%d+)%s+(%d+)%s+(%d+)"))
  end,
}

--- Whether a text is a valid value of a record type.
---@param kind string
---@param text string
---@return boolean
function M.valid(kind, text)
  if kind == "TXT" then return text:find('^".*"$') ~= nil end
  if kind == "CNAME" or kind == "NS" or kind == "PTR" then return text:find("^[%w%-_%.%*\\]+$") ~= nil end
  return ENCODERS[kind] ~= nil and (pcall(ENCODERS[kind], text))
end

local function encode_section(records)
  local parts = {}
  for _, record in ipairs(records or {}) do
    for _, value in ipairs(record.values) do
      parts[#parts + 1] = encode_name(record.name)
        .. string.pack(">I2I2I4s2", dns.types[record.type], 1, record.ttl, ENCODERS[record.type](value))
    end
  end
  return table.concat(parts), #parts
end

--- Encodes a response. One that is longer than `limit` is cut to its header with the truncation bit, so that the client
--- repeats the query over TCP.
---@param query table  as o2x.dns parsed it; `edns` tells whether it had an OPT record
---@param reply table  rcode, authoritative, answers and authority: lists of records {name, type, ttl, values}
---@param limit integer bytes
---@return string
function M.encode(query, reply, limit)
  local question = query.questions[1]
  local asked = question
      and encode_name(question.name) .. string.pack(">I2I2", M.type_number(question.type), question.class)
    or ""
  local answers, answer_count = encode_section(reply.answers)
  local authority, authority_count = encode_section(reply.authority)
  local edns = query.edns and "\0" .. string.pack(">I2I2I4I2", dns.types.OPT, EDNS_SIZE, 0, 0) or ""
  local flags = 0x8000 | query.opcode << 11 | RCODES[reply.rcode]
  if reply.authoritative then flags = flags | 0x0400 end
  if query.recursion_desired then flags = flags | 0x0100 end
  local function message(extra, body, count, other_count)
    return string.pack(
      ">I2I2I2I2I2I2",
      query.id,
      flags | extra,
      question and 1 or 0,
      count,
      other_count,
      edns ~= "" and 1 or 0
    ) .. asked .. body .. edns
  end
  local whole = message(0, answers .. authority, answer_count, authority_count)
  return #whole <= limit and whole or message(0x0200, "", 0, 0)
end

--- The number of a record type: "CNAME" → 5, "TYPE99" → 99.
---@param name string
---@return integer
function M.type_number(name) return dns.types[name] or math.tointeger(tonumber(name:match("^TYPE(%d+)$"))) end

return M
