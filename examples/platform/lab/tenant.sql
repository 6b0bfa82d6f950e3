-- The rows of a tenant that people made by the guide: what its file says, changed by "rows" of its entry in
-- lab/tenants.yaml. lab.tenant is the file as JSON, lab.entry the entry.
CREATE TEMPORARY TABLE given AS
SELECT current_setting('lab.tenant')::jsonb || coalesce(current_setting('lab.entry')::jsonb -> 'rows', '{}') AS tenant,
       current_setting('lab.entry')::jsonb AS entry;

CREATE TEMPORARY TABLE integration AS
SELECT tenant ->> 'id' AS id, (item ->> 'index')::integer AS index, item, item -> 'attributes' AS attributes
FROM given, jsonb_array_elements(tenant -> 'integrations') AS item
WHERE NOT coalesce(entry -> 'without', '[]') ? (item ->> 'name');

INSERT INTO core_config.tenant_merchants (id, tenant_id, index, name, type, status, authtype, apitype, baseurl)
SELECT id, id, index, item ->> 'name', item ->> 'type', 'ACTIVE', item ->> 'authtype', item ->> 'apitype', item ->> 'baseurl'
FROM integration;

INSERT INTO core_config.oauth1_attributes (id, index, realm, environment, signaturemethod)
SELECT id, index, item #>> '{oauth1,realm}', item #>> '{oauth1,environment}', item #>> '{oauth1,signaturemethod}'
FROM integration WHERE item ? 'oauth1';
INSERT INTO core_config.oauth2_attributes (id, index, realmid, environment, redirecturi, state)
SELECT id, index, item #>> '{oauth2,realmid}', item #>> '{oauth2,environment}', item #>> '{oauth2,redirecturi}', 'lab-state-' || id
FROM integration WHERE item ? 'oauth2';

INSERT INTO core_config.finance_gateway_attributes (id, index, subsidiary, accountingmethod, fiscalyearstart)
SELECT id, index, attributes ->> 'subsidiary', attributes ->> 'accountingmethod', attributes ->> 'fiscalyearstart'
FROM integration WHERE item ->> 'type' = 'FINANCE_GATEWAY';
INSERT INTO core_config.payment_gateway_attributes (id, index, capturemethod, paymentmethods, webhookurl)
SELECT id, index, attributes ->> 'capturemethod', attributes ->> 'paymentmethods', attributes ->> 'webhookurl'
FROM integration WHERE item ->> 'type' = 'PAYMENT_GATEWAY';
INSERT INTO core_config.tax_gateway_attributes (id, index, companycode, commitdocuments, addressvalidation)
SELECT id, index, attributes ->> 'companycode', (attributes ->> 'commitdocuments')::boolean, (attributes ->> 'addressvalidation')::boolean
FROM integration WHERE item ->> 'type' = 'TAX_GATEWAY';

INSERT INTO core_config.feature_flags (tenant_id, feature_key, enabled, config)
SELECT tenant ->> 'id', key, (value ->> 'enabled')::boolean, value -> 'config'
FROM given, jsonb_each(coalesce(tenant -> 'features', '{}'));
INSERT INTO core_config.tenant_property_defaults (tenant_id, property_key, property_value)
SELECT tenant ->> 'id', key, value FROM given, jsonb_each_text(coalesce(tenant -> 'properties', '{}'));
INSERT INTO core_config.selfcare_config (tenantid, logo_url, primary_color, secondary_color)
SELECT tenant ->> 'id', tenant #>> '{branding,logo_url}', tenant #>> '{branding,primary_color}', tenant #>> '{branding,secondary_color}'
FROM given WHERE tenant ? 'branding';

INSERT INTO core_config.users (userid, password, email, firstname, lastname, type, status, category, roleid)
SELECT tenant #>> '{admin,email}', entry #>> '{admin,hash}', tenant #>> '{admin,email}', tenant #>> '{admin,firstname}',
       tenant #>> '{admin,lastname}', 'INTERNAL', 'ACTIVE', 'SYSTEM_ADMIN', 'ADMIN_ROLE_ID'
FROM given;

INSERT INTO job_schedule (tenant_id, job_type, cron, status)
SELECT tenant ->> 'id', job, cron, 'ACTIVE'
FROM given, (VALUES ('BILLING', '0 2 1 * *'), ('INVOICE', '0 4 1 * *')) AS jobs (job, cron);

INSERT INTO account (id, tenant_id, accountnumber, firstname, lastname, email)
SELECT 'CUST-' || n, tenant ->> 'id', 'A-' || n, 'Customer', 'No ' || n, 'customer' || n || '@' || (tenant ->> 'name') || '.example'
FROM given, generate_series(1001, 1020) n;
INSERT INTO price_unit
SELECT 'PRICE-1', tenant ->> 'id', 'Fibre 500', 49.90, tenant #>> '{profile,currency}', 'MONTHLY' FROM given;
INSERT INTO subscription (id, tenant_id, customer_id, priceunit_id, start_date)
SELECT 'SUB-' || n, tenant ->> 'id', 'CUST-' || n, 'PRICE-1', '2025-01-01' FROM given, generate_series(1001, 1020) n;

DROP TABLE integration, given;
