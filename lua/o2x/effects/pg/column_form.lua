--- Values of rows in the form in which the database gives them back. A script writes 10.5, "7" or
--- "2026-01-01T00:00:00Z", a column stores 10.50, 7, 2026-01-01 00:00:00+00. Only the database knows how it reads a
--- value, so it is asked; then what a script wants and what a row has are compared without guesses.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local pg = require "o2x.client.pg"
local secret = require "o2x.base.secret"
local sorted_keys = require "o2x.base.sorted_keys"
local value = require "o2x.base.value"

local M = {}

-- The columns of a table and of those beside it in its schema, unless those are many: a script that writes one of them
-- often writes others. Of each column its type as in CREATE TABLE, and below a domain the kind that needs a form of its
-- own.
local COLUMNS <const> = [[
WITH RECURSIVE asked AS (%s), tables AS (
  SELECT c.oid, c.oid = asked.oid AS own, n.nspname || '.' || c.relname AS name
  FROM asked JOIN pg_namespace n ON n.oid = asked.relnamespace JOIN pg_class c ON c.oid = asked.oid
    OR c.relnamespace = asked.relnamespace AND c.relkind IN ('r', 'p', 'v') AND (
      SELECT count(*) FROM (SELECT FROM pg_class o WHERE o.relnamespace = asked.relnamespace LIMIT 501) AS beside
    ) <= 500
), columns AS (
  SELECT t.name AS of, t.own, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.atttypid AS base
  FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT c.of, c.own, c.attname, c.type, t.typbasetype
  FROM columns c JOIN pg_type t ON t.oid = c.base AND t.typtype = 'd'
)
SELECT c.of, c.own, c.attname AS name, c.type, CASE
  WHEN t.oid = 'bytea'::regtype THEN 'bytes'
  WHEN t.oid IN ('json'::regtype, 'jsonb'::regtype) THEN 'json'
  WHEN t.typcategory = 'A' THEN 'array'
  WHEN t.typcategory = 'C' THEN 'record'
  ELSE 'text' END AS kind
FROM columns c JOIN pg_type t ON t.oid = c.base WHERE t.typtype <> 'd']]

local ONE_TABLE <const> = "SELECT oid, relnamespace FROM pg_class WHERE oid = to_regclass($1)"
local SCHEMAS <const> = "SELECT NULL::oid AS oid, oid AS relnamespace FROM pg_namespace WHERE nspname = ANY ($1)"

---@alias o2x.pg.columns table<string, { name: string, type: string, kind: "bytes"|"json"|"array"|"record"|"text" }>

--- The question for the columns of a table.
---@param name string "schema.table"
---@return table statement { sql, parameter }
function M.columns_of(name) return { COLUMNS:format(ONE_TABLE), pg.quote_table(name) } end

--- The question for the columns of all tables of schemas, those with many tables apart.
---@param schemas string[]
---@return table statement { sql, parameter }
function M.columns_in(schemas) return { COLUMNS:format(SCHEMAS), pg.array(schemas) } end

--- The answer to it.
---@param name string? the table that was asked for
---@param rows table[]
---@return table<string, o2x.pg.columns> columns by the table's name; none for a table that is not there
function M.by_table(name, rows)
  local tables = name and { [name] = {} } or {}
  for _, column in ipairs(rows) do
    local of = column.own and name or column.of
    tables[of] = tables[of] or {}
    tables[of][column.name] = column
  end
  return tables
end

--- The columns of a table, as they are now.
---@param db o2x.pg.Connection
---@param name string "schema.table"
---@return o2x.pg.columns columns empty if there is no such table
function M.columns(db, name) return M.by_table(name, db:rows(table.unpack(M.columns_of(name))))[name] end

local function is_text(text) return utf8.len(text) ~= nil and not text:find("\0", 1, true) end

local function hex(bytes) return "\\x" .. crypto.hex(bytes) end

local function invalid(where, message, hint)
  errors.raise { kind = "input", module = "pg", op = "pg.row", message = where .. ": " .. message, hint = hint }
end

-- ---- what a script gives, as JSON for jsonb_to_record ----

-- All digits of a whole number: 2.0^63 is 9223372036854775808, and 9.2233720368547758e+18 is not. JSON has no negative
-- zero and nothing that is not finite.
local function number_text(n)
  if n ~= n then return "NaN" end
  if n - n ~= 0 then return n > 0 and "Infinity" or "-Infinity" end
  return math.type(n) == "float" and n == math.floor(n) and math.abs(n) < 1e22 and ("%.0f"):format(n) or n
end

local given

local function given_list(kind, where, list)
  local result = json.array {}
  for i, item in ipairs(list) do
    result[i] = given(kind, where, item)
  end
  return result
end

function given(kind, where, v)
  if type(v) == "number" then return number_text(v) end
  if type(v) == "table" and kind == "array" then return given_list(kind, where, v) end
  if type(v) == "table" and kind ~= "record" then return json.encode(v) end
  if type(v) ~= "string" or is_text(v) then return v end
  if kind == "bytes" or kind == "array" then return hex(v) end
  invalid(where, "not UTF-8, or with a NUL, which PostgreSQL's text cannot have", "only a bytea column stores bytes")
end

-- A text for a JSON column is JSON.
local function given_json(where, v, type_name)
  if type(v) == "string" then return json.decode(v, where, { exact = true }) end
  local ok, text = pcall(json.encode, v)
  if not ok then invalid(where, text.message) end
  if type_name == "jsonb" and text:gsub("\\\\", ""):find("\\u0000", 1, true) then
    invalid(where, "a text with a NUL, which jsonb cannot have", "a column of json or bytea can")
  end
  return json.decode(text)
end

local function is_opaque(v) return v == json.null or secret.is(v) or value.is_unknown(v) end

-- -> JSON for the database to read, and the definitions of its columns
local function document_of(name, columns, values, result)
  local document, definitions = {}, {}
  for _, column in ipairs(sorted_keys(values)) do
    local v, of, where = values[column], columns[column], ("%s.%s"):format(name, column)
    result[column] = v
    if of and not is_opaque(v) and of.kind == "json" then
      result[column] = given_json(where, v, of.type)
    elseif of and not is_opaque(v) then
      document[column] = given(of.kind, where, v)
      definitions[#definitions + 1] = ("%s %s"):format(pg.quote(column, "column name"), of.type)
    end
  end
  return document, definitions
end

---@class o2x.pg.question
---@field result table what is known without the database
---@field document table what it reads
---@field statement table? { sql, parameter }; nil: nothing is to be asked

--- The question what the columns would give back for these values.
---@param name string "schema.table"
---@param columns o2x.pg.columns
---@param values table column → value: json.null is NULL, a table is JSON or the items of an array
---@return o2x.pg.question
function M.question(name, columns, values)
  local result = {}
  local document, definitions = document_of(name, columns, values, result)
  local one = { result = result, document = document }
  if #definitions == 0 then return one end
  local sql = "SELECT * FROM jsonb_to_record($1::jsonb) AS given(%s)"
  one.statement = { sql:format(table.concat(definitions, ", ")), json.encode(document) }
  return one
end

--- What the columns would give back.
---@param one o2x.pg.question
---@param row table? the row that the database answered
---@return table values of the same columns; secrets, and columns that are not there, as they are
function M.answer(one, row)
  for column in pairs(one.document) do
    one.result[column] = row[column]
    if one.result[column] == nil then one.result[column] = json.null end
  end
  return one.result
end

-- ---- as a parameter of a statement ----

--- A value that `read` gave, as a parameter.
---@param columns o2x.pg.columns
---@param column string
---@param v any
---@return any
function M.parameter(columns, column, v)
  local kind = columns[column] and columns[column].kind or "text"
  if is_opaque(v) then return v end
  if kind == "json" then return json.encode(v) end
  if kind == "bytes" then return hex(v) end
  if kind == "array" and type(v) == "table" then
    return pg.array(v, columns[column].type:find "^bytea" and hex or nil)
  end
  return v
end

--- A value of a key, as a script gave it, as a parameter.
---@param v any
---@return any
function M.key_parameter(v)
  if type(v) == "string" and not is_text(v) then return hex(v) end
  return v
end

return M
