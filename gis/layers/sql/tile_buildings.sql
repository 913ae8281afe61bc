-- The buildings of a vector tile that stand on a day, each whole (the buffer is a tile wide), the
-- largest first. Residents from 1 to below less one are left out, and those of withheld.
-- Parameters: z, x, y, margin, buffer, tolerance_m, on_day, everywhere, communities, most, below,
-- and withheld, an array of keys.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS mercator,
        ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => :margin), 4326) AS lonlat
), shown AS (
    SELECT ST_AsMVTGeom(
            ST_Simplify(ST_Transform(b.geometry, 3857), :tolerance_m, true),
            tile.mercator, 4096, :buffer, true
        ) AS geom,
        CAST(CAST('x' || right(replace(b.id::text, '-', ''), 13) AS bit(52)) AS bigint) AS feature,
        b.id::text AS id, b.name, b.use, b.floors, b.households,
        CASE
            WHEN b.residents > 0 AND b.residents < :below THEN NULL
            WHEN b.id = ANY (CAST(:withheld AS uuid[])) THEN NULL
            ELSE b.residents
        END AS residents
    FROM tile, buildings b
    WHERE b.geometry && tile.lonlat
        AND (:everywhere OR b.community_id = ANY (CAST(:communities AS uuid[])))
        AND (b.valid_from IS NULL OR b.valid_from <= CAST(:on_day AS date))
        AND (b.valid_to IS NULL OR b.valid_to > CAST(:on_day AS date))
    ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT :most
)
SELECT ST_AsMVT(shown, 'buildings', 4096, 'geom', 'feature') FROM shown WHERE geom IS NOT NULL
