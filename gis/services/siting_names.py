"""What the places of a siting are called: no two of them alike."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any


def told_apart(report: Mapping[str, Any]) -> dict[str, str]:
    """Return what sites and swaps are called, by key.

    Where several have one label the address stands beside it, the code of the building where that
    does not tell them apart either, and else the key.
    """
    places = {site["key"]: site for site in report["sites"]}
    places |= {swap["enter"]["key"]: swap["enter"] for swap in report["swaps"]}
    called = defaultdict(list)
    for place in places.values():
        called[place["label"]].append(place)
    return {key: _name(place, called[place["label"]]) for key, place in places.items()}


def _name(place: Mapping[str, Any], alike: list[Mapping[str, Any]]) -> str:
    label = str(place["label"])
    if len(alike) == 1:
        return label
    for fact in ("address", "building_code"):
        beside = place[fact]
        if beside and beside != label and [one[fact] for one in alike].count(beside) == 1:
            return f"{label}, {beside}"
    return f"{label}, {place['key']}"
