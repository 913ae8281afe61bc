"""The data of the plan report's page: grids in reading order, and sentences in one language."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.i18n import Language, translate
from maps import style
from maps.labels import label
from maps.packing import pack_geometries, pack_numbers
from maps.payload import class_labels
from maps.plan_report_figures import figure_table
from maps.plan_report_labels import READING, REPORT_SAID, Speaker, report_texts

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from maps.plan_report_data import PlanReport, PreviousPlan

#: Grids are simplified together by so many degrees (about 0.4 m), which leaves no gap.
_SIMPLIFY_DEGREES = 4e-6
#: Exceptions that tell of a quarter which is divided between its buildings.
_DIVIDED = frozenset({"quarter_above_maximum", "quarter_split"})
#: Bars longer than this times the maximum are cut off.
_LONGEST = 2.0


class Order:
    """The order in which the report tells grids: by community and code; places are in this order.

    Parameters
    ----------
    report
        The report, checked.
    """

    def __init__(self, report: "PlanReport") -> None:
        communities = report.communities.sort_values("code", kind="stable", ignore_index=True)
        rank = {number: i for i, number in enumerate(communities["number"].tolist())}
        home = report.grids["community"].map(rank)
        grids = report.grids.assign(_home=home).sort_values(["_home", "code"], kind="stable")
        self.communities: gpd.GeoDataFrame = communities
        self.grids: gpd.GeoDataFrame = grids.reset_index(drop=True)
        self.rank = rank
        self.place = {number: i for i, number in enumerate(self.grids["number"].tolist())}
        #: Row of the measures for each grid.
        self.rows = np.searchsorted(report.measures.grid, self.grids["number"].to_numpy())


def report_page(report: "PlanReport", language: Language) -> dict[str, Any]:
    """Return everything the page's script needs, as JSON-able values.

    Parameters
    ----------
    report
        The report, checked.
    language
        Language of every label.
    """
    order, speaker = Order(report), Speaker(language)
    west, south, east, north = (float(v) for v in report.communities.total_bounds)
    origin = (round(west, 6), round(south, 6))
    texts = report_texts(language)
    classes = style.deviation_classes(report.minimum, report.target, report.maximum)
    bounds = tuple(report.target + each for each in classes.breaks)
    sizes = style.Classes(bounds, classes.colours)
    return {
        "language": language,
        "texts": texts,
        "title": report.title or texts["title"],
        "head": _head(report, speaker),
        "lead": lead(report, speaker),
        "band": _band(report),
        "bounds": [[south, west], [north, east]],
        "origin": origin,
        "classes": {
            "colours": classes.colours,
            "labels": class_labels("households", sizes, language),
        },
        "base": style.BASE_COLOURS,
        "figures": figure_table(report, speaker),
        "communities": _communities(order, origin),
        "grids": _grids(report, order, origin),
        "barriers": _barriers(report, origin),
        "exceptions": _exceptions(report, order, speaker),
        "reasons": _reasons(report, order, speaker),
        "feasible": _feasible(report, order),
        "change": None if report.previous is None else _change(report.previous, order, speaker),
        "reading": [[translate(part, language) for part in pair] for pair in READING],
        "attribution": report.attribution,
    }


def _head(report: "PlanReport", speaker: Speaker) -> dict[str, Any]:
    language = speaker.language
    said = [speaker.say(REPORT_SAID["drawn"], date=speaker.day(report.drawn_on))]
    if report.preset is not None:
        seed = "–" if report.seed is None else str(report.seed)
        preset = label("preset", report.preset, language)
        said.append(speaker.say(REPORT_SAID["recipe"], preset=preset, seed=seed))
    badges = [label("plan_status", report.status, language)] if report.status else []
    flags = ("synthetic", "estimated", "stopped")
    badges += [speaker.say(REPORT_SAID[flag]) for flag in flags if getattr(report, flag)]
    return {"plan": report.plan_name, "said": said, "badges": badges}


def lead(report: "PlanReport", speaker: Speaker) -> list[dict[str, Any]]:
    """Return what the plan is in plain sentences, each with whether it is as it should be."""
    m = report.measures
    basic = ~m.dedicated
    households = int(m.households[basic].sum())
    homes = report.grids["community"].nunique()

    def say(key: str, ok: bool | None = None, **values: Any) -> dict[str, Any]:  # noqa: ANN401, FBT001 - fields of a sentence
        return {"text": speaker.say(REPORT_SAID[key], **values), "ok": ok}

    if not m.count:
        return [say("nobody")]
    key = "shared" if homes > 1 else "shared_one" if m.count > 1 else "shared_single"
    out = [say(key, households=households, communities=homes, count=m.count)]
    below = int((m.households[basic] < report.minimum).sum())
    above = int((m.households[basic] > report.maximum).sum())
    band = {"minimum": report.minimum, "maximum": report.maximum}
    if below + above:
        counts = {"outside": below + above, "count": m.count, "below": below, "above": above}
        out.append(say("some_out", ok=False, **band, **counts))
    else:
        out.append(say("all_in", ok=True, **band))
    infeasible = sum(1 for each in report.feasible if each.low > each.high)
    if infeasible:
        out.append(say("infeasible", ok=False, count=infeasible))
    out.append(say("nested", ok=True))
    if m.noncontiguous:
        out.append(say("in_pieces", ok=False, count=m.noncontiguous))
    else:
        out.append(say("in_one_piece", ok=True))
    mean = speaker.number(m.mean_deviation, 1)
    out.append(say("near", mean=mean, target=report.target, most=m.max_deviation))
    if not basic.all():
        out.append(say("dedicated", count=int(m.dedicated.sum())))
    if report.previous is not None:
        compared = report.previous.comparison
        changed = compared.households_moved
        share = speaker.share(changed / max(1, compared.households_compared))
        key = "changed" if changed else "unchanged"
        out.append(say(key, name=report.previous.name, households=changed, share=share))
    return out


def _band(report: "PlanReport") -> dict[str, int]:
    basic = report.measures.households[~report.measures.dedicated]
    longest = min(int(basic.max(initial=0)), round(_LONGEST * report.maximum))
    return {
        "target": report.target,
        "minimum": report.minimum,
        "maximum": report.maximum,
        "longest": max(longest, round(1.1 * report.maximum)),
    }


def _communities(order: Order, origin: tuple[float, float]) -> dict[str, Any]:
    frame = order.communities
    sizes = np.bincount(order.grids["_home"], minlength=len(frame))
    names = frame["name"] if "name" in frame else frame["code"]
    points = shapely.point_on_surface(frame.geometry.to_numpy())
    return {
        "codes": frame["code"].tolist(),
        "names": [
            name if isinstance(name, str) and name else code
            for name, code in zip(names, frame["code"], strict=True)
        ],
        "first": np.r_[0, np.cumsum(sizes)].tolist(),
        "at": [[round(p.y, 6), round(p.x, 6)] for p in points],
        "boxes": np.round(shapely.bounds(frame.geometry.to_numpy()), 6).tolist(),
        "shapes": pack_geometries(frame.geometry.to_numpy(), origin=origin),
    }


def _grids(report: "PlanReport", order: Order, origin: tuple[float, float]) -> dict[str, Any]:
    m, rows = report.measures, order.rows
    dedicated = m.dedicated[rows]
    households = m.households[rows]
    classes = style.deviation_classes(report.minimum, report.target, report.maximum)
    rank = np.searchsorted(classes.breaks, households - report.target)
    state = np.where(households < report.minimum, -1, np.where(households > report.maximum, 1, 0))
    shapes = shapely.coverage_simplify(order.grids.geometry.to_numpy(), _SIMPLIFY_DEGREES)
    points = shapely.point_on_surface(shapes)
    codes = order.grids["code"].tolist()
    homes = order.communities["code"].take(order.grids["_home"]).tolist()
    return {
        "count": len(rows),
        "codes": codes,
        "short": [_short(code, home) for code, home in zip(codes, homes, strict=True)],
        "names": _names(order.grids),
        "community": order.grids["_home"].tolist(),
        "dedicated": np.flatnonzero(dedicated).tolist(),
        "households": pack_numbers(households, "i4"),
        "residents": pack_numbers(m.residents[rows], "i4"),
        "hectares": pack_numbers(m.area_m2[rows] / 1e4, "f4"),
        "polsby_popper": pack_numbers(m.polsby_popper[rows], "f4"),
        "reock": pack_numbers(m.reock[rows], "f4"),
        "pieces": pack_numbers(m.pieces[rows], "u2"),
        "barrier": pack_numbers(m.barrier_inside_m[rows], "f4"),
        "street_share": pack_numbers(_street_shares(report, order), "f4"),
        "class": pack_numbers(rank, "u1"),
        "state": pack_numbers(np.where(dedicated, 2, state), "i1"),
        "at": pack_numbers(shapely.get_coordinates(points), "f8"),
        "shapes": pack_geometries(shapes, origin=origin),
    }


def _short(code: str, home: str) -> str:
    """Return the part of a grid's code that its community's does not say."""
    return code[len(home) :] if code.startswith(home) and len(code) > len(home) else code


def _names(grids: "gpd.GeoDataFrame") -> list[str]:
    """Return names of grids, empty where there is none; no list at all without any."""
    if "name" not in grids or not grids["name"].notna().any():
        return []
    return [name if isinstance(name, str) else "" for name in grids["name"]]


def _street_shares(report: "PlanReport", order: Order) -> "NDArray[np.float64]":
    shares = np.full(len(order.rows), np.nan)
    for trace in report.traces:
        if trace.street_share is not None and trace.grid in order.place:
            shares[order.place[trace.grid]] = trace.street_share
    return shares


def _barriers(report: "PlanReport", origin: tuple[float, float]) -> list[dict[str, Any]]:
    if report.barriers is None or not len(report.barriers):
        return []
    return [
        {
            "class": str(name),
            "count": len(rows),
            "shapes": pack_geometries(rows.geometry.to_numpy(), origin=origin),
        }
        for name, rows in report.barriers.groupby("barrier_class", sort=True)
    ]


def _exceptions(report: "PlanReport", order: Order, speaker: Speaker) -> list[dict[str, Any]]:
    """Return exceptions by kind: those of the band first, as a planner asks for them."""
    from gis.districting.plan import SENTENCES

    groups: dict[str, list[list[Any]]] = {kind: [] for kind in SENTENCES}
    for each in report.exceptions:
        values = {name: getattr(each, name) for name in ("households", "limit", "count")}
        text = speaker.say(SENTENCES[each.kind], **values)
        if each.note is not None:
            text += " " + speaker.say(each.note.message, **each.note.values)
        unit = report.quarters.get(each.unit, "") if each.unit is not None else ""
        place = order.place.get(each.grid, -1) if each.grid is not None else -1
        home = order.rank.get(each.community, -1)
        if unit:
            text = speaker.say(REPORT_SAID["of_quarter"], quarter=unit, said=text)
        groups[each.kind].append([place, home, text])
    return [
        {"label": label("exception", kind, speaker.language), "items": sorted(items)}
        for kind, items in groups.items()
        if items
    ]


def _reasons(report: "PlanReport", order: Order, speaker: Speaker) -> dict[str, Any]:
    """Return why grids are not nearer to the target: by what limits them, sentences once each."""
    from gis.districting.plan import LIMITS

    sentences: dict[str, int] = {}
    groups: dict[str, list[list[int]]] = {limit: [] for limit in LIMITS}
    largest: dict[int, list[list[Any]]] = {}
    divided = {each.unit for each in report.exceptions if each.kind in _DIVIDED}
    for trace in report.traces:
        place = order.place.get(trace.grid)
        if place is None:
            continue
        for reason in trace.reasons:
            text = speaker.say(reason.message, **reason.values)
            at = sentences.setdefault(text, len(sentences))
            groups[reason.limit].append([place, at])
        named = [
            [
                speaker.say(REPORT_SAID["building"], quarter=report.quarters[held.unit])
                if held.unit in divided
                else report.quarters[held.unit],
                held.households,
            ]
            for held in trace.largest
            if held.unit is not None and held.unit in report.quarters
        ]
        if named:
            largest[place] = named
    return {
        "sentences": list(sentences),
        "groups": [
            {"label": label("limit", limit, speaker.language), "items": sorted(items)}
            for limit, items in groups.items()
            if items
        ],
        "largest": largest,
    }


def _feasible(report: "PlanReport", order: Order) -> list[list[int]]:
    """Return community, households, lowest and highest possible and drawn number of grids."""
    return sorted(
        [order.rank[each.community], each.households, each.low, each.high, each.drawn]
        for each in report.feasible
        if each.community in order.rank
    )


def _change(previous: "PreviousPlan", order: Order, speaker: Speaker) -> dict[str, Any]:
    """Return what became of each grid whose households are not the same, and how many are."""
    changes = previous.comparison.changes
    after = dict(zip(order.grids["number"], order.grids["code"], strict=True))

    def named(flows: Sequence[tuple[int, int]], codes: Mapping[int, str]) -> list[list[Any]]:
        return [[codes.get(grid, "?"), people] for grid, people in flows]

    rows: list[dict[str, Any]] = [
        {
            "place": order.place.get(each.grid, -1),
            "previous": previous.codes.get(each.previous, ""),
            "fate": label("fate", each.fate, speaker.language),
            "before": each.households_before,
            "after": each.households_after,
            "in": each.households_in,
            "out": each.households_out,
            "sources": named(each.sources, previous.codes),
            "targets": named(each.targets, after),
        }
        for each in changes
        if each.households_in or each.households_out or min(each.grid, each.previous) < 0
    ]
    rows.sort(key=lambda row: (row["place"] < 0, row["place"], row["previous"]))
    kept = len(changes) - len(rows)
    told = speaker.say(REPORT_SAID["kept"], count=kept) if kept else ""
    return {"name": previous.name, "kept": told, "rows": rows}
