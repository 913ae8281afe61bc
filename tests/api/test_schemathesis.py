"""Requests made up from OpenAPI, right and wrong ones: none is a 5xx, and all keep the contract."""

import os

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks

from tests.api.test_openapi import SPEC

pytestmark = [pytest.mark.api, pytest.mark.slow]

schema = schemathesis.openapi.from_dict(SPEC)
EXAMPLES = int(os.environ.get("WANGGE_TEST_EXAMPLES", "40"))


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_server(case: schemathesis.Case, client: httpx.Client):
    case.call_and_validate(
        base_url=str(client.base_url),
        checks=[
            checks.not_a_server_error,
            checks.CHECKS.get_one("status_code_conformance"),
            checks.CHECKS.get_one("content_type_conformance"),
            checks.CHECKS.get_one("response_schema_conformance"),
        ],
    )
