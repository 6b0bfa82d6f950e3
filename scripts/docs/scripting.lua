--- docs/scripting.md: everything that scripts can use, from the sources that provide it.

local effects = require "o2x.effects"
local library = require "o2x.script.library"
local reference = require "o2x.script.reference"
local runbooks = require "o2x.script.runbook"

local M = { path = "docs/scripting.md" }

local COLUMNS <const> = 116

-- How methods are written whose objects an api hands out: class in its source → the object's name in the page.
local OBJECTS = { pg = { Named = "db", Admin = "pg.admin" }, helm_values = { api = "doc" } }

local HEAD = [[
# Scripting reference

<!-- Made by `make docs` from the doc comments of the sources; do not edit. -->

Runbooks, `runbooks/hooks.lua` and the files of `stdlib/` are Lua 5.4 in a sandbox. This page lists all they can use.
`o2x defs FOLDER` writes the same as definitions for lua-language-server; `README.md` shows how to write a runbook.

`require "o2x.NAME"` gives an api, bound to the run and its tenant at first use; `require "stdlib.NAME"` gives a file
of `stdlib/`; `require "runbooks.NAME"` gives a standard runbook. Loading a file must not do anything: only the apis
PURE may be used while it is loaded.

A function marked **writes** needs its word in the runbook's `effects`. It describes a state, not an action: when the
state is there already, nothing is sent. Secrets are opaque values; see [architecture.md](architecture.md#secrets).

[Runbook](#a-runbook) · [Globals](#globals) · [Tenant](#the-tenant) · [Override](#a-tenants-own-version) ·
[Hooks](#hooks) · [Lua library](#the-lua-library) · [APIs](#apis)
]]

local DIFFERENCES <const> = [[
Some things differ on purpose:

- `pairs` goes through numbers, then texts, then booleans, each in order, because a resumed run must repeat the same
  steps. A key of another type has no order and is an error. `next(t)` only tells whether a table is empty.
- `math.random` gives the same numbers in a resumed run.
- `tostring` and `%s` show no addresses: `table`, not `table: 0x55…`. `%p` is not available.
- A metatable may not have `__gc` or `__mode`. The metatable of texts is hidden.
- `pcall` cannot hold up an interruption or the limit of time. The handler of `xpcall` runs after the stack is unwound.
- Globals cannot be set. What `require` gives, the tenant, the parameters and errors are read-only, with all tables in
  them: copy a table to change it. The tables of a file of `stdlib/` are constant once it is loaded.
- What an API is given is copied once, and what it returns is a copy. A table with a metatable, a table in itself, more
  than 64 levels and more than 200,000 values are refused.
]]

-- ---- doc comments ----

-- A type ends at the first space outside of brackets, unless the type goes on after it (fun(): a, b; a | b).
local function split_type(text)
  local depth = 0
  for i = 1, #text do
    local char = text:sub(i, i)
    if char:find("[%(%{%[<]") then depth = depth + 1 end
    if char:find("[%)%}%]>]") then depth = depth - 1 end
    if char == " " and depth == 0 and not text:sub(i - 1, i - 1):find("[:|,]") then
      return text:sub(1, i - 1), text:sub(i + 1)
    end
  end
  return text, ""
end

-- The lines of a doc comment: prose, parameters { name, type, text }, returns { type, text }.
local function parse(lines)
  local joined = {}
  for _, line in ipairs(lines) do
    if line:match("%S") and not line:match("^@") and #joined > 0 and joined[#joined]:match("^@") then
      joined[#joined] = joined[#joined] .. line:gsub("^%s+", " ")
    else
      joined[#joined + 1] = line
    end
  end
  local doc = { prose = {}, params = {}, returns = {} }
  for _, line in ipairs(joined) do
    local name, rest = line:match("^@param ([%w_.]+%??) (.*)$")
    local returned = line:match("^@return (.*)$")
    if name then
      local kind, text = split_type(rest)
      if name:sub(-1) == "?" then
        name, kind = name:sub(1, -2), kind .. "?"
      end
      doc.params[name] = { type = kind, text = text }
    elseif returned then
      local kind, text = split_type(returned)
      doc.returns[#doc.returns + 1] = { type = kind, text = text }
    elseif not line:match("^@") then
      doc.prose[#doc.prose + 1] = line
    end
  end
  return doc
end

-- ---- Markdown ----

local function wrap(text, indent)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and utf8.len(line) + 1 + utf8.len(word) > COLUMNS - #indent then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. indent)
end

local function code(text) return "`" .. text .. "`" end

local function cell(text) return (text:gsub("|", "\\|")) end

-- Prose as paragraphs; indented lines are an example and stay as they are.
local function prose(add, lines)
  local paragraph, example = {}, {}
  local function flush()
    if #paragraph > 0 then add(wrap(table.concat(paragraph, " "), "") .. "\n") end
    if #example > 0 then add(table.concat(example, "\n") .. "\n") end
    paragraph, example = {}, {}
  end
  for _, line in ipairs(lines) do
    local indented = line:match("^%s%s%s%s")
    if line:match("^%s*$") or (indented and #paragraph > 0) or (not indented and #example > 0) then flush() end
    if indented then
      example[#example + 1] = "   " .. line:gsub("^%s+", " ")
    elseif line:match("%S") then
      paragraph[#paragraph + 1] = line
    end
  end
  flush()
end

local function is_optional(kind) return kind:sub(-1) == "?" and not kind:find("^fun%(.*%):") end

local function signature(name, entry, params)
  local text = ""
  for i, param in ipairs(entry.params) do
    local known = params[param]
    local separator = i > 1 and ", " or ""
    if known and is_optional(known.type) or param == "..." then
      text = ("%s%s[%s%s]"):format(text, i > 1 and " " or "", separator, param)
    else
      text = text .. separator .. param
    end
  end
  return ("%s(%s)"):format(name, text)
end

local function function_text(add, name, entry, marks)
  local doc = parse(entry.doc)
  add(("#### %s%s\n"):format(code(signature(name, entry, doc.params)), marks and entry.writes and " · writes" or ""))
  prose(add, doc.prose)
  local items = {}
  for _, param in ipairs(entry.params) do
    local known = doc.params[param]
    if known then items[#items + 1] = wrap(("- %s: %s %s"):format(code(param), code(known.type), known.text), "  ") end
  end
  for _, returned in ipairs(doc.returns) do
    local text = returned.text:gsub("^([%a_][%w_]*)%f[%s%z]", "*%1*")
    items[#items + 1] = wrap(("- → %s %s"):format(code(returned.type), text), "  ")
  end
  if #items > 0 then add(table.concat(items, "\n") .. "\n") end
end

local function sorted(functions)
  local names = {}
  for name in pairs(functions) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- ---- sections ----

local function class_text(add, name)
  add("| field | type | meaning |\n|---|---|---|")
  for _, line in ipairs(reference.classes()[name]) do
    local field, rest = line:match("^@field (%[?[%w_]+%]?%??) (.*)$")
    if field then
      local kind, text = split_type(rest)
      add(
        ("| %s | %s | %s |"):format(code(field), cell(code(kind)), (cell(text):gsub("@api@", tostring(runbooks.API))))
      )
    end
  end
  add("")
end

local function parameter_types()
  local kinds = {}
  for kind in reference.classes()["o2x.parameter_type"][1]:gmatch('"(%l+)"') do
    kinds[#kinds + 1] = code(kind)
  end
  return table.concat(kinds, ", ")
end

local function declared_words()
  local words = {}
  for _, name in ipairs(effects.NAMES) do
    local word = effects.find(name).declares
    if word then words[#words + 1] = code(word) end
  end
  return table.concat(words, ", ")
end

local function library_text(add)
  local functions, tables = {}, {}
  local names = library.new(1)
  for _, name in ipairs(sorted(names)) do
    if type(names[name]) == "table" then
      tables[#tables + 1] = name
    else
      functions[#functions + 1] = code(name)
    end
  end
  add(wrap("- " .. table.concat(functions, ", "), "  "))
  for _, name in ipairs(tables) do
    local members = {}
    for key in names.pairs(names[name]) do
      members[#members + 1] = code(key)
    end
    table.sort(members)
    add(wrap(("- %s: %s"):format(code(name), table.concat(members, ", ")), "  "))
  end
  add("")
end

-- pg.tenant is no function but an object whose methods follow.
local function is_object(entry) return not entry.constant and #entry.params == 0 and #entry.doc == 0 end

local function api_text(add, name)
  local functions, objects, names = reference.of(name), OBJECTS[name] or {}, {}
  add(("### o2x.%s\n"):format(name))
  prose(add, reference.head(name))
  local declares = effects.find(name).declares
  if declares then add(("Effect word: %s\n"):format(code(declares))) end
  for _, key in ipairs(sorted(functions)) do
    if is_object(functions[key]) then names[#names + 1] = code(name .. "." .. key) end
  end
  if #names > 0 then add(("Connections, written `db` below: %s.\n"):format(table.concat(names, ", "))) end
  for _, key in ipairs(sorted(functions)) do
    local entry = functions[key]
    local owner = entry.method and objects[entry.class]
    local full = owner and ("%s:%s"):format(owner, key) or ("%s.%s"):format(name, key)
    if entry.constant then
      add(("#### %s\n"):format(code(full)))
      prose(add, parse(entry.doc).prose)
    elseif not is_object(entry) then
      function_text(add, full, entry, true)
    end
  end
end

--- The page.
---@return string
function M.text()
  local parts, pure = {}, {}
  local function add(text) parts[#parts + 1] = text end
  for _, name in ipairs(effects.NAMES) do
    if effects.is_pure(name) then pure[#pure + 1] = code(name) end
  end
  add((HEAD:gsub("PURE", table.concat(pure, ", "))))
  add('## A runbook\n\nA runbook file returns `require "o2x.runbook" { … }` with these fields:\n')
  class_text(add, "o2x.declaration")
  local kinds = "A kind of effect has a word of its own, which says less: `k8s.replicas:write`."
  add(wrap(("Words of `effects`: %s. %s"):format(declared_words(), kinds), "") .. "\n")
  add("### Parameters\n\nEach is `name = { type, … }`.\nTypes: " .. parameter_types() .. ".\n")
  class_text(add, "o2x.parameter")
  add("## Globals\n")
  local globals = reference.globals()
  for _, name in ipairs(sorted(globals)) do
    function_text(add, name, globals[name])
  end
  add("## The tenant\n\nThe first argument of `run`.\n")
  class_text(add, "o2x.tenant")
  add("## A tenant's own version\n")
  add('`runbooks/tenants/TENANT/NAME.lua` returns `require("o2x.runbook").override(require "runbooks.NAME", { … })`.')
  add("A step that the standard runbook does not have is an error. Fields:\n")
  class_text(add, "o2x.override")
  add("## Hooks\n\n`runbooks/hooks.lua` returns a table with these fields; the hooks write through the same gate.\n")
  class_text(add, "o2x.hooks")
  add("What a hook is told of the run:\n")
  class_text(add, "o2x.run")
  add "## The Lua library\n\nScripts have this part, and it does what the Lua manual says.\n"
  library_text(add)
  add(DIFFERENCES)
  add("## APIs\n")
  for _, name in ipairs(reference.names()) do
    api_text(add, name)
  end
  return (table.concat(parts, "\n"):gsub("[ \t]+\n", "\n"):gsub("\n\n\n+", "\n\n"):gsub("%s*$", "\n"))
end

return M
