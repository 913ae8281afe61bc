"""The map of a proposed siting: its contract, its counts, its file."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gis.errors import CrsMismatchError, InvalidInputError
from maps.ground_data import GROUPS, SUPPRESSED
from maps.siting import Exchange, SitingMapData, render_offline, siting_map, siting_page
from tests.maps.builder import HOSTILE
from tests.maps.siting_ground import make_proposal
from tests.maps.test_coverage_page import parsed

pytestmark = pytest.mark.maps


@pytest.fixture(scope="module")
def proposal() -> SitingMapData:
    return make_proposal()


def test_the_counts_are_those_of_the_buildings(proposal: SitingMapData):
    page = siting_page(proposal, "en")
    homes = proposal.buildings["households"].to_numpy()
    was = int(homes[~(proposal.before.metres <= 500)].sum())
    becomes = int(homes[~(proposal.after.metres <= 500)].sum())
    assert page["people"][0] == {"total": int(homes.sum()), "before": was, "after": becomes}
    chosen = [place for place in page["candidates"] if place["chosen"]]
    assert sum(place["brings"] for place in chosen) == was - becomes > 0


def test_small_differences_are_not_told(proposal: SitingMapData):
    buildings = proposal.buildings.copy()
    newly = (proposal.after.metres <= 500) & ~(proposal.before.metres <= 500)
    for group in GROUPS[1:]:
        buildings.loc[newly, group] = 0
    buildings.loc[np.flatnonzero(newly)[0], "elderly"] = 2
    page = siting_page(dataclasses.replace(proposal, buildings=buildings), "en")
    elderly = page["people"][GROUPS.index("elderly")]
    assert elderly["before"] == elderly["after"] == SUPPRESSED
    children = page["people"][GROUPS.index("children")]
    assert children["before"] == children["after"] >= 0


def test_it_is_one_file_and_always_the_same(proposal: SitingMapData):
    html = render_offline(siting_map(proposal, language="zh-CN"))
    for tag, attributes in parsed(html).elements:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, value)
    assert render_offline(siting_map(make_proposal(), language="zh-CN")) == html


def test_hostile_names_stay_names():
    tags = parsed(render_offline(siting_map(make_proposal(name=HOSTILE), language="en")))
    assert not [tag for tag, _ in tags.elements if tag in {"img", "b"}]
    assert json.loads(tags.texts["wangge-data"])["candidates"][0]["name"].endswith(HOSTILE)


def spoiled(**changes: Any) -> Callable[[SitingMapData], SitingMapData]:
    return lambda data: dataclasses.replace(data, **changes)


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (
            lambda d: dataclasses.replace(d, candidates=d.candidates.to_crs(3857)),
            CrsMismatchError,
            "'candidates'",
        ),
        (
            lambda d: dataclasses.replace(d, candidates=d.candidates.assign(chosen=False)),
            InvalidInputError,
            "chooses no place",
        ),
        (lambda d: dataclasses.replace(d, before=d.after), InvalidInputError, "'before'"),
        (spoiled(exchanges=[Exchange(3, 4, 0.0)]), InvalidInputError, "exchange of 3 for 4"),
        (spoiled(exchanges=[Exchange(0, 1, 0.0)]), InvalidInputError, "exchange of 0 for 1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    proposal: SitingMapData,
    spoil: Callable[[SitingMapData], SitingMapData],
    error: type[Exception],
    said: str,
):
    with pytest.raises(error, match=said):
        siting_map(spoil(proposal), language="en")
