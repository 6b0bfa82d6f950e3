--- Is a tenant's database made as its migrations made it? Nobody keeps what they make, and running them again would be
--- a write. But other tenants' databases have gone through the same migrations: what more than half of them agree on is
--- what should be there. They are only asked for their catalogues.

local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local structure = require "o2x.effects.pg.structure"
local mend = require "o2x.effects.pg.structure_mend"
local support = require "o2x.effects.pg.support"

local M = {}

local FEWEST <const> = 2 -- databases that can outvote one

-- The order in which things can be made; what is left over goes the other way round.
local ORDER <const> = {
  "schema",
  "extension",
  "enum",
  "domain",
  "sequence",
  "table",
  "foreign table",
  "column",
  "function",
  "procedure",
  "view",
  "materialized view",
  "constraint",
  "index",
  "trigger",
  "rule",
  "policy",
  "setting",
  "privilege",
}

local places = {}
for i, class in ipairs(ORDER) do
  places[class] = i
end

local function sorted(things, keep)
  local list = {}
  for key, thing in pairs(things) do
    if keep(key, thing) then list[#list + 1] = thing end
  end
  table.sort(list, function(a, b)
    if places[a.class] ~= places[b.class] then return places[a.class] < places[b.class] end
    if a.also == "f" and b.also ~= "f" then return false end
    if b.also == "f" and a.also ~= "f" then return true end
    return a.name < b.name
  end)
  return list
end

-- Does a thing only follow from another that is missing or left over: a part of a table, a privilege on it?
local function follows(thing, all, other)
  local on = thing.parent and structure.key("table", thing.parent)
    or thing.class == "privilege" and structure.object_of(thing, all)
  return on and all[on] ~= nil and other[on] == nil
end

-- The name of the thing for people.
local function title(thing, database)
  local name = thing.class == "privilege" and ("on " .. thing.name:gsub(structure.OWNER, "its owner")) or thing.name
  return ("%s: %s %s"):format(database, thing.class, name)
end

local function psql(database, statements)
  local words = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-d", database }
  for _, statement in ipairs(statements) do
    words[#words + 1] = "-c"
    words[#words + 1] = statement
  end
  return shell.command(words)
end

local function lines_of(sign, thing, where)
  local text = thing.text:gsub("%s+$", ""):gsub("%s*\n%s*", " ")
  local owner = thing.owner == structure.OWNER and where.owner or thing.owner
  local lines = {}
  if text ~= "" then lines[1] = ("%s %s"):format(sign, text) end
  if owner then lines[#lines + 1] = ("%s owner: %s"):format(sign, owner) end
  return lines
end

-- What concerns the database itself is said to another one, which lets everybody write.
local function place_of(thing, where)
  local of_database = thing.class == "setting" or thing.class == "privilege" and thing.name:find "^DATABASE "
  return of_database and where.admin or where.database
end

local function finding(way, thing, where, lines, statements, hint)
  return {
    way = way,
    key = ("%s %s %s"):format(where.database, thing.class, thing.name),
    title = title(thing, where.database),
    lines = lines,
    mend = statements and #statements > 0 and psql(place_of(thing, where), statements) or nil,
    hint = hint,
  }
end

local ROWS_LOST <const> = "its rows are not back with it: o2x run restore %s at=TIME --confirm=%s"

-- ---- renamed ----

-- What a table has, whatever it is called.
local function shape_of(thing, things)
  local columns = {}
  for _, part in pairs(things) do
    if part.class == "column" and part.parent == thing.name then
      columns[#columns + 1] = part.name:sub(#thing.name + 1) .. " " .. part.text
    end
  end
  table.sort(columns)
  return table.concat(columns, "\n")
end

-- A thing that is missing → the one that has its content under another name.
local function renamed(missing, extra, where)
  local by_shape, pairs_of = {}, {}
  for _, thing in ipairs(extra) do
    if thing.class == "table" then by_shape[shape_of(thing, where.is)] = thing end
  end
  for _, thing in ipairs(missing) do
    local other = thing.class == "table" and by_shape[shape_of(thing, where.things)]
    if other and other.name:match "^[^.]+" == thing.name:match "^[^.]+" then pairs_of[thing] = other end
  end
  for _, thing in ipairs(missing) do
    for _, other in ipairs(thing.class == "column" and extra or {}) do
      if other.class == "column" and other.parent == thing.parent and other.also == thing.also then
        if other.text == thing.text then pairs_of[thing] = other end
      end
    end
  end
  return pairs_of
end

local function rename(thing, other)
  local name = thing.class == "column" and thing.name:sub(#thing.parent + 2) or thing.name:match "[^.]+$"
  if thing.class == "column" then
    return ("ALTER TABLE %s RENAME COLUMN %s TO %s"):format(thing.parent, other.name:sub(#other.parent + 2), name)
  end
  return ("ALTER TABLE %s RENAME TO %s"):format(other.name, name)
end

-- ---- comparing ----

-- The history comes from a peer, with its rows: without them the migrations would run again.
local function history_back(where)
  local dump = shell.command { "pg_dump", "--table=" .. where.history, "-d", where.peer }
  return ("%s | %s"):format(dump, shell.command { "psql", "-X", "-q", "-d", where.database })
end

local function of_missing(found, missing, where, names)
  for _, thing in ipairs(missing) do
    local other = names[thing]
    if other then
      local line = ("~ %s has its content"):format(other.name)
      found[#found + 1] = finding("renamed", thing, where, { line }, { rename(thing, other) })
    else
      local holds = thing.class == "table" or thing.class == "column"
      local hint = holds and ROWS_LOST:format(where.tenant, where.tenant) or nil
      local one = finding("missing", thing, where, lines_of("+", thing, where), mend.make(thing, where), hint)
      if thing.name == where.history then
        one.mend, one.hint, one.instead = history_back(where), nil, true
      end
      found[#found + 1] = one
    end
  end
end

local function of_different(found, where)
  for _, should in
    ipairs(sorted(where.things, function(key, thing)
      local is = where.is[key]
      return is and not structure.same(is, thing)
    end))
  do
    local is = where.is[structure.key(should.class, should.name)]
    local lines = lines_of("-", is, where)
    table.move(lines_of("+", should, where), 1, 2, #lines + 1, lines)
    found[#found + 1] = finding("different", should, where, lines, mend.change(is, should, where))
  end
end

local function of_extra(found, extra, where, names)
  local taken = {}
  for _, other in pairs(names) do
    taken[other] = true
  end
  for i = #extra, 1, -1 do
    local thing = extra[i]
    if not taken[thing] then
      found[#found + 1] = finding("left over", thing, where, lines_of("-", thing, where), mend.remove(thing, where))
    end
  end
end

-- ---- the history ----

local function migration(found, way, script, where, text, command)
  local thing = { class = "migration", name = script, text = text }
  local one = finding(way, thing, where, lines_of(way == "missing" and "+" or "-", thing, where))
  one.mend, one.instead = command, way ~= "left over"
  found[#found + 1] = one
end

local function quoted(script) return "'" .. script:gsub("'", "''") .. "'" end

-- A migration that only this database has, or one with another checksum than in all others.
local function of_scripts(found, mine, agreed, where)
  for _, script in ipairs(sorted_keys(mine.scripts)) do
    local checksum, should = mine.scripts[script], agreed[script]
    if should == nil then
      local sql = ("DELETE FROM %s WHERE script = %s"):format(where.history, quoted(script))
      migration(found, "left over", script, where, "checksum " .. checksum, psql(where.database, { sql }))
    elseif should and should ~= checksum then
      local words = { "o2x", "run", "migrations-repair", where.tenant, "--confirm=" .. where.tenant }
      local text = ("checksum %s, in other databases %s"):format(checksum, should)
      migration(found, "different", script, where, text, shell.command(words))
    end
  end
end

-- All that the migrations make is there: then it is the history that lacks a row, which a peer has.
local function of_lost_rows(found, mine, agreed, where)
  for _, script in ipairs(sorted_keys(agreed)) do
    local where_script = ("%s WHERE script = %s"):format(where.history, quoted(script))
    if mine.failed[script] then
      local sql = ("UPDATE %s SET success = true WHERE script = %s"):format(where.history, quoted(script))
      local text = "noted as failed, but all that it makes is there"
      migration(found, "different", script, where, text, psql(where.database, { sql }))
    elseif not mine.scripts[script] then
      local out = ("COPY (SELECT * FROM %s) TO STDOUT"):format(where_script)
      local command = ("%s | %s"):format(
        psql(where.peer, { out }),
        psql(where.database, {
          ("COPY %s FROM STDIN"):format(where.history),
        })
      )
      migration(found, "missing", script, where, "not in the history, but all that it makes is there", command)
    end
  end
end

-- The services' own way in is an effect of its own, pg.grant.
local function is_granted(thing, where) return thing.name == ("DATABASE to %s"):format(where.user) end

--- Compares a database with others that the same migrations made.
---@param mine o2x.pg.structure
---@param others table<string, o2x.pg.structure> by the names of their databases
---@param where { database: string, admin: string, tenant: string, user: string? }
---@return table[]? findings nil: there are too few to compare with
function M.compare(mine, others, where)
  local list, name_of = {}, {}
  for name, other in pairs(others) do
    list[#list + 1], name_of[other] = other, name
  end
  local peers = structure.peers(mine, list)
  local alike = #peers >= FEWEST
  if not alike then peers = structure.largest(list) end
  if #peers < FEWEST then return nil end
  where.is, where.things, where.peer, where.owner = mine.things, structure.agreed(peers), name_of[peers[1]], mine.owner
  where.history = structure.history_of(where.things)
  local missing = sorted(
    where.things,
    function(key, thing)
      return not mine.things[key] and not follows(thing, where.things, mine.things) and not is_granted(thing, where)
    end
  )
  local extra = sorted(
    mine.things,
    function(key, thing) return not where.things[key] and not follows(thing, mine.things, where.things) end
  )
  local found, agreed = {}, structure.agreed_scripts(peers)
  local has_history = next(mine.scripts) ~= nil
  if not alike and has_history then
    if #missing > 0 then return nil end -- they have migrations that this one does not have yet
    of_lost_rows(found, mine, agreed, where)
  end
  local names = renamed(missing, extra, where)
  of_missing(found, missing, where, names)
  of_different(found, where)
  of_extra(found, extra, where, names)
  if where.history and has_history then of_scripts(found, mine, agreed, where) end
  return found
end

--- What is otherwise in the tenant's database than in those of other tenants.
---@param ctx o2x.context
---@param around o2x.around what other tenants have
---@return table[] findings
---@return string? unseen why nothing could be compared
function M.review(ctx, around)
  local database = ctx.scope.pg.tenant
  local defaults = (ctx.scope.archive or {}).defaults or {}
  local owner = defaults.owner
  local mine = support.with(ctx, database, function(db) return structure.read(db, owner) end)
  local others = around.company("structure", database, function(other, name)
    return support.with(other, name, function(db) return structure.read(db) end)
  end)
  local where = { database = database, admin = ctx.scope.pg.admin, tenant = ctx.tenant.name, user = defaults.user }
  local found = M.compare(mine, others, where)
  if found then return found end
  return {}, ("%s: its structure: fewer than %d other databases have the same migrations"):format(database, FEWEST)
end

return M
