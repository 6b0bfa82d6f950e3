--- Runs a parsed GraphQL request over a schema of plain tables:
---
---     schema = { query = "Query", mutation = "Mutation", types = {
---       Query    = { getBill = { type = "Bill", input = { id = "ID!" }, resolve = function(parent, input, ctx) … } },
---       Bill     = { id = "ID", invoice = { type = "Invoice", resolve = … }, lines = "[Line]" } } }
---
--- A field whose definition is a string is a property of its parent with that type. `input` lists the arguments of a
--- field, which a request gives as `input: {…}` or one by one.

local graphql = require("lab.graphql_parser")

local M = {}

local SCALARS = { ID = true, String = true, Int = true, Float = true, Boolean = true, JSON = true }
local MAX_DEPTH = 32
local MAX_FIELDS = 10000

local fail = graphql.fail

local function literal(node, variables, location)
  if node.kind == "literal" then return node.value end
  if node.kind == "null" then return nil end
  if node.kind == "variable" then
    if not variables.declared[node.name] then fail(('Variable "$%s" is not defined.'):format(node.name), location) end
    return variables.values[node.name]
  end
  local result = {}
  for key, value in pairs(node.kind == "object" and node.fields or node) do
    if key ~= "kind" then result[key] = literal(value, variables, location) end
  end
  return result
end

-- Checks of variables and input fields by type. Other types (enumerations, input objects) are not checked.
local CHECKS = {
  ID = function(v) return type(v) == "string" or math.type(v) == "integer" end,
  String = function(v) return type(v) == "string" end,
  Int = function(v) return math.type(v) == "integer" end,
  Float = function(v) return type(v) == "number" end,
  Boolean = function(v) return type(v) == "boolean" end,
}

local function check(value, expected, what, location)
  local base, required = expected:match("^(.-)(!?)$")
  if value == nil then
    if required == "!" then fail(('%s of required type "%s" was not provided.'):format(what, expected), location) end
  elseif CHECKS[base] and not CHECKS[base](value) then
    fail(('%s got invalid value; expected type "%s".'):format(what, base), location)
  end
  return value
end

local function bind_variables(operation, given)
  local variables = { declared = {}, values = {} }
  for _, variable in ipairs(operation.variables) do
    local value = given[variable.name]
    if value == nil and variable.default then value = literal(variable.default, variables) end
    check(value, variable.type, ('Variable "$%s"'):format(variable.name))
    variables.declared[variable.name], variables.values[variable.name] = true, value
  end
  return variables
end

local Run = {}
Run.__index = Run

--- Do @skip and @include let a selection in?
---@param directives table[]
---@return boolean
function Run:included(directives)
  for _, directive in ipairs(directives) do
    local condition = directive.arguments["if"]
    local value = condition and literal(condition, self.variables)
    if directive.name == "skip" and value == true then return false end
    if directive.name == "include" and value == false then return false end
    if directive.name ~= "skip" and directive.name ~= "include" then
      fail(('Unknown directive "@%s".'):format(directive.name))
    end
  end
  return true
end

--- The fields of a selection set in order, with fragments expanded.
---@param selections table[]
---@param into table[] the fields so far
---@param seen table<string, boolean> fragments that are being expanded
---@return table[] into
function Run:collect(selections, into, seen)
  for _, selection in ipairs(selections) do
    if self:included(selection.directives) then
      if selection.kind == "field" then
        into[#into + 1] = selection
      elseif selection.kind == "inline" then
        self:collect(selection.selections, into, seen)
      else
        local fragment = self.document.fragments[selection.name]
        if not fragment then fail(('Unknown fragment "%s".'):format(selection.name), selection.location) end
        if seen[selection.name] then
          fail(('Cannot spread fragment "%s" within itself.'):format(selection.name), selection.location)
        end
        seen[selection.name] = true
        self:collect(fragment.selections, into, seen)
        seen[selection.name] = nil
      end
    end
  end
  return into
end

-- The arguments of a field, whether they are given as `input: {…}` or one by one.
local function given_arguments(definition, field)
  local input = field.arguments.input
  if not input or (definition.input and definition.input.input) then return field.arguments, nil end
  if input.kind == "variable" then return nil, input end
  if input.kind ~= "object" then
    fail(('Argument "input" of "%s" must be an object.'):format(field.name), field.location)
  end
  return input.fields, nil
end

--- Refuses arguments that a field does not have.
---@param given table<string, any>
---@param definition table of the field
---@param field table node
function Run:check_names(given, definition, field)
  for name in pairs(given) do
    if not (definition.input and definition.input[name]) then
      fail(('Field "%s" is not defined by the input of "%s".'):format(name, field.name), field.location)
    end
  end
end

--- The whole document is validated before anything runs: a mutation with a typo in its selection has no effect.
---@param type_name string
---@param selections table[]
---@param depth integer
function Run:validate(type_name, selections, depth)
  if depth > MAX_DEPTH then fail("Query is nested too deeply.") end
  for _, field in ipairs(self:collect(selections, {}, {})) do
    self.fields = self.fields + 1
    if self.fields > MAX_FIELDS then fail("Query asks for too many fields.") end
    if field.name ~= "__typename" then self:validate_field(type_name, field, depth) end
  end
end

--- Validates a field: its name, arguments and selection.
---@param type_name string
---@param field table node
---@param depth integer
function Run:validate_field(type_name, field, depth)
  local definition = self.schema.types[type_name][field.name]
  if not definition then
    fail(('Cannot query field "%s" on type "%s".'):format(field.name, type_name), field.location)
  end
  if type(definition) == "string" then definition = { type = definition } end
  local given = given_arguments(definition, field)
  if given then self:check_names(given, definition, field) end
  local base = definition.type:gsub("[%[%]!]", "")
  if SCALARS[base] then
    if field.selections then
      fail(
        ('Field "%s" must not have a selection since type "%s" has no subfields.'):format(field.name, base),
        field.location
      )
    end
  elseif not field.selections then
    fail(('Field "%s" of type "%s" must have a selection of subfields.'):format(field.name, base), field.location)
  else
    self:validate(base, field.selections, depth + 1)
  end
end

--- The arguments of a field, checked by type.
---@param definition table of the field
---@param field table node
---@return table<string, any> input
function Run:input(definition, field)
  local nodes, variable = given_arguments(definition, field)
  local given = {}
  if variable then
    given = literal(variable, self.variables, field.location) or {}
    if type(given) ~= "table" then
      fail(('Argument "input" of "%s" must be an object.'):format(field.name), field.location)
    end
    self:check_names(given, definition, field)
  else
    for name, node in pairs(nodes) do
      given[name] = literal(node, self.variables, field.location)
    end
  end
  local input = {}
  for name, want in pairs(definition.input or {}) do
    local value = given[name]
    if value == self.null then value = nil end
    input[name] = check(value, want, ('Field "%s.%s"'):format(field.name, name), field.location)
  end
  return input
end

--- A resolved value as the response has it.
---@param value any
---@param want string its type: "Bill", "[Line]", "ID!"
---@param field table node
---@param path (string|integer)[] where in the response
---@return any
function Run:complete(value, want, field, path)
  if value == nil then return self.null end
  want = want:gsub("!", "")
  local element = want:match("^%[(.*)%]$")
  if element then
    local list = self.list({})
    for i, item in ipairs(value) do
      list[i] = self:complete(item, element, field, path)
    end
    return list
  end
  if SCALARS[want] then return value end
  return self:object(value, want, self:collect(field.selections, {}, {}), path)
end

--- Resolves a field.
---@param parent table
---@param type_name string of the parent
---@param field table node
---@param path (string|integer)[] where in the response
---@return any
function Run:field(parent, type_name, field, path)
  if field.name == "__typename" then return type_name end
  local definition = self.schema.types[type_name][field.name]
  if type(definition) == "string" then return self:complete(parent[field.name], definition, field, path) end
  local value = definition.resolve(parent, self:input(definition, field), self.context)
  return self:complete(value, definition.type, field, path)
end

--- Resolves the fields of an object. An error of a root field is added to the errors; a deeper one is raised.
---@param parent table
---@param type_name string
---@param fields table[] nodes
---@param path (string|integer)[] where in the response
---@return table<string, any>
function Run:object(parent, type_name, fields, path)
  local result = {}
  for _, field in ipairs(fields) do
    local here = { table.unpack(path) }
    here[#here + 1] = field.key
    local ok, value = pcall(self.field, self, parent, type_name, field, here)
    if not ok then
      if type(value) ~= "table" or not value.graphql then error(value, 0) end
      value.path, value.locations = value.path or here, value.locations or { field.location }
      if #path > 0 then error(value, 0) end
      -- An error of one root field leaves the data of the others, as the specification demands for nullable fields.
      table.insert(
        self.errors,
        { message = value.message, path = value.path, locations = value.locations, extensions = value.extensions }
      )
      value = self.null
    end
    result[field.key] = value
  end
  return result
end

local function choose(document, name)
  if #document.operations == 0 then fail("Must provide an operation.") end
  if not name then
    if #document.operations > 1 then fail("Must provide operation name if query contains multiple operations.") end
    return document.operations[1]
  end
  for _, operation in ipairs(document.operations) do
    if operation.name == name then return operation end
  end
  fail(('Unknown operation named "%s".'):format(name))
end

local function execute(schema, request, options)
  local document = graphql.parse(request.query)
  local operation = choose(document, request.operationName)
  local run = setmetatable({
    schema = schema,
    document = document,
    context = options.context,
    errors = {},
    fields = 0,
    null = options.null,
    list = options.list,
    variables = bind_variables(operation, request.variables or {}),
  }, Run)
  local root = schema[operation.kind]
  run:validate(root, operation.selections, 0)
  local data = run:object({}, root, run:collect(operation.selections, {}, {}), {})
  return { data = data, errors = run.errors[1] and run.errors or nil }
end

--- Runs a request and returns the body of the response. If the request does not parse, it has `errors` and no `data`.
---@param schema table
---@param request {query: string, operationName: string?, variables: table?}
---@param options {context: any, null: any, list: fun(t: table): table}  null and list: as the JSON module has them
---@return table answer
function M.run(schema, request, options)
  local ok, answer = pcall(execute, schema, request, options)
  if ok then return answer end
  if type(answer) ~= "table" or not answer.graphql then error(answer, 0) end
  return { errors = { { message = answer.message, locations = answer.locations, extensions = answer.extensions } } }
end

return M
