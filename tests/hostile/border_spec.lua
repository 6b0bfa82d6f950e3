-- Every function of every api that scripts have, with what must not go out in each of its first three arguments: a
-- secret, the label of one, and the text of one. An api that takes secrets says so in its module's `secrets`.

local context = require "o2x.engine.context"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local frozen = require "o2x.base.frozen"
local gate = require "o2x.engine.gate"
local secret = require "o2x.base.secret"

local KEY <const> = "sesame-at-the-border"
local key = secret.new(KEY, "cave/key")

-- What goes to a system never gets there: the run has no client.
local function api_of(module)
  local run = {
    mode = "apply",
    id = "R-1",
    scope = { pg = { tenant = "t", control = "c", admin = "a" }, vault = { "tenant/acme/" } },
    config = { pg = {}, vault = {}, https = {}, webhook = {} },
    tenant = { name = "acme" },
    declared = {},
  }
  run.client = function(name) error("reached the client " .. name, 0) end
  run.gate = gate.new(run)
  run.ctx = context.new(run)
  return effects.bind(run, module)
end

-- Name → function, the methods of objects too.
local function functions_of(module)
  local found = {}
  for name, item in pairs(api_of(module)) do
    if type(item) == "function" then
      found[name] = { fn = item, key = name }
    elseif frozen.is_handle(item) then
      for method, fn in pairs(debug.getmetatable(item).__index) do
        found[name .. ":" .. method] = { fn = function(...) return fn(item, ...) end, key = method }
      end
    end
  end
  return found
end

local function said_by(fn, place, what)
  local given = { n = place, "x", "x", "x" }
  given[place] = what
  local ok, err = pcall(fn, table.unpack(given, 1, place))
  return ok and "nothing" or errors.is(err) and tostring(err) or "bug: " .. tostring(err)
end

local SMUGGLED <const> = {
  { "a secret", function() return key end, "a secret must not go there", "opaque" },
  { "a secret in a table", function() return { deep = { er = key } } end, "a secret must not go there", "nested" },
  { "a label", function() return "x " .. tostring(key) end, "has the label of a secret" },
  { "a label in a key", function() return { [tostring(key)] = "x" } end, "has the label of a secret" },
  { "a text", function() return { a = { "x" .. KEY } } end, "has the text of a secret", "stored" },
}

local rows = 0

describe("at the border", function()
  for _, name in ipairs(effects.NAMES) do
    local module = effects.find(name)
    for full, one in pairs(not effects.is_pure(name) and functions_of(module) or {}) do
      local allowed = module.secrets and module.secrets[one.key]
      for _, case in ipairs(SMUGGLED) do
        local exempt = case[4] == "stored" and type(allowed) == "table" and allowed.stored
          or (case[4] == "opaque" or case[4] == "nested") and allowed == true
        if not exempt then
          rows = rows + 3
          it(("%s.%s refuses %s"):format(name, full, case[1]), function()
            for place = 1, 3 do
              local said = said_by(one.fn, place, case[2]())
              assert.is_truthy(said:find(case[3], 1, true), ("argument %d: %s"):format(place, said))
              assert.is_nil(said:find(KEY, 1, true))
            end
          end)
        end
      end
    end
  end

  it("is tried with more than 1000 arguments", function() assert.is_true(rows > 1000, tostring(rows)) end)
end)
