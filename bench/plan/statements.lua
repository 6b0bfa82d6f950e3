-- What a plan of onboarding must know of PostgreSQL, one row at a time as an operator would ask: database, statement.
-- %s is the tenant, %i its id.

return {
  { "enginedevdb", "select id, status from core_config.tenant where name = '%s'" },
  { "enginedevdb", "select * from core_config.tenant_profile where tenantid = '%i'" },
  {
    "enginedevdb",
    "select datdba::regrole, encoding, datcollate, datctype, datconnlimit, datacl from pg_database "
      .. "where datname = 'coredb-%s'",
  },
  { "coredb-%s", "select version, checksum, success from flyway_schema_history order by installed_rank" },
  { "coredb-%s", "select * from core_config.tenant where id = '%i'" },
  { "coredb-%s", "select * from core_config.tenant_profile where tenantid = '%i'" },
  { "coredb-%s", "select * from core_config.tenant_merchants where id = '%i'" },
  { "coredb-%s", "select * from core_config.oauth2_attributes where id = '%i'" },
  { "coredb-%s", "select * from core_config.finance_gateway_attributes where id = '%i'" },
  { "coredb-%s", "select * from core_config.payment_gateway_attributes where id = '%i'" },
  { "coredb-%s", "select * from core_config.tax_gateway_attributes where id = '%i'" },
  { "coredb-%s", "select * from core_config.feature_flags where tenant_id = '%i'" },
  { "coredb-%s", "select * from core_config.tenant_property_defaults where tenant_id = '%i'" },
  { "coredb-%s", "select * from core_config.invoice_template where tenant_id = '%i'" },
  { "coredb-%s", "select * from core_config.selfcare_config where tenantid = '%i'" },
  { "coredb-%s", "select * from core_config.users where userid = 'admin@%s.com'" },
}
