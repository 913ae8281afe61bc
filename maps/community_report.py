"""One printed page per community: its map, who is within reach and when, its indicators.

The page is HTML without scripts: the map is drawn here as SVG, so that it prints sharply and the
same from every browser. A4, upright.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import NotFoundError
from gis.i18n import Language, translate
from maps import ground
from maps.community_labels import REPORT_TEXTS
from maps.community_map import community_svg
from maps.ground_data import GROUPS, SUPPRESSED, positions
from maps.labels import PAGE, label
from maps.page import STATIC, write_page
from maps.walking_tables import Counter, Metres, metres_of
from maps.withheld import areas_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from maps.walking_data import Indicator, Limit, WalkingMapData

#: Grids that are named as those with the most households out of reach.
NAMED_GRIDS = 5
#: Stations that are named; the others are counted.
NAMED_STATIONS = 10


@dataclass(frozen=True, slots=True)
class CommunityReportOrder:
    """What the pages are to say.

    Parameters
    ----------
    language
        Language of every text and number.
    service
        Row of the service whose verdicts the map shows.
    hours
        Hours of the week that are compared; the map is of the first.
    limit
        How far is within reach.
    communities
        Codes of the communities, a page each; empty: all, in the order of their codes.
    """

    language: Language
    limit: "Limit"
    service: int = 0
    hours: Sequence[int] = (58, 68, 130)
    communities: tuple[str, ...] = ()


def community_report(data: "WalkingMapData", order: CommunityReportOrder) -> str:
    """Return the pages of the communities as one HTML document that asks for nothing else.

    Parameters
    ----------
    data
        The data of the walking map, of which delivery, the network and areas are not needed.
    order
        What the pages are to say.

    Raises
    ------
    gis.errors.NotFoundError
        There is no community of a code.
    gis.errors.InvalidInputError, gis.errors.CrsMismatchError
        The data do not fit together.
    """
    from jinja2 import Environment, FileSystemLoader

    data.check()
    # Everything that comes from data is escaped; the map alone is markup, and made here.
    environment = Environment(autoescape=True, loader=FileSystemLoader(STATIC), trim_blocks=True)
    report = _Report(data, order)
    return environment.get_template("community.html").render(
        language=order.language,
        t=report.texts,
        title=data.title,
        css=(STATIC / "community.css").read_text(encoding="utf-8"),
        pages=[report.page(row) for row in report.rows()],
    )


def write_community_report(data: "WalkingMapData", path: Path, order: CommunityReportOrder) -> None:
    """Write the pages to ``path``, whole or not at all.

    Errors are those of :func:`community_report`; besides, :class:`gis.errors.DataSourceError` if
    the file cannot be written.
    """
    write_page(community_report(data, order), path)


def told_indicators(indicators: "Sequence[Indicator]") -> "list[Indicator]":
    """Return what a page has room for: indicators with a target, then shares within metres.

    The shares within minutes are on the map and in the table of all indicators.
    """
    aimed = [each for each in indicators if each.target is not None]
    rest = [each for each in indicators if each.target is None and each.code.endswith("_m")]
    return aimed + rest


class _Report:
    """Counts once what every page needs."""

    def __init__(self, data: "WalkingMapData", order: CommunityReportOrder) -> None:
        self.data, self.order = data, order
        self.metres: Metres = metres_of(data)
        areas = areas_of(data)
        self.communities = Counter(data, areas["communities"])
        self.grids = Counter(data, areas["grids"])
        self.texts = {
            key: translate(message, order.language) for key, message in REPORT_TEXTS.items()
        }
        self.groups = {group: translate(PAGE[group], order.language) for group in GROUPS}
        self._beyond: NDArray[np.bool_] = self.metres.beyond(order.limit)
        homes = self.communities.totals()[0]
        #: Whether any household of a community has an open station in reach: (sets, communities).
        self._reached = np.array([self.communities.count(out)[0] < homes for out in self._beyond])

    def rows(self) -> list[int]:
        codes = self.data.communities["code"].tolist()
        if not self.order.communities:
            return sorted(range(len(codes)), key=lambda row: str(codes[row]))
        absent = [code for code in self.order.communities if code not in codes]
        if absent:
            msg = f"There is no community {absent[0]}."
            raise NotFoundError(msg, remedy="Give codes of the map's communities.")
        return [codes.index(code) for code in self.order.communities]

    def beyond(self, service: int, hour: int) -> "NDArray[np.bool_]":
        return np.asarray(self._beyond[self.data.hours[service, hour]])

    def page(self, row: int) -> dict[str, Any]:
        data, order = self.data, self.order
        frame = data.communities.iloc[row]
        out = self.beyond(order.service, order.hours[0])
        code = str(frame["code"])
        name = frame["name"] if isinstance(frame["name"], str) else code
        return {
            "name": name,
            "code": code,
            "head": ground.head(data, order.language),
            "map": community_svg(data, row, out, self.texts["metres"]),
            "map_title": self._map_title(),
            "people": self._people(row, out),
            "moments": [self._moment(hour) for hour in order.hours],
            "services": self._services(row),
            "indicators": [self._indicator(each, row) for each in told_indicators(data.indicators)],
            "gaps": self._worst_grids(row, out),
            **self._stations(row),
        }

    def _map_title(self) -> str:
        return translate(
            REPORT_TEXTS["map_title"],
            self.order.language,
            service=label("service", self.data.services[self.order.service], self.order.language),
            hour=self._moment(self.order.hours[0]),
            limit=self._limit(),
        )

    def _limit(self) -> str:
        limit, language = self.order.limit, self.order.language
        n = self._number(limit.value)
        if limit.speed is None:
            return translate("{n} m", language, n=n)
        who = translate(REPORT_TEXTS[f"speed_{limit.speed}"], language)
        return translate("{n} min", language, n=n) + f" ({who})"

    def _moment(self, hour: int) -> str:
        from babel.dates import get_day_names

        names = get_day_names("abbreviated", locale=self.order.language.replace("-", "_"))
        return f"{names[hour // 24]} {hour % 24:02d}:00"

    def _people(self, row: int, out: "NDArray[np.bool_]") -> list[dict[str, str]]:
        totals = self.communities.totals()[:, row].tolist()
        beyond = self.communities.shown(out)[:, row].tolist()
        rows = []
        for group, total, part in zip(GROUPS, totals, beyond, strict=True):
            known = total > 0 and part != SUPPRESSED
            share = self._percent(1 - part / total) if known else "–"
            rows.append(
                {
                    "label": self.groups[group],
                    "total": self._count(total),
                    "out": self._count(part),
                    "share": share,
                }
            )
        return rows

    def _services(self, row: int) -> list[dict[str, Any]]:
        total = int(self.communities.totals()[0, row])
        rows = []
        for service, code in enumerate(self.data.services):
            shares = []
            for hour in self.order.hours:
                part = int(self.communities.count(self.beyond(service, hour))[0, row])
                share = 1 - part / total if total else None
                shares.append(
                    {"text": "–" if share is None else self._percent(share), "value": share or 0.0}
                )
            hours = int(self._reached[self.data.hours[service], row].sum())
            rows.append(
                {
                    "label": label("service", code, self.order.language),
                    "shares": shares,
                    "hours": self._number(hours),
                }
            )
        return rows

    def _indicator(self, each: "Indicator", row: int) -> dict[str, Any]:
        value = float(each.communities[row])
        known = bool(np.isfinite(value))
        met = None
        if known and each.target is not None:
            met = value >= each.target if each.higher_is_better else value <= each.target
        show = self._percent if each.unit == "share" else self._number
        return {
            "label": each.label,
            "value": show(value) if known else self.texts["unknown"],
            "target": "–" if each.target is None else show(each.target),
            "met": met,
            "source": each.source,
            "note": each.notes[row] if each.notes else "",
        }

    def _worst_grids(self, row: int, out: "NDArray[np.bool_]") -> list[dict[str, str]]:
        home = positions(self.data.grids["community_id"], self.data.communities["id"])
        households = self.grids.count(out)[0]
        mine = [grid for grid in np.flatnonzero(home == row) if households[grid]]
        mine.sort(key=lambda grid: (-int(households[grid]), int(grid)))
        codes = self.data.grids["code"].tolist()
        return [
            {"code": str(codes[grid]), "households": self._number(int(households[grid]))}
            for grid in mine[:NAMED_GRIDS]
        ]

    def _stations(self, row: int) -> dict[str, Any]:
        """Return stations of the community, as numbered on the map."""
        language = self.order.language
        home = positions(self.data.stations["community_id"], self.data.communities["id"])
        frame = self.data.stations
        places = np.flatnonzero(home == row).tolist()
        named = [
            {
                "name": str(frame["name"].iloc[at]),
                "about": " · ".join(
                    (
                        label("tier", frame["tier"].iloc[at], language),
                        label("status", frame["status"].iloc[at], language),
                    )
                ),
            }
            for at in places[:NAMED_STATIONS]
        ]
        more = len(places) - len(named)
        return {
            "stations": named,
            "more_stations": self.texts["more_stations"].format(n=more) if more else "",
        }

    def _count(self, value: int) -> str:
        hidden = ground.suppressed_text(self.order.language)["suppressed"]
        return hidden if value == SUPPRESSED else self._number(value)

    def _number(self, value: float) -> str:
        from babel.numbers import format_decimal

        rounded = float(f"{value:.4g}") if value % 1 else int(value)
        return str(format_decimal(rounded, locale=self.order.language.replace("-", "_")))

    def _percent(self, value: float) -> str:
        from babel.numbers import format_percent

        locale = self.order.language.replace("-", "_")
        return str(format_percent(value, format="#,##0.#%", locale=locale))
