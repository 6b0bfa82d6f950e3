-- The services log in as appuser. Repeatable: change it, and it is applied again, to the tables made since as well.
DO $$
DECLARE
    s text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'appuser') THEN
        RAISE NOTICE 'no role appuser: nothing granted';
        RETURN;
    END IF;
    FOREACH s IN ARRAY ARRAY['public', 'core_config'] LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO appuser', s);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO appuser', s);
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO appuser', s);
    END LOOP;
    IF to_regclass('public.flyway_schema_history') IS NOT NULL THEN
        REVOKE ALL ON public.flyway_schema_history FROM appuser;
    END IF;
END
$$;
