-- Which buildings of any day a vector tile may show: only those that have a verdict are encoded.
-- An entrance may lie beside the outline and, from afar, in another tile: either is enough.
-- Parameters: z, x, y, margin, everywhere, communities.
WITH tile AS (
    SELECT ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => :margin), 4326) AS lonlat
)
SELECT b.id::text AS id
FROM tile, buildings b
WHERE (b.geometry && tile.lonlat OR b.location && tile.lonlat)
    AND (:everywhere OR b.community_id = ANY (CAST(:communities AS uuid[])))
ORDER BY b.id
