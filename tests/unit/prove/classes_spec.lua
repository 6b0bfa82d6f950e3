local classes = require "o2x.prove.classes"

local function at(id, label, own, script)
  return { id = id, kind = "kill", label = label, own = own, script = script, nth = 1 }
end

local function fault(id, service, match, more)
  local case = { id = id, kind = "fault", service = service, fault = "500", match = match, nth = 1 }
  for name, value in pairs(more or {}) do
    case[name] = value
  end
  return case
end

local function together(one, other)
  local first, second = classes.of(one, "acme"), classes.of(other, "acme")
  return first[1] == second[1]
end

local function ids(list)
  local found = {}
  for i, case in ipairs(list) do
    found[i] = case.id
  end
  return table.concat(found, " ")
end

describe("a class of cases", function()
  it("is what the same lines of o2x do, to whatever", function()
    local label = "before http GET https://HOST/%s"
    local one = at("1", label:format "a", "gate:1 http:2", "stdlib/x.lua:3")
    assert.is_true(together(one, at("2", label:format "b", "gate:1 http:2", "stdlib/x.lua:4")))
    assert.is_false(together(one, at("3", label:format "a", "gate:1 http:3", "stdlib/x.lua:3")))
    assert.is_false(together(one, at("4", "after http GET https://HOST/a", "gate:1 http:2", "stdlib/x.lua:3")))
    local row = at("5", "written effect pg.row a", "gate:1", "")
    assert.is_true(together(row, at("6", "written effect pg.row b", "gate:1", "")))
    assert.is_false(together(row, at("7", "written effect file.text a", "gate:1", "")))
    local file = at("8", "before file a", "fs:1", "")
    assert.is_true(together(file, at("9", "before file b", "fs:1", "")))
  end)

  it("is also the place in the scripts", function()
    local one, other = at("1", "before x y", "a:1", "stdlib/x.lua:3"), at("2", "before x z", "a:2", "stdlib/x.lua:3")
    assert.equal(classes.of(one, "acme")[2], classes.of(other, "acme")[2])
    assert.is_nil(classes.of(at("3", "before x y", "a:1", ""), "acme")[2])
  end)

  it("is a fault at requests that differ in the tenant's names only", function()
    local one = fault("1", "k8s", "GET /api/v1/services/acme-billing")
    assert.is_true(together(one, fault("2", "k8s", "GET /api/v1/services/acme-sso")))
    assert.is_false(together(one, fault("3", "k8s", "GET /api/v1/services/acme-sso", { nth = 2 })))
    assert.is_false(together(one, fault("4", "k8s", "GET /api/v1/services/acme-sso", { fault = "429" })))
    assert.is_false(together(one, fault("5", "k8s", "GET /api/v1/pods/acme-sso")))
    local general = fault("6", "k8s", "GET /version")
    assert.is_true(together(general, fault("7", "k8s", "GET /version", { nth = 5 })))
  end)

  it("is a fault at statements that differ in names and values only", function()
    local function sql(text) return fault("1", "postgres", text, { relayed = true }) end
    local one = sql [[SELECT "a" FROM "b"."c" WHERE "d" = 'X']]
    assert.is_true(together(one, sql [[SELECT "x", "y" FROM "b"."z" WHERE "d" = 'Y']]))
    assert.is_false(together(one, sql [[SELECT "a" FROM "b"."c" WHERE "d" = 'X' LIMIT 2]]))
    assert.is_false(together(one, sql [[SELECT pg_catalog.int4("a") FROM "b"."c" WHERE "d" = 'X']]))
    assert.is_true(together(sql "CREATE TABLE account (", sql "CREATE TABLE core.bill ("))
    assert.is_false(together(sql "CREATE TABLE account (", sql "CREATE INDEX i ON bill (a)"))
    assert.is_false(together(sql "connect admin a", sql "connect admin b"))
  end)
end)

describe("a choice of each class", function()
  local list = { { id = "plan:1", kind = "plan" } }
  for n = 1, 9 do
    list[n + 1] = at("kill:" .. n, "before x y", n < 8 and "a:1" or "a:2", n == 5 and "s:2" or "s:1")
  end
  local all = classes.all(list, "acme")

  it("is the first, one in the middle, and the last, of a small one all", function()
    -- a:1 is 1 to 7, of which 4 is in the middle; s:1 is all but 5, and 6 is in its middle
    assert.equal("plan:1 kill:1 kill:4 kill:5 kill:6 kill:7 kill:8 kill:9", ids(classes.choose(list, all, 0)))
  end)

  it(
    "has another one in the middle for another seed",
    function() assert.equal("plan:1 kill:1 kill:5 kill:7 kill:8 kill:9", ids(classes.choose(list, all, 1))) end
  )

  it("says what it covers", function()
    local cover = classes.cover(all, classes.choose(list, all, 0))
    assert.same({ all = 9, classes = 4, covered = 4, least = 5 }, cover.kill)
    assert.same({ all = 1, classes = 1, covered = 1 }, cover.plan)
    assert.same({ all = 9, classes = 4, covered = 0, least = 0 }, classes.cover(all, {}).kill)
  end)
end)
