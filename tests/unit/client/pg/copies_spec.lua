local copies = require "o2x.client.pg.copies"

describe("the name of a restore copy", function()
  it("has the database's and the run's", function()
    assert.equal("coredb-acme--restore-R-1", copies.restore("coredb-acme", "R-1"))
    assert.equal("coredb-acme--before-R-1", copies.before("coredb-acme", "R-1"))
  end)

  it("fits into PostgreSQL, however long the database's is", function()
    local name = copies.restore("coredb-" .. ("x"):rep(56), "R-20260210-120000-abcd")
    assert.equal(63, #name)
    assert.matches("%-%-restore%-R%-20260210%-120000%-abcd$", name)
  end)

  it("is cut in a plan, which has no id yet, where the run's is", function()
    for length = 20, 56 do
      local database = ("x"):rep(length)
      local run = copies.restore(database, "R-20260210-120000-abcd")
      assert.equal(run, (copies.restore(database, "plan"):gsub("plan$", "R-20260210-120000-abcd")))
    end
  end)

  it("is another for each database and each run, also where it is cut", function()
    local long = "coredb-" .. ("x"):rep(55)
    assert.not_equal(copies.restore(long .. "a", "R-1234567890"), copies.restore(long .. "b", "R-1234567890"))
    assert.not_equal(copies.restore("coredb-acme", "R-1"), copies.restore("coredb-acme", "R-2"))
  end)
end)
