--- Generates editor definitions for lua-language-server from the doc comments of the functions that scripts can call.

local effects = require "o2x.effects"
local library = require "o2x.script.library"
local reference = require "o2x.script.reference"
local runbooks = require "o2x.script.runbook"
local fs = require "o2x.base.fs"

local M = {}

-- The module that declares a runbook: require "o2x.runbook".
local RUNBOOK = [[
---@class o2x.runbook
---@overload fun(declaration: o2x.declaration): o2x.declaration
local M = {}

--- Makes a tenant's own version of a standard runbook.
---@param standard o2x.declaration require "runbooks.NAME"
---@param changes o2x.override
---@return o2x.declaration
function M.override(standard, changes) end

return M
]]

-- Objects of an API that share their methods: API → the names of the objects.
local OBJECTS = { pg = { "tenant", "control", "admin" }, helm_values = {} }
local CLASS = { pg = "o2x.pg.database", helm_values = "o2x.helm_values.document" }

local function sorted(functions)
  local list = {}
  for _, entry in pairs(functions) do
    list[#list + 1] = entry
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- Leaves out @class and @field, which describe objects of the engine that scripts do not see.
local function doc_of(entry)
  local lines, documented = {}, {}
  for _, line in ipairs(entry.doc) do
    if not line:match("^@class") and not line:match("^@field") then lines[#lines + 1] = "---" .. line end
    local param = line:match("^@param ([%w_.]+)")
    if param then documented[param] = true end
  end
  if #lines == 0 then lines[1] = "--- " .. (entry.writes and "Writes." or "Reads, or computes.") end
  for _, name in ipairs(entry.params) do
    if not documented[name] then lines[#lines + 1] = ("---@param %s any"):format(name) end
  end
  return table.concat(lines, "\n")
end

local function function_of(owner, entry)
  return ("%s\nfunction %s.%s(%s) end\n"):format(doc_of(entry), owner, entry.name, table.concat(entry.params, ", "))
end

local function method_of(owner, entry)
  return (function_of(owner, entry):gsub("\nfunction " .. owner .. "%.", "\nfunction " .. owner .. ":"))
end

--- The definitions of one api.
---@param name string
---@return string text
function M.api(name)
  local parts = { ("---@meta o2x.%s\n"):format(name) }
  local class, objects = CLASS[name], {}
  for _, object in ipairs(OBJECTS[name] or {}) do
    objects[object] = true
  end
  local members = {}
  if class then parts[#parts + 1] = ("---@class %s\nlocal object = {}\n"):format(class) end
  parts[#parts + 1] = ("---@class o2x.%s\nlocal M = {}\n"):format(name)
  for _, entry in ipairs(sorted(reference.of(name))) do
    if objects[entry.name] then
      members[#members + 1] = ("---@type %s\nM.%s = object\n"):format(class, entry.name)
    elseif class and entry.method then
      parts[#parts + 1] = method_of("object", entry)
    elseif entry.constant then
      members[#members + 1] = ("M.%s = nil ---@type any\n"):format(entry.name)
    else
      members[#members + 1] = function_of("M", entry)
    end
  end
  return table.concat(parts, "\n") .. "\n" .. table.concat(members, "\n") .. "\nreturn M\n"
end

-- "pg:write"|"vault:write" …: the effects that a runbook can declare.
local function effect_names()
  local list = {}
  for _, name in ipairs(effects.NAMES) do
    local effect = effects.find(name).declares
    if effect then list[#list + 1] = ("%q"):format(effect) end
  end
  return table.concat(list, "|")
end

-- lua-language-server's names for the parts of the Lua library; settings() disables those that scripts lack.
local BUILTIN = {
  "basic",
  "bit",
  "bit32",
  "builtin",
  "coroutine",
  "debug",
  "ffi",
  "io",
  "jit",
  "os",
  "package",
  "string",
  "table",
  "utf8",
  "math",
  "string.buffer",
  "table.clear",
  "table.new",
  "jit.profile",
  "jit.util",
}

local function settings()
  local available, lines = library.new(1), {}
  for _, name in ipairs(BUILTIN) do
    local kept = name == "basic" or name == "builtin" or name == "package" or available[name] ~= nil
    lines[#lines + 1] = ('    "%s": "%s"'):format(name, kept and "default" or "disable")
  end
  return ([[
{
  "runtime.version": "Lua 5.4",
  "runtime.path": ["?.lua"],
  "workspace.library": ["%%s"],
  "runtime.builtin": {
%s
  }
}
]]):format(table.concat(lines, ",\n"))
end

local function globals()
  local parts = { "---@meta\n\n---@class o2x.parallel\n---@overload fun(functions: table): table\nparallel = {}\n" }
  for _, entry in ipairs(sorted(reference.globals())) do
    if entry.name ~= "parallel" then
      parts[#parts + 1] = ("%s\nfunction %s(%s) end\n"):format(
        doc_of(entry),
        entry.name,
        table.concat(entry.params, ", ")
      )
    end
  end
  return table.concat(parts, "\n")
end

local function classes()
  local all, names = reference.classes(), {}
  local parts = { "---@meta o2x.runbook\n", "---@alias o2x.effect " .. effect_names() .. "\n" }
  for name in pairs(all) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = "---" .. table.concat(all[name], "\n---") .. "\n"
  end
  parts[#parts + 1] = RUNBOOK
  return (table.concat(parts, "\n"):gsub("@api@", tostring(runbooks.API)))
end

--- All definition files: name → text.
---@return table<string, string>
function M.files()
  local all = { ["globals.lua"] = globals(), ["runbook.lua"] = classes() }
  for _, name in ipairs(reference.names()) do
    all[name .. ".lua"] = M.api(name)
  end
  return all
end

--- Writes the definitions into a folder.
---@param folder string
---@return integer count how many files
---@return string settings for .luarc.json
function M.write(folder)
  local count = 0
  for name, text in pairs(M.files()) do
    fs.write(fs.join(folder, "o2x", name), text, { parents = true, mode = tonumber("644", 8) })
    count = count + 1
  end
  return count, (settings():gsub("%%s", (folder:gsub("%%", "%%%%"))))
end

return M
