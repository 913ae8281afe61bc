"""Maps as pages: drawn when they are first asked for, kept until the data change."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from gis.i18n import Language, translate
from gis.jobs.coverage_map import CoverageMapOrder, coverage_page
from gis.jobs.walking_map import WalkingMapOrder, walking_page
from gis.layers.overview import data_version, read_overview
from gis.services.covering import CoverageOrder, read_coverage
from gis.services.locating import local_day
from gis.services.tiles import tile_version
from maps.walking import MOST_BUILDINGS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.settings import Settings

#: A page of the sample is a few megabytes.
KEPT_PAGES = 8


@dataclass(frozen=True, slots=True)
class MapOrder:
    """Which map is wanted.

    Parameters
    ----------
    language
        Language of its labels.
    kind
        ``coverage``: in a straight line at chosen moments; ``walking``: a week on foot.
    service
        The one service to show; ``None``: those that most stations offer.
    at
        Coverage: the one moment to show; ``None``: the usual moments of the coming days.
    week
        Walking: a day of the week to show; ``None``: this week.
    buildings
        Walking: whether outlines are ``packed`` into the page or come as ``tiles``; ``None``: by
        how many there are.
    people_within
        Whether people within reach are told, or homes alone: houses that are shown could be
        subtracted.
    """

    language: Language
    kind: Literal["coverage", "walking"] = "coverage"
    service: str | None = None
    at: datetime | None = None
    week: date | None = None
    buildings: Literal["packed", "tiles"] | None = None
    people_within: bool = True

    @property
    def may_ask_for_tiles(self) -> bool:
        """Whether its page may be one that asks this server for outlines."""
        return self.kind == "walking" and self.buildings != "packed"


@dataclass(slots=True)
class MapPages:
    """The pages drawn last, by what they were drawn from; one is drawn at a time."""

    settings: "Settings"
    _pages: "OrderedDict[str, bytes]" = field(default_factory=OrderedDict)
    _drawing: threading.Lock = field(default_factory=threading.Lock)

    def tag(self, session: "Session", scope: "Scope", order: MapOrder) -> str:
        """Return a tag that changes with the order, the data and the day."""
        today = local_day(datetime.now(UTC), self.settings.timezone)
        data = data_version(session, scope), scope.ground_key
        facts = (order, data, today, self.settings.tile_url)
        return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()

    def page(self, session: "Session", scope: "Scope", order: MapOrder, tag: str) -> bytes:
        """Return the page of an order, as one file of HTML that asks for nothing else.

        Raises
        ------
        gis.errors.InvalidInputError
            There is no plan in effect, or no station to measure to.
        gis.errors.ConfigurationError
            The browser libraries are not installed.
        """
        kept = self._pages.get(tag)
        if kept is not None:  # whoever asks for another map makes nobody wait for this one
            return kept
        with self._drawing:
            found = self._pages.get(tag)
            if found is None:
                found = self._draw(session, scope, order)
                self._pages[tag] = found
                while len(self._pages) > KEPT_PAGES:
                    self._pages.popitem(last=False)
            self._pages.move_to_end(tag)
            return found

    def _draw(self, session: "Session", scope: "Scope", order: MapOrder) -> bytes:
        draw = self._walking if order.kind == "walking" else self._coverage
        return draw(session, scope, order).encode("utf-8")

    def _coverage(self, session: "Session", scope: "Scope", order: MapOrder) -> str:
        view = read_coverage(
            session,
            scope,
            CoverageOrder(
                self.settings.timezone,
                services=() if order.service is None else (order.service,),
                moments=() if order.at is None else (order.at,),
            ),
        )
        look = CoverageMapOrder(
            title=self._title(session, scope, "Coverage map", order.language),
            language=order.language,
            suppress_below=scope.shown_below(self.settings.suppress_below),
            people_within=order.people_within,
            tile_url=self.settings.tile_url,
            tile_attribution=self.settings.tile_attribution,
        )
        return coverage_page(view, look)

    def _walking(self, session: "Session", scope: "Scope", order: MapOrder) -> str:
        today = local_day(datetime.now(UTC), self.settings.timezone)
        version = tile_version(session, scope, today)
        wanted = WalkingMapOrder(
            self.settings.timezone,
            self._title(session, scope, "Walking map", order.language),
            order.language,
            services=() if order.service is None else (order.service,),
            week=order.week,
            building_tiles=None
            if order.buildings == "packed"
            else f"/v1/tiles/buildings/{{z}}/{{x}}/{{y}}?v={version}",
            tiles_above=0 if order.buildings == "tiles" else MOST_BUILDINGS,
            suppress_below=scope.shown_below(self.settings.suppress_below),
            people_within=order.people_within,
            tile_url=self.settings.tile_url,
            tile_attribution=self.settings.tile_attribution,
        )
        return walking_page(session, scope, wanted)

    def _title(self, session: "Session", scope: "Scope", text: str, language: Language) -> str:
        today = local_day(datetime.now(UTC), self.settings.timezone)
        place, title = read_overview(session, scope, today).place, translate(text, language)
        return f"{place} · {title}" if place else title
