local errors = require "o2x.base.error"
local properties = require "o2x.client.pg.properties"

-- A connection that notes its statements; answers: pattern → rows; fails: statement → SQLSTATE
local function database(answers, fails)
  local this = { statements = {} }
  function this.rows(_, text)
    for pattern, rows in pairs(answers or {}) do
      if text:find(pattern) then return rows end
    end
    return {}
  end
  function this.one(_, text) return this:rows(text)[1] end
  function this.query(_, text)
    if (fails or {})[text] then errors.raise { kind = "failed", code = fails[text], message = "no" } end
    table.insert(this.statements, text)
  end
  function this.exec(_, list)
    for _, one in ipairs(list) do
      this:query(one[1])
    end
  end
  return this
end

describe("the properties of a database", function()
  it("are used to create an empty one, with every value quoted", function()
    local db = database()
    properties.create(db, "acme", { owner = "admin", encoding = "UTF8", collate = "it's", ctype = "C" })
    assert.equal(
      [[CREATE DATABASE "acme" TEMPLATE template0 OWNER "admin" ENCODING 'UTF8' LC_COLLATE 'it''s' LC_CTYPE 'C']],
      db.statements[1]
    )
  end)

  it("are created for no name that is none", function()
    local like = { owner = "admin", encoding = "UTF8", collate = "C", ctype = "C" }
    assert.is_false((pcall(properties.create, database(), 'x"; drop database y', like)))
  end)

  it("have their rights copied, without those that everybody has", function()
    local db = database {
      ["pg_roles r ON r.oid = d.datdba"] = { { has_rights = true } },
      aclexplode = { { statement = "GRANT CONNECT ON DATABASE new TO app" } },
      pg_db_role_setting = { { statement = "ALTER DATABASE new SET work_mem = '64MB'" } },
    }
    assert.same({}, properties.copy_rights(db, "old", "new"))
    assert.same({
      'REVOKE ALL ON DATABASE "new" FROM PUBLIC',
      "GRANT CONNECT ON DATABASE new TO app",
      "ALTER DATABASE new SET work_mem = '64MB'",
    }, db.statements)
  end)

  it("that only a superuser may set are told, any other failure is one", function()
    local setting = "ALTER DATABASE new SET log_statement = 'all'"
    local answers = {
      ["pg_roles r ON r.oid = d.datdba"] = { { has_rights = false } },
      pg_db_role_setting = { { statement = setting } },
    }
    assert.same({ setting }, properties.copy_rights(database(answers, { [setting] = "42501" }), "old", "new"))
    assert.is_false((pcall(properties.copy_rights, database(answers, { [setting] = "42601" }), "old", "new")))
  end)
end)

describe("a note of o2x in a database's comment", function()
  it("is read back from the statement that stores it", function()
    local statement = properties.note_statement("coredb-acme", { o2x = "copy", of = "it's" })
    local comment = statement:match "^COMMENT ON DATABASE \"coredb%-acme\" IS '(.*)'$":gsub("''", "'")
    assert.same({ o2x = "copy", of = "it's" }, properties.note(comment))
  end)

  it("is no other comment", function()
    assert.is_nil(properties.note(nil))
    assert.is_nil(properties.note "for billing")
    assert.is_nil(properties.note '{"by":"somebody"}')
  end)
end)
