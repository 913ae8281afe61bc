-- Undoes 0007_row_security.sql. The role stays: other databases of the server may use it.
DO $$
DECLARE
    policy record;
BEGIN
    FOR policy IN SELECT polname, polrelid::regclass AS guarded FROM pg_policy LOOP
        EXECUTE format('DROP POLICY %I ON %s', policy.polname, policy.guarded);
        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', policy.guarded);
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', policy.guarded);
    END LOOP;
END
$$;
ALTER VIEW grid_buildings RESET (security_invoker);
DROP FUNCTION wangge_worker_seen, wangge_reaches_beyond, wangge_division, wangge_is_scoped, wangge_user, wangge_buildings, wangge_cells, wangge_ground,
    wangge_grids, wangge_communities, wangge_sees_all;
