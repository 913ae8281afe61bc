-- What of the ground no longer fits each plan that is in effect on a day or later, or a draft: one
-- row for each plan and each reason that holds. Parameters: on_day, tolerance_m2.
WITH plan AS (
    SELECT p.id, p.options FROM grid_plans p
    WHERE EXISTS (SELECT 1 FROM grids g WHERE g.plan_id = p.id)
        AND (p.status IN ('draft', 'review') OR EXISTS (
            SELECT 1 FROM plan_effect e
            WHERE e.plan_id = p.id
                AND (upper_inf(e.during) OR upper(e.during) > CAST(:on_day AS date))
        ))
), cut AS (
    SELECT DISTINCT g.plan_id, g.community_id FROM grids g JOIN plan ON plan.id = g.plan_id
), living AS (
    SELECT b.* FROM buildings b WHERE b.valid_to IS NULL OR b.valid_to > CAST(:on_day AS date)
), reason AS (
    SELECT cut.plan_id, 'buildings_without_grid' AS reason, count(*) AS things,
        sum(b.households) AS households
    FROM cut JOIN living b ON b.community_id = cut.community_id
    LEFT JOIN building_grids m ON m.plan_id = cut.plan_id AND m.building_id = b.id
    WHERE m.grid_id IS NULL GROUP BY cut.plan_id
    UNION ALL
    SELECT plan.id, 'buildings_gone', count(*), sum(b.households)
    FROM plan JOIN building_grids m ON m.plan_id = plan.id JOIN buildings b ON b.id = m.building_id
    WHERE b.valid_to <= CAST(:on_day AS date) GROUP BY plan.id
    UNION ALL
    SELECT plan.id, 'buildings_outside_their_grid', count(*), sum(b.households)
    FROM plan JOIN building_grids m ON m.plan_id = plan.id
    JOIN living b ON b.id = m.building_id JOIN grids g ON g.id = m.grid_id
    -- A door may open onto the border: a metre is no move.
    WHERE NOT ST_Intersects(g.geometry, b.location)
        AND NOT ST_DWithin(g.geometry::geography, b.location_geography, 1.0)
        -- A split building may have its door in any grid that has some of it.
        AND NOT EXISTS (
            SELECT FROM grid_buildings s JOIN grids o ON o.id = s.grid_id
            WHERE s.share_of > 1 AND s.plan_id = m.plan_id AND s.building_id = m.building_id
                AND ST_DWithin(o.geometry::geography, b.location_geography, 1.0)
        )
    GROUP BY plan.id
    UNION ALL
    SELECT o.plan_id, 'communities_of_another_shape', count(*), NULL
    FROM (
        SELECT g.plan_id, g.community_id, c.geometry, ST_Union(g.geometry) AS ground
        FROM grids g JOIN plan ON plan.id = g.plan_id JOIN communities c ON c.id = g.community_id
        GROUP BY g.plan_id, g.community_id, c.id
    ) o
    WHERE NOT ST_Equals(o.ground, o.geometry) AND
        ST_Area(ST_SymDifference(o.ground, o.geometry)::geography) > :tolerance_m2
    GROUP BY o.plan_id
    UNION ALL
    SELECT cut.plan_id, 'communities_gone', count(*), NULL
    FROM cut JOIN communities c ON c.id = cut.community_id
    WHERE c.valid_to <= CAST(:on_day AS date) GROUP BY cut.plan_id
    UNION ALL
    SELECT h.plan_id, 'grids_newly_out_of_range', count(*), sum(h.households)
    FROM (
        SELECT g.plan_id, g.id, coalesce(sum(
                b.households * m.share_to / m.share_of - b.households * m.share_from / m.share_of
            ), 0) AS households,
            (plan.options->>'minimum')::numeric AS minimum,
            (plan.options->>'maximum')::numeric AS maximum
        FROM grids g JOIN plan ON plan.id = g.plan_id
        LEFT JOIN grid_buildings m ON m.plan_id = g.plan_id AND m.grid_id = g.id
        LEFT JOIN living b ON b.id = m.building_id
        WHERE g.kind = 'basic' AND jsonb_array_length(coalesce(g.exceptions, '[]')) = 0
        GROUP BY g.plan_id, g.id, plan.options
    ) h
    WHERE h.households < h.minimum OR h.households > h.maximum GROUP BY h.plan_id
)
SELECT plan_id::text, reason, things::bigint, households::bigint FROM reason
ORDER BY plan_id, reason
