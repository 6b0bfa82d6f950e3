--- The house: which file stands in which room, which file uses which (`require`, `lazy`, `#include`), and what its
--- rules forbid. Reads source texts only, so a test can feed it a made-up tree. Used by tests/house/rooms_spec.lua
--- and by `make house`.

local fs = require "o2x.base.fs"
local lexer = require "o2x.core.parse"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

--- The rooms of lua/o2x, from top to bottom. An arrow may stay in its room or go down this list.
M.STOREYS =
  { "main", "cli", "doctor", "prove", "engine", "script", "project", "effects", "policy", "client", "report", "base" }

local LARGEST = 500 -- lines of a C file

local storey = {}
for i, room in ipairs(M.STOREYS) do
  storey[room] = i
end

-- What the simulators may use besides themselves: these know nothing of runs.
local LAB_ROOMS = { lab = true, base = true, client = true, report = true, project = true, host = true }
local LAB_FILES =
  { ["lua/o2x/cli/args.lua"] = true, ["lua/o2x/cli/entry.lua"] = true, ["lua/o2x/cli/usage.lua"] = true }

-- Started by the host, not by a require.
local ENTRIES = { ["lua/o2x/main.lua"] = true, ["lua/lab/main.lua"] = true, ["lua/o2x/prove/lab.lua"] = true }

-- Written by the Makefile.
local GENERATED =
  { ["o2x.script.effect_sources"] = true, ["o2x.script.api_index"] = true, ["o2x.effects.names"] = true }

-- The one module of stdlib that the program asks for by name, as the platform's side of the contract.
local CONTRACT = { ["stdlib/platform.lua"] = true }

--- The room of a file; nil if it stands in none.
---@param path string such as "lua/o2x/engine/gate.lua"
---@return string? room
function M.room(path)
  if path == "lua/o2x/main.lua" then return "main" end
  local room = path:match "^lua/o2x/([%w_]+)/[%w_/]+%.lua$"
  if room then return storey[room] and room end
  if path:match "^lua/lab/[%w_/]+%.lua$" then return "lab" end
  if path:match "^host/[%w_]+%.[ch]$" then return "host" end
  if path:match "^stdlib/[%w_/]+%.lua$" then return "stdlib" end
  if path:match "^runbooks/[%w_/-]+%.lua$" then return "runbooks" end
end

--- Reads the sources below a checkout's root.
---@param root string
---@return table<string, string> tree path relative to the root → text
function M.read(root)
  local tree = {}
  local function walk(folder)
    for _, name in ipairs(fs.list(fs.join(root, folder))) do
      local path = folder .. "/" .. name
      if fs.is_folder(fs.join(root, path)) then
        if path ~= "host/tool" then walk(path) end
      elseif name:match "%.lua$" or name:match "%.[ch]$" then
        tree[path] = fs.read(fs.join(root, path))
      end
    end
  end
  for _, folder in ipairs { "host", "lua", "runbooks", "stdlib" } do
    walk(folder)
  end
  return tree
end

-- C --------------------------------------------------------------------------------------------------------------

-- Without comments and without what stands in quotes, apart from #include lines.
local function c_code(text)
  text = text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", "")) end)
  text = text:gsub("//[^\n]*", "")
  return (
    text:gsub('[^\n]*"[^\n]*', function(line)
      if line:match "^%s*#" then return line end
      return (line:gsub('\\"', ""):gsub('"[^"]*"', '""'))
    end)
  )
end

-- X.c and X.h are one node, named by the path of what there is.
local function c_node(tree, path)
  local source = path:gsub("%.h$", ".c")
  return tree[source] and source or path
end

local function read_c(house, path, text)
  local line = 0
  for code in (c_code(text) .. "\n"):gmatch "([^\n]*)\n" do
    line = line + 1
    local name = code:match '^%s*#%s*include%s*"([^"]+)"'
    if name then house:arrow(path, "host/" .. name, line) end
  end
end

-- Lua ------------------------------------------------------------------------------------------------------------

-- The file of a module's name, as trusted Lua and as scripts say it; nil if there is none.
local function file_of(tree, name, script)
  local native = name:match "^o2x%.core%.([%w_]+)$"
  if native then return tree["host/" .. native .. ".c"] and "host/" .. native .. ".c" end
  local path = name:gsub("%.", "/")
  if script then
    if name == "o2x.runbook" then return "lua/o2x/script/runbook.lua" end
    local api = name:match "^o2x%.(.*)$"
    path = api and "lua/o2x/effects/" .. api or path
  else
    path = "lua/" .. path
  end
  for _, candidate in ipairs { path .. ".lua", path .. "/init.lua" } do
    if tree[candidate] then return candidate end
  end
end

local function is_script(path) return not path:match "^lua/" end

-- A name that is put together, as in require("o2x.cli." .. name): each string of the file that completes it counts.
local function computed(house, path, tokens, prefix, line)
  for _, token in ipairs(tokens) do
    local found = token.kind == "string" and file_of(house.tree, prefix .. token.value, is_script(path))
    if found and found ~= path then house:arrow(path, found, line) end
  end
end

-- Files that find modules by names which are not in them: what they find.
local FINDERS = {
  ["lua/o2x/effects/init.lua"] = function(path)
    return path:match "^lua/o2x/effects/[^/]+%.lua$" or path:match "^lua/o2x/effects/[^/]+/init%.lua$"
  end,
  ["lua/o2x/engine/clients.lua"] = function(path, text)
    return path:match "^lua/o2x/client/" and text:find("function M.for_run(", 1, true)
  end,
}

local function found_by_name(house, path)
  for _, other in ipairs(sorted_keys(house.tree)) do
    if other ~= path and FINDERS[path](other, house.tree[other]) then house:arrow(path, other, 1) end
  end
end

local LOADERS = { require = true, lazy = true }

local function read_lua(house, path, text)
  local tokens, kinds, values, lines = {}, lexer.tokens(text)
  for i, kind in ipairs(kinds) do
    tokens[i] = { kind = kind, value = values[i], line = lines[i] }
  end
  for i, token in ipairs(tokens) do
    if token.kind == "name" and LOADERS[token.value] then
      local method = i > 1 and (tokens[i - 1].kind == ":" or tokens[i - 1].kind == "function")
      local at = i + 1
      if tokens[at].kind == "(" or tokens[at].kind == "," then at = at + 1 end
      local name, after = tokens[at], tokens[at + 1]
      if method then
        -- sandbox:require("stdlib.platform"): trusted Lua asks for a script's module.
        if name.kind == "string" then
          house.asked[#house.asked + 1] =
            { from = path, to = file_of(house.tree, name.value, true) or name.value, line = name.line }
        end
      elseif name.kind == "string" and after.kind == ".." then
        computed(house, path, tokens, name.value, name.line)
      elseif name.kind == "string" then
        house:module(path, name.value, name.line)
      elseif name.kind == "name" and at > i + 1 then
        computed(house, path, tokens, "", name.line)
      end
    end
  end
end

-- The house ------------------------------------------------------------------------------------------------------

local House = {}
House.__index = House

--- Notes that a file uses another.
function House:arrow(from, to, line)
  from, to = c_node(self.tree, from), c_node(self.tree, to)
  if from == to then return end
  local known = self.uses[from]
  if not known then
    known = {}
    self.uses[from] = known
  end
  known[to] = known[to] or line
end

--- Notes that a file requires a module by its name.
function House:module(from, name, line)
  if GENERATED[name] then return end
  local to = file_of(self.tree, name, is_script(from))
  if to then
    self:arrow(from, to, line)
  elseif is_script(from) or name:match "^o2x%." or name:match "^lab%." then
    self.missing[#self.missing + 1] = ("%s:%d: there is no module %s"):format(from, line, name)
  end
end

--- Reads a tree of sources.
---@param tree table<string, string> path → text
---@return table house tree; uses: path → path → line; asked: { from, to, line }; missing: texts
function M.new(tree)
  local house = setmetatable({ tree = tree, uses = {}, asked = {}, missing = {} }, House)
  for _, path in ipairs(sorted_keys(tree)) do
    if path:match "%.lua$" then
      read_lua(house, path, tree[path])
      if FINDERS[path] then found_by_name(house, path) end
    else
      read_c(house, path, tree[path])
    end
  end
  return house
end

--- Calls fn(from, to, line) for each arrow, in order.
---@param fn fun(from: string, to: string, line: integer)
function House:each(fn)
  for _, from in ipairs(sorted_keys(self.uses)) do
    for _, to in ipairs(sorted_keys(self.uses[from])) do
      fn(from, to, self.uses[from][to])
    end
  end
end

--- The rooms with what is in them, and the arrows between them.
---@return table<string, integer> files room → count; X.c and X.h count once
---@return table<string, table<string, integer>> arrows room → room → how many files use a file of it
function House:rooms()
  local files, arrows = {}, {}
  for path in pairs(self.tree) do
    local room = c_node(self.tree, path) == path and M.room(path)
    if room then files[room] = (files[room] or 0) + 1 end
  end
  local function count(from, to)
    from, to = M.room(from), M.room(to)
    if not (from and to) or from == to then return end
    arrows[from] = arrows[from] or {}
    arrows[from][to] = (arrows[from][to] or 0) + 1
  end
  self:each(count)
  for _, ask in ipairs(self.asked) do
    count(ask.from, ask.to)
  end
  return files, arrows
end

-- The rules: each gives the texts of what breaks it ----------------------------------------------------------------

M.rules = {}

--- Each file stands in a room.
function M.rules.room(house)
  local found = {}
  for _, path in ipairs(sorted_keys(house.tree)) do
    if not M.room(path) then found[#found + 1] = path .. ": stands in no room" end
  end
  return found
end

--- Each required module is there.
function M.rules.missing(house) return house.missing end

local function allowed(from, to, target)
  if to == "host" then return true end
  if from == "lab" then return LAB_ROOMS[to] or LAB_FILES[target] end
  if from == "host" then return false end
  if from == "stdlib" then return to == "stdlib" or to == "effects" end
  if from == "runbooks" then return to == "stdlib" or to == "effects" or to == "script" end
  return storey[from] and storey[to] and storey[from] <= storey[to]
end

--- Arrows go down.
function M.rules.down(house)
  local found = {}
  house:each(function(path, target, line)
    local from, to = M.room(path), M.room(target)
    if from and to and from ~= to and not allowed(from, to, target) then
      found[#found + 1] = ("%s:%d: %s may not use %s (%s)"):format(path, line, from, to, target)
    end
  end)
  return found
end

--- The program asks stdlib only for the platform's side of the contract.
function M.rules.contract(house)
  local found = {}
  for _, ask in ipairs(house.asked) do
    if not CONTRACT[ask.to] then
      found[#found + 1] = ("%s:%d: asks for %s; the program knows only stdlib/platform.lua"):format(
        ask.from,
        ask.line,
        ask.to
      )
    end
  end
  return found
end

--- No file uses itself by way of others.
function M.rules.cycle(house)
  local found, state, trail = {}, {}, {}
  local function visit(path)
    state[path] = "open"
    trail[#trail + 1] = path
    for _, to in ipairs(sorted_keys(house.uses[path] or {})) do
      if state[to] == "open" then
        local at = #trail
        while trail[at] ~= to do
          at = at - 1
        end
        found[#found + 1] = table.concat(trail, " > ", at) .. " > " .. to
      elseif not state[to] then
        visit(to)
      end
    end
    trail[#trail] = nil
    state[path] = "done"
  end
  for _, path in ipairs(sorted_keys(house.uses)) do
    if not state[path] then visit(path) end
  end
  return found
end

--- Each module is used: of Lua, and the native ones that host/open.c registers.
function M.rules.dead(house)
  local used, found = {}, {}
  house:each(function(_, to) used[to] = true end)
  for _, ask in ipairs(house.asked) do
    used[ask.to] = true
  end
  for _, path in ipairs(sorted_keys(house.tree)) do
    local native = house.tree[path]:match "\nint luaopen_o2x_core_([%w_]+)%("
    local module = native or (path:match "%.lua$" and M.room(path) ~= "runbooks")
    if module and not used[path] and not ENTRIES[path] then found[#found + 1] = path .. ": nothing requires it" end
  end
  return found
end

-- The C files that call a function, once for each call.
local function calls(tree, word)
  local places = {}
  for _, path in ipairs(sorted_keys(tree)) do
    if path:match "^host/.*%.[ch]$" then
      for _ in c_code(tree[path]):gmatch("%f[%w_]" .. word .. "%f[^%w_]") do
        places[#places + 1] = path
      end
    end
  end
  return places
end

--- One place of the host resumes and yields, one talks to libuv.
function M.rules.single_place(house)
  local found = {}
  for _, word in ipairs { "lua_resume", "lua_yieldk", "lua_yield" } do
    local places = calls(house.tree, word)
    local wanted = word == "lua_yield" and 0 or 1
    if #places ~= wanted or wanted == 1 and places[1] ~= "host/task.c" then
      found[#found + 1] = ("%s: called %d times (%s); once, in host/task.c, is the rule"):format(
        word,
        #places,
        table.concat(places, ", ")
      )
    end
  end
  for _, path in ipairs(sorted_keys(house.tree)) do
    if path ~= "host/loop.c" and house.tree[path]:find "#%s*include%s*<uv%.h>" then
      found[#found + 1] = path .. ": includes <uv.h>; only host/loop.c does"
    end
  end
  return found
end

--- C files stay small.
function M.rules.length(house)
  local found = {}
  for _, path in ipairs(sorted_keys(house.tree)) do
    local _, lines = house.tree[path]:gsub("\n", "")
    if path:match "%.[ch]$" and lines > LARGEST then
      found[#found + 1] = ("%s: %d lines; %d at most"):format(path, lines, LARGEST)
    end
  end
  return found
end

--- The host knows no tenants: what it does is the same for any program.
function M.rules.plain_host(house)
  local found = {}
  for _, path in ipairs(sorted_keys(house.tree)) do
    if path:match "^host/" and house.tree[path]:lower():find("tenant", 1, true) then
      found[#found + 1] = path .. ": names tenants"
    end
  end
  return found
end

return M
