-- The communities of a vector tile that exist on a day, with the households of their buildings.
-- Parameters: z, x, y, margin, buffer, tolerance_m, on_day, everywhere, communities, most.
-- The envelope is transformed and not the column, so that the index on the geometry decides.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS mercator,
        ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => :margin), 4326) AS lonlat
), shown AS (
    SELECT ST_AsMVTGeom(
            ST_Simplify(ST_Transform(c.geometry, 3857), :tolerance_m, true),
            tile.mercator, 4096, :buffer, true
        ) AS geom,
        CAST(CAST('x' || right(replace(c.id::text, '-', ''), 13) AS bit(52)) AS bigint) AS feature,
        c.id::text AS id, c.code, c.name,
        (
            SELECT CAST(coalesce(sum(b.households), 0) AS int) FROM buildings b
            WHERE b.community_id = c.id
                AND (b.valid_from IS NULL OR b.valid_from <= CAST(:on_day AS date))
                AND (b.valid_to IS NULL OR b.valid_to > CAST(:on_day AS date))
        ) AS households
    FROM tile, communities c
    WHERE c.geometry && tile.lonlat
        AND (:everywhere OR c.id = ANY (CAST(:communities AS uuid[])))
        AND (c.valid_from IS NULL OR c.valid_from <= CAST(:on_day AS date))
        AND (c.valid_to IS NULL OR c.valid_to > CAST(:on_day AS date))
    ORDER BY ST_Area(c.geometry) DESC, c.id LIMIT :most
)
SELECT ST_AsMVT(shown, 'communities', 4096, 'geom', 'feature') FROM shown WHERE geom IS NOT NULL
