"""Vector tiles of verdicts about coverage, and the version that tiles are kept under."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gis.layers import tiles
from gis.layers.overview import data_version
from gis.layers.tiles import TileVerdicts
from gis.services.coverage_by_walking import cover
from gis.services.withholding import withheld_of_buildings

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis.layers.tiles import Tile, TileLayer, TileOrder
    from gis.scope import Scope
    from gis.services.coverage_asked import CoverageQuestion
    from gis.services.walking import WalkingGrounds

#: Answers kept in memory; one of 60,000 buildings is 3 MB.
KEPT = 8
#: Calculated metres differ from exact ones by less.
_NOISE_M = 1e-6


def tile_version(session: "Session", scope: "Scope", today: "date") -> str:
    """Return a text that changes with what tiles show: with the data, who asks, and the day."""
    return _digest(data_version(session, scope), scope.ground_key, today)


def tile_of(
    session: "Session", scope: "Scope", layer: "TileLayer", tile: "Tile", order: "TileOrder"
) -> bytes:
    """Return a tile of a layer, without residents that are few or would give few away."""
    below, withheld = order.suppress_below, frozenset[str]()
    if layer == "buildings" and below > 1 and not tile.far:
        ids = tiles.building_ids(session, scope, tile)
        hidden = withheld_of_buildings(session, scope, below, ids)
        withheld = frozenset(hidden.further.get("residents", ()))
    return tiles.read_tile(session, scope, layer, tile, order, withheld)


@dataclass(frozen=True, eq=False)
class Judged:
    """The verdict on every building for one question, as tiles tell it.

    Parameters
    ----------
    version
        Changes with the verdicts and with the buildings.
    ids
        Keys of the buildings.
    classes, minutes, metres, stations
        As of :class:`~gis.layers.tiles.TileVerdicts`, a value for each building; NaN and -1 stand
        for none.
    limits
        How many limits there are.
    """

    version: str
    ids: "pd.Index[str]"
    classes: "NDArray[np.int64]"
    minutes: "NDArray[np.float64]"
    metres: "NDArray[np.int64]"
    stations: "NDArray[np.object_]"
    limits: int

    def of(self, ids: list[str]) -> TileVerdicts:
        """Return the verdicts of some buildings; those it does not know are left out."""
        import pandas as pd

        rows = self.ids.get_indexer(pd.Index(ids))
        rows = rows[rows >= 0]
        classes, minutes, metres = self.classes[rows], self.minutes[rows], self.metres[rows]
        return TileVerdicts(
            ids=list(self.ids[rows]),
            classes=classes.tolist(),
            covered=((classes >= 0) & (classes < self.limits)).tolist(),
            minutes=[None if np.isnan(value) else float(value) for value in minutes],
            metres=[None if value < 0 else int(value) for value in metres],
            stations=list(self.stations[rows]),
        )


@dataclass(slots=True)
class CoverageTiles:
    """The answers asked for last: a map asks many tiles of the same one; one is made at a time."""

    _kept: "OrderedDict[str, Judged]" = field(default_factory=OrderedDict)
    _judging: threading.Lock = field(default_factory=threading.Lock)

    def judged(
        self,
        session: "Session",
        scope: "Scope",
        grounds: "WalkingGrounds",
        question: "CoverageQuestion",
    ) -> Judged:
        """Return the verdicts of a question; moments are those of the clock's minute.

        Raises
        ------
        gis.errors.InvalidInputError
            There are no communities, no roads to walk along, or hours that cannot be read.
        """
        if question.at is not None:
            question = replace(question, at=question.at.replace(second=0, microsecond=0))
        key = repr((scope.ground_key, data_version(session, scope), question))
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        with self._judging:
            found = self._kept.get(key)
            if found is None:
                found = _judge(session, scope, grounds, question)
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return found


def coverage_tile(session: "Session", scope: "Scope", judged: Judged, tile: "Tile") -> bytes:
    """Return a tile of buildings with their verdicts; empty: none lies there."""
    ids = tiles.building_ids(session, scope, tile)
    return tiles.read_coverage_tile(session, scope, tile, judged.of(ids)) if ids else b""


def _judge(
    session: "Session", scope: "Scope", grounds: "WalkingGrounds", question: "CoverageQuestion"
) -> Judged:
    import pandas as pd

    found = cover(session, scope, grounds, question)
    limits = question.options.thresholds_min
    minutes = found.verdicts["minutes"].to_numpy(dtype=float)
    distance = found.verdicts["distance_m"].to_numpy(dtype=float)
    metres = np.maximum(np.ceil(np.nan_to_num(distance) - _NOISE_M), 0)
    version = _digest(
        data_version(session, scope),
        scope.ground_key,
        question.day,
        question.method,
        question.options,
        found.serving.mask.to_numpy().tobytes(),
    )
    return Judged(
        version=version,
        ids=pd.Index(found.places.buildings["id"]),
        # A limit that is met exactly is met.
        classes=np.where(np.isnan(minutes), -1, np.searchsorted(np.array(limits), minutes)),
        minutes=np.round(minutes, 1),
        metres=np.where(np.isnan(distance), -1, metres).astype(np.int64),
        stations=found.verdicts["station_id"].to_numpy(dtype=object),
        limits=len(limits),
    )


def _digest(*facts: object) -> str:
    return hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()
