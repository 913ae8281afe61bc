-- A job is told to who asked for it as long as they have all of the ground that it was done on.
DROP POLICY scope ON jobs;
CREATE POLICY scope ON jobs USING (
    (SELECT wangge_sees_all()) OR (
        user_id = (SELECT wangge_user())
        AND community_ids <@ (SELECT wangge_communities())
        AND grid_ids <@ (SELECT wangge_grids())
    )
);

-- A description is where its candidates are until somebody decides; then it is there and nowhere else.
DROP POLICY seen ON geocoding_requests;
CREATE POLICY seen ON geocoding_requests FOR SELECT USING (
    (SELECT wangge_sees_all()) OR EXISTS (
        SELECT FROM communities c
        WHERE c.id = ANY ((SELECT wangge_communities())::uuid[]) AND CASE
            WHEN geocoding_requests.geometry IS NOT NULL
                THEN ST_Intersects(c.geometry, geocoding_requests.geometry)
            ELSE EXISTS (
                SELECT FROM jsonb_array_elements(candidates) one
                WHERE ST_Intersects(
                    c.geometry,
                    ST_SetSRID(
                        ST_MakePoint((one ->> 'lon')::float, (one ->> 'lat')::float), 4326
                    )
                )
            )
        END
    )
);
