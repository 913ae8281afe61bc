"""Audits over HTTP: made, listed, and their findings page by page as GeoJSON."""

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box
from sqlalchemy import update

from api.params import Paging
from api.schemas.findings import AuditAnswer, AuditsAnswer, FindingFeatures
from gis.database.engine import make_engine, session_factory, transaction
from gis.ingest.audit import KINDS
from gis.layers.communities import Community
from gis.layers.queries import table_of
from gis.settings import Settings
from tests.api.serving import every_page, is_problem, serving
from tests.town import CODE_OF, key, lon_lat

pytestmark = pytest.mark.api

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def client(town_url: str) -> Iterator[httpx.Client]:
    """A client of a town in which community B reaches 30 m into A."""
    west, north = lon_lat(3.7, 0)
    east, south = lon_lat(8, 4)
    engine = make_engine(town_url)
    with transaction(session_factory(engine)) as session:
        session.execute(
            update(table_of(Community))
            .where(Community.id == key("communities", "B"))
            .values(geometry=from_shape(MultiPolygon([box(west, south, east, north)]), srid=4326))
        )
    engine.dispose()
    with serving(Settings(database_url=town_url, pool_size=4)) as client:
        yield client


def made(client: httpx.Client, **order: object) -> AuditAnswer:
    answer = client.post("/v1/audits", json=order)
    assert answer.status_code == 201, answer.text
    return AuditAnswer.model_validate(answer.json())


def test_an_audit_is_made_kept_and_listed(client: httpx.Client):
    audit = made(client)
    assert audit.counts["overlap_between_communities"] == 1
    assert audit.principal == "local_owner"
    assert AuditAnswer.model_validate(client.get(f"/v1/audits/{audit.id}").json()) == audit
    listed = AuditsAnswer.model_validate(client.get("/v1/audits?limit=1").json())
    assert listed.audits == [audit]


def test_findings_come_page_by_page_the_worst_first(client: httpx.Client):
    audit = made(client)
    path = f"/v1/audits/{audit.id}/findings"
    whole = client.get(path)
    assert whole.headers["content-type"] == "application/geo+json"
    page = FindingFeatures.model_validate(whole.json())
    assert page.numberReturned == sum(audit.counts.values())
    severities = [feature.properties.severity for feature in page.features]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    one_by_one = every_page(client, path, limit=1)
    assert [feature["id"] for feature in one_by_one] == [feature.id for feature in page.features]


def test_findings_by_kind_severity_and_box(client: httpx.Client):
    audit = made(client)
    path = f"/v1/audits/{audit.id}/findings"
    [overlap] = client.get(path, params={"kind": "overlap_between_communities"}).json()["features"]
    facts = overlap["properties"]
    assert facts["detail"]["codes"] == [CODE_OF["A"], CODE_OF["B"]]
    assert facts["size_m2"] == pytest.approx(0.3 * 94.6 * 443.6, rel=0.02)
    assert overlap["geometry"]["type"] == "MultiPolygon"
    errors = every_page(client, path, severity="error")
    assert overlap["id"] in {feature["id"] for feature in errors}
    assert {feature["properties"]["severity"] for feature in errors} == {"error"}
    west, south = lon_lat(3.6, 5)
    assert client.get(path, params={"bbox": f"{west},{south},{west + 1},{south + 1}"}).json()[
        "features"
    ]
    assert client.get(path, params={"bbox": "0,0,1,1"}).json()["features"] == []


def test_an_audit_of_what_was_touched_finds_no_more(client: httpx.Client):
    assert "overlap_between_communities" not in made(client, layers=["buildings"]).counts
    assert set(made(client).counts) <= set(KINDS)


def test_what_is_not_there_is_404_and_what_is_no_order_422(client: httpx.Client):
    is_problem(client.get(f"/v1/audits/{NOBODY}"), 404)
    is_problem(client.get(f"/v1/audits/{NOBODY}/findings"), 404)
    is_problem(client.post("/v1/audits", json={"plan_id": NOBODY}), 404)
    is_problem(client.post("/v1/audits", json={"layers": ["lanes"]}), 422)
    is_problem(client.post("/v1/audits", json={"colour": "red"}), 422)
    audit = made(client)
    is_problem(client.get(f"/v1/audits/{audit.id}/findings?kind=untidy"), 422)


def test_a_cursor_of_a_list_with_larger_keys_ends_the_list(client: httpx.Client):
    # Cursors of lists without filters look alike: theirs hold the key of a building, for example.
    foreign = Paging(1, None, None).next_cursor(str(UUID(int=2**127)), {})
    path = f"/v1/audits/{made(client).id}/findings"
    answer = client.get(path, params={"cursor": foreign})
    assert answer.status_code == 200
    assert answer.json()["features"] == []
