--- Redis' protocol, as far as a relay must read it: the commands of a client.

local task = require "o2x.base.task"

local M = {}

-- The errors are the real server's own: it is asked to answer them in the command's place.
local ERRORS <const> = {
  ["READONLY"] = "-READONLY You can't write against a read only replica.",
  ["LOADING"] = "-LOADING Redis is loading the dataset in memory",
  ["OOM"] = "-OOM command not allowed when used memory > 'maxmemory'.",
  ["BUSY"] = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
  ["MOVED"] = "-MOVED 3999 127.0.0.1:1",
}

local DELAY <const> = 2 -- seconds

--- Faults of a command: the connection breaks before it, or after it took effect; it takes effect, and then there is
--- silence, or half of the answer; it comes late; the server refuses it.
M.KINDS = { ["cut"] = true, ["cut-after"] = true, ["timeout"] = true, ["truncated"] = true, ["slow"] = true }
for kind in pairs(ERRORS) do
  M.KINDS[kind] = true
end

local Talk = {}
Talk.__index = Talk

-- "*2\r\n$3\r\nGET\r\n$1\r\na\r\n" → its words and where it ends; nil if it is not complete.
local function parse(buffer)
  local count, at = buffer:match "^%*(%d+)\r\n()"
  if not count then
    local line, stop = buffer:match "^([^*][^\n]*)\n()"
    return line and { line:match "^[^\r]*" }, stop
  end
  local words = {}
  for i = 1, tonumber(count) do
    local size, start = buffer:match("^%$(%d+)\r\n()", at)
    if not size or #buffer < start + size + 1 then return nil end
    words[i], at = buffer:sub(start, start + size - 1), start + size + 2
  end
  return words, at
end

local function encode(words)
  local parts = { ("*%d\r\n"):format(#words) }
  for i, word in ipairs(words) do
    parts[i + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  return table.concat(parts)
end

--- What the client said.
---@param bytes string
---@return string passed
---@return boolean breaks
function Talk:up(bytes)
  self.buffer = self.buffer .. bytes
  local passed = {}
  while true do
    local words, stop = parse(self.buffer)
    if not words then return table.concat(passed), false end
    local command = self.buffer:sub(1, stop - 1)
    self.buffer = self.buffer:sub(stop)
    local rule = not self.losing and self.take(table.concat(words, " "))
    if rule and rule.kind == "cut" then return table.concat(passed), true end
    if rule and ERRORS[rule.kind] then
      command = encode { "EVAL", "return redis.error_reply(ARGV[1])", "0", ERRORS[rule.kind] }
    elseif rule and rule.kind == "slow" then
      task.sleep(tonumber(rule.seconds) or DELAY)
    elseif rule then
      self.losing = rule.kind
    end
    passed[#passed + 1] = command
  end
end

--- What the server said; the answer to a command that is to be lost is not passed on.
---@param bytes string
---@return string passed
---@return boolean breaks
function Talk:down(bytes)
  if not self.losing then return bytes, false end
  if self.losing == "timeout" then return "", false end
  return self.losing == "truncated" and bytes:sub(1, #bytes // 2) or "", true
end

--- A new connection's view.
---@param take fun(text: string): table?
---@return table talk
function M.new(take) return setmetatable({ take = take, buffer = "" }, Talk) end

return M
