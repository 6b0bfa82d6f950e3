-- tenant_id is everywhere, though each tenant has its own database: a query that forgets it must not matter, and a row
-- that strays must show.
CREATE TABLE account (
    id            varchar(32)  PRIMARY KEY DEFAULT 'ACCT-' || substr(gen_random_uuid()::text, 1, 13),
    tenant_id     varchar(32)  NOT NULL,
    accountnumber varchar(32)  NOT NULL UNIQUE,
    firstname     varchar(100),
    lastname      varchar(100),
    email         varchar(255) NOT NULL,
    status        varchar(16)  NOT NULL DEFAULT 'ACTIVE',
    created_date  timestamptz  NOT NULL DEFAULT now()
);

CREATE TABLE price_unit (
    id         varchar(32)   PRIMARY KEY,
    tenant_id  varchar(32)   NOT NULL,
    name       varchar(100)  NOT NULL,
    amount     numeric(12,2) NOT NULL CHECK (amount >= 0),
    currency   char(3)       NOT NULL,
    recurrence varchar(16)   NOT NULL DEFAULT 'MONTHLY'
);

CREATE TABLE subscription (
    id           varchar(32) PRIMARY KEY,
    tenant_id    varchar(32) NOT NULL,
    customer_id  varchar(32) NOT NULL REFERENCES account (id),
    priceunit_id varchar(32) REFERENCES price_unit (id),
    status       varchar(16) NOT NULL DEFAULT 'ACTIVE',
    start_date   date        NOT NULL DEFAULT current_date,
    end_date     date
);

CREATE TABLE service_unit (
    id              varchar(32) PRIMARY KEY,
    tenant_id       varchar(32) NOT NULL,
    subscription_id varchar(32) NOT NULL REFERENCES subscription (id),
    type            varchar(32) NOT NULL,
    status          varchar(16) NOT NULL DEFAULT 'PROVISIONED'
);

CREATE TABLE "order" (
    id           varchar(32)   PRIMARY KEY,
    tenant_id    varchar(32)   NOT NULL,
    customer_id  varchar(32)   NOT NULL REFERENCES account (id),
    status       varchar(16)   NOT NULL DEFAULT 'CREATED',
    amount       numeric(12,2) NOT NULL DEFAULT 0,
    created_date timestamptz   NOT NULL DEFAULT now()
);

CREATE TABLE bill (
    id           varchar(32)   PRIMARY KEY,
    tenant_id    varchar(32)   NOT NULL,
    customer_id  varchar(32)   NOT NULL REFERENCES account (id),
    period_start date,
    period_end   date,
    amount       numeric(12,2) NOT NULL DEFAULT 0,
    currency     char(3)       NOT NULL DEFAULT 'USD',
    status       varchar(16)   NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'GENERATED', 'FAILED', 'CLOSED')),
    created_date timestamptz   NOT NULL DEFAULT now()
);

CREATE TABLE invoice (
    id           varchar(32)   PRIMARY KEY,
    tenant_id    varchar(32)   NOT NULL,
    customer_id  varchar(32)   NOT NULL REFERENCES account (id),
    bill_id      varchar(32)   REFERENCES bill (id),
    invoice_date date          NOT NULL DEFAULT current_date,
    due_date     date,
    amount       numeric(12,2) NOT NULL DEFAULT 0,
    pdf_url      varchar(255),
    status       varchar(16)   NOT NULL DEFAULT 'OPEN'
);

CREATE TABLE payment_profile (
    id                  varchar(32) PRIMARY KEY,
    tenant_id           varchar(32) NOT NULL,
    customer_id         varchar(32) NOT NULL REFERENCES account (id),
    payment_method_type varchar(32) NOT NULL,
    expiry_date         date,
    status              varchar(16) NOT NULL DEFAULT 'ACTIVE'
);

CREATE TABLE payment (
    id           varchar(32)   PRIMARY KEY,
    tenant_id    varchar(32)   NOT NULL,
    customer_id  varchar(32)   NOT NULL REFERENCES account (id),
    invoice_id   varchar(32)   REFERENCES invoice (id),
    profile_id   varchar(32)   REFERENCES payment_profile (id),
    amount       numeric(12,2) NOT NULL CHECK (amount > 0),
    status       varchar(16)   NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'COMPLETED', 'FAILED', 'REFUNDED')),
    created_date timestamptz   NOT NULL DEFAULT now()
);

CREATE TABLE transaction (
    id             bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id      varchar(32)   NOT NULL,
    serviceunit_id varchar(32)   REFERENCES service_unit (id),
    quantity       numeric(18,6) NOT NULL,
    unit           varchar(16)   NOT NULL,
    rated_amount   numeric(12,4),
    event_time     timestamptz   NOT NULL
);
