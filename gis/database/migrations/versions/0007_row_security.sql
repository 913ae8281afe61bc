-- Row-level security: the backstop under the scope that every query takes. A transaction of a
-- scope says whose it is (gis.database.row_security) and becomes the role wangge_app; what its
-- queries forget to leave out, the policies leave out. A transaction without a scope is the
-- program's own, and only who owns the tables has one: any other role then sees nothing.
--
-- Each function is called in a scalar subquery, so that it runs once for a statement and not once
-- for a row. They are PL/pgSQL because that keeps its plans, and because the planner does not look
-- into it: policies of policies would otherwise be planned with each query, at 2 ms.

-- name: wangge_sees_all
CREATE FUNCTION wangge_sees_all() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF coalesce(current_setting('wangge.principal', true), '') <> '' THEN
        RETURN coalesce(current_setting('wangge.everywhere', true), '') = 'on';
    END IF;
    RETURN pg_has_role(
        (SELECT c.relowner FROM pg_class c WHERE c.oid = 'public.communities'::regclass), 'USAGE'
    );
END
$$;

-- name: wangge_worker_seen
-- When a worker last told the queue that it is there. The queue's schema, which may not be there
-- yet, is the program's own; a scope learns this one moment of it.
CREATE FUNCTION wangge_worker_seen() RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seen timestamptz;
BEGIN
    IF to_regclass('procrastinate.procrastinate_workers') IS NOT NULL THEN
        EXECUTE 'SELECT max(last_heartbeat) FROM procrastinate.procrastinate_workers' INTO seen;
    END IF;
    RETURN seen;
END
$$;

-- name: wangge_is_scoped
-- Whether the transaction has said whose it is.
CREATE FUNCTION wangge_is_scoped() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(current_setting('wangge.principal', true), '') <> '';
END
$$;

-- name: wangge_communities
-- The communities of the scope as a whole.
CREATE FUNCTION wangge_communities() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(nullif(current_setting('wangge.communities', true), ''), '{}')::uuid[];
END
$$;

-- name: wangge_grids
-- The grids that the scope has beside them.
CREATE FUNCTION wangge_grids() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(nullif(current_setting('wangge.grids', true), ''), '{}')::uuid[];
END
$$;

-- name: wangge_ground
-- The communities of the scope and those that its grids lie in: what is public there may be seen.
CREATE FUNCTION wangge_ground() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF wangge_grids() = '{}' THEN
        RETURN wangge_communities();
    END IF;
    RETURN wangge_communities() || ARRAY(
        SELECT DISTINCT g.community_id FROM grids g WHERE g.id = ANY (wangge_grids())
    );
END
$$;

-- name: wangge_buildings
-- The buildings of the scope's grids, those too that only a part of is there.
CREATE FUNCTION wangge_buildings() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF wangge_grids() = '{}' THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT m.building_id FROM grid_buildings m WHERE m.grid_id = ANY (wangge_grids())
    );
END
$$;

-- name: wangge_cells
-- The cells of the scope's grids.
CREATE FUNCTION wangge_cells() RETURNS uuid[] LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF wangge_grids() = '{}' THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT m.cell_id FROM cell_grids m WHERE m.grid_id = ANY (wangge_grids()));
END
$$;

-- name: wangge_user
-- The account of the scope, if it is one.
CREATE FUNCTION wangge_user() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT u.id FROM users u WHERE u.login = current_setting('wangge.principal', true));
END
$$;

-- name: wangge_division
-- The digits that the codes of all communities of a division begin with; noughts stand for the rest.
CREATE FUNCTION wangge_division(code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN code ~ '^0+$' THEN ''
        WHEN substr(code, 3) ~ '^0+$' THEN left(code, 2)
        WHEN substr(code, 5) ~ '^0+$' THEN left(code, 4)
        WHEN substr(code, 7) ~ '^0+$' THEN left(code, 6)
        WHEN substr(code, 10) ~ '^0+$' THEN left(code, 9)
        ELSE code
    END
$$;

-- name: wangge_reaches_beyond
-- Whether a division has living communities that are none of these. It looks behind the policies:
-- who does not see the others would take every division for their own. An owner of the tables who is
-- no superuser is bound by them as well, so the scope is laid aside meanwhile.
CREATE FUNCTION wangge_reaches_beyond(code text, own uuid[]) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    who text := coalesce(current_setting('wangge.principal', true), '');
    found boolean;
BEGIN
    PERFORM set_config('wangge.principal', '', true);
    found := EXISTS (
        SELECT FROM communities c
        WHERE starts_with(c.code, wangge_division($1)) AND c.id <> ALL ($2)
            AND (c.valid_to IS NULL OR c.valid_to > current_date)
    );
    PERFORM set_config('wangge.principal', who, true);
    RETURN found;
END
$$;

-- The shares of buildings are looked up with the rights of who asks, not of who made the view.
ALTER VIEW grid_buildings SET (security_invoker = true);

-- The ground.
CREATE POLICY scope ON grids USING (
    (SELECT wangge_sees_all())
    OR community_id = ANY ((SELECT wangge_communities())::uuid[])
    OR id = ANY ((SELECT wangge_grids())::uuid[])
);
CREATE POLICY scope ON communities USING (
    (SELECT wangge_sees_all()) OR id = ANY ((SELECT wangge_ground())::uuid[])
);
CREATE POLICY scope ON cells USING (
    (SELECT wangge_sees_all()) OR community_id = ANY ((SELECT wangge_communities())::uuid[])
    OR id = ANY ((SELECT wangge_cells())::uuid[])
);
-- A plan is of the communities of its division.
CREATE POLICY scope ON grid_plans USING (
    (SELECT wangge_sees_all()) OR EXISTS (
        SELECT FROM communities c
        WHERE starts_with(c.code, wangge_division(scope_code))
            AND c.id = ANY ((SELECT wangge_ground())::uuid[])
    )
);

-- What belongs to grids and cells.
CREATE POLICY scope ON cell_grids USING (
    (SELECT wangge_sees_all()) OR EXISTS (SELECT FROM grids g WHERE g.id = grid_id)
);
CREATE POLICY scope ON building_grids USING (
    (SELECT wangge_sees_all()) OR EXISTS (SELECT FROM grids g WHERE g.id = grid_id)
);
CREATE POLICY scope ON building_cells USING (
    (SELECT wangge_sees_all()) OR cell_id IN (SELECT c.id FROM cells c)
);
CREATE POLICY scope ON cell_borders USING (
    (SELECT wangge_sees_all()) OR cell_a IN (SELECT c.id FROM cells c)
);

-- People: counts, matters, posts.
CREATE POLICY scope ON buildings USING (
    (SELECT wangge_sees_all())
    OR community_id = ANY ((SELECT wangge_communities())::uuid[])
    OR id = ANY ((SELECT wangge_buildings())::uuid[])
);
CREATE POLICY scope ON units USING (
    (SELECT wangge_sees_all()) OR EXISTS (SELECT FROM buildings b WHERE b.id = building_id)
);
CREATE POLICY scope ON incidents USING (
    (SELECT wangge_sees_all())
    OR community_id = ANY ((SELECT wangge_communities())::uuid[])
    OR grid_id = ANY ((SELECT wangge_grids())::uuid[])
);
CREATE POLICY scope ON demands USING (
    (SELECT wangge_sees_all())
    OR community_id = ANY ((SELECT wangge_communities())::uuid[])
    OR grid_id = ANY ((SELECT wangge_grids())::uuid[])
);
CREATE POLICY scope ON posts USING (
    (SELECT wangge_sees_all())
    OR EXISTS (SELECT FROM grids g WHERE g.id = grid_id)
    OR EXISTS (SELECT FROM buildings b WHERE b.id = building_id)
    OR EXISTS (SELECT FROM units u WHERE u.id = unit_id)
);
CREATE POLICY scope ON indicator_values USING (
    (SELECT wangge_sees_all())
    OR community_id = ANY ((SELECT wangge_communities())::uuid[])
    OR area_id = ANY ((SELECT wangge_grids())::uuid[])
);

-- Nobody knows yet where a description is: it is where one of its candidates is, or what was decided.
CREATE POLICY seen ON geocoding_requests FOR SELECT USING (
    (SELECT wangge_sees_all()) OR EXISTS (
        SELECT FROM communities c
        WHERE c.id = ANY ((SELECT wangge_communities())::uuid[]) AND (
            ST_Intersects(c.geometry, geocoding_requests.geometry) OR EXISTS (
                SELECT FROM jsonb_array_elements(candidates) one
                WHERE ST_Intersects(
                    c.geometry,
                    ST_SetSRID(
                        ST_MakePoint((one ->> 'lon')::float, (one ->> 'lat')::float), 4326
                    )
                )
            )
        )
    )
);
CREATE POLICY added ON geocoding_requests FOR INSERT WITH CHECK (true);
CREATE POLICY changed ON geocoding_requests FOR UPDATE USING (true);
CREATE POLICY removed ON geocoding_requests FOR DELETE USING ((SELECT wangge_sees_all()));

-- Public ground: who measures coverage reads stations and gated quarters of the neighbours too, and
-- who retires a plan must know whether it still has days elsewhere. The queries that show them leave
-- other ground out; changing them is another matter.
DO $$
DECLARE
    layer text;
    own text := '(SELECT wangge_sees_all())
        OR community_id = ANY ((SELECT wangge_communities())::uuid[])';
BEGIN
    FOREACH layer IN ARRAY ARRAY['stations', 'quarters', 'dedicated_areas', 'plan_effect'] LOOP
        EXECUTE format(
            'CREATE POLICY seen ON %I FOR SELECT USING (
                (SELECT wangge_sees_all()) OR (SELECT wangge_is_scoped()))',
            layer
        );
        EXECUTE format('CREATE POLICY added ON %I FOR INSERT WITH CHECK (%s)', layer, own);
        EXECUTE format('CREATE POLICY changed ON %I FOR UPDATE USING (%s)', layer, own);
        EXECUTE format('CREATE POLICY removed ON %I FOR DELETE USING (%s)', layer, own);
    END LOOP;
END
$$;

-- Of everywhere, or of who asks.
CREATE POLICY scope ON jobs USING (
    (SELECT wangge_sees_all()) OR user_id = (SELECT wangge_user())
);
CREATE POLICY scope ON job_lines USING (
    (SELECT wangge_sees_all()) OR EXISTS (SELECT FROM jobs j WHERE j.id = job_id)
);
CREATE POLICY scope ON users USING (
    (SELECT wangge_sees_all()) OR login = current_setting('wangge.principal', true)
);
CREATE POLICY seen ON user_grants FOR SELECT USING (
    (SELECT wangge_sees_all()) OR user_id = (SELECT wangge_user())
);
CREATE POLICY changed ON user_grants USING ((SELECT wangge_sees_all()));
CREATE POLICY scope ON sessions USING (
    (SELECT wangge_sees_all()) OR user_id = (SELECT wangge_user())
);
CREATE POLICY scope ON api_keys USING (
    (SELECT wangge_sees_all()) OR user_id = (SELECT wangge_user())
);

-- What was done is added to by everybody and read by those who see everything; and one's own, as
-- what is added is read back.
CREATE POLICY seen ON audit_log FOR SELECT USING (
    (SELECT wangge_sees_all()) OR principal = current_setting('wangge.principal', true)
);
CREATE POLICY removed ON audit_log FOR DELETE USING ((SELECT wangge_sees_all()));
CREATE POLICY added ON audit_log FOR INSERT WITH CHECK (true);
CREATE POLICY seen ON row_history FOR SELECT USING ((SELECT wangge_sees_all()));
CREATE POLICY added ON row_history FOR INSERT WITH CHECK (true);
CREATE POLICY changed ON row_history FOR UPDATE USING ((SELECT wangge_sees_all()));
CREATE POLICY removed ON row_history FOR DELETE USING ((SELECT wangge_sees_all()));

-- FORCE: the owner of the tables is bound as well, as soon as its transaction has a scope.
DO $$
DECLARE
    guarded regclass;
BEGIN
    FOR guarded IN SELECT DISTINCT polrelid::regclass FROM pg_policy LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
    END LOOP;
END
$$;
