-- Every station that offers a service where it is, nearest first, whatever its hours.
-- Parameters: lon, lat, service
SELECT s.id::text AS station_id, s.name, s.tier, s.status, s.opens_on, s.closes_on,
    ST_Distance(s.geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography) AS distance_m,
    ST_X(s.geometry) AS lon, ST_Y(s.geometry) AS lat, v.opening_hours, v.capacity
FROM stations s
JOIN station_services v ON v.station_id = s.id AND v.service = :service AND v.mode <> 'delivery'
ORDER BY distance_m, s.id
