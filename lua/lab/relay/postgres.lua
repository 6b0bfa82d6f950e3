--- PostgreSQL's protocol, as far as a relay must read it: statements of a client, and how often the server was ready.

local M = {}

--- Faults of a statement: the connection breaks before it, or after it took effect; the server crashes before it.
M.KINDS = { ["cut"] = true, ["cut-after"] = true, ["restart"] = true }

local SSL <const>, GSS <const>, CANCEL <const> = 80877103, 80877104, 80877102
local HEADER <const> = 5 -- bytes: type, length
local NO <const> = "N" -- no encryption here

local Talk = {}
Talk.__index = Talk

-- The next message that is complete: type ("" before the session begins), payload, and all its bytes.
local function next_message(self)
  local buffer = self.up_buffer
  local start = self.begun and 2 or 1
  if #buffer < start + 3 then return nil end
  local size = start - 1 + string.unpack(">I4", buffer, start)
  if #buffer < size then return nil end
  self.up_buffer = buffer:sub(size + 1)
  return self.begun and buffer:sub(1, 1) or "", buffer:sub(start + 4, size), buffer:sub(1, size)
end

-- The text of the statement that a message carries out; nil if it does not carry out any.
local function statement_of(self, kind, payload)
  if kind == "Q" then return (payload:match "^[^%z]*") end
  if kind == "P" then
    local name, text = payload:match "^([^%z]*)%z([^%z]*)"
    self.statements[name] = text
  elseif kind == "B" then
    local portal, name = payload:match "^([^%z]*)%z([^%z]*)"
    self.portals[portal] = self.statements[name] or ""
  elseif kind == "E" then
    return self.portals[payload:match "^[^%z]*"] or ""
  end
end

local function begin(self, payload, bytes)
  local code = #payload >= 4 and string.unpack(">I4", payload)
  if code == SSL or code == GSS then
    self.answer(NO)
    return ""
  end
  self.begun = code ~= CANCEL
  self.asked = 1 -- the server is ready once after the login
  return bytes
end

-- From the statement that is lost on, everything up to the point where the server answers is passed on still.
local function pass(self, kind, payload, bytes)
  if kind == "" then return begin(self, payload, bytes) end
  local text = statement_of(self, kind, payload)
  local rule = text and not self.losing and self.take(text)
  if rule and rule.kind ~= "cut-after" then return nil end
  if rule then self.losing = true end
  if kind == "Q" or kind == "S" then self.asked = self.asked + 1 end
  return bytes
end

--- What the client said.
---@param bytes string
---@return string passed
---@return boolean breaks
function Talk:up(bytes)
  self.up_buffer = self.up_buffer .. bytes
  local passed = {}
  while true do
    local kind, payload, whole = next_message(self)
    if not kind then return table.concat(passed), false end
    local message = pass(self, kind, payload, whole)
    if not message then return table.concat(passed), true end
    passed[#passed + 1] = message
  end
end

-- Counts how often the server says that it is ready.
local function count_ready(self, bytes)
  local buffer, at = self.down_rest .. bytes, 1 + self.down_skip
  while at + HEADER - 1 <= #buffer do
    local kind, length = buffer:sub(at, at), string.unpack(">I4", buffer, at + 1)
    if kind == "Z" then self.answered = self.answered + 1 end
    at = at + 1 + length
  end
  self.down_rest = at <= #buffer and buffer:sub(at) or ""
  self.down_skip = at <= #buffer and 0 or at - 1 - #buffer
end

--- What the server said. The answer to a statement that is to be lost is not passed on; the connection breaks when the
--- server is done with it.
---@param bytes string
---@return string passed
---@return boolean breaks
function Talk:down(bytes)
  count_ready(self, bytes)
  if not self.losing then return bytes, false end
  return "", self.answered >= self.asked
end

--- A new connection's view.
---@param take fun(text: string): table?
---@param answer fun(bytes: string) says something to the client
---@return table talk
function M.new(take, answer)
  return setmetatable({
    take = take,
    answer = answer,
    up_buffer = "",
    down_rest = "",
    down_skip = 0,
    statements = {},
    portals = {},
    asked = 0,
    answered = 0,
  }, Talk)
end

return M
