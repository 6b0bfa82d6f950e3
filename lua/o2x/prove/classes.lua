--- Which cases are one case many times over: the same code is disturbed in the same way, for another service, table or
--- secret. Of such a class three are played: the first, one in the middle, the last; of a small one all.
---
---   at a point   one class is what o2x does there: its own lines that lead there, and the effect type; another one is
---                where in the scripts that is: their lines
---   a fault      the service, the fault, and the form of what is asked: without names and values. A request that names
---                an object of the tenant also by how often it was made for that object before
---
--- What is chosen covers each class of either sort. What is in no class with others is always played.

local M = {}

local FEW <const> = 3 -- cases of a class: all are played

-- Points whose third word is a name, not what is done.
local NAMED <const> = { file = true, dns = true }

-- "before http GET https://…" → "before http GET"
local function deed(label)
  local moment, system, word = label:match "^(%S+) (%S+) ?(%S*)"
  if not moment then return label end
  return NAMED[system] and moment .. " " .. system or ("%s %s %s"):format(moment, system, word)
end

-- The keywords and functions of a statement, in order.
local function form_of_statement(text)
  local words = {}
  for word, call in text:gsub('"[^"]*"', " "):gsub("'[^']*'", " "):gmatch "([%w_.]+)(%(?)" do
    if call ~= "" or word:find "^%u+$" then words[#words + 1] = word end
  end
  return #words > 0 and table.concat(words, " ") or text
end

-- A request, each name of the tenant's left out, and how many names there were.
local function form_of_request(text, tenant)
  return text:gsub("[%w.-]+", function(name) return name:find(tenant, 1, true) and "NAME" or nil end)
end

local function of_fault(case, tenant)
  local form, names
  if case.relayed then
    form = form_of_statement(case.match)
  else
    form, names = form_of_request(case.match, tenant)
  end
  local time = (names or 0) > 0 and form ~= case.match and case.nth or ""
  return ("fault %s %s %s %s"):format(case.service, case.fault, form, time)
end

--- The classes of a case.
---@param case table of cases.lua
---@param tenant string
---@return string[] keys
function M.of(case, tenant)
  if case.kind == "fault" then return { of_fault(case, tenant) } end
  if not case.own then return { case.id } end
  local keys = { ("%s %s %s"):format(case.kind, deed(case.label), case.own) }
  if case.script ~= "" then keys[2] = ("%s in %s"):format(case.kind, case.script) end
  return keys
end

---@class o2x.prove.Class
---@field kind string
---@field cases table[]

--- The classes of cases.
---@param list table[] of cases.lua
---@param tenant string
---@return o2x.prove.Class[]
function M.all(list, tenant)
  local found, by_key = {}, {}
  for _, case in ipairs(list) do
    for _, key in ipairs(M.of(case, tenant)) do
      if not by_key[key] then
        by_key[key] = { kind = case.kind, cases = {} }
        found[#found + 1] = by_key[key]
      end
      table.insert(by_key[key].cases, case)
    end
  end
  return found
end

-- The first, one in the middle, which the seed moves, and the last.
local function some_of(cases, seed)
  local count = #cases
  if count <= FEW then return cases end
  return { cases[1], cases[2 + ((count - 2) // 2 + seed) % (count - 2)], cases[count] }
end

--- Some cases of each class, in the order of the list.
---@param list table[]
---@param all o2x.prove.Class[] of the list
---@param seed integer
---@return table[]
function M.choose(list, all, seed)
  local wanted, chosen = {}, {}
  for _, class in ipairs(all) do
    for _, case in ipairs(some_of(class.cases, seed)) do
      wanted[case] = true
    end
  end
  for _, case in ipairs(list) do
    if wanted[case] then chosen[#chosen + 1] = case end
  end
  return chosen
end

-- Of which kind they are, each case once.
local function kinds_of(all)
  local kinds, seen = {}, {}
  for _, class in ipairs(all) do
    local kind = kinds[class.kind] or { all = 0, classes = 0, covered = 0 }
    kinds[class.kind] = kind
    kind.classes = kind.classes + 1
    for _, case in ipairs(class.cases) do
      kind.all = kind.all + (seen[case] and 0 or 1)
      seen[case] = true
    end
  end
  return kinds
end

--- What chosen cases cover.
---@param all o2x.prove.Class[]
---@param chosen table[]
---@return table<string, { all: integer, classes: integer, covered: integer, least: integer? }> kinds how many cases and
---  classes of a kind there are, and of how many classes there is a case; least: the fewest cases of a class that has
---  more
function M.cover(all, chosen)
  local is_chosen, kinds = {}, kinds_of(all)
  for _, case in ipairs(chosen) do
    is_chosen[case] = true
  end
  for _, class in ipairs(all) do
    local kind, count = kinds[class.kind], 0
    for _, case in ipairs(class.cases) do
      count = count + (is_chosen[case] and 1 or 0)
    end
    kind.covered = kind.covered + (count > 0 and 1 or 0)
    if count < #class.cases then kind.least = math.min(kind.least or count, count) end
  end
  return kinds
end

return M
