"""Coverage maps as pages: drawn when they are first asked for, kept until the data change."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gis.i18n import Language, translate
from gis.jobs.coverage_map import CoverageMapOrder, coverage_page
from gis.layers.overview import data_version, read_overview
from gis.services.covering import CoverageOrder, read_coverage
from gis.services.locating import local_day

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis.scope import Scope
    from gis.settings import Settings

#: A page of the sample is a few megabytes.
KEPT_PAGES = 8


@dataclass(frozen=True, slots=True)
class MapOrder:
    """Which coverage map is wanted.

    Parameters
    ----------
    language
        Language of its labels.
    service
        The one service to show; ``None``: those that most stations offer.
    at
        The one moment to show; ``None``: the usual moments of the coming days.
    """

    language: Language
    service: str | None = None
    at: datetime | None = None


@dataclass(slots=True)
class MapPages:
    """The pages drawn last, by what they were drawn from; one is drawn at a time."""

    settings: "Settings"
    _pages: "OrderedDict[str, bytes]" = field(default_factory=OrderedDict)
    _drawing: threading.Lock = field(default_factory=threading.Lock)

    def tag(self, session: "Session", scope: "Scope", order: MapOrder) -> str:
        """Return a tag that changes with the order, the data and the day."""
        today = local_day(datetime.now(UTC), self.settings.timezone)
        facts = (order, data_version(session, scope), today, self.settings.tile_url)
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
        view = read_coverage(
            session,
            scope,
            CoverageOrder(
                self.settings.timezone,
                services=() if order.service is None else (order.service,),
                moments=() if order.at is None else (order.at,),
            ),
        )
        title = translate("Coverage map", order.language)
        today = local_day(datetime.now(UTC), self.settings.timezone)
        place = read_overview(session, scope, today).place
        look = CoverageMapOrder(
            title=f"{place} · {title}" if place else title,
            language=order.language,
            tile_url=self.settings.tile_url,
            tile_attribution=self.settings.tile_attribution,
        )
        return coverage_page(view, look).encode("utf-8")
