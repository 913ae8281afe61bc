"""What OpenAPI says of every operation is what happens."""

import json
from typing import Any

import httpx
import pytest

from api.app import create_app
from gis.settings import Settings
from tests.api.serving import is_problem

pytestmark = pytest.mark.api

#: Building the description needs no database.
SPEC: dict[str, Any] = create_app(
    Settings(database_url="postgresql://nobody@127.0.0.1:1/nothing")
).openapi()
OPERATIONS = [
    (method, path, operation)
    for path, methods in SPEC["paths"].items()
    for method, operation in methods.items()
]
NOT_PLACES = ("nan", "NaN", "inf", "-inf", "1e999", "181", "-181", "", "east", "1,2", "0x10")
LIMITS = {"lon": "181", "lat": "91"}
SOMEBODY = "00000000-0000-0000-0000-000000000000"


def with_parameter(*names: str) -> list[Any]:
    return [
        pytest.param(path, operation, parameter["name"], id=f"{path}:{parameter['name']}")
        for method, path, operation in OPERATIONS
        for parameter in operation.get("parameters", [])
        if method == "get" and parameter["name"] in names
    ]


def required_of(operation: dict[str, Any]) -> dict[str, str]:
    values = {"lon": "117.3", "lat": "31.88", "service": "affairs", "layers": "communities"}
    values["before"] = SOMEBODY
    return {
        p["name"]: values[p["name"]]
        for p in operation["parameters"]
        if p["in"] == "query" and p["required"]
    }


def test_operation_ids_are_the_contract_of_clients():
    assert sorted(operation["operationId"] for _, _, operation in OPERATIONS) == [
        "adopt_siting",
        "cancel_job",
        "change_own_password",
        "compare_two_plans",
        "coverage_map",
        "create_audit",
        "create_demand",
        "create_grant",
        "create_incident",
        "create_key",
        "create_plan",
        "create_token",
        "create_user",
        "delete_plan",
        "disable_user",
        "download_export",
        "draw_plan",
        "enable_user",
        "end_sessions",
        "evaluate_plan",
        "export_coverage_file",
        "export_siting_file",
        "find_nearest_stations",
        "get_audit",
        "get_building",
        "get_community",
        "get_coverage",
        "get_coverage_accessibility",
        "get_coverage_capacity",
        "get_coverage_delivery",
        "get_coverage_path",
        "get_coverage_sensitivity",
        "get_coverage_tile",
        "get_coverage_tileset",
        "get_coverage_week",
        "get_demand",
        "get_geocoding_request",
        "get_grid",
        "get_incident",
        "get_isochrone",
        "get_job",
        "get_job_log",
        "get_job_rejects",
        "get_me",
        "get_plan",
        "get_siting",
        "get_station",
        "get_tile",
        "get_tileset",
        "get_user",
        "healthz",
        "list_activities",
        "list_audit_log",
        "list_audits",
        "list_buildings",
        "list_catchments",
        "list_communities",
        "list_coverage_buildings",
        "list_coverage_gaps",
        "list_coverage_runs",
        "list_demands",
        "list_findings",
        "list_geocoding_requests",
        "list_grids",
        "list_imports",
        "list_incidents",
        "list_indicator_evidence",
        "list_indicators",
        "list_jobs",
        "list_keys",
        "list_plans",
        "list_roles",
        "list_stations",
        "list_users",
        "locate_point",
        "match_descriptions",
        "readyz",
        "rebalance_plan",
        "receive_upload",
        "reject_geocoding_request",
        "remove_upload",
        "resolve_geocoding_request",
        "revoke_grant",
        "revoke_key",
        "set_user_password",
        "start_coverage_run",
        "start_import",
        "start_siting",
        "swap_siting",
        "undo_import",
        "update_station",
        "walking_map",
    ]


def test_every_operation_has_a_tag_a_summary_and_problems():
    known = {tag["name"] for tag in SPEC["tags"]}
    for method, path, operation in OPERATIONS:
        assert set(operation["tags"]) <= known, path
        assert operation["summary"], path
        errors = {s: a for s, a in operation["responses"].items() if s >= "400"}
        assert errors, (method, path)
        for status, answer in errors.items():
            assert list(answer["content"]) == ["application/problem+json"], (path, status)


def test_parameters_and_bodies_have_examples_or_choices():
    for _, path, operation in OPERATIONS:
        for parameter in operation.get("parameters", []):
            schema = json.dumps(parameter)
            explained = '"examples"' in schema or '"enum"' in schema or "description" in parameter
            assert explained, (path, parameter["name"])
    for name in (
        "NewIncident",
        "NewDemand",
        "StationChange",
        "NewPlan",
        "DrawRequest",
        "RebalanceRequest",
        "SitingRequest",
        "SwapRequest",
        "AdoptRequest",
        "TokenRequest",
        "NewUser",
        "NewGrant",
        "NewKey",
    ):
        assert SPEC["components"]["schemas"][name]["examples"], name


@pytest.mark.parametrize("value", NOT_PLACES)
@pytest.mark.parametrize(
    ("path", "operation", "name"), with_parameter("lon", "lat", "snap_m", "near_m")
)
def test_what_is_no_number_in_range_is_422_everywhere(
    client: httpx.Client, path: str, operation: dict[str, Any], name: str, value: str
):
    sent = LIMITS.get(name, "1e9") if value == "181" else value
    sent = "-" + LIMITS.get(name, "1") if value == "-181" else sent
    is_problem(client.get(path, params={**required_of(operation), name: sent}), 422)


@pytest.mark.parametrize(
    "box",
    [
        "nan,31,118,32",
        "117,-inf,118,32",
        "117,31,inf,32",
        "179,31,-179,32",
        "117,32,118,31",
        "117,31,117,32",
        "117,31,118",
        "117,31,118,32,33",
        "a,b,c,d",
        "",
        "-181,31,118,32",
        "117,31,118,91",
    ],
)
@pytest.mark.parametrize(("path", "operation", "name"), with_parameter("bbox"))
def test_a_box_that_is_none_is_422_everywhere(
    client: httpx.Client, path: str, operation: dict[str, Any], name: str, box: str
):
    body = is_problem(client.get(path, params={"bbox": box}), 422)
    assert body["field"] == "bbox"
    assert body["remedy"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    ["1714572000", "yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31", "", "nan"],
)
@pytest.mark.parametrize(("path", "operation", "name"), with_parameter("at", "since", "until"))
def test_a_time_that_is_none_is_422_everywhere(
    client: httpx.Client, path: str, operation: dict[str, Any], name: str, moment: str
):
    is_problem(client.get(path, params={**required_of(operation), name: moment}), 422)


@pytest.mark.parametrize(
    ("path", "operation"),
    [pytest.param(p, o, id=p) for m, p, o in OPERATIONS if m == "get"],
)
def test_an_unknown_parameter_is_400_and_a_doubled_one_too(
    client: httpx.Client, path: str, operation: dict[str, Any]
):
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", SOMEBODY)
    body = is_problem(client.get(path, params={"colour": "red"}), 400)
    assert body["field"] == "colour"
    names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
    if names:
        assert names[0] in body["remedy"]
        is_problem(client.get(path, params=[(names[0], "1"), (names[0], "2")]), 400)


@pytest.mark.parametrize("name", ["lon", "lat"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "200", '"117.3"', "[]"])
@pytest.mark.parametrize("path", ["/v1/incidents", "/v1/demands"])
def test_a_body_with_what_is_no_place_is_422(
    client: httpx.Client, path: str, name: str, value: str
):
    sent = {"lon": "117.3", "lat": "31.88", name: value}
    category = '"category":"noise",' if path.endswith("incidents") else ""
    content = (
        f'{{{category}"service":"affairs","occurred_at":"2026-05-06T10:00:00+08:00",'
        f'"lon":{sent["lon"]},"lat":{sent["lat"]}}}'
    )
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    body = is_problem(answer, 422)
    assert body["errors"][0]["location"] == f"body.{name}"


@pytest.mark.parametrize(
    ("path", "operation", "name"), with_parameter("lon", "lat", "snap_m", "near_m")
)
def test_the_smallest_number_there_is_is_taken(
    client: httpx.Client, path: str, operation: dict[str, Any], name: str
):
    answer = client.get(path, params={**required_of(operation), name: "5e-324"})
    assert answer.status_code == 200, answer.text


def test_the_smallest_number_there_is_is_a_place_too(client: httpx.Client):
    body = {"service": "affairs", "occurred_at": "2026-05-06T10:00:00Z", "lon": 5e-324, "lat": 0}
    assert client.post("/v1/demands", json=body).status_code == 201
    box = {"bbox": "5e-324,5e-324,1,1"}
    assert client.get("/v1/buildings", params=box).status_code == 200


def test_a_field_of_several_types_is_named_as_it_was_sent(client: httpx.Client):
    answer = client.get("/v1/locate", params={"lon": 117.3, "lat": 31.88, "at": "2026-02-30"})
    body = is_problem(answer, 422)
    assert {error["location"] for error in body["errors"]} == {"query.at"}
