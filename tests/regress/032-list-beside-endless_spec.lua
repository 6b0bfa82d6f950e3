-- A runbook that never finished loading kept o2x list from listing the others, and its time counted against theirs.

local Toy = require "tests.support.toy"

-- file → text, what is said of it
local ENDLESS = {
  a = { "while true do end", "runbooks/a.lua:1: the script ran for 1 s without waiting for anything" },
  b = { "while true do pcall(error) end", "runbooks/b.lua:1: the script ran for 1 s" },
  c = {
    "\n" .. [[return ("a"):rep(50):find(("a?"):rep(50) .. ("a"):rep(50) .. "b")]],
    "runbooks/c.lua:2: the script ran",
  },
  d = {
    "local x = ('x'):rep(1e4) local t = {} while true do t[#t + 1] = x:rep(1600) .. #t end",
    "runbooks/d.lua:1: not enough memory",
  },
  e = { "local function f() return 1 + f() end return f()", "runbooks/e.lua:1: stack overflow" },
  f = { "local s = ('x'):rep(1e9)", "runbooks/f.lua:1: string.rep: the result would be too long" },
  g = { "return {" .. ("{"):rep(300) .. ("}"):rep(300) .. "}", "overflow" },
  h = { "return setmetatable({}, { __index = function() while true do end end })", "runbooks/h.lua" },
  i = { "error(setmetatable({}, { __tostring = function() while true do end end }))", "runbooks/i.lua" },
}

describe("o2x list beside runbooks that do not finish loading", function()
  it("lists the others, and says what is wrong with each", function()
    local toy <close> = Toy.new()
    toy:write("o2x.yaml", "limits: { memory: 128 }\n")
    for name, case in pairs(ENDLESS) do
      toy:write("runbooks/" .. name .. ".lua", case[1])
    end
    local list, by_name = toy:json({ "list", "--json" }).runbooks, {}
    for _, runbook in ipairs(list) do
      by_name[runbook.name] = runbook
    end
    assert.is_string(by_name.build.summary)
    for name, case in pairs(ENDLESS) do
      local problem = by_name[name].problem
      assert.truthy(problem and problem:find(case[2], 1, true), name .. ": " .. tostring(problem))
      assert.falsy(problem:find("\n"), problem)
    end
  end)
end)
