--- What a fork of a prepared process is: one command of o2x, with an environment and outputs of its own.

local archive = require "o2x.client.pg.archive"
local core = require "o2x.core.forks"
local hook = require "o2x.prove.hook"
local look = require "o2x.prove.look"
local permission = require "o2x.engine.permission"
local out = require "o2x.report.out"
local tables = require "o2x.prove.tables"

local M = {}

local GARBAGE <const> = 1000 -- %: a collection touches every page, and a touched page is copied

local SILENT <const> = 150 -- seconds of a program that dumps a small database, of which ten pass in one

--- Does what it was ordered.
---@param order o2x.prove.order
---@param command fun(words: string[]): integer performs the words of a command line
---@return integer exit code
function M.run(order, command)
  assert(core.dress(order.env, order.out, order.err))
  collectgarbage("setpause", GARBAGE)
  out.colour, out.quiet, out.verbose = false, false, false
  core.hasten(order.hasten or 1)
  archive.SILENT = SILENT
  permission.enter_lab()
  if order.act then hook.start(order.act) end
  if order.look then return look.run(order.look) end
  if order.tables then return tables.make(order.tables) end
  return command(order.argv)
end

return M
