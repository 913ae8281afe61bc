-- Assigns the nearest station that offers the service and was open at the time, to every matter of
-- {table} that is asked for; where there is none, the reason. Closes the assignment (assigned_at).
-- Parameters: zone, only_unassigned, only_ids (null: all)
WITH wanted AS (
    SELECT m.id, m.service, m.occurred_at, m.geometry::geography AS place,
        m.service IS NOT NULL AND hours_known_at(m.occurred_at) AS answerable
    FROM {table} m
    WHERE (NOT :only_unassigned OR m.assigned_at IS NULL)
        AND (CAST(:only_ids AS uuid[]) IS NULL OR m.id = ANY (CAST(:only_ids AS uuid[])))
), answered AS (
    SELECT w.id, n.station_id, n.distance_m,
        CASE
            WHEN n.station_id IS NOT NULL THEN NULL
            WHEN w.service IS NULL THEN 'no_service_asked'
            WHEN NOT w.answerable THEN 'outside_horizon'
            WHEN NOT EXISTS (
                SELECT 1 FROM station_services o WHERE o.service = w.service
            ) THEN 'no_station_offers'
            WHEN NOT EXISTS (
                SELECT 1 FROM station_services o
                WHERE o.service = w.service AND o.opening_hours IS NOT NULL
            ) THEN 'hours_unknown'
            ELSE 'none_open' END AS reason
    FROM wanted w
    LEFT JOIN LATERAL nearest_open_stations(w.place, w.service, w.occurred_at, :zone, 1) n
        ON w.answerable
)
UPDATE {table} m
SET station_id = a.station_id,
    distance_m = a.distance_m,
    distance_method = CASE WHEN a.station_id IS NULL THEN NULL ELSE 'straight_line' END,
    no_station_reason = a.reason,
    assigned_at = now()
FROM answered a
WHERE m.id = a.id
