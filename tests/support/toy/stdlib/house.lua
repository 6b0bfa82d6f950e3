--- Houses, for the toy runbook.

local toy = require "o2x.toy"

local M = {}

function M.build(tenant)
  toy.once("house", { owner = tenant.name })
  toy.part("house", "roof", { colour = "red" })
end

function M.furnish(room) toy.ensure("room-" .. room, { name = room, chairs = 4 }) end

return M
