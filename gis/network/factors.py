"""How much slower one walks on steps and on soft ground than on level pavement."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from gis.network.graph import Floats


@dataclass(frozen=True)
class WalkFactors:
    """Metres on level pavement that take as long as one metre of the map; each at least 1.

    Parameters
    ----------
    steps
        Stairs, by their length on the map. 1.34 m/s on the level, 0.610 m/s up and 0.694 m/s down,
        all horizontally, are quoted after Weidmann (1993), Transporttechnik der Fussgänger, IVT ETH
        Zürich 90. The mean of up and down, 2.06 times as long, for every flight and every speed is
        a choice: long flights are slower (Kretz and others, 2008, Safety Science 46).
    unpaved, soft
        Gravel and earth: 1.1, a dirt road (Soule and Goldman, 1972); grass, sand and mud: 1.3, a
        ploughed field (Givoni and Goldman, 1971), both as in Herzog (2014), Internet Archaeology
        36, table 3. They were measured as energy; measured as time such effects are smaller (de
        Gruchy and others, 2017, Internet Archaeology 45), so walks come out rather too long.
    """

    steps: float = 2.06
    unpaved: float = 1.1
    soft: float = 1.3

    def __post_init__(self) -> None:
        for name in ("steps", "unpaved", "soft"):
            value = getattr(self, name)
            if not 1.0 <= value < np.inf:
                msg = f"The factor '{name}' is {value}; level pavement is 1 and the fastest ground."
                raise InvalidInputError(msg, remedy="Give a number of at least 1.", field=name)

    def of(self, roads: "pd.DataFrame") -> "Floats":
        """Return the factor of each road by its class and surface."""
        out = np.ones(len(roads))
        if "surface" in roads:
            surface = roads["surface"].to_numpy(dtype=object)
            out[surface == "unpaved"] = self.unpaved
            out[surface == "soft"] = self.soft
        on_steps = np.asarray(roads["road_class"] == "steps", dtype=bool)
        out[on_steps] = np.maximum(out[on_steps], self.steps)
        return out
