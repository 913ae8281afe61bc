"""A data set: the frames of several layers that belong together, on their way into the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Dataset:
    """Frames by layer name, each conforming to its contract, with a report of how they were made.

    Parameters
    ----------
    name
        Short name of the source, used in derived ids.
    scope_code
        12-digit code of the subdistrict (or city) that the data cover.
    layers
        Frames by contract name, for example ``buildings``; a layer that is absent has no rows.
    report
        Facts about the making that people should read: shares estimated, rows left out and why.
    synthetic
        Whether the data are made up.
    """

    name: str
    scope_code: str
    layers: Mapping[str, "pd.DataFrame"]
    report: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    synthetic: bool = False
