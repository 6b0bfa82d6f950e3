--- Editor definitions for lua-language-server, made from the doc comments of what scripts can call.

local effects = require "o2x.effects"
local library = require "o2x.script.library"
local reference = require "o2x.script.reference"
local runbooks = require "o2x.script.runbook"
local fs = require "o2x.base.fs"

local M = {}

-- The words of runbooks, which are globals.
local WORDS = [[
---@meta

--- Runs fn(...) as a named step: shown, recorded, and not run again by o2x resume. -> what fn gives
---@param name string
---@param fn function
---@return any
function step(name, fn, ...) end

--- An assertion that only reads: fn gives what it found, or false and why not. A plan that has changes lists it.
---@param name string
---@param fn function
---@return any
function check(name, fn, ...) end

---@class o2x.parallel
---@overload fun(functions: table<string, function>): table<string, any>
parallel = {}

--- Calls fn for each item, at most limit at a time. -> the results in the order of the list
---@param list any[]
---@param fn fun(item: any): any
---@param options { limit: integer? }?
---@return any[]
function parallel.each(list, fn, options) end

--- Ends the run as failed; it can be resumed.
---@param message string
---@param hint string? what to do about it
function fail(message, hint) end

--- Ends the run because a file or a parameter of the user's is wrong.
---@param message string
---@param hint string?
---@param where string? file, or file:line
function invalid(message, hint, where) end

--- Says something, on the terminal and in the run's log.
---@param message string
---@param fields table?
function log(message, fields) end

--- A table at the end of the run, `result` in --json; { checks = true } gives the run's checks.
---@param given { columns: string[]?, rows: table[]?, checks: boolean?, junit: string? }
function output(given) end

--- Waits; a plan does not.
---@param seconds number
function sleep(seconds) end

--- Calls fn(...), and ends it with an error after so many seconds.
---@param seconds number
---@param fn function
---@return any
function timeout(seconds, fn, ...) end

--- Calls fn(...) again and again until it gives something; an error after so many seconds. In a plan that has changes: nil at once.
---@param what string what is waited for
---@param seconds number
---@param fn fun(...): any, string?
---@return any
function wait_until(what, seconds, fn, ...) end
]]

local RUNBOOK = [[
---@meta o2x.runbook

---@class o2x.parameter
---@field [1] "string"|"integer"|"boolean"|"version"|"tenant"|"duration"|"choice"|"list"
---@field default any
---@field optional boolean?
---@field help string?
---@field choices string[]?
---@field min number?
---@field max number?

---@class o2x.tenant
---@field name string
---@field id string? once it is allocated
---@field company string
---@field environment string
---@field region string
---@field domain string
---@field database string
---@field namespace string
---@field platform table
---@field secrets table
---@field [string] any

---@class o2x.declaration
---@field name string that of the file
---@field version string such as "1.0.0"
---@field api integer @api@
---@field summary string one line
---@field help string? why, what it touches, how to verify, how to go back
---@field params table<string, o2x.parameter>?
---@field effects (@effects@)[]? what it may write
---@field severe boolean? wants --confirm=TENANT
---@field run fun(tenant: o2x.tenant, params: table)

---@class o2x.override
---@field version string of the tenant's own version
---@field summary string?
---@field help string?
---@field params table<string, o2x.parameter>? fields that differ, and new parameters
---@field effects (@effects@)[]? beside those of the standard one
---@field severe boolean?
---@field before table<string, fun(tenant: o2x.tenant, params: table)>? by the name (or path) of a step
---@field after table<string, fun(tenant: o2x.tenant, params: table)>?
---@field instead table<string, fun(tenant: o2x.tenant, params: table, standard: fun(): any): any>?
---@field without string[]? steps that are left out
---@field run fun(tenant: o2x.tenant, params: table, standard: fun(tenant: o2x.tenant, params: table))? around all of it

---@class o2x.runbook
---@overload fun(declaration: o2x.declaration): o2x.declaration
local M = {}

--- A tenant's own version of a standard runbook.
---@param standard o2x.declaration require "runbooks.NAME"
---@param changes o2x.override
---@return o2x.declaration
function M.override(standard, changes) end

return M
]]

-- Objects in an api, whose methods are documented in one place: api → the names of the objects.
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

-- Comments of classes belong to what the engine keeps, not to what scripts see.
local function doc_of(entry)
  local lines, documented = {}, {}
  for _, line in ipairs(entry.doc) do
    if not line:match("^@class") and not line:match("^@field") then lines[#lines + 1] = "---" .. line end
    local param = line:match("^@param ([%w_]+)")
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

local function quoted_words()
  local list = {}
  for i, word in ipairs(effects.words()) do
    list[i] = ("%q"):format(word)
  end
  return table.concat(list, "|")
end

-- Names of the Lua library that scripts have, in lua-language-server's own words: those that they lack.
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
  local there, lines = library.new(1), {}
  for _, name in ipairs(BUILTIN) do
    local kept = name == "basic" or name == "builtin" or name == "package" or there[name] ~= nil
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

--- All files of definitions: name → text.
---@return table<string, string>
function M.files()
  local files = {
    ["words.lua"] = WORDS,
    ["runbook.lua"] = (RUNBOOK:gsub("@(%l+)@", {
      api = tostring(runbooks.API),
      effects = quoted_words(),
    })),
  }
  for _, name in ipairs(reference.names()) do
    files[name .. ".lua"] = M.api(name)
  end
  return files
end

--- Writes the definitions into a folder.
---@param folder string
---@return integer how many files
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
