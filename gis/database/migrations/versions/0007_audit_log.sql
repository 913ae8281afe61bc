-- The audit log is only ever added to. Who owns the tables could drop the trigger; whoever merely
-- uses them has no right to UPDATE, DELETE or TRUNCATE at all.

-- name: wangge_audit_log_stays
-- Refuses every change of what is written, but for the one function that forgets what is old.
CREATE FUNCTION wangge_audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('wangge.forgetting', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'The audit log is only ever added to: no %.', TG_OP
        USING ERRCODE = 'insufficient_privilege',
            HINT = 'Old entries are removed by: wangge audit-log forget --before DAY';
END
$$;

-- Once per statement: TRUNCATE has no rows, and an UPDATE of none is refused as well.
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION wangge_audit_log_stays();

-- name: wangge_forget_audit
-- Removes the entries from before a moment, writes down that it did, and returns how many they were.
-- What is younger than six months is kept: so long network logs must be kept by law.
CREATE FUNCTION wangge_forget_audit(earlier timestamptz, who text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    forgotten bigint;
BEGIN
    IF earlier IS NULL OR earlier > now() - interval '6 months' THEN
        RAISE EXCEPTION 'Entries of the last six months are kept.'
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Name a day that is at least six months ago.';
    END IF;
    -- In the body: only a superuser may let a function SET a parameter that is not PostgreSQL's own.
    PERFORM set_config('wangge.forgetting', 'on', true);
    DELETE FROM audit_log WHERE at < earlier;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    PERFORM set_config('wangge.forgetting', 'off', true);
    INSERT INTO audit_log (principal, action, layer, row_id, after)
        VALUES (
            who, 'forgotten', 'audit_log',
            'before ' || to_char(earlier AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'),
            jsonb_build_object('before', earlier, 'entries', forgotten)
        );
    RETURN forgotten;
END
$$;

REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION wangge_forget_audit(timestamptz, text) FROM PUBLIC;
