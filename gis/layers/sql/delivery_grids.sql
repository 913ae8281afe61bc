-- Households per grid of the plans in effect on a day, before and after the staged delivery of
-- buildings; only grids that gain, lose or change, and a row without a grid for buildings that
-- would lie in none. No rows where no plan is in effect. Parameters: kind, on_day, gone (array of
-- the keys of the buildings that it takes away), moved (degrees within which a building is where it
-- was).
WITH live AS (
    SELECT g.id, g.code, g.plan_id, g.geometry
    FROM grids g
    JOIN plan_effect e ON e.plan_id = g.plan_id AND e.community_id = g.community_id
    WHERE e.kind = :kind AND e.during @> CAST(:on_day AS date)
), member AS (
    -- One that moved to another community may be in the plans of both: it counts once.
    SELECT DISTINCT ON (m.building_id) m.building_id, m.grid_id
    FROM building_grids m JOIN live ON live.id = m.grid_id
    ORDER BY m.building_id, live.code, live.id
), standing AS (
    SELECT b.id, b.households, member.grid_id
    FROM buildings b LEFT JOIN member ON member.building_id = b.id
    WHERE b.valid_to IS NULL OR b.valid_to > CAST(:on_day AS date)
), incoming AS (
    SELECT d.id, p.standing, d.households, d.location,
        b.id IS NOT NULL AND ST_Distance(b.location, d.location) <= :moved AS in_place
    FROM delivery d
    LEFT JOIN delivery_pairs p ON p.delivered = d.id
    LEFT JOIN buildings b ON b.id = p.standing
    WHERE d.valid_to IS NULL OR d.valid_to > CAST(:on_day AS date)
), placed AS (
    -- What stays where it is stays in its grid; the rest is looked up by its place.
    SELECT DISTINCT ON (i.id) i.id, i.standing, i.households,
        CASE WHEN i.in_place THEN coalesce(s.grid_id, g.id) ELSE g.id END AS grid_id
    FROM incoming i
    LEFT JOIN standing s ON s.id = i.standing
    LEFT JOIN LATERAL (
        -- By the index of the table, which live, read once and kept, has not.
        SELECT grids.id, grids.code FROM grids
        WHERE NOT (i.in_place AND s.grid_id IS NOT NULL)
            AND ST_Intersects(grids.geometry, i.location)
            AND grids.id IN (SELECT live.id FROM live)
    ) g ON true
    ORDER BY i.id, g.code, g.id
), flow AS (
    SELECT s.grid_id, -s.households AS households, 0 AS came, 1 AS went, 0 AS changed
    FROM standing s WHERE s.id = ANY (CAST(:gone AS uuid[])) OR EXISTS (
        -- It is delivered, as one that has ended.
        SELECT FROM delivery_pairs p JOIN delivery d ON d.id = p.delivered
        WHERE p.standing = s.id AND d.valid_to <= CAST(:on_day AS date)
    )
    UNION ALL
    SELECT p.grid_id, p.households, 1, 0, 0 FROM placed p
    LEFT JOIN standing s ON s.id = p.standing WHERE s.id IS NULL
    UNION ALL
    SELECT p.grid_id, p.households - s.households, 0, 0, 1 FROM placed p
    JOIN standing s ON s.id = p.standing
    WHERE p.grid_id IS NOT DISTINCT FROM s.grid_id AND p.households <> s.households
    UNION ALL
    SELECT s.grid_id, -s.households, 0, 1, 0 FROM placed p
    JOIN standing s ON s.id = p.standing WHERE p.grid_id IS DISTINCT FROM s.grid_id
    UNION ALL
    SELECT p.grid_id, p.households, 1, 0, 0 FROM placed p
    JOIN standing s ON s.id = p.standing WHERE p.grid_id IS DISTINCT FROM s.grid_id
), before AS (
    -- A split building lies in several grids of its plan; what flows counts for its main one.
    SELECT m.grid_id, sum(
        s.households * m.share_to / m.share_of - s.households * m.share_from / m.share_of
    ) AS households
    FROM standing s
    JOIN live ON live.id = s.grid_id
    JOIN grid_buildings m ON m.building_id = s.id AND m.plan_id = live.plan_id
    GROUP BY m.grid_id
)
SELECT live.plan_id::text, live.code,
    CASE WHEN live.id IS NULL THEN NULL ELSE coalesce(max(before.households), 0) END::bigint
        AS households_before,
    CASE WHEN live.id IS NULL THEN sum(flow.households)
        ELSE coalesce(max(before.households), 0) + sum(flow.households) END::bigint
        AS households_after,
    sum(flow.came)::bigint AS buildings_in,
    sum(flow.went)::bigint AS buildings_out,
    sum(flow.changed)::bigint AS buildings_changed
FROM flow
LEFT JOIN live ON live.id = flow.grid_id
LEFT JOIN before ON before.grid_id = flow.grid_id
WHERE EXISTS (SELECT FROM live)
GROUP BY live.id, live.plan_id, live.code
ORDER BY live.code NULLS LAST, live.plan_id
