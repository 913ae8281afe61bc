-- Takes plans out with everything that refers to them. Parameters: plans (an array of ids)
UPDATE incidents SET plan_id = NULL, grid_id = NULL, no_grid_reason = NULL, station_id = NULL,
    distance_m = NULL, distance_method = NULL, no_station_reason = NULL, assigned_at = NULL
WHERE plan_id = ANY(CAST(:plans AS uuid[]));
UPDATE demands SET plan_id = NULL, grid_id = NULL, no_grid_reason = NULL, station_id = NULL,
    distance_m = NULL, distance_method = NULL, no_station_reason = NULL, assigned_at = NULL
WHERE plan_id = ANY(CAST(:plans AS uuid[]));
DELETE FROM posts WHERE grid_id IN (
    SELECT id FROM grids WHERE plan_id = ANY(CAST(:plans AS uuid[]))
);
DELETE FROM building_grids WHERE plan_id = ANY(CAST(:plans AS uuid[]));
DELETE FROM cell_grids WHERE plan_id = ANY(CAST(:plans AS uuid[]));
DELETE FROM grids WHERE plan_id = ANY(CAST(:plans AS uuid[]));
DELETE FROM plan_effect WHERE plan_id = ANY(CAST(:plans AS uuid[]));
DELETE FROM grid_plans WHERE id = ANY(CAST(:plans AS uuid[]))
