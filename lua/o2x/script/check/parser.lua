--- Parses Lua into a tree with resolved names, for o2x check. host/parse.c makes it:
---
--- Expressions are { k =, line = } with k one of
---   name     name; var unless it is a global
---   index    object, key
---   call     fn, args
---   method   object, name, args
---   func     params (variables), vararg, body
---   table    items, each { name, key, value, line }; name: of a key that is a text
---   string   value
---   number   value, as it is written
---   literal  value: "nil", "true", "false" or "..."
---   binary   op, a, b
---   unary    op, a
--- Statements are
---   local       vars, values
---   assign      targets, values; also of function t.f()
---   expression  value
---   if          clauses, each { condition, body }
---   loop        exprs, body; while, repeat and for
---   do          body
---   return      values
---   break       also goto and its label
--- A variable is { name, value: the node of its first value, changed: it is assigned later }. How nodes are walked is
--- in walk.lua.

local core = require "o2x.core.parse"
local walk = require "o2x.script.check.walk"

local M = { walk = walk.walk, each = walk.each }

--- The tree of a source text that compiles.
---@param text string
---@return table main a func node without parameters
function M.parse(text) return core.tree(text) end

return M
