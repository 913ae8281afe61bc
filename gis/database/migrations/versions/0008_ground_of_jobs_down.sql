DROP POLICY scope ON jobs;
CREATE POLICY scope ON jobs USING (
    (SELECT wangge_sees_all()) OR user_id = (SELECT wangge_user())
);
DROP POLICY seen ON geocoding_requests;
CREATE POLICY seen ON geocoding_requests FOR SELECT USING (
    (SELECT wangge_sees_all()) OR EXISTS (
        SELECT FROM communities c
        WHERE c.id = ANY ((SELECT wangge_communities())::uuid[]) AND (
            ST_Intersects(c.geometry, geocoding_requests.geometry) OR EXISTS (
                SELECT FROM jsonb_array_elements(candidates) one
                WHERE ST_Intersects(
                    c.geometry,
                    ST_SetSRID(
                        ST_MakePoint((one ->> 'lon')::float, (one ->> 'lat')::float), 4326
                    )
                )
            )
        )
    )
);
