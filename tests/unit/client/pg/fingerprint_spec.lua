local fingerprint = require "o2x.client.pg.fingerprint"

describe("fingerprint.differences", function()
  local function of(rows, checksum) return { rows = rows, checksum = checksum } end

  it(
    "has no lines for equal ones",
    function() assert.same({}, fingerprint.differences({ t = of(1, "a") }, { t = of(1, "a") })) end
  )

  it("has a line for each table that differs, sorted", function()
    local wanted = { a = of(1, "x"), b = of(1, "x"), c = of(2, "x"), d = of(1, "x") }
    local found = { b = of(1, "y"), c = of(3, "x"), d = of(1, "x"), e = of(1, "x") }
    assert.same({
      "a is missing",
      "b has different contents (1 rows)",
      "c has 3 rows, not 2",
      "e is unexpected",
    }, fingerprint.differences(wanted, found))
  end)

  it(
    "compares only the rows where no checksum is known",
    function() assert.same({}, fingerprint.differences({ t = of(1) }, { t = of(1, "a") })) end
  )
end)

describe("fingerprint.find", function()
  local TABLES <const> = { { name = "core_config.users" }, { name = 'public."order"' }, { name = "public.t" } }
  local tx = { query = function() return TABLES end }

  it("finds a table by its name, quoted or not, with or without public", function()
    assert.equal("core_config.users", fingerprint.find(tx, "core_config.users"))
    assert.equal('public."order"', fingerprint.find(tx, "public.order"))
    assert.equal("public.t", fingerprint.find(tx, "t"))
  end)

  it("is nil for one that is not there", function() assert.is_nil(fingerprint.find(tx, "users")) end)
end)
