--- The SQL that makes a database's structure what it should be: for each thing that is missing, different or left over.
--- It works on the catalogue's own texts, so nothing is quoted here but the names of roles and settings.

local pg = require "o2x.client.pg"
local structure = require "o2x.effects.pg.structure"

local M = {}

local function role(name, owner)
  if name == "PUBLIC" then return "PUBLIC" end
  return pg.quote(name == structure.OWNER and owner or name, "role name")
end

-- A column's own name, and its table.
local function column_of(thing) return thing.name:sub(#thing.parent + 2) end

-- Type, default and NOT NULL of a column.
local function parts_of(text)
  local rest, needed = text:gsub(" NOT NULL$", "")
  local kind, default = rest:match "^(.-) DEFAULT (.*)$"
  return kind or rest, default, needed > 0
end

local function altered(thing, what) return ("ALTER TABLE %s %s"):format(thing.parent, what) end

local function own_name(thing) return thing.name:sub(#thing.parent + 2) end

-- ---- privileges ----

local function words_of(text)
  local words = {}
  for word in (text or ""):gmatch "[^,]+" do
    words[word:gsub("^%s+", "")] = true
  end
  return words
end

local function sorted(words)
  local list = {}
  for word in pairs(words) do
    list[#list + 1] = word
  end
  table.sort(list)
  return list
end

-- "TABLE core_config.tenant", or "(column) core_config.tenant"
local function object_of(thing, database)
  local name = thing.name:sub(1, -(#(" to " .. thing.also) + 1))
  local column, of = name:match "^(%b()) (.*)$"
  if column then return "TABLE " .. of, " " .. column end
  return name == "DATABASE" and "DATABASE " .. pg.quote(database, "database name") or name, ""
end

local function grants(thing, is, should, where)
  local object, columns = object_of(thing, where.database)
  local has, wanted, lines = words_of(is), words_of(should), {}
  local on = where.is and where.is[structure.object_of(thing, where.is) or ""]
  local to = role(thing.also == structure.OWNER and on and on.owner or thing.also, where.owner)
  for _, word in ipairs(sorted(has)) do
    if not wanted[word] then
      local privilege = word:gsub(" WITH GRANT OPTION$", "")
      lines[#lines + 1] = ("REVOKE %s%s ON %s FROM %s"):format(privilege, columns, object, to)
    end
  end
  for _, word in ipairs(sorted(wanted)) do
    if not has[word] then
      local privilege, option = word:gsub(" WITH GRANT OPTION$", "")
      local with = option > 0 and " WITH GRANT OPTION" or ""
      lines[#lines + 1] = ("GRANT %s%s ON %s TO %s%s"):format(privilege, columns, object, to, with)
    end
  end
  return lines
end

-- ---- what makes one ----

local create = {}

function create.schema(thing) return { "CREATE SCHEMA " .. thing.name } end

function create.extension(thing) return { "CREATE EXTENSION " .. thing.name } end

function create.enum(thing) return { ("CREATE TYPE %s AS ENUM (%s)"):format(thing.name, thing.text) } end

function create.domain(thing) return { ("CREATE DOMAIN %s AS %s"):format(thing.name, thing.text) } end

create["function"] = function(thing) return { thing.text } end

create.procedure = create["function"]

function create.view(thing) return { ("CREATE OR REPLACE VIEW %s AS %s"):format(thing.name, thing.text) } end

create["materialized view"] = function(thing)
  return { ("CREATE MATERIALIZED VIEW %s AS %s"):format(thing.name, thing.text) }
end

function create.sequence(thing)
  local kind, by, min, cycle = thing.text:match "^(.-) (%-?%d+) (%-?%d+) (%a+)$"
  local words = ("CREATE SEQUENCE %s AS %s INCREMENT %s MINVALUE %s%s"):format(
    thing.name,
    kind,
    by,
    min,
    cycle == "t" and " CYCLE" or ""
  )
  return { words }
end

function create.column(thing) return { altered(thing, ("ADD COLUMN %s %s"):format(column_of(thing), thing.text)) } end

function create.constraint(thing)
  return { altered(thing, ("ADD CONSTRAINT %s %s"):format(own_name(thing), thing.text)) }
end

function create.index(thing) return { (thing.text:gsub(" %(not valid%)$", "")) } end

function create.trigger(thing) return { (thing.text:gsub(" %(%a%)$", "")) } end

function create.rule(thing) return { thing.text } end

function create.setting(thing, where)
  local name, of = thing.name:match "^(%S+)", thing.also
  local database = pg.quote(where.database, "database name")
  local who = of and ("ROLE %s IN DATABASE %s"):format(role(of, where.owner), database) or "DATABASE " .. database
  return { ("ALTER %s SET %s TO '%s'"):format(who, name, (thing.text:gsub("'", "''"))) }
end

function create.privilege(thing, where) return grants(thing, nil, thing.text, where) end

-- A table with all that goes with it; constraints that refer to others come last.
local function table_of(thing, things)
  local columns, rest, keys = {}, {}, {}
  for _, part in pairs(things) do
    if part.parent == thing.name then
      local list = part.class == "column" and columns or part.also == "f" and keys or rest
      list[#list + 1] = part
    end
  end
  table.sort(columns, function(a, b) return a.also < b.also end)
  local order = { constraint = 1, index = 2, rule = 3, trigger = 4 }
  local function before(a, b)
    if a.class ~= b.class then return (order[a.class] or 9) < (order[b.class] or 9) end
    return a.name < b.name
  end
  table.sort(rest, before)
  table.sort(keys, before)
  return columns, table.move(keys, 1, #keys, #rest + 1, rest)
end

create.table = function(thing, where)
  local columns, parts = table_of(thing, where.things)
  local list, lines = {}, {}
  for i, column in ipairs(columns) do
    list[i] = ("%s %s"):format(column_of(column), column.text)
  end
  lines[1] = ("CREATE %sTABLE %s (%s)"):format(
    thing.text:find "^UNLOGGED" and "UNLOGGED " or "",
    thing.name,
    table.concat(list, ", ")
  )
  if thing.text:find "ROW LEVEL" then lines[2] = ("ALTER TABLE %s ENABLE ROW LEVEL SECURITY"):format(thing.name) end
  for _, part in ipairs(parts) do
    local make = create[part.class]
    for _, line in ipairs(make and make(part, where) or {}) do
      lines[#lines + 1] = line
    end
  end
  return lines
end

local NO_OWNER <const> = { privilege = true, setting = true, extension = true }
local OWNED <const> = { enum = "TYPE", procedure = "PROCEDURE", ["materialized view"] = "MATERIALIZED VIEW" }

local function owner_line(thing, where)
  if not thing.owner or NO_OWNER[thing.class] then return nil end
  local class = OWNED[thing.class] or thing.class:upper()
  return ("ALTER %s %s OWNER TO %s"):format(class, thing.name, role(thing.owner, where.owner))
end

-- What a new thing has by itself goes; what it should have comes.
local function privileges_of(thing, where)
  local lines, classes = {}, { table = "TABLE", view = "TABLE", ["materialized view"] = "TABLE", schema = "SCHEMA" }
  classes.sequence, classes["function"], classes.procedure = "SEQUENCE", "FUNCTION", "PROCEDURE"
  local prefix = classes[thing.class] and ("%s %s to "):format(classes[thing.class], thing.name)
  for _, one in pairs(prefix and where.things or {}) do
    if one.class == "privilege" and one.name:sub(1, #prefix) == prefix and one.also ~= structure.OWNER then
      for _, line in ipairs(grants(one, nil, one.text, where)) do
        lines[#lines + 1] = line
      end
    end
  end
  table.sort(lines)
  return lines
end

--- The statements that make a missing thing, with all that goes with it.
---@param thing o2x.pg.thing
---@param where table database, owner; is, things: all that there is, and that there should be
---@return string[]? statements nil: nothing makes it but a migration
function M.make(thing, where)
  local make = create[thing.class]
  local lines = make and make(thing, where)
  if not lines then return nil end
  lines[#lines + 1] = owner_line(thing, where)
  local granted = privileges_of(thing, where)
  return table.move(granted, 1, #granted, #lines + 1, lines)
end

-- ---- what removes one ----

--- The statements that remove a thing that should not be there. Nothing that others depend on goes with it.
---@param thing o2x.pg.thing
---@param where table
---@return string[]
function M.remove(thing, where)
  if thing.class == "privilege" then return grants(thing, thing.text, nil, where) end
  if thing.class == "column" then return { altered(thing, "DROP COLUMN " .. column_of(thing)) } end
  if thing.class == "constraint" then return { altered(thing, "DROP CONSTRAINT " .. own_name(thing)) } end
  if thing.class == "setting" then
    return { (create.setting(thing, where)[1]:gsub(" SET (%S+) TO '.*'$", " RESET %1")) }
  end
  if thing.parent and thing.class ~= "index" then
    return { ("DROP %s %s ON %s"):format(thing.class:upper(), own_name(thing), thing.parent) }
  end
  local class = thing.class == "enum" and "TYPE" or thing.class:upper()
  return { ("DROP %s %s"):format(class, thing.name) }
end

-- ---- what changes one ----

local change = {}

function change.column(is, should)
  local name, lines = column_of(should), {}
  local kind, default, needed = parts_of(should.text)
  local old_kind, old_default, was_needed = parts_of(is.text)
  local function alter(what) lines[#lines + 1] = altered(should, ("ALTER COLUMN %s %s"):format(name, what)) end
  if (kind .. old_kind):find "GENERATED" then
    return { altered(is, "DROP COLUMN " .. name), create.column(should)[1] }
  end
  if kind ~= old_kind and old_default then alter "DROP DEFAULT" end
  if kind ~= old_kind then alter(("TYPE %s USING %s::%s"):format(kind, name, kind:gsub(" COLLATE .*", ""))) end
  if default and (kind ~= old_kind or default ~= old_default) then alter("SET DEFAULT " .. default) end
  if not default and old_default then alter "DROP DEFAULT" end
  if needed ~= was_needed then alter(needed and "SET NOT NULL" or "DROP NOT NULL") end
  return lines
end

function change.privilege(is, should, where) return grants(should, is.text, should.text, where) end

function change.setting(_, should, where) return create.setting(should, where) end

change["function"] = function(_, should) return { should.text } end

change.procedure = change["function"]

function change.sequence(_, should)
  local line = create.sequence(should)[1]:gsub("^CREATE", "ALTER"):gsub(" CYCLE$", "")
  return { line }
end

-- A trigger that was only switched off is switched on again.
function change.trigger(is, should, where)
  local function plain(text) return (text:gsub(" %(%a%)$", "")) end
  if plain(is.text) == plain(should.text) then
    return { altered(should, ("ENABLE TRIGGER %s"):format(own_name(should))) }
  end
  return { M.remove(is, where)[1], create.trigger(should)[1] }
end

change.table = function(is, should)
  local lines = {}
  local function alter(what) lines[#lines + 1] = ("ALTER TABLE %s %s"):format(should.name, what) end
  local function differs(word)
    local has, wanted = is.text:find(word, 1, true) ~= nil, should.text:find(word, 1, true) ~= nil
    return has ~= wanted, wanted
  end
  local logged, unlogged = differs "UNLOGGED"
  if logged then alter(unlogged and "SET UNLOGGED" or "SET LOGGED") end
  local secured, secure = differs "ROW LEVEL SECURITY"
  if secured then alter(secure and "ENABLE ROW LEVEL SECURITY" or "DISABLE ROW LEVEL SECURITY") end
  local forced, force = differs "FORCED"
  if forced then alter(force and "FORCE ROW LEVEL SECURITY" or "NO FORCE ROW LEVEL SECURITY") end
  return lines
end

--- The statements that make one thing what it should be.
---@param is o2x.pg.thing
---@param should o2x.pg.thing
---@param where table
---@return string[]? statements nil: only a person knows
function M.change(is, should, where)
  local lines = {}
  if is.text ~= should.text then
    local alter, make = change[should.class], create[should.class]
    if not alter and not make then return nil end
    lines = alter and alter(is, should, where) or { M.remove(is, where)[1], table.unpack(make(should, where)) }
  end
  if is.owner ~= should.owner then lines[#lines + 1] = owner_line(should, where) end
  return lines
end

return M
