--- The helms of a run that have rendered a release and wait for the word to write it (held.lua): those whose turn it
--- is, and those that rendered ahead, while others are still written. Each keeps its memory, so there are few.

local held = require "o2x.client.helm.held"

local M = {}

local MOST <const> = 4 -- that wait in their turn, and as many ahead

local Ahead = {}
Ahead.__index = Ahead

---@class o2x.helm.starter how a client starts a helm
---@field question fun(name: string, release: o2x.helm.release): string all that a rendering depends on
---@field start fun(start: function, name: string, release: o2x.helm.release): table? runs held.start for a release
---@field credentials fun(): any changes when they are renewed

--- The waiting helms of a client: none yet.
---@param starter o2x.helm.starter
---@return table ahead
function M.new(starter)
  return setmetatable({
    starter = starter,
    waiting = {}, -- release → the helm that has rendered it
    early = {}, -- name → what was rendered before its turn: { question, release }
  }, Ahead)
end

-- How many helms wait.
local function count_waiting(self)
  local count = 0
  for _, waiting in pairs(self.waiting) do
    count = count + (waiting.ended and 0 or 1)
  end
  return count
end

local function count_early(self)
  local count = 0
  for _ in pairs(self.early) do
    count = count + 1
  end
  return count
end

-- Starts a helm that renders and waits. -> rendering, nil if helm did not get as far
local function start(self, name, release)
  if self.cannot then return nil end
  local credentials = self.starter.credentials()
  local waiting = self.starter.start(held.start, name, release)
  self.waiting[release], self.cannot = waiting, waiting == nil
  if not waiting then return nil end
  waiting.credentials = credentials
  return waiting:rendering()
end

-- What was rendered ahead, if the same is to be rendered now; the helm that has rendered it then waits for this
-- release.
local function take(self, name, release)
  local early = self.early[name]
  self.early[name] = nil
  local waiting = early and self.waiting[early.release]
  if not waiting then return nil end
  local asked = self.starter.question(name, release)
  local same = early.release.revision == release.revision and early.question == asked
  if waiting.ended or not same then
    self:let_go(early.release)
    return nil
  end
  self.waiting[early.release], self.waiting[release] = nil, waiting
  return waiting:rendering()
end

--- Renders a release by a helm that then waits.
---@param name string
---@param release o2x.helm.release
---@return o2x.helm.rendering? rendering nil if helm did not get as far
---@return boolean? was_ahead it was rendered before its turn
function Ahead:hold(name, release)
  local rendering = take(self, name, release)
  if rendering then return rendering, true end
  if count_waiting(self) - count_early(self) >= MOST then return nil end
  return start(self, name, release)
end

--- Renders a release before its turn: hold takes it over then, if all is still the same.
---@param name string
---@param release o2x.helm.release
function Ahead:hold_early(name, release)
  if self.early[name] or count_early(self) >= MOST then return end
  self.early[name] = { question = self.starter.question(name, release), release = release }
  local ok, rendering = pcall(start, self, name, release)
  if not rendering or not ok then self.early[name] = nil end
  if not ok then error(rendering, 0) end
end

--- The helm that waits for a release, if it can still write: one that was killed has written nothing, and one that
--- started with credentials that were renewed since would be refused.
---@param release o2x.helm.release
---@return table? waiting of held.lua
function Ahead:able_to_write(release)
  local waiting = self.waiting[release]
  if not waiting then return nil end
  if not waiting.ended and waiting.credentials == self.starter.credentials() then return waiting end
  self:let_go(release)
end

--- Ends the helm that waits for a release, if there is one. It has written nothing.
---@param release o2x.helm.release
function Ahead:let_go(release)
  local waiting = self.waiting[release]
  self.waiting[release] = nil
  if waiting then waiting:close() end
end

--- Ends all of them.
function Ahead:close()
  for release in pairs(self.waiting) do
    self:let_go(release)
  end
  self.early = {}
end

return M
