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
-- The index orders by distance on a sphere, which differs by up to 0.3 %. So the first that it finds
-- only set the reach (a metre is added against rounding); the order among all within that reach is
-- by the exact distance. Fewer than how_many open ones are all of them, and all are within reach.
-- Intervals of a station and service are disjoint: the last to begin by the moment decides. Rows are
-- compared whole, because only the b-tree can do that: by columns, and without fresh statistics, the
-- planner would read all intervals of the station from the exclusion constraint's index.
-- The plan is generic because planning costs more than running: 0.5 ms a call against 0.1 ms.
CREATE FUNCTION nearest_open_stations(
    place geography, wanted text, moment timestamptz, zone text, how_many integer
) RETURNS TABLE (station_id uuid, distance_m double precision) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH able AS NOT MATERIALIZED (
        SELECT s.id, s.geography
        FROM station_services v
        JOIN stations s ON s.id = v.station_id
        WHERE v.service = wanted
            AND station_serves_on(
                s.status, s.opens_on, s.closes_on, (moment AT TIME ZONE zone)::date
            )
            AND (
                SELECT o.station_id = v.station_id AND o.service = wanted AND o.during @> moment
                FROM station_open_intervals o
                WHERE (o.station_id, o.service, lower(o.during)) <= (v.station_id, wanted, moment)
                ORDER BY o.station_id DESC, o.service DESC, lower(o.during) DESC LIMIT 1
            )
    ), reach AS (
        SELECT max(ST_Distance(n.geography, place)) + 1.0 AS m
        FROM (
            SELECT a.geography FROM able a ORDER BY a.geography <-> place LIMIT how_many
        ) n
    )
    SELECT a.id, ST_Distance(a.geography, place) AS m
    FROM reach
    JOIN able a ON ST_DWithin(a.geography, place, reach.m)
    ORDER BY m, a.id LIMIT how_many;
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
