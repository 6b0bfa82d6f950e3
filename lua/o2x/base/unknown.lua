--- A value that a plan cannot know yet (a generated id, a load balancer's name). Concatenating or indexing it gives the
--- same unknown value, so that a runbook continues as if it were there. What is in it cannot be counted or walked
--- through: each element would be there, without end.

local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"

local M = {}

local Unknown = { __name = "o2x.unknown", __metatable = false }
local unknown = frozen.handle(setmetatable({}, Unknown))
Unknown.__tostring = function() return "(known after apply)" end
Unknown.__concat = function() return unknown end
Unknown.__newindex = function()
  errors.raise { kind = "failed", message = "cannot modify a value that is known only after apply" }
end

--- The code of the error that what asks for its elements gets. In a plan, it follows from what made the value unknown.
M.CODE = "known_after_apply"

--- Raises that error.
function M.refuse_elements()
  errors.raise {
    kind = "failed",
    code = M.CODE,
    message = "a plan cannot tell what is in a value that is known only after apply",
  }
end
Unknown.__len = M.refuse_elements
Unknown.__pairs = M.refuse_elements

--- The value that stands for "known after apply".
M.value = unknown

-- Unknown values with a name → the name.
local names = setmetatable({}, { __mode = "k" })

--- Such a value with a name, for a checklist that people go by: there it is a variable.
---@param name string
---@return table unknown
function M.named(name)
  local one = frozen.handle(setmetatable({}, Unknown))
  names[one] = name
  return one
end

-- What is in a value with a name is looked for where that is.
Unknown.__index = function(one) return names[one] and one or unknown end

--- The name of an unknown value.
---@param value any
---@return string?
function M.name_of(value) return names[value] end

-- Unknown texts → what they are written from.
local contents = setmetatable({}, { __mode = "k" })

--- The text of something in which a value is unknown: nobody knows the text, and what it was written from can be read
--- out of it again.
---@param content table
---@return table unknown
function M.text_of(content)
  local one = frozen.handle(setmetatable({}, Unknown))
  contents[one] = content
  return one
end

--- What an unknown text was written from; nil if it is no such text.
---@param value any
---@return table?
function M.content_of(value) return contents[value] end

--- Is it that value?
---@param value any
---@return boolean
function M.is(value)
  return rawequal(value, unknown) or type(value) == "table" and (names[value] or contents[value]) ~= nil
end

--- Raises that error for the value that stands for "known after apply".
---@param value any
function M.refuse_walk(value)
  if rawequal(value, unknown) then M.refuse_elements() end
end

return M
