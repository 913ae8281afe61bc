-- The nearest stations that offer a service and are open at a moment, nearest first.
-- Parameters: lon, lat, service, moment, zone, how_many
SELECT s.id::text AS station_id, s.name, s.tier, n.distance_m,
    ST_X(s.geometry) AS lon, ST_Y(s.geometry) AS lat, v.opening_hours, v.capacity
FROM nearest_open_stations(
    ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography, :service, :moment, :zone, :how_many
) n
JOIN stations s ON s.id = n.station_id
JOIN station_services v ON v.station_id = s.id AND v.service = :service
ORDER BY n.distance_m, s.id
