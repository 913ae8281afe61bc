-- The stations of a vector tile with the services they offer, whatever their hours and dates.
-- Parameters: z, x, y, margin, buffer, everywhere, communities, most.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS mercator,
        ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => :margin), 4326) AS lonlat
), shown AS (
    SELECT ST_AsMVTGeom(
            ST_Transform(s.geometry, 3857), tile.mercator, 4096, :buffer, true
        ) AS geom,
        CAST(CAST('x' || right(replace(s.id::text, '-', ''), 13) AS bit(52)) AS bigint) AS feature,
        s.id::text AS id, s.name, s.tier, s.status,
        (
            SELECT string_agg(DISTINCT v.service, ',' ORDER BY v.service)
            FROM station_services v WHERE v.station_id = s.id
        ) AS services
    FROM tile, stations s
    WHERE s.geometry && tile.lonlat
        AND (:everywhere OR s.community_id = ANY (CAST(:communities AS uuid[])))
    ORDER BY s.id LIMIT :most
)
SELECT ST_AsMVT(shown, 'stations', 4096, 'geom', 'feature') FROM shown WHERE geom IS NOT NULL
