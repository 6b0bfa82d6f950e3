--- The shipped runbooks as make prove proves them: with what, for whom, and after what. A second run of some is another
--- thing to do; those are proved without `again`.
return {
  { "scale", "urbanos", "service=service-billing", "replicas=3" },
  { "vacuum", "urbanos" },
  { "cache-clear", "urbanos", "--confirm=urbanos" },
  { "smoke", "newclient", after = { "o2x run onboard newclient" } },
  { "diagnose", "urbanos" },
  { "adopt", "urbanos" },
  { "logs", "urbanos" },
  { "restart", "urbanos", "services=service-billing", without = "again" }, -- it is restarted again
  { "maintenance", "urbanos", "mode=on", "--confirm=urbanos", without = "again" }, -- it lasts longer
  -- The archive is there already.
  { "backup", "urbanos", "to=s3://embrix-development-data/TIDLT-100005/prove.dump", without = "again" },
  {
    "restore",
    "urbanos",
    "archive=s3://embrix-development-data/TIDLT-100005/prove.dump",
    "--confirm=urbanos",
    after = { "o2x run backup urbanos to=s3://embrix-development-data/TIDLT-100005/prove.dump" },
    without = "again", -- it is restored again
  },
  {
    "restore",
    "urbanos",
    "archive=s3://embrix-development-data/TIDLT-100005/prove.dump",
    "table=core_config.users",
    "--confirm=urbanos",
    after = { "o2x run backup urbanos to=s3://embrix-development-data/TIDLT-100005/prove.dump" },
    without = "again",
  },
  { "deploy", "urbanos", "services=service-billing", "image=2.0.0", "--confirm=urbanos" },
  {
    "rollback",
    "urbanos",
    "services=service-billing",
    "--confirm=urbanos",
    after = { "o2x run deploy urbanos services=service-billing image=2.0.0 --confirm=urbanos" },
    without = "again", -- it goes back one more
  },
  { "migrations-repair", "urbanos", "--confirm=urbanos" },
  { "onboard", "newclient" },
}
