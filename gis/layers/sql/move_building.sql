-- Moves the cell of a building, and every building on that cell, to another grid of the plan.
-- One that the plan splits between grids is not moved. Parameters: plan, building, grid. Returns the
-- grids whose polygons must follow.
WITH own AS (
    SELECT c.cell_id, c.grid_id
    FROM cell_grids c JOIN building_cells b ON b.cell_id = c.cell_id
    WHERE c.plan_id = CAST(:plan AS uuid) AND b.building_id = CAST(:building AS uuid)
        AND b.share_of = 1
), moved AS (
    UPDATE cell_grids c SET grid_id = CAST(:grid AS uuid)
    FROM own
    WHERE c.plan_id = CAST(:plan AS uuid) AND c.cell_id = own.cell_id
    RETURNING c.cell_id
), people AS (
    UPDATE building_grids m SET grid_id = CAST(:grid AS uuid)
    FROM building_cells b
    WHERE m.plan_id = CAST(:plan AS uuid) AND m.building_id = b.building_id
        AND b.cell_id IN (SELECT cell_id FROM moved)
    RETURNING m.building_id
)
SELECT own.grid_id::text AS from_grid, (SELECT count(*) FROM people) AS buildings FROM own
