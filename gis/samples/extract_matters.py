"""Made-up incidents and demands on real buildings, so that an extract can be tried out.

They have the rhythm of the sample's matters and say nothing: the flag ``synthetic`` is all there is
to read in them.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import InvalidInputError
from gis.frames import DEMANDS, INCIDENTS, stable_ids
from gis.samples.matters import DEMAND_THEMES, INCIDENT_THEMES, RHYTHMS, SOURCE_SHARES, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

#: Spread of a building's share of matters: a few draw far more than their households.
_HEAT = 0.9


@dataclass(frozen=True, slots=True)
class MattersOrder:
    """How many matters, over which days.

    Parameters
    ----------
    dataset
        Name of the data set, used in ids.
    start
        First moment, with the time zone of the place.
    days
        Number of days from the first.
    incidents, demands
        How many of each.
    seed
        Seed of everything that is random.
    """

    dataset: str
    start: datetime
    days: int = 30
    incidents: int = 3_000
    demands: int = 1_500
    seed: int = 1


def matters_on(
    buildings: "gpd.GeoDataFrame", order: MattersOrder
) -> tuple["gpd.GeoDataFrame", "gpd.GeoDataFrame"]:
    """Return incidents and demands at the buildings, by households, marked synthetic.

    Parameters
    ----------
    buildings
        By their contract, EPSG:4326.
    order
        How many, when.

    Raises
    ------
    gis.errors.InvalidInputError
        If nobody lives in any of the buildings.
    """
    inhabited = buildings[buildings["households"] > 0]
    if not len(inhabited):
        raise InvalidInputError(
            f"{order.dataset}: no building has households, so nobody can ask for anything.",
            remedy="Choose an area with homes, or give the buildings their households.",
        )
    rng = np.random.default_rng([order.seed, 17])
    heat = inhabited["households"].to_numpy(dtype=float) * rng.lognormal(0, _HEAT, len(inhabited))
    incidents = _rows(inhabited, heat, order, rng, INCIDENT_THEMES, order.incidents)
    demands = _rows(inhabited, heat, order, rng, DEMAND_THEMES, order.demands)
    incidents = incidents.rename(columns={"code": "category"})
    demands = demands.drop(columns="service").rename(columns={"code": "service"})
    return (
        INCIDENTS.conform(_keyed(incidents, order.dataset, "incidents")),
        DEMANDS.conform(_keyed(demands, order.dataset, "demands")),
    )


def _rows(
    buildings: "gpd.GeoDataFrame",
    heat: "NDArray[np.float64]",
    order: MattersOrder,
    rng: np.random.Generator,
    themes: "Sequence[Theme]",
    count: int,
) -> "gpd.GeoDataFrame":
    import geopandas as gpd

    chosen = rng.choice(len(themes), size=count, p=_shares([t.weight for t in themes]))
    picks = rng.choice(len(buildings), size=count, p=heat / heat.sum())
    sources, weights = zip(*SOURCE_SHARES, strict=True)
    times = [moment for k in chosen for moment in (_moment(themes[int(k)], order, rng),)]
    places = buildings.geometry.representative_point().to_numpy()[picks]
    return gpd.GeoDataFrame(
        {
            "code": [themes[int(k)].code for k in chosen],
            "service": [themes[int(k)].service for k in chosen],
            "served_group": [_pick(themes[int(k)].groups, rng) for k in chosen],
            "source": rng.choice(sources, size=count, p=_shares(weights)),
            "building_id": buildings["id"].to_numpy()[picks],
            "occurred_at": times,
            "synthetic": True,
        },
        geometry=places,
        crs="EPSG:4326",
    ).sort_values("occurred_at", kind="stable", ignore_index=True)


def _moment(theme: Theme, order: MattersOrder, rng: np.random.Generator) -> datetime:
    weekdays = [(order.start + timedelta(days=k)).weekday() for k in range(order.days)]
    day = int(rng.choice(order.days, p=_shares([theme.week[w] for w in weekdays])))
    hour = int(rng.choice(24, p=_shares(RHYTHMS[theme.rhythm])))
    midnight = datetime.combine(order.start + timedelta(days=day), time(), order.start.tzinfo)
    return midnight + timedelta(hours=hour, minutes=int(rng.integers(0, 60)))


def _pick(options: "Sequence[tuple[str, float]]", rng: np.random.Generator) -> str:
    names, weights = zip(*options, strict=True)
    return str(rng.choice(names, p=_shares(weights)))


def _shares(weights: "Sequence[float]") -> "NDArray[np.float64]":
    values = np.asarray(weights, dtype=float)
    shares: NDArray[np.float64] = values / values.sum()
    return shares


def _keyed(frame: Any, dataset: str, layer: str) -> Any:  # noqa: ANN401 - a geo frame
    numbers = [f"{i:06d}" for i in range(len(frame))]
    return frame.assign(id=stable_ids(dataset, layer, numbers), source_id=numbers)
