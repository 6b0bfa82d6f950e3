local fs = require "o2x.base.fs"
local stdlib = require "tests.support.stdlib"
local words = require "o2x.core.words"
local yaml = require "o2x.base.yaml"

local function example(path) return yaml.decode(fs.read("examples/platform/" .. path), path) end

describe("a survey of all tenants", function()
  local claims, survey, platform, files, text

  setup(function()
    local std = stdlib.new()
    claims, survey = std.require "claims", std.require "survey"
    text = fs.read "examples/platform/tenants/acme-sbx.yaml"
  end)

  before_each(function()
    files, platform = {}, example "platform.yaml"
    platform.database.legacy = nil
  end)

  local function add(name, changes)
    local file = yaml.decode((text:gsub("acme%-sbx", (name:gsub("%%", "%%%%")))), name)
    for field, value in pairs(changes or {}) do
      file[field] = value
    end
    files[#files + 1] = { tenant = name, name = file.name, id = file.id, file = file, where = name .. ".yaml" }
    return file
  end

  -- The names of those that a tenant is compared with.
  local function near(name, file)
    local names = {}
    local own = claims.identity(name, platform, file)
    local all = survey.of(platform, files)
    local others = survey.near(all, own, file, words.of(file))
    assert.same(others, survey.near(all, own, file)) -- whoever looks for the words
    for i, other in ipairs(others) do
      names[i] = other.tenant
    end
    return names
  end

  it("compares tenants that have nothing in common with no one", function()
    for i = 1, 40 do
      add(("t%d-prd"):format(i))
    end
    for _, entry in ipairs(files) do
      assert.same({}, near(entry.tenant, entry.file))
    end
  end)

  -- what the other tenant's file says, what the own one says
  local MEET <const> = {
    ["its domain"] = { {}, { domain = "other.embrix.com" } },
    ["a domain below its own"] = { {}, { domain = "a.b.other.embrix.com" } },
    ["a domain above its own"] = { { domain = "a.b.own.embrix.com" }, {} },
    ["a domain that it states in capitals with a dot"] = {
      { domain = "SHOP.embrix.com." },
      { domain = "shop.embrix.com" },
    },
    ["the database of its name"] = { {}, { overrides = { database = "coredb-other" } } },
    ["a database that it states in capitals"] = { { overrides = { database = "COREDB-OWN" } }, {} },
    ["a word that is its database"] = { {}, { company = "see coredb-other" } },
    ["a word that is one of its objects"] = { {}, { company = "other-service-sso" } },
    ["a word that is its id"] = { { id = "TIDLT-100042" }, { company = "%54IDLT-100042" } },
    ["a URL below its domain"] = { {}, { company = "https://x.y.other.embrix.com/path" } },
  }
  for what, case in pairs(MEET) do
    it("finds the tenant that a tenant meets by " .. what, function()
      add("other", case[1])
      add "third"
      local file = add("own", case[2])
      assert.same({ "other" }, near("own", file))
    end)
  end

  it("knows names that are built of two tenants' names", function()
    platform.vault.path = "tenant/all"
    add "one"
    local file = add "two"
    assert.same({ "one" }, near("two", file))
  end)

  it("knows those that only platform.yaml lists", function()
    platform.custom_domains = { ghost = "pay.ghost.com" }
    local file = add("own", { domain = "ghost.com" })
    assert.same({ "ghost" }, near("own", file))
  end)

  it("knows who states a name or an id", function()
    add("one", { name = "two" })
    add("two", { id = "TIDLT-100001" })
    add("three", { id = "TIDLT-100001" })
    local all = survey.of(platform, files)
    assert.equal("one", survey.namesakes(all, "two", nil)[1].tenant)
    assert.equal("three", survey.namesakes(all, "two", "TIDLT-100001")[2].tenant)
    assert.same({}, survey.namesakes(all, "three", nil))
  end)

  it("says what is wrong with platform.yaml, and claims nothing then", function()
    add "one"
    local all = survey.of({}, files)
    assert.is_string(all.problem.message)
    assert.same({}, survey.namesakes(all, "two", nil))
  end)
end)
