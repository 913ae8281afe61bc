"""Requests made up from OpenAPI, right and wrong ones: none is a 5xx, and all keep the contract."""

import os
from collections.abc import Callable, Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from gis.scope import Scope
from gis.settings import Settings
from tests.api.serving import serving
from tests.api.test_openapi import SOMEBODY, SPEC
from tests.streets import add_streets
from tests.town import grid_id, key

pytestmark = [pytest.mark.api, pytest.mark.slow]

schema = schemathesis.openapi.from_dict(SPEC)
#: Raise it to search longer.
EXAMPLES = int(os.environ.get("WANGGE_TEST_EXAMPLES", "40"))
CHECKS = [
    checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
]
THERE = {
    "community_id": key("communities", "A"),
    "grid_id": grid_id("plan", "a"),
    "building_id": key("buildings", "0,0"),
    "station_id": key("stations", "Centre"),
    "incident_id": key("incidents", "0"),
    "demand_id": key("demands", "0"),
}


@pytest.fixture(scope="module")
def client(
    new_database: Callable[[str], str], scope: Scope, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A client on a town with streets: one can walk in it."""
    url = new_database("town")
    engine = create_engine(url)
    with Session(engine) as session, session.begin():
        add_streets(session, scope)
    engine.dispose()
    home = tmp_path_factory.mktemp("home")
    with serving(Settings(database_url=url, pool_size=4, home=home)) as one:
        yield one


@pytest.fixture(scope="module", autouse=True)
def audited(client: httpx.Client) -> None:
    """Make what nothing in the town has, so that there is one to ask about."""
    THERE["audit_id"] = client.post("/v1/audits", json={}).json()["id"]
    sent = client.post(
        "/v1/uploads",
        params={"filename": "places.csv"},
        content=b"name",
        headers={"Content-Type": "application/octet-stream"},
    )
    THERE["upload_id"] = sent.json()["id"]
    order = {"upload_id": THERE["upload_id"], "layer": "pois"}
    THERE["plan_id"] = client.post("/v1/plans", json={"name": "Draft"}).json()["id"]
    user = client.post("/v1/users", json={"login": "made-up"}).json()
    role = {"role": "viewer", "area_kind": "everywhere"}
    grant = client.post(f"/v1/users/{user['id']}/grants", json=role).json()
    THERE.update(user_id=user["id"], grant_id=grant["id"], key_id=SOMEBODY)
    THERE["job_id"] = client.post("/v1/imports", json=order).raise_for_status().json()["id"]


#: With pytest 9.2 the tests of schemathesis have the operation in their id only if they have a
#: parameter as well; without it workers would take all of them for one.
a_test_each = pytest.mark.parametrize("timeout_s", [60.0])
thorough = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@a_test_each
@schema.parametrize()
@thorough
def test_no_request_breaks_the_server(
    case: schemathesis.Case, client: httpx.Client, timeout_s: float
):
    case.call_and_validate(base_url=str(client.base_url), checks=CHECKS, timeout=timeout_s)


# An admin with a password would end the time in which everybody who reaches loopback is the owner.
@a_test_each
@schema.include(path_regex=r"_id\}").exclude(operation_id="set_user_password").parametrize()
@thorough
def test_nor_one_about_a_feature_that_is_there(
    case: schemathesis.Case, client: httpx.Client, timeout_s: float
):
    for name in case.path_parameters:
        case.path_parameters[name] = THERE[name]
    if case.method == "PATCH" or "plan_id" in case.path_parameters:
        case.headers["If-Match"] = "*"
    case.call_and_validate(base_url=str(client.base_url), checks=CHECKS, timeout=timeout_s)
