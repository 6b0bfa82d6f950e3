CREATE FUNCTION core_config.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER tenant_touch BEFORE UPDATE ON core_config.tenant
    FOR EACH ROW EXECUTE FUNCTION core_config.touch_updated_at();
CREATE TRIGGER feature_flags_touch BEFORE UPDATE ON core_config.feature_flags
    FOR EACH ROW EXECUTE FUNCTION core_config.touch_updated_at();
