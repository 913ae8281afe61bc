-- Assigns every matter of {table} that is asked for to its grid and to the nearest station that
-- offers its service and was open at the time; where there is none, the reason.
-- As one set and one update: each update of a row writes every index of the table and, the second
-- time in a transaction, checks every foreign key again.
-- Parameters: kind, zone, only_unassigned, only_ids (null: all)
WITH asked AS (
    SELECT ST_SetSRID(ST_Extent(m.geometry)::geometry, 4326) AS box
    FROM {table} m
    WHERE (NOT :only_unassigned OR m.assigned_at IS NULL)
        AND (CAST(:only_ids AS uuid[]) IS NULL OR m.id = ANY (CAST(:only_ids AS uuid[])))
), live AS MATERIALIZED (
    -- Apart, so that matters meet grids first and not the periods of every community.
    SELECT g.id, g.code, g.plan_id, g.community_id, g.geometry, e.during
    FROM plan_effect e
    JOIN grids g ON g.plan_id = e.plan_id AND g.community_id = e.community_id
    WHERE e.kind = :kind AND g.geometry && (SELECT box FROM asked)
), found AS (
    -- Polygons outside, the GiST index on the points inside. The planner takes a spatial join for a
    -- handful of rows, and would loop over all hits for each matter; so hits and matters are merged
    -- by one sort and never joined. On a border the lowest code wins, as locate_grid says.
    SELECT DISTINCT ON (id) *
    FROM (
        SELECT m.id, m.service, m.occurred_at, m.geometry,
            g.code, g.id AS grid_id, g.plan_id, g.community_id
        FROM live g
        JOIN {table} m ON m.geometry && g.geometry AND ST_Intersects(g.geometry, m.geometry)
        WHERE g.during @> (m.occurred_at AT TIME ZONE :zone)::date
            AND (NOT :only_unassigned OR m.assigned_at IS NULL)
            AND (CAST(:only_ids AS uuid[]) IS NULL OR m.id = ANY (CAST(:only_ids AS uuid[])))
        UNION ALL
        SELECT m.id, m.service, m.occurred_at, m.geometry, NULL, NULL, NULL, NULL
        FROM {table} m
        WHERE (NOT :only_unassigned OR m.assigned_at IS NULL)
            AND (CAST(:only_ids AS uuid[]) IS NULL OR m.id = ANY (CAST(:only_ids AS uuid[])))
    ) candidates
    ORDER BY id, code NULLS LAST, grid_id
), answer AS (
    SELECT f.id, f.grid_id, f.plan_id, coalesce(f.community_id, inside.id) AS community_id,
        n.station_id, n.distance_m,
        CASE
            WHEN f.grid_id IS NOT NULL THEN NULL
            WHEN inside.id IS NULL THEN 'outside_all_communities'
            ELSE 'no_plan_in_effect' END AS no_grid_reason,
        CASE
            WHEN n.station_id IS NOT NULL THEN NULL
            WHEN f.service IS NULL THEN 'no_service_asked'
            WHEN horizon.during IS NULL THEN 'outside_horizon'
            WHEN NOT coalesce(offer.any_serves, false) THEN 'no_station_offers'
            WHEN NOT offer.any_hours THEN 'hours_unknown'
            ELSE 'none_open' END AS no_station_reason
    FROM found f
    LEFT JOIN hours_horizon horizon ON horizon.during @> f.occurred_at
    -- A grid knows its community; only a place without one is looked up.
    LEFT JOIN LATERAL (
        SELECT c.id
        FROM communities c
        WHERE f.grid_id IS NULL
            AND c.geometry && f.geometry AND ST_Intersects(c.geometry, f.geometry)
            AND (c.valid_from IS NULL OR c.valid_from <= (f.occurred_at AT TIME ZONE :zone)::date)
            AND (c.valid_to IS NULL OR c.valid_to > (f.occurred_at AT TIME ZONE :zone)::date)
        ORDER BY c.code, c.id
        LIMIT 1
    ) inside ON true
    LEFT JOIN LATERAL (
        SELECT true AS any_serves, bool_or(v.opening_hours IS NOT NULL) AS any_hours
        FROM station_services v
        JOIN stations s ON s.id = v.station_id
        WHERE v.service = f.service AND v.mode <> 'delivery'
            AND station_serves_on(
                s.status, s.opens_on, s.closes_on, (f.occurred_at AT TIME ZONE :zone)::date
            )
        HAVING count(*) > 0
    ) offer ON true
    LEFT JOIN LATERAL (
        SELECT * FROM nearest_open_stations(
            f.geometry::geography, f.service, f.occurred_at, :zone, 1
        )
        WHERE f.service IS NOT NULL AND horizon.during IS NOT NULL
        LIMIT 1 -- asks before it calls; without it the subquery would become a join
    ) n ON true
)
UPDATE {table} m
SET grid_id = a.grid_id,
    plan_id = a.plan_id,
    community_id = a.community_id,
    no_grid_reason = a.no_grid_reason,
    station_id = a.station_id,
    distance_m = a.distance_m,
    distance_method = CASE WHEN a.station_id IS NOT NULL THEN 'straight_line' END,
    no_station_reason = a.no_station_reason,
    assigned_at = now()
FROM answer a
WHERE m.id = a.id
