--- Quotes names and values for SQL text. Most values are parameters; names cannot be.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local lexer = require "o2x.client.pg.lexer"

local M = {}

--- Rejects a name that is not a plain identifier.
---@param name any
---@param what string? for the message, such as "database name"
---@return string name
function M.check_name(name, what)
  if type(name) == "string" and #name <= 63 and name:find("^[%a_][%w_$%-]*$") then return name end
  errors.raise {
    kind = "input",
    module = "pg",
    code = "name",
    message = ("invalid %s %q: a letter or _, then letters, digits, _ - $; at most 63"):format(
      what or "SQL name",
      tostring(name)
    ),
  }
end

--- A statement that fails, with 22003, unless a condition holds. In a pipeline nothing after it is done then.
---@param condition string SQL whose value the server does not know before it runs
---@return string sql
function M.assertion(condition)
  return ("SELECT pg_catalog.int4(CASE WHEN %s THEN 1.0 ELSE 1e10 END) AS held"):format(condition)
end

local ESCAPES = { ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- A line of COPY's text format from values; json.null (and nil) is NULL.
---@param ... any
---@return string
function M.copy_row(...)
  local cells = table.pack(...)
  for i = 1, cells.n do
    local value = cells[i]
    if value == nil or value == json.null then
      cells[i] = "\\N"
    else
      if type(value) == "table" then value = json.encode(value) end
      if value == true then
        value = "t"
      elseif value == false then
        value = "f"
      end
      cells[i] = tostring(value):gsub("[\\\n\r\t]", ESCAPES)
    end
  end
  return table.concat(cells, "\t", 1, cells.n) .. "\n"
end

--- A checked name in quotes.
---@param name string
---@param what string? for the message, such as "database name"
---@return string
function M.quote(name, what) return '"' .. M.check_name(name, what) .. '"' end

--- A table's name, with or without its schema, each part checked and in quotes.
---@param name string "core_config.tenant"
---@return string
function M.quote_table(name)
  local schema, rest = tostring(name):match("^([^.]*)%.(.*)$")
  if not schema then return M.quote(name, "table name") end
  return M.quote(schema, "schema name") .. "." .. M.quote(rest, "table name")
end

--- The name of a table as somebody wrote it, with its schema, each part quoted where it was: core_config.users,
--- public."order". What is anything else is refused.
---@param name any
---@return string
function M.table_name(name)
  local list = type(name) == "string" and lexer.tokens(name)
  local function part(token)
    if not token then return nil end
    if token.kind == "name" and token.text:find "^[%a_]" then return token.text end
    return token.kind == "quoted" and token.text ~= "" and '"' .. token.text:gsub('"', '""') .. '"' or nil
  end
  local schema, relation = part(list and list[1]), part(list and list[3])
  if schema and relation and #list == 3 and list[2].kind == "op" and list[2].text == "." then
    return schema .. "." .. relation
  end
  errors.raise {
    kind = "input",
    module = "pg",
    code = "name",
    message = ("%q is not the name of a table"):format(tostring(name)):gsub("%c", "?"),
    hint = "the form is schema.table",
  }
end

-- Shorter than %.17g where that is enough: 0.1, not 0.10000000000000001.
local function number_text(n)
  if math.type(n) == "integer" then return tostring(n) end
  if n ~= n then return "NaN" end
  if n - n ~= 0 then return n > 0 and "Infinity" or "-Infinity" end
  if n == math.floor(n) and math.abs(n) < 1e22 then return ("%.0f"):format(n) end
  local short = ("%.15g"):format(n)
  return tonumber(short) == n and short or ("%.17g"):format(n)
end

--- An array parameter from a list of strings, numbers, booleans, json.null and such lists.
---@param list any[]
---@param convert (fun(text: string): string)? of each string
---@return string
function M.array(list, convert)
  local parts = {}
  for i, value in ipairs(list) do
    if value == json.null then
      parts[i] = "NULL"
    elseif type(value) == "table" then
      parts[i] = M.array(value, convert)
    else
      local text = type(value) == "number" and number_text(value) or tostring(value)
      if convert and type(value) == "string" then text = convert(value) end
      parts[i] = '"' .. text:gsub('[\\"]', "\\%0") .. '"'
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return M
