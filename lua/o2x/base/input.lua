--- Standard input, read without blocking, so that Ctrl-C works meanwhile: line by line, or as a secret, of which a
--- terminal shows nothing that is typed.

local core = require "o2x.core.input"
local errors = require "o2x.base.error"
local task = require "o2x.base.task"

require "o2x.base.secret" -- what core.input makes has its methods from there

local M = {}

local LIMIT <const> = 1024 * 1024 -- bytes
local PATIENCE <const> = 300 -- seconds without any input

local WHERE <const> = "standard input"

local function step(input)
  if input:waits() then
    local ready, _, code = task.wait_fd(0, "r", PATIENCE)
    if not ready and code == "timeout" then
      errors.input(("nothing came for %d s"):format(PATIENCE), "write --secrets=FILE instead of --secrets=-", WHERE)
    end
  end
  local what, message, code = input:step()
  if code == "EFBIG" then errors.input("larger than 1 MB", nil, WHERE) end
  if not what then errors.input(message:gsub("^standard input: ", ""), nil, WHERE) end
  return what
end

--- Reads standard input to its end.
---@param label string of the secret
---@return userdata secret
function M.read_secret(label)
  local input <close> = core.open(LIMIT)
  while step(input) ~= "end" do
  end
  return input:secret(label)
end

--- Reads a line that somebody types. Ctrl-C works meanwhile.
---@param seconds number longest wait
---@return string? line without its end; nil at the end of the input (Ctrl-D), or when the terminal is gone
function M.line(seconds)
  local parts, deadline = {}, task.now() + seconds
  repeat
    local ready, _, code = task.wait_fd(0, "r", deadline - task.now())
    if not ready and code == "timeout" then
      errors.raise { kind = "timeout", message = "no answer came", where = WHERE }
    end
    local text, _, problem = core.typed()
    if problem ~= "EINTR" and problem ~= "EAGAIN" then
      if not text or text == "" then return nil end
      parts[#parts + 1] = text
    end
  until (parts[#parts] or ""):sub(-1) == "\n"
  return table.concat(parts):sub(1, -2)
end

return M
