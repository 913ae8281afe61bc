-- The grids of a vector tile whose plan is in effect on a day, with the households of their shares
-- of the buildings that stand then.
-- Parameters: z, x, y, margin, buffer, tolerance_m, on_day, kind, everywhere, communities, most.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS mercator,
        ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => :margin), 4326) AS lonlat
), shown AS (
    SELECT ST_AsMVTGeom(
            ST_Simplify(ST_Transform(g.geometry, 3857), :tolerance_m, true),
            tile.mercator, 4096, :buffer, true
        ) AS geom,
        CAST(CAST('x' || right(replace(g.id::text, '-', ''), 13) AS bit(52)) AS bigint) AS feature,
        g.id::text AS id, g.code, g.kind, c.code AS community_code,
        (
            SELECT CAST(coalesce(sum(
                    b.households * s.share_to / s.share_of - b.households * s.share_from / s.share_of
                ), 0) AS int)
            FROM grid_buildings s JOIN buildings b ON b.id = s.building_id
            WHERE s.plan_id = g.plan_id AND s.grid_id = g.id
                AND (b.valid_from IS NULL OR b.valid_from <= CAST(:on_day AS date))
                AND (b.valid_to IS NULL OR b.valid_to > CAST(:on_day AS date))
        ) AS households
    FROM tile, grids g JOIN communities c ON c.id = g.community_id
    WHERE g.geometry && tile.lonlat
        AND (:everywhere OR g.community_id = ANY (CAST(:communities AS uuid[])))
        AND EXISTS (
            SELECT FROM plan_effect e
            WHERE e.plan_id = g.plan_id AND e.community_id = g.community_id
                AND e.kind = :kind AND e.during @> CAST(:on_day AS date)
        )
    ORDER BY ST_Area(g.geometry) DESC, g.id LIMIT :most
)
SELECT ST_AsMVT(shown, 'grids', 4096, 'geom', 'feature') FROM shown WHERE geom IS NOT NULL
