-- The buildings of a vector tile from afar: one point for each cell of a square raster that has any,
-- at the mean of their places, with how many they are and their households. Cells are numbered over
-- the whole world, so that each building counts in exactly one tile of a zoom.
-- OFFSET keeps the planner from transforming a place once for each use of it.
-- Parameters: z, x, y, margin, buffer, cells, on_day, everywhere, communities.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS mercator,
        ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => :margin), 4326) AS lonlat,
        :cells * power(2, :z) / 40075016.685578488 AS cells_per_m
), placed AS (
    SELECT tile.mercator, b.households, ST_X(p.at) AS east, ST_Y(p.at) AS north,
        CAST(floor((ST_X(p.at) + 20037508.342789244) * tile.cells_per_m) AS bigint) AS i,
        CAST(floor((20037508.342789244 - ST_Y(p.at)) * tile.cells_per_m) AS bigint) AS j
    FROM tile, buildings b CROSS JOIN LATERAL (SELECT ST_Transform(b.location, 3857) AS at OFFSET 0) p
    WHERE b.location && tile.lonlat
        AND (:everywhere OR b.community_id = ANY (CAST(:communities AS uuid[])))
        AND (b.valid_from IS NULL OR b.valid_from <= CAST(:on_day AS date))
        AND (b.valid_to IS NULL OR b.valid_to > CAST(:on_day AS date))
), shown AS (
    SELECT ST_AsMVTGeom(
            ST_SetSRID(ST_MakePoint(avg(east), avg(north)), 3857), mercator, 4096, :buffer, true
        ) AS geom,
        CAST(count(*) AS int) AS buildings, CAST(sum(households) AS int) AS households
    FROM placed
    WHERE i BETWEEN :x * :cells AND :x * :cells + :cells - 1
        AND j BETWEEN :y * :cells AND :y * :cells + :cells - 1
    GROUP BY mercator, i, j ORDER BY i, j
)
SELECT ST_AsMVT(shown, 'buildings', 4096, 'geom') FROM shown
