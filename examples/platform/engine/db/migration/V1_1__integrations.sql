-- What the tenant talks to. id is the tenant's, index counts its merchants from 0; secrets are in Vault, not here.
CREATE TABLE core_config.tenant_merchants (
    id        varchar(32)  NOT NULL,
    tenant_id varchar(32)  NOT NULL REFERENCES core_config.tenant (id),
    index     integer      NOT NULL CHECK (index >= 0),
    name      varchar(64)  NOT NULL,
    type      varchar(32)  NOT NULL CHECK (type IN ('FINANCE_GATEWAY', 'PAYMENT_GATEWAY', 'TAX_GATEWAY', 'PROVISION_GATEWAY', 'CRM_GATEWAY')),
    status    varchar(16)  NOT NULL DEFAULT 'ACTIVE',
    authtype  varchar(16)  NOT NULL CHECK (authtype IN ('OAUTH1', 'OAUTH2', 'API_KEY', 'BASIC')),
    apitype   varchar(16)  NOT NULL CHECK (apitype IN ('REST', 'SOAP')),
    baseurl   varchar(255) NOT NULL,
    PRIMARY KEY (id, index),
    UNIQUE (tenant_id, name),
    CHECK (id = tenant_id)
);

CREATE TABLE core_config.oauth1_attributes (
    id              varchar(32) NOT NULL,
    index           integer     NOT NULL,
    realm           varchar(64),
    environment     varchar(16) NOT NULL CHECK (environment IN ('PRODUCTION', 'SANDBOX')),
    signaturemethod varchar(16) NOT NULL DEFAULT 'HMAC-SHA256',
    PRIMARY KEY (id, index),
    FOREIGN KEY (id, index) REFERENCES core_config.tenant_merchants (id, index)
);

CREATE TABLE core_config.oauth2_attributes (
    id          varchar(32)  NOT NULL,
    index       integer      NOT NULL,
    realmid     varchar(64),
    environment varchar(16)  NOT NULL CHECK (environment IN ('PRODUCTION', 'SANDBOX')),
    redirecturi varchar(255),
    state       varchar(128),
    PRIMARY KEY (id, index),
    FOREIGN KEY (id, index) REFERENCES core_config.tenant_merchants (id, index)
);

CREATE TABLE core_config.finance_gateway_attributes (
    id               varchar(32) NOT NULL,
    index            integer     NOT NULL,
    subsidiary       varchar(64),
    accountingmethod varchar(16) CHECK (accountingmethod IN ('ACCRUAL', 'CASH')),
    fiscalyearstart  char(5)     CHECK (fiscalyearstart ~ '^[0-9]{2}-[0-9]{2}$'),
    custom_mappings  jsonb,
    custom_config    jsonb,
    PRIMARY KEY (id, index),
    FOREIGN KEY (id, index) REFERENCES core_config.tenant_merchants (id, index)
);

CREATE TABLE core_config.payment_gateway_attributes (
    id              varchar(32) NOT NULL,
    index           integer     NOT NULL,
    capturemethod   varchar(16) CHECK (capturemethod IN ('AUTOMATIC', 'MANUAL')),
    paymentmethods  varchar(64),
    webhookurl      varchar(255),
    custom_mappings jsonb,
    custom_config   jsonb,
    PRIMARY KEY (id, index),
    FOREIGN KEY (id, index) REFERENCES core_config.tenant_merchants (id, index)
);

CREATE TABLE core_config.tax_gateway_attributes (
    id                varchar(32) NOT NULL,
    index             integer     NOT NULL,
    companycode       varchar(64),
    commitdocuments   boolean     NOT NULL DEFAULT true,
    addressvalidation boolean     NOT NULL DEFAULT false,
    custom_mappings   jsonb,
    custom_config     jsonb,
    PRIMARY KEY (id, index),
    FOREIGN KEY (id, index) REFERENCES core_config.tenant_merchants (id, index)
);

CREATE TABLE core_config.provision_gateway_attributes (
    id                varchar(32) NOT NULL,
    index             integer     NOT NULL,
    serviceproviderid varchar(64),
    callbackurl       varchar(255),
    custom_mappings   jsonb,
    custom_config     jsonb,
    PRIMARY KEY (id, index),
    FOREIGN KEY (id, index) REFERENCES core_config.tenant_merchants (id, index)
);

CREATE TABLE core_config.crm_gateway_attributes (
    id              varchar(32) NOT NULL,
    index           integer     NOT NULL,
    instanceurl     varchar(255),
    apiversion      varchar(16),
    syncdirection   varchar(16) CHECK (syncdirection IN ('INBOUND', 'OUTBOUND', 'BOTH')),
    custom_mappings jsonb,
    custom_config   jsonb,
    PRIMARY KEY (id, index),
    FOREIGN KEY (id, index) REFERENCES core_config.tenant_merchants (id, index)
);
