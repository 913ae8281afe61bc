-- Buildings split by their units: the plan check knows parts of cells, and one view says which share
-- of which building belongs to which grid.

-- name: grid_buildings
-- Every building of every grid of every plan, with the share of its people that belongs there: of n
-- people those from n * share_from / share_of on, to n * share_to / share_of. A whole building
-- is one row, 0 to 1 of 1; a split one a row for each part, so that sums over grids stay true.
CREATE VIEW grid_buildings AS
    SELECT m.plan_id, m.grid_id, m.building_id,
        0 AS share_from, 1 AS share_to, 1 AS share_of, NULL::text[] AS units
    FROM building_grids m
    WHERE NOT EXISTS (
        SELECT FROM building_cells l JOIN cell_grids n ON n.cell_id = l.cell_id
        WHERE l.share_of > 1 AND l.building_id = m.building_id AND n.plan_id = m.plan_id
    )
    UNION ALL
    SELECT n.plan_id, n.grid_id, l.building_id, l.share_from, l.share_to, l.share_of, l.units
    FROM building_cells l JOIN cell_grids n ON n.cell_id = l.cell_id
    WHERE l.share_of > 1;

-- name: check_plan
-- Raises unless, in plan p: no two grids overlap by more than 0.5 m²; every living building and
-- every cell of each community that the plan cuts is in a grid; grids, cells and buildings agree
-- on their community; the grids of a community cover exactly its cells. A cell may be there by its
-- parts, and a split building by all of its shares.
CREATE OR REPLACE FUNCTION check_plan(p uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    offence record;
BEGIN
    -- Writers that did not lock the plan first are put in line here. NO KEY: inserting a grid
    -- holds KEY SHARE on the plan, and two writers that both hold it must not wait on each other.
    PERFORM 1 FROM grid_plans WHERE id = p FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    SELECT a.code AS code_a, b.code AS code_b, round(o.m2::numeric, 1) AS m2 INTO offence
    FROM grids a
    JOIN grids b ON b.plan_id = p AND a.id < b.id AND a.geometry && b.geometry
        AND ST_Relate(a.geometry, b.geometry, '2********')
    CROSS JOIN LATERAL (SELECT ST_Area(ST_Intersection(a.geometry, b.geometry)::geography) AS m2) o
    WHERE a.plan_id = p AND o.m2 > 0.5
    ORDER BY a.code, b.code LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('Grids %s and %s overlap by %s m².', offence.code_a, offence.code_b, offence.m2),
            HINT = 'Move cells between grids instead of drawing over them.';
    END IF;

    SELECT b.id, coalesce(b.name, b.source_id, b.id::text) AS name, c.code INTO offence
    FROM (SELECT DISTINCT community_id FROM grids WHERE plan_id = p) g
    JOIN communities c ON c.id = g.community_id
    JOIN buildings b ON b.community_id = g.community_id AND b.valid_to IS NULL
    LEFT JOIN building_grids m ON m.plan_id = p AND m.building_id = b.id
    WHERE m.grid_id IS NULL
    ORDER BY b.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('Building %s of community %s would be left without a grid.', offence.name, offence.code),
            HINT = 'Give every building of the community a grid before the end of the transaction.';
    END IF;

    SELECT l.id, c.code INTO offence
    FROM (
        SELECT DISTINCT l.community_id, l.data_version
        FROM cell_grids m JOIN cells l ON l.id = m.cell_id WHERE m.plan_id = p
    ) v
    JOIN communities c ON c.id = v.community_id
    JOIN cells l ON l.community_id = v.community_id AND l.data_version = v.data_version
    LEFT JOIN cell_grids m ON m.plan_id = p AND m.cell_id = l.id
    -- A cell of which the plan has parts is there if these are all of it.
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(ST_Area(t.geometry::geography)), 0) AS m2
        FROM cells t JOIN cell_grids n ON n.plan_id = p AND n.cell_id = t.id
        WHERE t.part_of = l.id
    ) parts
    WHERE l.part_of IS NULL AND m.grid_id IS NULL
        AND (parts.m2 = 0 OR abs(ST_Area(l.geometry::geography) - parts.m2) > 1.0)
    ORDER BY l.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('Cell %s of community %s would be left without a grid.', offence.id, offence.code),
            HINT = 'Open land is a cell too: give it to a neighbouring grid.';
    END IF;

    SELECT g.code, l.id INTO offence
    FROM cell_grids m JOIN grids g ON g.id = m.grid_id JOIN cells l ON l.id = m.cell_id
    WHERE m.plan_id = p AND g.community_id <> l.community_id
    ORDER BY g.code, l.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('Grid %s would cross the line of its community at cell %s.', offence.code, offence.id),
            HINT = 'A grid is nested in one community.';
    END IF;

    SELECT coalesce(b.name, b.source_id, b.id::text) AS name, g.code INTO offence
    FROM building_grids m
    JOIN building_cells l ON l.building_id = m.building_id
    JOIN cell_grids n ON n.plan_id = p AND n.cell_id = l.cell_id
    JOIN grids g ON g.id = m.grid_id
    JOIN buildings b ON b.id = m.building_id
    WHERE m.plan_id = p AND n.grid_id <> m.grid_id AND l.share_of = 1
    ORDER BY b.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('Building %s is in grid %s but its cell is not.', offence.name, offence.code),
            HINT = 'A building and the cell it stands on move together.';
    END IF;

    SELECT coalesce(b.name, b.source_id, b.id::text) AS name INTO offence
    FROM building_cells l
    JOIN cell_grids n ON n.plan_id = p AND n.cell_id = l.cell_id
    JOIN buildings b ON b.id = l.building_id
    LEFT JOIN building_grids m ON m.plan_id = p AND m.building_id = l.building_id
    WHERE l.share_of > 1
    GROUP BY b.id, m.grid_id
    HAVING min(l.share_of) <> max(l.share_of) OR sum(l.share_to - l.share_from) <> max(l.share_of)
        OR NOT coalesce(bool_or(n.grid_id = m.grid_id), false)
    ORDER BY b.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('Building %s is split, but not wholly, or counts for a grid that has no part of it.', offence.name),
            HINT = 'All parts of a split building are in grids of the plan, and it counts for one of these.';
    END IF;

    SELECT g.code, round(abs(ST_Area(g.geometry::geography) - s.m2)::numeric, 1) AS m2 INTO offence
    FROM grids g
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(ST_Area(l.geometry::geography)), 0) AS m2
        FROM cell_grids m JOIN cells l ON l.id = m.cell_id
        WHERE m.plan_id = p AND m.grid_id = g.id
    ) s
    WHERE g.plan_id = p AND abs(ST_Area(g.geometry::geography) - s.m2) > 1.0
    ORDER BY g.code LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('The polygon of grid %s differs from its cells by %s m².', offence.code, offence.m2),
            HINT = 'A grid polygon is always the union of its cells.';
    END IF;
END $$;
