local checksum = require "o2x.client.flyway.checksum"

-- The five files whose checksums Flyway 10.22 itself left in a database.
local BY_FLYWAY = {
  [198587699] = "CREATE SCHEMA IF NOT EXISTS core_config;\n"
    .. "CREATE TABLE core_config.tenant (id varchar(32) PRIMARY KEY, name text NOT NULL);\n",
  [-1113135562] = "-- business tables\r\n"
    .. "CREATE TABLE account (id bigserial PRIMARY KEY, email text);\r\n\r\n"
    .. 'CREATE TABLE "order" (id bigserial PRIMARY KEY);\r\n',
  [78787420] = "SELECT 1;\n",
  [-900998802] = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n"
    .. "  NEW.id := NEW.id; -- a ; in a body\n  RETURN NEW;\nEND\n$$;\n"
    .. "INSERT INTO core_config.tenant VALUES ($$TIDLT-000000$$, $$a;b$$);",
  [-731835681] = "\xEF\xBB\xBFCREATE OR REPLACE VIEW core_config.v "
    .. "AS SELECT id FROM core_config.tenant;\n\n-- again\n",
}

describe("a checksum", function()
  it("is the one that Flyway itself wrote", function()
    for expected, text in pairs(BY_FLYWAY) do
      assert.equal(expected, checksum.of(text))
    end
  end)

  it("does not depend on line ends and a byte order mark", function()
    for _, text in ipairs { "a\nb", "a\r\nb\r\n", "\xEF\xBB\xBFa\rb", "ab" } do
      assert.equal(checksum.of "a\nb\n", checksum.of(text))
    end
    assert.equal(0, checksum.of "")
  end)
end)
