-- What every run refuses: names of others, and scripts that are not scripts.

-- A name that no other run has left there.
local ARCHIVE <const> = ("/tmp/o2x-%x.dump"):format(math.random(0))

return {
  {
    "reads another tenant's keys",
    body = [[redis.count "TIDLT-100001:*"]],
    code = 3,
    expect = { "TIDLT-100001", "outside what this run may touch" },
  },
  {
    "reads all keys",
    body = [[redis.count "*"]],
    code = 3,
    expect = "an empty prefix would match the keys of all tenants",
  },
  {
    "writes another tenant's secret by a path upwards",
    body = [[vault.ensure("../coopeg-sbx/stripe", { api_key = "x" })]],
    code = 3,
    expect = "coopeg-sbx",
  },
  {
    "removes another tenant's service",
    body = [[k8s.remove("Service", "coopeg-sbx-service-sso")]],
    code = 3,
    expect = "coopeg-sbx-service-sso",
  },
  {
    "writes an archive where nobody asked for it",
    body = ("archive.dump %q"):format(ARCHIVE),
    code = 3,
    expect = "archive.dump: the path must be the value of a parameter",
    after = function() assert(not io.open(ARCHIVE), "it was written") end,
  },
  {
    "writes without declaring it",
    effects = "",
    body = [[vault.ensure("x", { a = "b" })]],
    code = 3,
    expect = "writes vault.secret without declaring it",
  },
}
