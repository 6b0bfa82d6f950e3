-- Who the tenant is. The same schema is in every database; in the control database the table tenant is the registry.
CREATE SCHEMA IF NOT EXISTS core_config;

CREATE TABLE core_config.tenant (
    id         varchar(32)  PRIMARY KEY CHECK (id ~ '^TIDLT-[0-9]{6}$'),
    name       varchar(63)  NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$'),
    vaulturi   varchar(255) NOT NULL,
    vaultpath  varchar(255) NOT NULL,
    licensekey varchar(255),
    status     varchar(16)  NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ONBOARDING', 'ACTIVE', 'SUSPENDED', 'RETIRED')),
    created_at timestamptz  NOT NULL DEFAULT now(),
    updated_at timestamptz  NOT NULL DEFAULT now()
);

CREATE TABLE core_config.tenant_profile (
    tenantid    varchar(32)  PRIMARY KEY REFERENCES core_config.tenant (id),
    companyname varchar(255) NOT NULL,
    address     varchar(255),
    city        varchar(100),
    state       varchar(100),
    country     varchar(100),
    timezone    varchar(64)  NOT NULL DEFAULT 'UTC',
    currency    char(3)      NOT NULL DEFAULT 'USD'
);

CREATE TABLE core_config.roles (
    id          varchar(64)  PRIMARY KEY,
    name        varchar(100) NOT NULL UNIQUE,
    description text
);

CREATE TABLE core_config.users (
    id         varchar(64)  PRIMARY KEY DEFAULT gen_random_uuid()::text,
    userid     varchar(255) NOT NULL UNIQUE,
    password   varchar(100) NOT NULL CHECK (password LIKE '$2_$%'),    -- bcrypt, nothing else
    email      varchar(255) NOT NULL,
    firstname  varchar(100),
    lastname   varchar(100),
    type       varchar(32)  NOT NULL DEFAULT 'INTERNAL',
    status     varchar(16)  NOT NULL DEFAULT 'ACTIVE',
    category   varchar(32),
    roleid     varchar(64)  REFERENCES core_config.roles (id),
    created_at timestamptz  NOT NULL DEFAULT now()
);

INSERT INTO core_config.roles (id, name, description) VALUES
    ('ADMIN_ROLE_ID',    'Administrator', 'Everything within the tenant'),
    ('BILLING_ROLE_ID',  'Billing',       'Bills, invoices, payments'),
    ('SUPPORT_ROLE_ID',  'Support',       'Customers, orders, subscriptions'),
    ('READONLY_ROLE_ID', 'Read only',     'Reports');
