"""Communities against each other and their division; grids against their community."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.ingest.audit.findings import Finding, rounded
from gis.ingest.audit.tiling import Piece, gaps, length_m, overlaps, union_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gis.ingest.audit.ground import Ground


def communities_tile(ground: "Ground") -> "Iterator[Finding]":
    """Yield overlaps and gaps between communities, slivers apart, with what is at stake."""
    if not ground.has("communities"):
        return
    parts, ids = ground.valid("communities"), ground.ids("communities")
    division = division_of(ground)
    for piece in overlaps(parts, ground.options):
        if piece.sliver:
            yield _sliver("communities", ids, piece, "overlap")
        else:
            codes = _codes(ground, piece)
            detail = {**_stake(ground, piece), "codes": codes, "decides": decider(ground, codes)}
            yield _finding("overlap_between_communities", "communities", ids, piece, detail)
    for piece in gaps(parts, ground.options, within=division):
        if piece.sliver:
            yield _sliver("communities", ids, piece, "gap")
        else:
            codes = _codes(ground, piece)
            detail = {**_stake(ground, piece), "codes": codes, "decides": decider(ground, codes)}
            yield _finding("gap_between_communities", "communities", ids, piece, detail)
    yield from _detached(ground)


def communities_in_division(ground: "Ground") -> "Iterator[Finding]":
    """Yield communities beyond the line of their division, and what of it they leave out."""
    division = division_of(ground)
    if division is None or not ground.has("communities"):
        return
    parts, ids, options = ground.valid("communities"), ground.ids("communities"), ground.options
    wide = shapely.buffer(division, options.edge_m)
    beyond = shapely.difference(parts, wide)
    for row in np.flatnonzero(shapely.area(beyond) > options.sliver_m2).tolist():
        whole = shapely.difference(parts[row], division)
        yield Finding(
            "community_outside_division",
            "communities",
            [ids[row]],
            whole,
            size_m2=float(whole.area),
            detail={"codes": [str(ground.column("communities", "code")[row])]},
        )
    between = shapely.union_all([piece.geometry for piece in gaps(parts, options, within=division)])
    left = shapely.difference(division, shapely.union(union_of(parts), between))
    # The rim, where both lines are the same but for their accuracy, is nobody's fault.
    core = shapely.buffer(left, -options.edge_m / 2, join_style="mitre")
    if core.area > options.sliver_m2:
        named = [str(key) for key in ground.ids("divisions")[_of_subdistrict(ground)]]
        yield Finding("division_not_covered", "divisions", named, left, size_m2=float(left.area))


def grids_tile(ground: "Ground") -> "Iterator[Finding]":
    """Yield overlaps and gaps between the grids of each plan, and grids beyond their community."""
    if not ground.has("grids", "communities"):
        return
    plans = ground.column("grids", "plan_id")
    for plan in sorted(set(plans.tolist()), key=str):
        rows = np.flatnonzero(plans == plan)
        yield from _overlapping_grids(ground, rows)
        yield from _ungridded(ground, rows)


def division_of(ground: "Ground") -> shapely.Geometry | None:
    """Return the ground of the subdistricts that the communities belong to, if it is known."""
    if not ground.has("divisions", "communities"):
        return None
    rows = _of_subdistrict(ground)
    shapes = ground.valid("divisions")[rows]
    return shapely.union_all(shapes) if len(shapes) and not shapely.is_empty(shapes).all() else None


def decider(ground: "Ground", codes: list[str]) -> str:
    """Return who decides between communities: the lowest division that all of them belong to."""
    if len(codes) < 2:
        return "subdistrict " + codes[0][:9] if codes else "subdistrict"
    for level, digits in (("subdistrict", 9), ("county", 6)):
        shared = {code[:digits] for code in codes}
        if len(shared) == 1:
            prefix = shared.pop()
            return f"{level} {prefix}{_division_name(ground, prefix)}"
    return "city"


def _division_name(ground: "Ground", prefix: str) -> str:
    if not ground.has("divisions"):
        return ""
    codes, names = ground.column("divisions", "code"), ground.column("divisions", "name")
    for code, name in zip(codes.tolist(), names.tolist(), strict=True):
        if name and str(code) == prefix.ljust(12, "0"):
            return f" ({name})"
    return ""


def _of_subdistrict(ground: "Ground") -> "NDArray[np.intp]":
    """Return the rows of the divisions whose code begins the code of a community."""
    codes = [str(code) for code in ground.column("divisions", "code")]
    levels = ground.column("divisions", "level")
    wanted = {str(code)[:9] for code in ground.column("communities", "code")}
    chosen = [
        level == "subdistrict" and code[:9] in wanted
        for code, level in zip(codes, levels, strict=True)
    ]
    # One subdistrict without a line leaves the others' gaps unknown.
    known = {code[:9] for code, take in zip(codes, chosen, strict=True) if take}
    return np.flatnonzero(chosen) if known == wanted else np.empty(0, dtype=np.intp)


def _overlapping_grids(ground: "Ground", rows: "NDArray[np.intp]") -> "Iterator[Finding]":
    parts, ids = ground.valid("grids")[rows], ground.ids("grids")[rows]
    codes = ground.column("grids", "code")[rows]
    for piece in overlaps(parts, ground.options):
        if not piece.sliver:
            named = [str(codes[i]) for i in piece.parts]
            detail = {**_stake(ground, piece), "codes": named}
            yield _finding("overlap_between_grids", "grids", ids, piece, detail)


def _ungridded(ground: "Ground", rows: "NDArray[np.intp]") -> "Iterator[Finding]":
    owners = ground.column("grids", "community_id")[rows].astype(str)
    homes = ground.ids("communities")
    for place, home in enumerate(homes.tolist()):
        mine = rows[owners == home]
        if not len(mine):
            continue
        parts, whole = ground.valid("grids")[mine], ground.valid("communities")[place]
        code = str(ground.column("communities", "code")[place])
        for piece in gaps(parts, ground.options, whole=whole):
            if not piece.sliver:
                detail = {**_stake(ground, piece), "codes": [code]}
                ids = ground.ids("grids")[mine]
                yield _finding("gap_between_grids", "grids", ids, piece, detail)
        beyond = shapely.difference(parts, shapely.buffer(whole, ground.options.sliver_width_m))
        for i in np.flatnonzero(shapely.area(beyond) > ground.options.sliver_m2).tolist():
            over = shapely.difference(parts[i], whole)
            yield Finding(
                "grid_outside_community",
                "grids",
                [ground.ids("grids")[mine[i]]],
                over,
                size_m2=float(shapely.area(over)),
                detail={"codes": [str(ground.column("grids", "code")[mine[i]]), code]},
            )


def _detached(ground: "Ground") -> "Iterator[Finding]":
    """Yield tiny parts of communities and quarters that lie apart from the rest."""
    for layer in ("communities", "quarters"):
        if not ground.has(layer):
            continue
        parts, owner = shapely.get_parts(ground.valid(layer), return_index=True)
        several = np.bincount(owner, minlength=len(ground.ids(layer)))[owner] > 1
        tiny = several & (shapely.area(parts) <= ground.options.sliver_m2)
        for place in np.flatnonzero(tiny).tolist():
            yield Finding(
                "sliver",
                layer,
                [ground.ids(layer)[owner[place]]],
                parts[place],
                size_m2=float(shapely.area(parts[place])),
                fixable=layer == "communities",
                detail={"what": "detached_part"},
            )


def _stake(ground: "Ground", piece: Piece) -> dict[str, Any]:
    """Return the buildings and households whose place hangs on a piece of ground."""
    if not ground.has("buildings"):
        return {}
    inside = ground.location_tree().query(piece.geometry, predicate="intersects")
    households = ground.numbers("buildings", "households")[inside]
    return {"buildings": len(inside), "households": int(np.nansum(households))}


def _codes(ground: "Ground", piece: Piece) -> list[str]:
    codes = ground.column("communities", "code")
    return [str(codes[i]) for i in piece.parts]


def _finding(
    kind: str, layer: str, ids: "NDArray[Any]", piece: Piece, detail: dict[str, Any]
) -> Finding:
    return Finding(
        kind,
        layer,
        [str(ids[i]) for i in piece.parts],
        piece.geometry,
        size_m2=piece.size_m2,
        length_m=length_m(piece.geometry),
        detail=rounded({**detail, "width_m": piece.width_m}),
    )


def _sliver(layer: str, ids: "NDArray[Any]", piece: Piece, what: str) -> Finding:
    found = _finding("sliver", layer, ids, piece, {"what": what})
    found.fixable = True
    return found
