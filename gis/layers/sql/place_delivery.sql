-- Gives each staged row of {table} without a community the living community that holds its place;
-- on a line the lowest code. {place} is an expression on {table} m.
WITH hit AS (
    SELECT DISTINCT ON (m.id) m.id, c.id AS community_id
    FROM communities c
    JOIN delivery m ON {place} && c.geometry AND ST_Intersects(c.geometry, {place})
    WHERE m.community_id IS NULL AND c.valid_to IS NULL
    ORDER BY m.id, c.code, c.id
)
UPDATE delivery m SET community_id = hit.community_id FROM hit WHERE hit.id = m.id
