-- A plan is checked once per transaction, at its end, by deferred constraint triggers.
-- The errors carry SQLSTATE WG001, a message that names the offender, and a hint.

-- name: check_plan
-- Raises unless, in plan p: no two grids overlap by more than 0.5 m²; every living building and
-- every cell of each community that the plan cuts is in a grid; grids, cells and buildings agree
-- on their community; the grids of a community cover exactly its cells.
CREATE FUNCTION check_plan(p uuid) RETURNS void LANGUAGE plpgsql AS $$
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
    WHERE m.grid_id IS NULL
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
    WHERE m.plan_id = p AND n.grid_id <> m.grid_id
    ORDER BY b.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'WG001',
            MESSAGE = format('Building %s is in grid %s but its cell is not.', offence.name, offence.code),
            HINT = 'A building and the cell it stands on move together.';
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

-- name: forget_plan_check
-- Any write makes the plan's earlier check in this transaction worthless.
CREATE FUNCTION forget_plan_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('wangge.checked_plans', '', true);
    RETURN NULL;
END $$;

-- name: check_plan_once
-- Fires for every changed row at the end of the transaction; checks each plan once.
CREATE FUNCTION check_plan_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    done text := coalesce(current_setting('wangge.checked_plans', true), '');
    plan uuid;
BEGIN
    FOREACH plan IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.plan_id]
        WHEN 'DELETE' THEN ARRAY[OLD.plan_id]
        ELSE ARRAY[OLD.plan_id, NEW.plan_id] END
    LOOP
        IF position(plan::text IN done) = 0 THEN
            PERFORM check_plan(plan);
            done := done || plan::text;
            PERFORM set_config('wangge.checked_plans', done, true);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER forget_plan_check AFTER INSERT OR UPDATE OR DELETE ON grids
    FOR EACH STATEMENT EXECUTE FUNCTION forget_plan_check();
CREATE TRIGGER forget_plan_check AFTER INSERT OR UPDATE OR DELETE ON cell_grids
    FOR EACH STATEMENT EXECUTE FUNCTION forget_plan_check();
CREATE TRIGGER forget_plan_check AFTER INSERT OR UPDATE OR DELETE ON building_grids
    FOR EACH STATEMENT EXECUTE FUNCTION forget_plan_check();
CREATE CONSTRAINT TRIGGER check_plan AFTER INSERT OR UPDATE OR DELETE ON grids
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_plan_once();
CREATE CONSTRAINT TRIGGER check_plan AFTER INSERT OR UPDATE OR DELETE ON cell_grids
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_plan_once();
CREATE CONSTRAINT TRIGGER check_plan AFTER INSERT OR UPDATE OR DELETE ON building_grids
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_plan_once();
