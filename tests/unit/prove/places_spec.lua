local places = require "o2x.prove.places"

-- Kind, key, part, name, whether the name is that of the target.
local CASES <const> = {
  { "redis.keys", "T-1:*", "redis", "0 T-1:cache", true },
  { "redis.keys", "T-1:session:*", "redis", "0 T-1:cache", false },
  { "redis.keys", "T-1:*", "redis", "0 T-10:cache", false },
  { "redis.keys", "T-1:*", "vault", "0 T-1:cache", false },
  { "service.object", "acme-proxy: order", "services", "services of acme", true },
  { "service.object", "acme-proxy: order", "services", "services of other", false },
  { "pg.migration", "coredb-acme core", "postgres", "coredb-acme rows public.t", true },
  { "pg.migration", "coredb-acme core", "postgres", "database coredb-acme", true },
  { "pg.migration", "coredb-acme core", "postgres", "coredb-acme-2 rows public.t", false },
  { "k8s.secret", "default/a", "k8s", "Secret default/a", true },
  { "k8s.secret", "default/a", "k8s", "ConfigMap default/a", false },
  { "s3.object", "bucket/a", "aws", "object bucket/a", true },
  { "s3.object", "s3://bucket/a", "aws", "object bucket/a", true },
  { "vault.secret", "secret/tenant/acme/db", "vault", "secret/tenant/acme/db", true },
  { "helm.release", "acme-web", "helm", "release default/acme-web revision 1", false },
}

describe("the place of a target in a picture", function()
  for _, case in ipairs(CASES) do
    local kind, key, part, name, is_named = table.unpack(case)
    it(("%s %s: %s %s"):format(kind, key, part, name), function()
      local named = places.named({ { kind = kind, key = key } }, part, name, "acme")
      assert.equal(is_named, named ~= nil and named "")
    end)
  end

  it("is one row of a table", function()
    local effects = { { kind = "pg.row", key = "db core.users where id = '7' and login = 'a@b.c'" } }
    local named = places.named(effects, "postgres", "db rows core.users", "acme")
    assert.is_true(named "row 7 a@b.c.1.password")
    assert.is_false(named "row 8 a@b.c.1.password")
    assert.is_false(named "row 70 a@b.c.1.password")
    assert.is_nil(places.named(effects, "postgres", "db rows core.users_old", "acme"))
  end)
end)
