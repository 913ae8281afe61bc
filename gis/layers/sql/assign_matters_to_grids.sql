-- Assigns the grid of every matter of {table} that is asked for, as a set: polygons outside, the
-- GiST index on the points inside. Matters on a border go to the lowest code, as locate_grid says.
-- Parameters: kind, zone, only_unassigned, only_ids (null: all)
WITH wanted AS (
    SELECT m.id, (m.occurred_at AT TIME ZONE :zone)::date AS on_day
    FROM {table} m
    WHERE (NOT :only_unassigned OR m.assigned_at IS NULL)
        AND (CAST(:only_ids AS uuid[]) IS NULL OR m.id = ANY (CAST(:only_ids AS uuid[])))
), hit AS (
    SELECT DISTINCT ON (m.id) m.id, g.id AS grid_id, g.plan_id, g.community_id
    FROM plan_effect e
    JOIN grids g ON g.plan_id = e.plan_id AND g.community_id = e.community_id
    JOIN {table} m ON m.geometry && g.geometry AND ST_Intersects(g.geometry, m.geometry)
    JOIN wanted w ON w.id = m.id AND e.during @> w.on_day
    WHERE e.kind = :kind
    ORDER BY m.id, g.code, g.id
), inside AS (
    SELECT DISTINCT ON (m.id) m.id, c.id AS community_id
    FROM communities c
    JOIN {table} m ON m.geometry && c.geometry AND ST_Intersects(c.geometry, m.geometry)
    JOIN wanted w ON w.id = m.id
        AND (c.valid_from IS NULL OR c.valid_from <= w.on_day)
        AND (c.valid_to IS NULL OR c.valid_to > w.on_day)
    ORDER BY m.id, c.code, c.id
)
UPDATE {table} m
SET grid_id = hit.grid_id,
    plan_id = hit.plan_id,
    community_id = coalesce(hit.community_id, inside.community_id),
    no_grid_reason = CASE
        WHEN hit.grid_id IS NOT NULL THEN NULL
        WHEN inside.id IS NULL THEN 'outside_all_communities'
        ELSE 'no_plan_in_effect' END
FROM wanted w
LEFT JOIN hit ON hit.id = w.id
LEFT JOIN inside ON inside.id = w.id
WHERE m.id = w.id
