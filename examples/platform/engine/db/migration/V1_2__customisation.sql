-- What the tenant may have otherwise than the others, without a build of its own.
CREATE TABLE core_config.feature_flags (
    tenant_id   varchar(255),
    feature_key varchar(255),
    enabled     boolean DEFAULT false,
    config      jsonb,
    created_at  timestamp DEFAULT now(),
    updated_at  timestamp DEFAULT now(),
    PRIMARY KEY (tenant_id, feature_key)
);

CREATE TABLE core_config.tenant_property_defaults (
    tenant_id      varchar(32)  NOT NULL,
    property_key   varchar(128) NOT NULL,
    property_value text         NOT NULL,
    PRIMARY KEY (tenant_id, property_key)
);

CREATE TABLE core_config.invoice_template (
    tenant_id     varchar(32) NOT NULL,
    template_name varchar(64) NOT NULL DEFAULT 'DEFAULT',
    template_html text        NOT NULL,
    template_css  text,
    PRIMARY KEY (tenant_id, template_name)
);

CREATE TABLE core_config.selfcare_config (
    tenantid        varchar(32) PRIMARY KEY,
    logo_url        varchar(255),
    primary_color   char(7) CHECK (primary_color ~ '^#[0-9a-f]{6}$'),
    secondary_color char(7) CHECK (secondary_color ~ '^#[0-9a-f]{6}$')
);
