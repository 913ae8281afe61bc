-- The box around the communities that exist on a day, degrees; nothing where there are none.
-- Parameters: on_day, everywhere, communities.
SELECT ST_XMin(e.box) AS west, ST_YMin(e.box) AS south, ST_XMax(e.box) AS east, ST_YMax(e.box) AS north
FROM (
    SELECT ST_Extent(c.geometry) AS box FROM communities c
    WHERE (:everywhere OR c.id = ANY (CAST(:communities AS uuid[])))
        AND (c.valid_from IS NULL OR c.valid_from <= CAST(:on_day AS date))
        AND (c.valid_to IS NULL OR c.valid_to > CAST(:on_day AS date))
) e
WHERE e.box IS NOT NULL
