--- A list that a server gives in pages. The server says whether there is another, so it could go on for ever: the
--- number of pages and of items is limited, and the place where a page begins must not come twice.

local errors = require "o2x.base.error"
local limits = require "o2x.base.limits"

local M = {}

local Paging = {}
Paging.__index = Paging

--- A list whose first page comes next.
---@param what string such as "S3's list of backups"
---@param o { unbounded: boolean? }? unbounded: nobody collects the items, so only pages count, 500 times as many
---@return table paging
function M.new(what, o)
  return setmetatable({ what = what, pages = 0, items = 0, unbounded = o and o.unbounded, mark = nil, at = 1 }, Paging)
end

-- Brent's way to find a circle in constant memory: the places are compared with one that is renewed ever more rarely.
local function goes_round(self, token)
  if token == self.mark then return true end
  if self.pages >= self.at then
    self.mark, self.at = token, self.at * 2
  end
  return false
end

--- After each page: checks that the list may go on.
---@param token any where the next page begins; nil or "": there is none
---@param items integer that the page had
---@return any token for the next page; nil: the list is complete
function Paging:next(token, items)
  self.pages, self.items = self.pages + 1, self.items + items
  if self.items > limits.get "rows" and not self.unbounded then
    limits.reached("rows", self.what .. ": more than %s items")
  end
  if token == nil or token == "" then return nil end
  if goes_round(self, token) then
    errors.raise {
      kind = "failed",
      code = "endless",
      message = ("%s does not end: page %d is to begin where an earlier one did"):format(self.what, self.pages + 1),
    }
  end
  if self.pages >= limits.get "pages" * (self.unbounded and 500 or 1) then
    limits.reached("pages", self.what .. ": more than %s pages")
  end
  return token
end

return M
