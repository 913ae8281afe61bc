-- Verdicts of a vector tile from afar: one point for each cell of a square raster in which somebody
-- lives, with how many buildings have households and how many of these are within the last limit.
-- Cells are numbered over the whole world, so that each building counts in exactly one tile.
-- OFFSET keeps the planner from transforming a place once for each use of it.
-- Parameters: z, x, y, buffer, cells, everywhere, communities; and ids and covered, an array each.
WITH tile AS (
    SELECT ST_TileEnvelope(:z, :x, :y) AS mercator,
        :cells * power(2, :z) / 40075016.685578488 AS cells_per_m
), verdict AS (
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:covered AS boolean[]))
        AS v(building_id, covered)
), placed AS (
    SELECT tile.mercator, v.covered, ST_X(p.at) AS east, ST_Y(p.at) AS north,
        CAST(floor((ST_X(p.at) + 20037508.342789244) * tile.cells_per_m) AS bigint) AS i,
        CAST(floor((20037508.342789244 - ST_Y(p.at)) * tile.cells_per_m) AS bigint) AS j
    FROM tile, verdict v JOIN buildings b ON b.id = v.building_id
    CROSS JOIN LATERAL (SELECT ST_Transform(b.location, 3857) AS at OFFSET 0) p
    WHERE b.households > 0
        AND (:everywhere OR b.community_id = ANY (CAST(:communities AS uuid[])))
), shown AS (
    SELECT ST_AsMVTGeom(
            ST_SetSRID(ST_MakePoint(avg(east), avg(north)), 3857), mercator, 4096, :buffer, true
        ) AS geom,
        CAST(count(*) AS int) AS buildings,
        CAST(count(*) FILTER (WHERE covered) AS int) AS covered
    FROM placed
    WHERE i BETWEEN :x * :cells AND :x * :cells + :cells - 1
        AND j BETWEEN :y * :cells AND :y * :cells + :cells - 1
    GROUP BY mercator, i, j ORDER BY i, j
)
SELECT ST_AsMVT(shown, 'coverage', 4096, 'geom') FROM shown
