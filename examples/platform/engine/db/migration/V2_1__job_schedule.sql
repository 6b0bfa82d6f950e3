CREATE TABLE job_schedule (
    tenant_id varchar(32) NOT NULL,
    job_type  varchar(64) NOT NULL,
    cron      varchar(64) NOT NULL,
    status    varchar(16) NOT NULL DEFAULT 'ACTIVE',
    last_run  timestamptz,
    PRIMARY KEY (tenant_id, job_type)
);
