"""No operation is open by oversight: each says what it asks for, or the server does not start."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIRouter, iter_route_contexts
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from api.app import create_app
from api.security.declared import (
    BY_FORM,
    DECLARED,
    EXPORTED,
    KNOWN,
    OPEN,
    PAGES,
    refuse_undeclared,
)
from api.security.limits import POINTS
from gis.access import MATRIX, Permission, Role
from gis.errors import ConfigurationError
from gis.layers.exports import EXPORT_LAYERS
from gis.services.coverage_exporting import CONTRACTS
from gis.settings import Settings
from tests.api.people import add_people, served
from tests.api.serving import is_problem
from tests.api.test_openapi import OPERATIONS, SOMEBODY

pytestmark = pytest.mark.api

APP = create_app(Settings(database_url="postgresql://nobody@127.0.0.1:1/nothing"))


def test_the_table_is_neither_too_short_nor_too_long():
    served = {found.name for found in iter_route_contexts(APP.routes)}
    assert served == set(DECLARED)
    assert set(POINTS) <= served
    assert served >= PAGES | BY_FORM


def test_every_route_asks_who_calls():
    """The dependency is the router's, so that an operation that takes no scope asks as well."""
    for found in iter_route_contexts(APP.routes):
        assert isinstance(found.original_route, APIRoute), found.path
        names = {one.call.__name__ for one in found.dependant.dependencies if one.call}
        assert "get_scope" in names, found.path


def plain(_: Any) -> PlainTextResponse:
    return PlainTextResponse("data")


def test_an_undeclared_operation_stops_the_server():
    app, router = FastAPI(openapi_url=None, docs_url=None, redoc_url=None), APIRouter()
    router.add_api_route("/v1/secrets", plain, name="list_secrets")
    app.include_router(router)
    with pytest.raises(ConfigurationError, match="'list_secrets' at /v1/secrets"):
        refuse_undeclared(app)


@pytest.mark.parametrize(
    "route",
    [Route("/plain", plain, name="healthz"), Mount("/below", FastAPI(), name="healthz")],
    ids=["route", "mount"],
)
def test_what_passes_by_the_gate_stops_the_server_whatever_its_name(route: Any):
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes.append(route)
    with pytest.raises(ConfigurationError, match="that asks nobody"):
        refuse_undeclared(app)


def test_what_is_open_is_what_was_meant_to_be():
    assert {name for name, asked in DECLARED.items() if asked is OPEN} == {
        "static",
        "healthz",
        "readyz",
        "show_sign_in",
        "sign_in_by_form",
        "create_token",
    }
    assert {name for name, asked in DECLARED.items() if asked is KNOWN} == {
        "docs",
        "openapi",
        "sign_out",
        "get_me",
        "list_roles",
    }


def test_what_is_not_read_alone_changes_something():
    """A GET may ask for a permission to write only where it reads what belongs to writing."""
    for found in iter_route_contexts(APP.routes):
        asked = DECLARED[str(found.name)]
        if found.methods == {"GET"} and isinstance(asked, Permission):
            assert asked.value.endswith((".read", ".make")) or asked in {
                Permission.USERS_MANAGE,
                Permission.OWN_ACCOUNT,
                Permission.IMPORTS_WRITE,
            }, found.name


def test_every_layer_of_an_export_says_what_it_asks_for():
    assert set(EXPORTED) == {*EXPORT_LAYERS, *CONTRACTS}


def test_every_permission_guards_something_or_awaits_its_operation():
    used = {asked for asked in DECLARED.values() if isinstance(asked, Permission)}
    assert set(Permission) - used == {Permission.PLANS_APPROVE}
    assert MATRIX[Role.VIEWER] == {Permission.GROUND_READ, Permission.OWN_ACCOUNT}


@pytest.fixture(scope="module")
def guarded(town_url: str) -> Any:
    add_people(town_url)
    with served(town_url) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "operation"), [pytest.param(*o, id=f"{o[0]} {o[1]}") for o in OPERATIONS]
)
def test_without_a_credential_every_operation_is_a_401_before_anything_else(
    guarded: httpx.Client, method: str, path: str, operation: dict[str, Any]
):
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", SOMEBODY)
    answer = guarded.request(method, path, params={"colour": "red"})
    if operation["security"] == []:
        assert answer.status_code in {400, 422}
        return
    is_problem(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="wangge"'
    assert {"401", "403", "429"} <= set(operation["responses"])


@pytest.mark.parametrize("path", ["/", "/docs", "/maps/coverage?lang=en", "/maps/walking"])
def test_a_browser_is_led_to_the_page_for_signing_in_and_back(guarded: httpx.Client, path: str):
    answer = guarded.get(path, headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 303
    onward = httpx.URL(answer.headers["location"])
    assert (onward.path, onward.params["next"]) == ("/login", path)
    is_problem(guarded.get(path, headers={"Accept": "*/*"}), 401)


def test_what_needs_no_sign_in_stays_open(guarded: httpx.Client):
    for path in ("/healthz", "/readyz", "/login", "/static/site.css"):
        assert guarded.get(path).status_code == 200, path
    is_problem(guarded.get("/openapi.json"), 401)
