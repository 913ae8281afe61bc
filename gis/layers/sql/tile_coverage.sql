-- Buildings of a vector tile, each whole and with its verdict: the class of the limit that is met,
-- minutes and metres of the walk, and the station. The largest come first.
-- Parameters: z, x, y, buffer, tolerance_m, everywhere, communities, most; and one array each, in
-- the same order: ids, classes, minutes, metres, stations.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS mercator
), verdict AS (
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:classes AS int[]), CAST(:minutes AS float8[]),
        CAST(:metres AS int[]), CAST(:stations AS text[])
    ) AS v(building_id, class, minutes, distance_m, station_id)
), shown AS (
    SELECT ST_AsMVTGeom(
            ST_Simplify(ST_Transform(b.geometry, 3857), :tolerance_m, true),
            tile.mercator, 4096, :buffer, true
        ) AS geom,
        CAST(CAST('x' || right(replace(b.id::text, '-', ''), 13) AS bit(52)) AS bigint) AS feature,
        b.id::text AS id, b.households, v.class, v.minutes, v.distance_m, v.station_id
    FROM tile, verdict v JOIN buildings b ON b.id = v.building_id
    WHERE :everywhere OR b.community_id = ANY (CAST(:communities AS uuid[]))
    ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT :most
)
SELECT ST_AsMVT(shown, 'coverage', 4096, 'geom', 'feature') FROM shown WHERE geom IS NOT NULL
