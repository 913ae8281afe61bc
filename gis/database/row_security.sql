-- The role that every transaction of a scope becomes, and what it may do. Run after each migration;
-- it changes nothing that is as it should be.
DO $$
DECLARE
    able boolean := (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user);
    super boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    one record;
BEGIN
    -- Roles are of the whole server: another of its databases may have made it.
    IF able AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wangge_app') THEN
        BEGIN
            CREATE ROLE wangge_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wangge_app') THEN
        RETURN;
    END IF;
    IF able AND NOT pg_has_role('wangge_app', 'MEMBER') THEN
        EXECUTE format('GRANT wangge_app TO %I', current_user);
    END IF;

    -- Rows of every layer; of the audit log to read and to add only; no TRUNCATE of anything.
    FOR one IN
        SELECT c.oid::regclass AS name,
            CASE c.relname
                WHEN 'audit_log' THEN 'SELECT, INSERT'
                WHEN 'alembic_version' THEN 'SELECT'
                WHEN 'grid_buildings' THEN 'SELECT'
                ELSE 'SELECT, INSERT, UPDATE, DELETE'
            END AS rights
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p')
            AND pg_has_role(c.relowner, 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
            AND NOT has_table_privilege('wangge_app', c.oid, 'SELECT')
    LOOP
        EXECUTE format('GRANT %s ON %s TO wangge_app', one.rights, one.name);
    END LOOP;
    FOR one IN
        SELECT q.seqrelid::regclass AS name
        FROM pg_sequence q JOIN pg_class c ON c.oid = q.seqrelid
        WHERE c.relnamespace = 'public'::regnamespace AND pg_has_role(c.relowner, 'USAGE')
            AND NOT has_sequence_privilege('wangge_app', q.seqrelid, 'USAGE')
    LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE %s TO wangge_app', one.name);
    END LOOP;

    -- A restored backup has no rights, so everybody could call every function.
    IF EXISTS (
        SELECT FROM pg_proc p WHERE p.oid = to_regprocedure('wangge_forget_audit(timestamptz, text)')
            AND pg_has_role(p.proowner, 'USAGE')
    ) THEN
        REVOKE EXECUTE ON FUNCTION wangge_forget_audit(timestamptz, text) FROM PUBLIC;
    END IF;

    -- An index may answer before a policy only by operators that tell nothing of the rows they
    -- compare. Those of boxes look at boxes and raise no error that quotes one, but PostGIS does not
    -- say so. Without it every query of a box reads all rows of the scope.
    IF super THEN
        FOR one IN
            SELECT p.oid::regprocedure AS name FROM pg_proc p
            WHERE p.proname IN ('geometry_overlaps', 'geography_overlaps') AND NOT p.proleakproof
        LOOP
            EXECUTE format('ALTER FUNCTION %s LEAKPROOF', one.name);
        END LOOP;
    END IF;
END
$$;
