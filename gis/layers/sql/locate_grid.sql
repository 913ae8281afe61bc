-- The one grid at a point with what a dispatcher must know about it: the neighbour within near_m,
-- or the grid within snap_m that a point outside is given, or the reason why there is none.
-- Parameters: lon, lat, kind, on_day, snap_m, near_m; everywhere, communities, grids: the ground of
-- who asks, beyond which there is nothing. Always one row.
WITH place AS (
    SELECT p AS point, p::geography AS geog,
        ST_Expand(p, greatest(:snap_m, :near_m) * s.factor) AS box
    FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS p) q
    -- Degrees that are at least one metre in each direction at this latitude, with a margin.
    CROSS JOIN LATERAL (
        SELECT 1.01 / (111000.0 * greatest(cos(radians(:lat)), 0.01)) AS factor
    ) s
), live AS (
    SELECT g.id, g.code, g.plan_id, g.community_id,
        ST_Intersects(g.geometry, place.point) AS inside,
        ST_Distance(g.geometry::geography, place.geog) AS metres
    FROM place
    JOIN grids g ON g.geometry && place.box
    JOIN plan_effect e ON e.plan_id = g.plan_id AND e.community_id = g.community_id
    WHERE e.kind = :kind AND e.during @> CAST(:on_day AS date)
        AND (
            :everywhere OR g.community_id = ANY (CAST(:communities AS uuid[]))
            OR g.id = ANY (CAST(:grids AS uuid[]))
        )
), own AS (
    SELECT *, CASE WHEN inside THEN NULL ELSE metres END AS snapped_m
    FROM live
    -- No snapping means none: on the spheroid a nanometre outside is at no distance.
    WHERE inside OR (:snap_m > 0 AND metres <= :snap_m)
    -- Inside first; then the nearest; on a border, and among equals, the lowest code.
    ORDER BY inside DESC, CASE WHEN inside THEN 0 ELSE metres END, code, id
    LIMIT 1
), other AS (
    SELECT l.id, l.code, l.metres
    FROM live l JOIN own ON l.id <> own.id
    WHERE l.metres <= :near_m
    ORDER BY l.metres, l.code, l.id
    LIMIT 1
)
SELECT own.id::text AS grid_id, own.code, own.plan_id::text, own.community_id::text,
    CASE
        WHEN own.id IS NOT NULL THEN NULL
        WHEN EXISTS (
            SELECT 1 FROM communities c, place
            WHERE c.geometry && place.point AND ST_Intersects(c.geometry, place.point)
                AND (:everywhere OR c.id = ANY (CAST(:communities AS uuid[])))
                AND (c.valid_from IS NULL OR c.valid_from <= CAST(:on_day AS date))
                AND (c.valid_to IS NULL OR c.valid_to > CAST(:on_day AS date))
        ) THEN 'no_plan_in_effect'
        ELSE 'outside_all_communities' END AS reason,
    own.snapped_m, other.metres AS border_m,
    other.id::text AS neighbour_id, other.code AS neighbour_code
FROM (SELECT 1) AS always
LEFT JOIN own ON true
LEFT JOIN other ON true
