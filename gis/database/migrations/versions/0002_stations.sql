-- Which stations are open and able, the nearest of them, and the grid of a point.

-- name: station_serves_on
-- Whether a station is in service on a day. Dates decide where there are dates: a planned station
-- serves from its first day, a closed one served before its last.
CREATE FUNCTION station_serves_on(status text, opens_on date, closes_on date, on_day date)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (status <> 'planned' OR opens_on IS NOT NULL)
        AND (status <> 'closed' OR closes_on IS NOT NULL)
        AND (opens_on IS NULL OR opens_on <= on_day)
        AND (closes_on IS NULL OR closes_on > on_day)
$$;

-- name: stations_able_at
-- Stations that offer a service (NULL: any) and are open at a moment, by the expanded intervals.
-- The moment must lie within the stated horizon: callers check it (hours_known_at).
CREATE FUNCTION stations_able_at(wanted text, moment timestamptz, zone text)
RETURNS TABLE (station_id uuid) LANGUAGE sql STABLE AS $$
    SELECT s.id
    FROM stations s
    JOIN station_open_intervals o
        ON o.station_id = s.id AND o.service = coalesce(wanted, o.service) AND o.during @> moment
    WHERE station_serves_on(s.status, s.opens_on, s.closes_on, (moment AT TIME ZONE zone)::date)
$$;

-- name: hours_known_at
-- Whether the expanded intervals answer for a moment.
CREATE FUNCTION hours_known_at(moment timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM hours_horizon WHERE during @> moment)
$$;

-- name: nearest_open_stations
-- The nearest stations that offer a service and are open at a moment, by distance on the spheroid.
-- The index orders by distance on a sphere, which differs by up to 0.3 %: candidates are taken in
-- index order until the next one, shortened by 0.5 %, is farther than the worst that is kept.
CREATE FUNCTION nearest_open_stations(
    place geography, wanted text, moment timestamptz, zone text, how_many integer
) RETURNS TABLE (station_id uuid, distance_m double precision) LANGUAGE plpgsql STABLE AS $$
DECLARE
    candidate record;
    ids uuid[] := '{}';
    distances double precision[] := '{}';
    worst double precision := 'infinity';
BEGIN
    FOR candidate IN
        SELECT s.id, s.geography <-> place AS sphere_m, ST_Distance(s.geography, place) AS m
        FROM stations s
        WHERE station_serves_on(
                s.status, s.opens_on, s.closes_on, (moment AT TIME ZONE zone)::date
            )
            AND EXISTS (
                SELECT 1 FROM station_open_intervals o
                WHERE o.station_id = s.id AND o.service = wanted AND o.during @> moment
            )
        ORDER BY s.geography <-> place
    LOOP
        EXIT WHEN cardinality(ids) >= how_many AND candidate.sphere_m * 0.995 > worst;
        ids := ids || candidate.id;
        distances := distances || candidate.m;
        IF cardinality(ids) >= how_many THEN
            SELECT max(d) INTO worst FROM (
                SELECT d FROM unnest(distances) AS d ORDER BY d LIMIT how_many
            ) AS kept;
        END IF;
    END LOOP;
    RETURN QUERY
        SELECT c.id, c.m FROM unnest(ids, distances) AS c (id, m)
        ORDER BY c.m, c.id LIMIT how_many;
END $$;

-- name: locate_grid
-- The one grid of the plan of a kind that is in effect on a day at a point. On a border the lowest
-- code is taken, so the answer never depends on chance.
CREATE FUNCTION locate_grid(place geometry, wanted_kind text, on_day date)
RETURNS TABLE (grid_id uuid, plan_id uuid, community_id uuid) LANGUAGE sql STABLE AS $$
    SELECT g.id, g.plan_id, g.community_id
    FROM grids g
    JOIN plan_effect e ON e.plan_id = g.plan_id AND e.community_id = g.community_id
    WHERE e.kind = wanted_kind AND e.during @> on_day
        AND g.geometry && place AND ST_Intersects(g.geometry, place)
    ORDER BY g.code, g.id
    LIMIT 1
$$;
