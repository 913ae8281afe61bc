"""What goes into a file: layers that give their rows batch by batch, and how they are written."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from gis.frames import FrameContract
    from gis.geometry.source_crs import SourceCrs
    from gis.i18n import Language

#: A column that says whether the count of the same name was withheld.
WITHHELD_SUFFIX = "_suppressed"


@dataclass(frozen=True)
class OutLayer:
    """A layer on its way out.

    Parameters
    ----------
    contract
        Name, columns, kinds and geometry; frames have these columns.
    frames
        Gives the rows from the beginning each time it is called, a batch at a time, geometries in
        EPSG:4326.
    withheld
        What CSV and Excel show in place of a count that was withheld; other formats leave it empty
        and set ``<count>_suppressed``.
    """

    contract: "FrameContract"
    frames: Callable[[], Iterator["pd.DataFrame"]]
    withheld: str = ""

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.contract.name


@dataclass(frozen=True, slots=True)
class OutletOptions:
    """How layers are written.

    Parameters
    ----------
    crs
        System of the coordinates.
    encoding
        ``utf-8``, ``gbk`` or ``gb18030``: of Shapefile and CSV, the others fix it.
    headers
        Language of the headers of tables; ``None``: the names of the fields.
    language
        Language of what is said about the export.
    timezone
        IANA zone in which tables write moments.
    """

    crs: "SourceCrs"
    encoding: str = "utf-8"
    headers: "Language | None" = None
    language: "Language" = "en"
    timezone: str = "UTC"


@dataclass
class Losses:
    """What a format could not hold, counted by layer, field and kind of loss."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, layer: str, name: str, code: str, count: int = 1) -> None:
        """Count values of a field that were changed (``cut``, ``not_in_encoding`` …)."""
        if count:
            self.counts[layer, name, code] += count

    def listed(self) -> list[dict[str, object]]:
        """Return them as plain records, in the order of layer and field."""
        return [
            {"layer": layer, "field": name, "loss": code, "values": count}
            for (layer, name, code), count in sorted(self.counts.items())
        ]
