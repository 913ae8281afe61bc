"""Requests made up from OpenAPI, each sent by every role of a community: none is a 5xx."""

import os
from collections.abc import Callable, Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from tests.api.access_town import OF_GRID, PERSON, STRANGER, World, world_of
from tests.api.people import bearer
from tests.api.test_openapi import SPEC

pytestmark = [pytest.mark.api, pytest.mark.slow]

schema = schemathesis.openapi.from_dict(SPEC)
#: Raise it to search longer.
EXAMPLES = int(os.environ.get("WANGGE_TEST_EXAMPLES", "3"))
CHECKS = [checks.CHECKS.get_one(name) for name in ("not_a_server_error", "status_code_conformance")]
#: They take from whoever asks what the next request needs.
ENDING = ("end_sessions", "revoke_key", "disable_user", "revoke_grant", "set_user_password")


@pytest.fixture(scope="module")
def world(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with world_of(new_database("town"), tmp_path_factory.mktemp("home")) as made:
        yield made


# A parameter, so that each operation has an id of its own: see test_schemathesis.py.
@pytest.mark.parametrize("logins", [(*PERSON.values(), OF_GRID, STRANGER)], ids=["every role"])
@schema.exclude(operation_id=list(ENDING)).parametrize()
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],  # each boundary of each parameter is tried once: test_schemathesis.py
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_request_of_a_role_breaks_the_server(
    case: schemathesis.Case, world: World, logins: tuple[str, ...]
):
    for name in case.path_parameters or {}:
        case.path_parameters[name] = world.own.get(name, case.path_parameters[name])
    for login in logins:
        try:
            case.call_and_validate(
                base_url=str(world.client.base_url),
                checks=CHECKS,
                headers=bearer(world.secrets[login]),
                timeout=60,
            )
        except BaseException as error:
            error.add_note(f"asked by {login}")
            raise
