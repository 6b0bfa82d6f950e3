--- A value that a plan cannot know yet (a generated id, a load balancer's name). Concatenating or indexing it gives the
--- same unknown value, so that a runbook continues as if it were there.

local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"

local M = {}

local Unknown = { __name = "o2x.unknown", __metatable = false }
local unknown = frozen.handle(setmetatable({}, Unknown))
Unknown.__tostring = function() return "(known after apply)" end
Unknown.__concat = function() return unknown end
Unknown.__index = function() return unknown end
Unknown.__newindex = function()
  errors.raise { kind = "failed", message = "cannot modify a value that is known only after apply" }
end

--- The value that stands for "known after apply".
M.value = unknown

--- Is it that value?
---@param value any
---@return boolean
function M.is(value) return rawequal(value, unknown) end

return M
