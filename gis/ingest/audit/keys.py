"""Codes that collide or have another layout than their level, and grids that nobody serves."""

from collections import defaultdict
from typing import TYPE_CHECKING

import shapely

from gis.codes import CODECS, DivisionCode
from gis.errors import InvalidInputError
from gis.ingest.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gis.ingest.audit.ground import Ground


def codes(ground: "Ground") -> "Iterator[Finding]":
    """Yield divisions, communities and grids with equal codes, or with ones of another layout."""
    for layer in ("divisions", "communities"):
        if ground.has(layer):
            yield from _equal(ground, layer, ground.column(layer, "code").tolist())
    if ground.has("divisions"):
        levels = ground.column("divisions", "level")
        for row, level in enumerate(levels.tolist()):
            yield from _division(ground, "divisions", row, str(level))
    if ground.has("communities"):
        for row in range(len(ground.ids("communities"))):
            yield from _division(ground, "communities", row, "community")
    if ground.has("grids"):
        plans, owned = ground.column("grids", "plan_id"), ground.column("grids", "code")
        yield from _equal(ground, "grids", list(zip(plans.tolist(), owned.tolist(), strict=True)))
        yield from _grid_layouts(ground)


def grids_without_post(ground: "Ground") -> "Iterator[Finding]":
    """Yield grids that no post covers; one finding for all of them if there is no post at all."""
    if not ground.has("grids"):
        return
    ids, names = ground.ids("grids"), ground.column("grids", "code")
    covered: set[str] = set()
    if ground.has("posts"):
        covered = {str(key) for key in ground.column("posts", "grid_id") if key is not None}
    rows = [row for row, key in enumerate(ids.tolist()) if key not in covered]
    if rows and not covered:
        points = shapely.MultiPoint(shapely.point_on_surface(ground.valid("grids")[rows]).tolist())
        yield Finding(
            "grid_without_post",
            "grids",
            ids.tolist(),
            points,
            severity="note",
            detail={"what": "no_posts", "rows": len(rows)},
        )
        return
    for row in rows:
        shape = ground.valid("grids")[row]
        yield Finding(
            "grid_without_post",
            "grids",
            [ids[row]],
            shape,
            size_m2=float(shapely.area(shape)),
            detail={"codes": [str(names[row])]},
        )


def _equal(ground: "Ground", layer: str, values: list[object]) -> "Iterator[Finding]":
    rows_of: defaultdict[object, list[int]] = defaultdict(list)
    for row, value in enumerate(values):
        rows_of[value].append(row)
    for value, rows in rows_of.items():
        if len(rows) > 1:
            shown = value[-1] if isinstance(value, tuple) else value
            yield Finding(
                "code_collision",
                layer,
                [str(ground.ids(layer)[row]) for row in rows],
                shapely.union_all(ground.valid(layer)[rows]),
                detail={"what": "equal", "codes": [str(shown)]},
            )


def _division(ground: "Ground", layer: str, row: int, level: str) -> "Iterator[Finding]":
    code = str(ground.column(layer, "code")[row])
    try:
        found = DivisionCode(code)
    except InvalidInputError as error:
        yield _layout(ground, layer, row, error.message)
        return
    if found.level != level:
        yield _layout(ground, layer, row, f"The code {code} names a {found.level}, not a {level}.")


def _grid_layouts(ground: "Ground") -> "Iterator[Finding]":
    """Yield grids whose code no codec reads, or names another community.

    Codes are pluggable: of a deployment's own layout, which all its grids share, nothing is said.
    """
    written = [str(code) for code in ground.column("grids", "code")]
    read = {name: [_community_of(name, code) for code in written] for name in CODECS}
    best = max(read, key=lambda name: sum(home is not None for home in read[name]))
    if not any(home is not None for home in read[best]):
        return
    home_of = {}
    if ground.has("communities"):
        pairs = zip(ground.ids("communities"), ground.column("communities", "code"), strict=True)
        home_of = {key: str(code) for key, code in pairs}
    owners = ground.column("grids", "community_id")
    for row, home in enumerate(read[best]):
        owner = home_of.get(str(owners[row]))
        if home is None:
            text = f"The code {written[row]} is not of the layout {best} of the other grids."
            yield _layout(ground, "grids", row, text)
        elif owner is not None and owner != home:
            text = f"The code {written[row]} names community {home}; the grid lies in {owner}."
            yield _layout(ground, "grids", row, text)


def _community_of(name: str, code: str) -> str | None:
    try:
        return CODECS[name].decode(code).division.value
    except InvalidInputError:
        return None


def _layout(ground: "Ground", layer: str, row: int, sentence: str) -> Finding:
    shape = ground.valid(layer)[row]
    return Finding(
        "code_collision",
        layer,
        [str(ground.ids(layer)[row])],
        None if shapely.is_empty(shape) else shape,
        detail={
            "what": "layout",
            "codes": [str(ground.column(layer, "code")[row])],
            "sentence": sentence,
        },
    )
