--- JSON for runbooks: require "o2x.json". Secrets are refused by encode.

local json = require "o2x.base.json"
local placeholder = require "o2x.base.placeholder"
local shape = require "o2x.base.shape"
local unknown = require "o2x.base.unknown"

-- What has a name is a variable of a checklist, and can be written.
local function has_unnamed(given)
  if unknown.is(given) then return unknown.name_of(given) == nil end
  if type(given) ~= "table" then return false end
  for _, item in next, given do
    if has_unnamed(item) then return true end
  end
  return false
end

local function copy(given)
  if type(given) ~= "table" or given == json.null or unknown.is(given) then return given end
  local own = json.is_array(given) and json.array {} or {}
  for key, item in pairs(given) do
    own[key] = copy(item)
  end
  return own
end

local function encode(given)
  if has_unnamed(given) then return unknown.text_of(copy(given)) end
  return json.encode(placeholder.fill(given))
end

local function decode(text, ...)
  if unknown.is(text) then return copy(unknown.content_of(text) or text) end
  return json.decode(text, ...)
end

return {
  name = "json",
  api = function()
    return {
      --- Parses JSON. What a server may send is read as Go reads it: an integer beyond 64 bits becomes a float, and of
      --- two members with one name the last one counts.
      ---@param text string
      ---@param source string? where it comes from, for messages
      ---@param options { exact: boolean? }? exact: both are errors, as is right for a file that somebody wrote
      ---@return any
      decode = decode,
      --- Marks a table as a list, even an empty one.
      ---@param list table
      ---@return table
      array = json.array,
      --- Is a table a list?
      ---@param value any
      ---@return boolean
      is_array = json.is_array,

      --- Returns the value if it has a form, otherwise fails with one line that names the field. Forms: "string",
      --- "number", "integer", "boolean", "scalar" (a text, a number or a boolean), "map", "any", with "?" where it may
      --- be absent or null; { "each", FORM }: a list of that; { name = FORM, … }: a map that has at least these
      --- fields; { "?", name = FORM, … }: such a map, or nothing.
      ---@param value any decoded JSON
      ---@param form string|table
      ---@param what string whose answer to what it is: "GraphQL"
      ---@return any value without the fields that are null where the form names them
      check = function(value, form, what) return shape.check(value, form, what) end,

      --- The null of JSON.
      ---@type any
      null = json.null,
      --- Writes JSON on one line, keys sorted. A secret is refused. What has a value in it that a plan cannot know is
      --- not known either.
      ---@param value any
      ---@return string
      encode = function(value) return encode(value) end,
      --- Writes indented JSON.
      ---@param value any
      ---@return string
      pretty = function(value) return json.pretty(placeholder.fill(value)) end,
    }
  end,
}
