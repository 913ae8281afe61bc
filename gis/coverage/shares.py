"""Shares of households and people within reach, per grid, community or any other group."""

from typing import TYPE_CHECKING, Any

from gis.coverage.verdicts import check_threshold
from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

#: Counts of a building that coverage is reported for.
PEOPLE = ("households", "residents", "elderly", "children", "low_income_households")


def coverage_shares(
    buildings: "pd.DataFrame",
    distance_m: "pd.Series[float]",
    by: "pd.Series[str]",
    threshold_m: float,
) -> "pd.DataFrame":
    """Return how many households and people of each group are within reach.

    Parameters
    ----------
    buildings
        Buildings with the counts of :data:`PEOPLE`.
    distance_m
        Distance to the nearest open station; NaN: none, so not covered.
    by
        Group of each building, for example its grid; buildings without one are left out.
    threshold_m
        Radius in metres, the border included.

    Returns
    -------
    pandas.DataFrame
        Index: groups in order. Per count ``households``, ``households_covered`` and
        ``households_share`` (0 to 1, dtype Float64, ``pd.NA`` for a group that has none).

    Raises
    ------
    gis.errors.InvalidInputError
        A series is not on the index of ``buildings``, or the radius is not positive.
    """
    import pandas as pd

    check_threshold(threshold_m)
    check_index(buildings, distance_m=distance_m, by=by)
    counts = buildings.loc[:, list(PEOPLE)]
    covered = counts.where(distance_m.le(threshold_m), 0)
    totals = counts.groupby(by, sort=True).sum()
    reached = covered.groupby(by, sort=True).sum()
    columns: dict[str, pd.Series[float]] = {}
    for name in PEOPLE:
        columns[name] = totals[name]
        columns[f"{name}_covered"] = reached[name]
        people = totals[name].astype("Float64")
        columns[f"{name}_share"] = reached[name].astype("Float64") / people.where(people > 0)
    return pd.DataFrame(columns, index=totals.index)


def uncovered_buildings(
    buildings: "pd.DataFrame", distance_m: "pd.Series[float]", threshold_m: float
) -> "pd.DataFrame":
    """Return the buildings where people live and no open station is within reach.

    Returns
    -------
    pandas.DataFrame or geopandas.GeoDataFrame
        Those rows of ``buildings`` with ``distance_m``, most households first, then by id.
    """
    check_threshold(threshold_m)
    check_index(buildings, distance_m=distance_m)
    lived_in = buildings["households"].gt(0) | buildings["residents"].gt(0)
    found = buildings.loc[lived_in & ~distance_m.le(threshold_m)]
    found = found.assign(distance_m=distance_m.loc[found.index])
    return found.sort_values(["households", "id"], ascending=[False, True], kind="stable")


def check_index(buildings: "pd.DataFrame", **series: "pd.Series[Any]") -> None:
    """Raise :class:`~gis.errors.InvalidInputError` unless series are on the buildings' index."""
    for name, values in series.items():
        if not values.index.equals(buildings.index):
            msg = f"{name} is not on the index of buildings."
            raise InvalidInputError(msg, remedy="Pass one value per building.", field=name)
