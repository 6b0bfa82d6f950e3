-- A tenant that has been running for a while.
INSERT INTO core_config.tenant_merchants (id, tenant_id, index, name, type, status, authtype, apitype, baseurl) VALUES
    ('TIDLT-100005', 'TIDLT-100005', 0, 'QUICKBOOKS', 'FINANCE_GATEWAY',   'ACTIVE', 'OAUTH2',  'REST', 'https://sandbox-quickbooks.api.intuit.com'),
    ('TIDLT-100005', 'TIDLT-100005', 1, 'STRIPE',     'PAYMENT_GATEWAY',   'ACTIVE', 'API_KEY', 'REST', 'https://api.stripe.com'),
    ('TIDLT-100005', 'TIDLT-100005', 2, 'AVALARA',    'TAX_GATEWAY',       'ACTIVE', 'BASIC',   'REST', 'https://sandbox-rest.avatax.com'),
    ('TIDLT-100005', 'TIDLT-100005', 3, 'BROADSOFT',  'PROVISION_GATEWAY', 'ACTIVE', 'BASIC',   'SOAP', 'https://broadsoft.urbanos.example/webservice/services/ProvisioningService'),
    ('TIDLT-100005', 'TIDLT-100005', 4, 'SALESFORCE', 'CRM_GATEWAY',       'ACTIVE', 'OAUTH2',  'REST', 'https://urbanos.my.salesforce.com');

INSERT INTO core_config.oauth2_attributes (id, index, realmid, environment, redirecturi, state) VALUES
    ('TIDLT-100005', 0, '900100005', 'SANDBOX', 'https://urbanos.embrix.com/oauth2/callback', 'lab-state-urbanos-0'),
    ('TIDLT-100005', 4, NULL,        'SANDBOX', 'https://urbanos.embrix.com/oauth2/callback', 'lab-state-urbanos-4');

INSERT INTO core_config.finance_gateway_attributes (id, index, subsidiary, accountingmethod, fiscalyearstart) VALUES
    ('TIDLT-100005', 0, 'PRIMARY', 'ACCRUAL', '01-01');
INSERT INTO core_config.payment_gateway_attributes (id, index, capturemethod, paymentmethods, webhookurl) VALUES
    ('TIDLT-100005', 1, 'AUTOMATIC', 'CARD', 'https://api.urbanos.embrix.com/webhooks/stripe');
INSERT INTO core_config.tax_gateway_attributes (id, index, companycode, commitdocuments, addressvalidation) VALUES
    ('TIDLT-100005', 2, 'URBANOS', false, true);
INSERT INTO core_config.provision_gateway_attributes (id, index, serviceproviderid, callbackurl) VALUES
    ('TIDLT-100005', 3, 'URBANOS', 'https://api.urbanos.embrix.com/api/provisioning/callback');
INSERT INTO core_config.crm_gateway_attributes (id, index, instanceurl, apiversion, syncdirection) VALUES
    ('TIDLT-100005', 4, 'https://urbanos.my.salesforce.com', 'v61.0', 'OUTBOUND');

INSERT INTO core_config.feature_flags (tenant_id, feature_key, enabled, config) VALUES
    ('TIDLT-100005', 'ADVANCED_REPORTING', true, '{"export_formats": ["PDF", "CSV"]}');
INSERT INTO core_config.tenant_property_defaults (tenant_id, property_key, property_value) VALUES
    ('TIDLT-100005', 'invoice.due_days', '30'),
    ('TIDLT-100005', 'billing.cycle_day', '1');
INSERT INTO core_config.invoice_template (tenant_id, template_name, template_html) VALUES
    ('TIDLT-100005', 'DEFAULT', '<html><body><h1>Urbanos invoice {{number}}</h1></body></html>');
INSERT INTO core_config.selfcare_config (tenantid, logo_url, primary_color, secondary_color) VALUES
    ('TIDLT-100005', 'https://embrix-static-files.s3.amazonaws.com/urbanos/logo.png', '#113355', '#ffaa00');

-- The password is "urbanos-lab-admin", and of use nowhere but here.
INSERT INTO core_config.users (id, userid, password, email, firstname, lastname, type, status, category, roleid) VALUES
    ('7b0c5c2e-5d0a-4a53-9d6e-100005000001', 'admin@urbanos.example', '$2b$10$c6TVUeAfKO/T8v14MU0wf.2sR46TddU8VX7mWDuwSEgttgtrnGVkS',
     'admin@urbanos.example', 'Admin', 'User', 'INTERNAL', 'ACTIVE', 'SYSTEM_ADMIN', 'ADMIN_ROLE_ID');

INSERT INTO job_schedule (tenant_id, job_type, cron, status) VALUES
    ('TIDLT-100005', 'BILLING', '0 2 1 * *', 'ACTIVE'),
    ('TIDLT-100005', 'INVOICE', '0 4 1 * *', 'ACTIVE');

INSERT INTO account (id, tenant_id, accountnumber, firstname, lastname, email)
SELECT 'CUST-' || n, 'TIDLT-100005', 'A-' || n, 'Customer', 'No ' || n, 'customer' || n || '@urbanos.example'
FROM generate_series(1001, 1020) n;
INSERT INTO price_unit VALUES ('PRICE-1', 'TIDLT-100005', 'Fibre 500', 49.90, 'USD', 'MONTHLY');
INSERT INTO subscription (id, tenant_id, customer_id, priceunit_id, start_date)
SELECT 'SUB-' || n, 'TIDLT-100005', 'CUST-' || n, 'PRICE-1', '2025-01-01' FROM generate_series(1001, 1020) n;
INSERT INTO service_unit (id, tenant_id, subscription_id, type)
SELECT 'UNIT-' || n, 'TIDLT-100005', 'SUB-' || n, 'INTERNET' FROM generate_series(1001, 1020) n;
INSERT INTO "order" (id, tenant_id, customer_id, status, amount)
SELECT 'ORDER-' || n, 'TIDLT-100005', 'CUST-' || n, 'COMPLETED', 49.90 FROM generate_series(1001, 1020) n;
INSERT INTO bill (id, tenant_id, customer_id, period_start, period_end, amount, status)
SELECT 'BILL-' || n, 'TIDLT-100005', 'CUST-' || n, '2026-01-01', '2026-01-31', 49.90, 'CLOSED' FROM generate_series(1001, 1020) n;
INSERT INTO invoice (id, tenant_id, customer_id, bill_id, invoice_date, due_date, amount, pdf_url, status)
SELECT 'INV-' || n, 'TIDLT-100005', 'CUST-' || n, 'BILL-' || n, '2026-02-01', '2026-03-03', 49.90,
       'https://embrix-static-files.s3.amazonaws.com/TIDLT-100005/invoices/INV-' || n || '.pdf', 'PAID'
FROM generate_series(1001, 1020) n;
INSERT INTO payment (id, tenant_id, customer_id, invoice_id, amount, status)
SELECT 'PAY-' || n, 'TIDLT-100005', 'CUST-' || n, 'INV-' || n, 49.90, 'COMPLETED' FROM generate_series(1001, 1020) n;
INSERT INTO transaction (tenant_id, serviceunit_id, quantity, unit, rated_amount, event_time)
SELECT 'TIDLT-100005', 'UNIT-' || n, 1.5, 'GB', 0, '2026-01-15' FROM generate_series(1001, 1020) n;
