"""What buildings of a file lack: use, storeys, households and people, estimated as for extracts."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.ingest.derive_tags import BUILDING_OF_USE
from gis.ingest.osm import households as estimate
from gis.ingest.osm.buildings import HALL_M2, distinct, people, uses_of
from gis.ingest.osm.extract import Extract, Features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.ingest.osm.ground import Ground
    from gis.ingest.osm.households import HouseholdOptions
    from gis.ingest.taken import Taken


@dataclass(frozen=True)
class _Shape:
    """Footprints: in EPSG:4326, a point inside each, its area, and the source's tags for it."""

    features: Features
    point: "NDArray[Any]"
    footprint_m: "NDArray[Any]"
    area_m2: "NDArray[np.float64]"


def fill_buildings(
    buildings: "Taken", source: Extract, ground: "Ground", options: "HouseholdOptions"
) -> tuple[Any, dict[str, object]]:
    """Return the frame of the buildings with what the file does not say, and a report of it.

    Parameters
    ----------
    buildings
        As the file says them; what it says is never changed.
    source
        Grounds and points of interest, by which the use of plain buildings is told.
    ground
        The projected system to measure in.
    options
        Parameters of the estimate; ``known_total`` includes households that the file says.

    Raises
    ------
    gis.errors.InvalidInputError
        More households are recorded than are known to be there, or none of the buildings that say
        no number is a dwelling.
    """
    frame = buildings.frame.copy()
    shape = _shape(frame, ground)
    floors, floors_assumed = _floors(buildings, shape)
    use, use_assumed = _uses(buildings, shape, floors, floors_assumed, source)
    wanting = ~buildings.says("households")
    weights, inside = _weights(shape, floors, use, wanting, options)
    recorded = frame["households"].to_numpy(dtype=np.int64)
    households = recorded.copy()
    households[wanting] = estimate.largest_remainder(
        weights[wanting], _total(weights[wanting], int(recorded[~wanting].sum()), options)
    )
    frame["floors"] = floors
    frame["use"] = use
    frame["households"] = households
    frame["households_source"] = np.where(
        wanting,
        np.where(floors_assumed, "default", "estimated"),
        frame["households_source"].to_numpy(dtype=object),
    )
    _fill_people(frame, buildings, options)
    lacking = wanting & np.isin(use, ("residential", "mixed")) & (households == 0)
    return frame, {
        "buildings": len(frame),
        "buildings_by_use": dict(sorted(Counter(use.tolist()).items())),
        "buildings_inside_another_without_households": inside,
        "dwellings_without_households": int(lacking.sum()),
        "households": int(households.sum()),
        "households_recorded": int(recorded[~wanting].sum()),
        "households_estimated": int(households[wanting].sum()),
        "share_of_households_from_default_floors": _share(households, wanting & floors_assumed),
        "share_of_households_from_assumed_use": _share(households, wanting & use_assumed),
        "assumed_shares": {
            "dwelling_m2": options.dwelling_m2,
            "known_households": options.known_total,
            "household_size": options.household_size,
            "elderly": options.elderly_share,
            "children": options.children_share,
            "low_income_households": options.low_income_share,
        },
    }


def _shape(frame: Any, ground: "Ground") -> _Shape:  # noqa: ANN401 - a geo frame
    geometry = frame.geometry.to_numpy()
    footprint_m = ground.to_metres(geometry)
    features = Features(frame["id"].tolist(), [{"building": "yes"}] * len(frame), geometry)
    return _Shape(
        features,
        np.asarray(shapely.point_on_surface(geometry), dtype=object),
        footprint_m,
        np.asarray(shapely.area(footprint_m), dtype=float),
    )


def _floors(buildings: "Taken", shape: _Shape) -> tuple["NDArray[np.int64]", "NDArray[np.bool_]"]:
    """Return storeys, at least one, and which are the default by footprint."""
    said = buildings.says("floors")
    floors = estimate.default_floors(shape.area_m2)
    own = buildings.frame["floors"].to_numpy(dtype=float, na_value=np.nan)
    floors[said] = np.maximum(own[said], 1).astype(np.int64)
    return floors, ~said


def _uses(
    buildings: "Taken",
    shape: _Shape,
    floors: "NDArray[np.int64]",
    floors_assumed: "NDArray[np.bool_]",
    source: Extract,
) -> tuple["NDArray[np.object_]", "NDArray[np.bool_]"]:
    """Return the use of each building, and which were assumed for lack of any sign."""
    said = buildings.says("use")
    own = buildings.frame["use"].to_numpy(dtype=object)
    tags = [
        {"building": BUILDING_OF_USE[use] if known else "yes"}
        for use, known in zip(own, said, strict=True)
    ]
    features = Features(shape.features.ids, list(tags), shape.features.geometry)
    halls = floors_assumed & (shape.area_m2 >= HALL_M2)
    use, assumed = uses_of(features, shape.point, floors, halls, source)
    return np.where(said, own, use), assumed & ~said


def _weights(
    shape: _Shape,
    floors: "NDArray[np.int64]",
    use: "NDArray[np.object_]",
    wanting: "NDArray[np.bool_]",
    options: "HouseholdOptions",
) -> tuple["NDArray[np.float64]", int]:
    """Return what each building counts in the estimate; one mapped inside another counts in it."""
    weights = estimate.dwellings(
        shape.area_m2,
        floors,
        use,
        one_household=np.zeros(len(floors), dtype=bool),
        flats=np.full(len(floors), np.nan),
        dwelling_m2=options.dwelling_m2,
    )
    copies = ~distinct(shape.footprint_m, shape.area_m2, Counter()) & wanting & (weights > 0)
    return np.where(copies, 0.0, weights), int(copies.sum())


def _total(weights: "NDArray[np.float64]", recorded: int, options: "HouseholdOptions") -> int:
    if options.known_total is None:
        return round(float(weights.sum()))
    if recorded > options.known_total:
        msg = f"The file records {recorded} households, more than the {options.known_total} known."
        raise InvalidInputError(
            msg, remedy="Raise derive.households.known_total, or leave it out.", field="known_total"
        )
    return options.known_total - recorded


def _fill_people(frame: Any, buildings: "Taken", options: "HouseholdOptions") -> None:  # noqa: ANN401 - a geo frame
    """Put in the people that the file does not say, by the stated shares of its own numbers."""
    households = frame["households"].to_numpy(dtype=np.int64)
    residents = _said_or(buildings, "residents", people(households, options)[0])
    elderly = _said_or(buildings, "elderly", estimate.spread(residents, options.elderly_share))
    # Nobody is both elderly and a child: children are among the others.
    others = np.maximum(residents - elderly, 0)
    share = options.children_share / max(1.0 - options.elderly_share, options.children_share, 1e-9)
    poor = estimate.spread(households, options.low_income_share)
    frame["residents"] = residents
    frame["elderly"] = elderly
    frame["children"] = _said_or(buildings, "children", estimate.spread(others, share))
    frame["low_income_households"] = _said_or(buildings, "low_income_households", poor)


def _said_or(buildings: "Taken", name: str, estimated: "NDArray[np.int64]") -> "NDArray[np.int64]":
    own = buildings.frame[name].to_numpy(dtype=np.int64)
    return np.where(buildings.says(name), own, estimated)


def _share(households: "NDArray[np.int64]", which: "NDArray[np.bool_]") -> float:
    return round(float(households[which].sum()) / max(int(households.sum()), 1), 4)
