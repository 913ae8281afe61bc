"""Siting on the store: an order becomes stations on the ground, told in the store's words."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from gis.database.engine import transaction
from gis.jobs.records import in_the_foreground
from gis.jobs.siting import KIND, SitingJob, run_siting
from gis.scope import Scope
from gis.services.siting_order import SitingOrder
from tests.streets import add_streets
from tests.town import CODE_OF, TIMEZONE

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

pytestmark = pytest.mark.db

DAY = date(2026, 6, 1)


@pytest.fixture
def streets(town_factory: "sessionmaker[Session]", scope: Scope) -> "sessionmaker[Session]":
    with transaction(town_factory) as session:
        add_streets(session, scope)
    return town_factory


def order(**asked: Any) -> SitingOrder:
    facts = {"service": "canteen", "as_of": DAY, "timezone": TIMEZONE, "count": 2, "seconds": None}
    return SitingOrder(**{**facts, **asked})


def sited(
    factory: "sessionmaker[Session]", scope: Scope, *, keep_best: bool = False, **asked: Any
) -> Mapping[str, Any]:
    told = SitingJob(order(**asked), keep_best).as_arguments()
    return in_the_foreground(
        factory, scope, KIND, told, lambda recorder: run_siting(factory, scope, told, recorder)
    )


def test_two_more_canteens(streets: "sessionmaker[Session]", scope: Scope):
    told = sited(streets, scope, radius_m=200.0)
    assert told["proof"]["status"] == "optimal"
    assert told["standing"] == {"stations": 2, "off_network": []}
    assert len(told["sites"]) == 2
    before, after = (told[when]["groups"]["residents"] for when in ("before", "after"))
    assert before["total"] == after["total"]
    assert before["covered"] < after["covered"] == told["proof"]["objective"]
    gained = sum(site["newly_covered"] for site in told["sites"])
    assert gained == after["covered"] - before["covered"]
    assert {site["community_code"] for site in told["sites"]} <= set(CODE_OF.values())
    assert len(told["swaps"]) == 10
