--- PostgreSQL's protocol, as far as a relay must read it: statements of a client, and how often the server was ready.

local task = require "o2x.base.task"

local M = {}

--- Faults of a statement, or of the start of a session ("connect USER DATABASE"): the connection breaks before it, or
--- after it took effect; the server crashes before it; it takes effect, and then there is silence, or half of the
--- answer; it comes late; the server refuses it with a code (SQLSTATE).
M.KINDS = {
  ["cut"] = true,
  ["cut-after"] = true,
  ["restart"] = true,
  ["timeout"] = true,
  ["truncated"] = true,
  ["slow"] = true,
  ["57P01"] = true,
  ["53300"] = true,
  ["53100"] = true,
  ["40001"] = true,
  ["40P01"] = true,
  ["25006"] = true,
}

-- The server itself is made to say it, so that it and the client agree on what becomes of the transaction.
local RAISED <const> = {
  ["53100"] = "could not extend file: No space left on device",
  ["40001"] = "could not serialize access due to concurrent update",
  ["40P01"] = "deadlock detected",
  ["25006"] = "cannot execute this command in a read-only transaction",
}
local RAISE <const> = "DO $$ BEGIN RAISE EXCEPTION '%s' USING ERRCODE = '%s'; END $$"
local TERMINATE <const> = "SELECT pg_terminate_backend(pg_backend_pid())"

local DELAY <const> = 2 -- seconds

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

local function message(kind, payload) return kind .. string.pack(">I4", #payload + 4) .. payload end

-- Another statement in the place of one. In the extended protocol it comes before the Sync, up to which the server
-- skips everything after its error.
local function instead(kind, text)
  if kind == "Q" then return message("Q", text .. "\0") end
  return message("P", "\0" .. text .. "\0\0\0") .. message("B", "\0\0\0\0\0\0\0\0") .. message("E", "\0\0\0\0\0")
end

-- The server refuses a session before it begins.
local function refuse(self, code)
  local text = "sorry, too many clients already"
  self.answer(message("E", ("SFATAL\0VFATAL\0C%s\0M%s\0\0"):format(code, text)))
end

-- What of a fault is done where the client speaks. -> what is passed on; nil: the connection breaks
local function strike(self, rule, kind, bytes)
  if rule.kind == "cut" or rule.kind == "restart" then return nil end
  if rule.kind == "53300" then return refuse(self, rule.kind) end
  if rule.kind == "57P01" then return instead(kind, TERMINATE) end
  if RAISED[rule.kind] then return instead(kind, RAISE:format(RAISED[rule.kind], rule.kind)) end
  if rule.kind == "slow" then
    task.sleep(tonumber(rule.seconds) or DELAY)
  else
    self.losing = rule.kind
  end
  return bytes
end

-- The parameters of a session's start: "user\0admin\0database\0postgres\0\0".
local function session_of(payload)
  local found = {}
  for name, value in payload:sub(5):gmatch "([^%z]+)%z([^%z]*)%z" do
    found[name] = value
  end
  return ("connect %s %s"):format(found.user or "", found.database or found.user or "")
end

local function begin(self, payload, bytes)
  local code = #payload >= 4 and string.unpack(">I4", payload)
  if code == SSL or code == GSS then
    self.answer(NO)
    return ""
  end
  self.begun = code ~= CANCEL
  self.asked = 1 -- the server is ready once after the login
  local rule = self.begun and self.take(session_of(payload))
  if not rule then return bytes end
  if RAISED[rule.kind] or rule.kind == "57P01" then return refuse(self, rule.kind) end
  return strike(self, rule, "", bytes)
end

-- From the statement that is lost on, everything up to the point where the server answers is passed on still.
local function pass(self, kind, payload, bytes)
  if kind == "" then return begin(self, payload, bytes) end
  local text = statement_of(self, kind, payload)
  local rule = text and not self.losing and self.take(text)
  if kind == "Q" or kind == "S" then self.asked = self.asked + 1 end
  if rule then return strike(self, rule, kind, bytes) end
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
    local portion = pass(self, kind, payload, whole)
    if not portion then return table.concat(passed), true end
    passed[#passed + 1] = portion
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
--- server is done with it, unless there is to be silence.
---@param bytes string
---@return string passed
---@return boolean breaks
function Talk:down(bytes)
  count_ready(self, bytes)
  if not self.losing then return bytes, false end
  local done = self.answered >= self.asked
  if self.losing == "truncated" then
    self.held = self.held .. bytes
    return done and self.held:sub(1, #self.held // 2) or "", done
  end
  return "", done and self.losing ~= "timeout"
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
    held = "",
    down_rest = "",
    down_skip = 0,
    statements = {},
    portals = {},
    asked = 0,
    answered = 0,
  }, Talk)
end

return M
