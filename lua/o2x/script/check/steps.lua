--- o2x check: finds steps without a name, duplicate step names, and checks that write.

local parser = require "o2x.script.check.parser"
local reference = require "o2x.script.reference"
local script = require "o2x.script.check.script"

local M = {}

local NAMELESS = { func = true, number = true, literal = true, table = true }

local function check_step(context, node, kind)
  local name, fn = node.args[1], node.args[2]
  local spread = #node.args == 1 and (name.k == "call" or name.k == "method" or name.value == "...")
  if spread then return end -- step(table.unpack(line))
  if not name or NAMELESS[name.k] or name.k == "string" and name.value:match("^%s*$") then
    context.problem(node.line, ("%s without a name"):format(kind), ('%s("What it does", function, …)'):format(kind))
    return
  end
  if name.k == "string" and name.value:find("[%c/]") then
    context.problem(node.line, ("the name of a %s contains a slash or a line break: %q"):format(kind, name.value))
  end
  local shown = name.k == "string" and ("%q"):format(name.value) or ""
  if not fn or fn.k == "string" or fn.k == "number" or fn.k == "literal" or fn.k == "table" then
    context.problem(node.line, ("%s %s has no function"):format(kind, shown))
  elseif fn.k == "call" and fn.fn.k == "index" then
    context.problem(
      node.line,
      ("%s %s calls its function instead of passing it"):format(kind, shown),
      ("pass the function and its arguments: %s(%s, f, …)"):format(kind, shown)
    )
  end
end

-- Finds duplicate literal names in statements that may run together. seen: name → line; looped: inside a loop.
local stretch

local function names_in(context, node, seen, looped)
  parser.walk(node, function(n)
    if n.k == "func" then
      stretch(context, n.body, {}, n.repeated or false)
      return false
    end
    if
      n.k == "call"
      and n.fn.k == "index"
      and n.fn.object.k == "name"
      and n.fn.object.name == "parallel"
      and n.args[2]
      and n.args[2].k == "func"
    then
      n.args[2].repeated = true
    end
    if not script.calls(n, "step") then return end
    local name = n.args[1]
    if not name or name.k ~= "string" then return end
    if looped then
      context.problem(
        n.line,
        ("step %q is in a loop: its name repeats"):format(name.value),
        "make the name unique, for example with the loop variable"
      )
    elseif seen[name.value] then
      context.problem(
        n.line,
        ("duplicate step name %q (line %d)"):format(name.value, seen[name.value]),
        "step names must be unique within their parent"
      )
    end
    seen[name.value] = seen[name.value] or n.line
  end)
end

local function branches(context, statement, seen, looped)
  local all = {}
  for _, clause in ipairs(statement.clauses) do
    local own = {}
    for name, line in pairs(seen) do
      own[name] = line
    end
    if clause.condition then names_in(context, clause.condition, own, looped) end
    stretch(context, clause.body, own, looped)
    -- A branch that returns never reaches the following statements.
    local last = clause.body[#clause.body]
    if not (last and last.k == "return") then
      for name, line in pairs(own) do
        all[name] = line
      end
    end
  end
  for name, line in pairs(all) do
    seen[name] = line
  end
end

stretch = function(context, statements, seen, looped)
  for _, statement in ipairs(statements) do
    if statement.k == "if" then
      branches(context, statement, seen, looped)
    elseif statement.k == "loop" then
      for _, expression in ipairs(statement.exprs) do
        names_in(context, expression, seen, looped)
      end
      stretch(context, statement.body, {}, true)
    elseif statement.k == "do" then
      stretch(context, statement.body, seen, looped)
    else
      names_in(context, statement, seen, looped)
    end
  end
end

local function check_reads(context, node)
  local fn = node.args[2]
  if not fn or fn.k ~= "func" then return end
  parser.each(fn, "index", function(n)
    if n.key.k ~= "string" then return end
    local api = script.api(n.object)
    local brief = api and reference.brief(api)
    local found = brief and brief.functions[n.key.value]
    if found and found.writes then
      context.problem(
        n.line,
        ("a check must only read, but %s.%s writes"):format(api, n.key.value),
        "write in a step and read in a check"
      )
    end
  end)
end

--- Reports mistakes in the steps and checks of a script.
---@param context table
function M.check(context)
  local has_steps = false
  parser.each(context.tree, "call", function(node)
    if script.calls(node, "step") then
      has_steps = true
      check_step(context, node, "step")
    elseif script.calls(node, "check") then
      check_step(context, node, "check")
      check_reads(context, node)
    end
  end)
  if has_steps then stretch(context, context.tree.body, {}, false) end
end

return M
