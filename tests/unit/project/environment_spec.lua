local config = require "o2x.project.config"
local environment = require "o2x.project.environment"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"

local STATES <const> = { "key", "used", "ignored", "refused", "moot" }

local function each() return ipairs(environment.LIST) end

local function is_file(row) return row[1]:sub(1, 2) == "~/" end

-- An environment with this row only; for a file, a HOME with the file.
local function with(row, place)
  if row[1] == "PGSERVICE" then
    place:write("services", "[1]\n")
    return { PGSERVICE = "1", PGSERVICEFILE = place:at "services", HOME = "" }
  end
  if not is_file(row) then return { [row[1]] = "1", HOME = "" } end
  local home = "home of " .. row[1]:gsub("/", " ")
  place:write(home .. "/" .. row[1]:sub(3), "1\n")
  return { HOME = place:at(home) }
end

-- The texts of all other specs and pages.
local function texts_below(path, texts)
  for _, name in ipairs(fs.list(path)) do
    local inner = fs.join(path, name)
    if fs.is_folder(inner) then
      texts_below(inner, texts)
    elseif
      name:find "_spec%.lua$" and name ~= "environment_spec.lua"
      or inner:find "^tests/pages/"
      or inner:find "^tests/reference/cases/"
    then
      texts[#texts + 1] = fs.read(inner)
    end
  end
  return texts
end

describe("the environment of the ecosystem", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  it("has one row a name, with one answer", function()
    local seen = {}
    for _, row in each() do
      assert.is_nil(seen[row[1]], row[1])
      seen[row[1]] = true
      local answers = 0
      for _, state in ipairs(STATES) do
        answers = answers + (row[state] and 1 or 0)
      end
      assert.equal(1, answers, row[1])
      assert.matches("^%l+$", row[2])
    end
  end)

  it("names keys of the configuration only", function()
    local keys = {}
    for _, entry in ipairs(config.explain(setmetatable({}, { __index = function() return {} end }), {})) do
      keys[entry.key] = true
    end
    for _, row in each() do
      assert.is_true(row.key == nil or keys[row.key] == true, row[1])
    end
  end)

  it("is tested: each name that o2x uses or ignores is in another spec", function()
    local text = table.concat(texts_below("tests", {}))
    for _, row in each() do
      local name = is_file(row) and row[1]:sub(3) or row[1]
      assert.is_true(row.moot ~= nil or text:find(name, 1, true) ~= nil, row[1] .. " is in no spec")
    end
  end)

  it("is explained when it is set, and only then", function()
    for _, row in each() do
      local list = environment.explain(with(row, place), {})
      local found
      for _, entry in ipairs(list) do
        found = found or entry.variable == row[1] and entry
      end
      assert.is_table(found or nil, row[1])
      assert.equal(
        row.ignored and "ignored"
          or row.refused and "refused"
          or row.moot and "no matter"
          or row.used and "used"
          or "not used",
        found.state
      )
      assert.equal(0, #environment.explain({ [row[1]] = "", HOME = "" }, {}))
    end
  end)

  it("gives its keys their values", function()
    for _, row in each() do
      if row.key then
        local env = with(row, place)
        local value, source = environment.value(row.key, env)
        assert.equal(row.path and source or "1", value)
        assert.equal(is_file(row) and fs.join(env.HOME, row[1]:sub(3)) or row[1], source)
        for _, entry in ipairs(environment.explain(env, { [row.key] = source })) do
          if entry.variable == row[1] then assert.equal("used", entry.state) end
        end
      end
    end
  end)

  it("is warned of when it is ignored, and only then", function()
    for _, row in each() do
      local texts = environment.warnings(with(row, place))
      assert.equal(row.ignored and 1 or 0, #texts, row[1])
      if row.ignored then assert.matches(row.ignored, texts[1], 1, true) end
      if row.flag then assert.same({}, environment.warnings { [row[1]] = "false" }) end
    end
  end)

  it("is refused where it asks for less than o2x does", function()
    for _, row in each() do
      local ok, err = pcall(environment.check, with(row, place))
      assert.equal(row.refused == nil, ok, row[1])
      if row.refused then assert.matches(row.refused, err.hint, 1, true) end
      if row.flag then environment.check { [row[1]] = "false" } end
    end
  end)

  it("does not matter where another variable counts", function()
    for _, row in each() do
      if row.unless then
        local env = with(row, place)
        env[row.unless] = "x"
        assert.same({}, environment.warnings(env), row[1])
        for _, entry in ipairs(environment.explain(env, {})) do
          if entry.variable == row[1] then assert.equal("no matter", entry.state) end
        end
      end
    end
  end)

  it("gives a key the value of the first that is set", function()
    local env = { VAULT_ADDR = "https://vault:8200", VAULT_AGENT_ADDR = "http://127.0.0.1:8100" }
    assert.equal("http://127.0.0.1:8100", (environment.value("vault.addr", env)))
    assert.same({ "VAULT_AGENT_ADDR", "VAULT_ADDR" }, environment.names "vault.addr")
  end)
end)
