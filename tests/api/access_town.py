"""The town with an account of each role in community A, things of theirs, and things of others.

Whoever is asked about here is bound to A. What such a person may come to see belongs to A, or is
their own; ``World.foreign`` is how everything else would be recognised in an answer.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text

from gis.access import Role
from gis.jobs import coverage_run, siting
from gis.scope import Scope
from gis.services.geocoding import WaitingRow, queue_rows
from gis.services.locating import assign_layer
from gis.settings import Settings
from tests.api.people import ADMIN, bearer, key_of, storing
from tests.api.serving import serving
from tests.people import EVERYWHERE, OWNER, PASSWORD, add_person, community, grid, role_in
from tests.streets import add_streets
from tests.town import CODE_OF, TIMEZONE, grid_id, key, lon_lat
from tests.working import work_once

#: Login of a role in community A.
PERSON = {role: f"{role.replace('_', '-')}-a" for role in Role}
STRANGER = "stranger"
OTHER = "planner-b"
#: A grid worker of one grid of A, and of nothing else.
OF_GRID = "worker-of-one-grid"
MATTER = {
    "occurred_at": "2026-05-01T10:00:00+08:00",
    "category": "noise",
    "service": "affairs",
    "description": "loud at night",
}
SITING = {"service": "canteen", "count": 1, "radius_m": 200, "as_of": "2026-06-01"}
WORKS = {**coverage_run.WORKS, **siting.WORKS}
ANY = {"If-Match": "*"}
BYTES = {"Content-Type": "application/octet-stream"}
DAY = "2026-06-01"
MOMENT = "2026-06-01T02:00:00Z"
#: Tables with the rows that are compared before and after, and what says whose a row is.
GUARDED = ("buildings", "grids", "cells", "incidents", "demands", "stations")


@dataclass
class World:
    """A server, who is known to it, and what belongs to whom.

    Parameters
    ----------
    client
        Asks the server.
    settings
        Those of the server.
    secrets
        Login to key.
    own, other
        Name of a path's parameter to an id in A (or of the admin of A), and in B.
    foreign
        Ids, codes and names by which rows outside A are recognised.
    of_stations
        Those of them that are stations: public ground that a walk may end at.
    """

    client: httpx.Client
    settings: Settings
    secrets: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    other: dict[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    of_stations: frozenset[str] = frozenset()

    @property
    def url(self) -> str:
        """The URL of the database."""
        return str(self.settings.database_url)

    def ask(self, who: str | None, method: str, path: str, **sent: Any) -> httpx.Response:
        """Ask as somebody; ``None``: without a credential."""
        known = {} if who is None else bearer(self.secrets[who])
        headers = {**known, **sent.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **sent)

    def make(self, who: str, path: str, body: Any, status: int = 201) -> str:
        """Make something as somebody and return its id."""
        answer = self.ask(who, "POST", path, json=body)
        assert answer.status_code == status, answer.text
        return str(answer.json()["id"])

    def seen(self, answer: httpx.Response, sent: str = "", *, stations: bool = False) -> set[str]:
        """Return what of others an answer gives away that was not sent to it."""
        told = plain(answer)
        foreign = self.foreign - self.of_stations if stations else self.foreign
        return {one for one in foreign if one in told and one not in sent}


@contextmanager
def world_of(url: str, home: Path) -> Iterator[World]:
    """Serve a town of one's own with everybody and everything in it."""
    settings = Settings(
        database_url=url,
        home=home,
        pool_size=4,
        access_cache_s=0.0,
        rate_limit="1000000/minute",
        rate_limit_sign_in="1000000/minute",
    )
    people = {login: role_in(role, community("A")) for role, login in PERSON.items()}
    people[OTHER] = role_in(Role.PLANNER, community("B"))
    people[OF_GRID] = role_in(Role.GRID_WORKER, grid(f"{CODE_OF['A']}001"))
    people[ADMIN] = role_in(Role.ADMIN, EVERYWHERE)
    with serving(settings) as client:
        world = World(client, settings)
        with storing(url) as session:
            add_streets(session, OWNER)
            for layer in ("incidents", "demands"):
                assign_layer(session, OWNER, layer, timezone=TIMEZONE)
            for login, granted in people.items():
                world.users[login] = add_person(session, login, granted, password=PASSWORD)
            world.users[STRANGER] = add_person(session, STRANGER, password=PASSWORD)
        world.secrets = {login: key_of(url, user) for login, user in world.users.items()}
        _measure(world)
        world.own = _ground(url, "A") | _things(world, PERSON[Role.PLANNER], "A")
        world.other = _ground(url, "B") | _things(world, OTHER, "B")
        world.foreign, world.of_stations = _foreign(world)
        yield world


def plain(answer: httpx.Response) -> str:
    """Return all that an answer says; what is packed is unpacked."""
    packed, told = answer.content, ""
    if packed[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            packed = b"\n".join(archive.read(name) for name in archive.namelist())
    told = packed.decode("utf-8", "replace")
    return f"{told}\n{answer.headers}"


def state_of(world: World) -> Mapping[str, str]:
    """Return a digest of all that is not A's, table by table."""
    found = {}
    home = key("communities", "A")
    with storing(world.url) as session:
        for table in GUARDED:
            asked = text(
                f"SELECT md5(coalesce(string_agg(r::text, '|' ORDER BY r.id), '')) FROM {table} r "
                "WHERE r.community_id IS DISTINCT FROM :home"
            )
            found[table] = session.execute(asked, {"home": home}).scalar_one()
        things = {"grid_plans": "plan_id", "jobs": "job_id", "geocoding_requests": "key"}
        for table, name in things.items():
            row = text(f"SELECT md5(r::text) FROM {table} r WHERE id = :id")
            found[table] = session.execute(row, {"id": world.other[name]}).scalar_one()
    return found


def job_of(world: World, login: str, *, like: str | None = None) -> str:
    """Write down a job of somebody: one that ended like another, or one that waits.

    It was done with no role in particular and on no ground, so it is told to whomever it is of.
    """
    made = str(uuid4())
    columns = "kind, arguments, permission, report, step, started_at, ended_at"
    with storing(world.url) as session:
        session.execute(
            text(
                "INSERT INTO jobs (id, principal, user_id, status, roles, community_ids, "
                f"grid_ids, {columns}) SELECT :id, :login, :user, coalesce(:status, status), "
                f"'{{}}', '{{}}', '{{}}', {columns} "
                "FROM jobs WHERE id = :like"
            ),
            {
                "id": made,
                "login": login,
                "user": world.users[login],
                "status": None if like else "queued",
                "like": like or world.own["job_id"],
            },
        )
    return made


def request_in(url: str, letter: str) -> str:
    """Put a description into the queue whose only candidate is in a community."""
    values = {"category": "noise", "occurred_at": datetime(2026, 5, 6, 2, tzinfo=UTC)}
    with storing(url) as session:
        [made] = queue_rows(
            session,
            Scope.local_owner(),
            "incidents",
            [WaitingRow("学校后面", values)],
            timezone=TIMEZONE,
        ).request_ids
        at, (lon, lat) = {"A": ("0,0", lon_lat(0.5, 0.5)), "B": ("4,0", lon_lat(4.5, 0.5))}[letter]
        candidate = {
            "layer": "buildings",
            "id": key("buildings", at),
            "name": f"House {at}",
            "kind": "building",
            "lon": lon,
            "lat": lat,
            "building_id": key("buildings", at),
            "precision_m": 10.0,
            "score": 80.0,
        }
        session.execute(
            text(
                "UPDATE geocoding_requests SET text = :said, "
                "candidates = cast(:candidates AS jsonb) WHERE id = :made"
            ),
            {"made": made, "said": f"House {at} 后面", "candidates": json.dumps([candidate])},
        )
    return made


def _measure(world: World) -> None:
    """Measure coverage everywhere, so that there are indicators of every community."""
    begun = world.ask(ADMIN, "POST", "/v1/coverage/runs", json={"as_of": DAY})
    assert begun.status_code == 202, begun.text
    work_once(world.settings, WORKS)
    job = world.ask(ADMIN, "GET", begun.headers["Location"]).json()
    assert job["status"] == "succeeded", job["error"]


def _ground(url: str, letter: str) -> dict[str, str]:
    at, drawn, station = {
        "A": ("0,0", "a", "Centre"),
        "B": ("4,0", "c", "East office"),
    }[letter]
    home = key("communities", letter)
    found = {
        "community_id": home,
        "code": CODE_OF[letter],
        "grid_id": grid_id("plan", drawn),
        "building_id": key("buildings", at),
        "station_id": key("stations", station),
    }
    with storing(url) as session:
        for table in ("incidents", "demands"):
            one = text(f"SELECT min(id::text) FROM {table} WHERE community_id = :home")
            found[f"{table[:-1]}_id"] = session.execute(one, {"home": home}).scalar_one()
    return found | {"key": request_in(url, letter)}


def _things(world: World, login: str, letter: str) -> dict[str, str]:
    """Make what people make: a plan, a check, a siting that the worker did, a key."""
    made = {
        "plan_id": world.make(
            login, "/v1/plans", {"name": f"Draft of {letter}", "scope_code": CODE_OF[letter]}
        ),
        "audit_id": world.make(login, "/v1/audits", {}),
        "job_id": world.make(login, "/v1/siting", SITING, 202),
        "key_id": world.make(login, "/v1/keys", {"label": f"of {letter}"}),
        "upload_id": _upload(world),
        "user_id": world.users[PERSON[Role.VIEWER] if letter == "A" else login],
    }
    work_once(world.settings, WORKS)
    job = world.ask(login, "GET", f"/v1/jobs/{made['job_id']}").json()
    assert job["status"] == "succeeded", job["error"]
    with storing(world.url) as session:
        one = text("SELECT id::text FROM user_grants WHERE user_id = :user")
        made["grant_id"] = session.execute(one, {"user": made["user_id"]}).scalar_one()
    return made


def _upload(world: World) -> str:
    sent = world.ask(
        ADMIN,
        "POST",
        "/v1/uploads",
        params={"filename": "places.csv"},
        content=b"name\nB",
        headers=BYTES,
    )
    assert sent.status_code == 201, sent.text
    return str(sent.json()["id"])


def _foreign(world: World) -> tuple[frozenset[str], frozenset[str]]:
    """Return by what rows outside A are recognised, and which of that is of stations."""
    home = {"home": key("communities", "A")}
    with storing(world.url) as session:
        stations = text(
            "SELECT id::text, name FROM stations WHERE community_id IS DISTINCT FROM :home"
        )
        of_stations = frozenset(str(one) for row in session.execute(stations, home) for one in row)
        named = set(of_stations)
        for table, columns in {
            "communities": "id::text, name, code",
            "buildings": "id::text, name",
            "grids": "id::text, code",
            "incidents": "id::text, id::text",
            "demands": "id::text, id::text",
        }.items():
            column = "id" if table == "communities" else "community_id"
            asked = text(f"SELECT {columns} FROM {table} WHERE {column} IS DISTINCT FROM :home")
            named.update(str(one) for row in session.execute(asked, home) for one in row if one)
    things = {"plan_id", "audit_id", "job_id", "key_id", "user_id", "grant_id", "key"}
    named |= {world.other[name] for name in things} | {"Draft of B", "House 4,0 后面"}
    return frozenset(named - {CODE_OF["A"]}), of_stations
