-- The tenants of the guide's inventory: all of them in the registry, each in its own database.
CREATE TEMPORARY TABLE known (id text, name text, environment text, database text, company text, city text, state text, country text, timezone text, currency text);
INSERT INTO known VALUES
    ('TIDLT-100001', 'coopeg-sbx',   'sandbox',     'coredb-coopeg-sbx',   'Coopeg (sandbox)',   'San José',      'SJ', 'CRI', 'America/Costa_Rica',  'CRC'),
    ('TIDLT-100002', 'demo',         'demo',        'coredb-demo',         'Embrix Demo',        'San Francisco', 'CA', 'USA', 'America/Los_Angeles', 'USD'),
    ('TIDLT-100003', 'dev',          'development', 'enginedevdb',         'Embrix Development', 'San Francisco', 'CA', 'USA', 'America/Los_Angeles', 'USD'),
    ('TIDLT-100004', 'shm',          'production',  'coredb-shm',          'SHM Telecom',        'Austin',        'TX', 'USA', 'America/Chicago',     'USD'),
    ('TIDLT-100005', 'urbanos',      'development', 'coredb-urbanos',      'Urbanos Networks',   'Chicago',       'IL', 'USA', 'America/Chicago',     'USD'),
    ('TIDLT-100006', 'coopeg-prd',   'production',  'coredb-coopeg-prd',   'Coopeg',             'San José',      'SJ', 'CRI', 'America/Costa_Rica',  'CRC'),
    ('TIDLT-100007', 'coopegenergy', 'production',  'coredb-coopegenergy', 'Coopeg Energy',      'San José',      'SJ', 'CRI', 'America/Costa_Rica',  'CRC');

INSERT INTO core_config.tenant (id, name, vaulturi, vaultpath, licensekey, status)
SELECT id, name, 'http://' || name || '-vault-interface/', 'tenant/' || name || '/' || environment,
       'LICENSE-LAB-' || upper(name), 'ACTIVE'
FROM known WHERE current_database() IN ('enginedevdb', database);

INSERT INTO core_config.tenant_profile (tenantid, companyname, address, city, state, country, timezone, currency)
SELECT id, company, '1 Central Avenue', city, state, country, timezone, currency
FROM known WHERE current_database() IN ('enginedevdb', database);

DROP TABLE known;
