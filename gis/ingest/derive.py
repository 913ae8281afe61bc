"""What a mixed file lacks, derived from what it holds by the methods of the OSM reader."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis.errors import InvalidInputError
from gis.frames import STATION_SERVICES, STATIONS, stable_ids
from gis.ingest.derive_buildings import fill_buildings
from gis.ingest.derive_quarters import quarters_by_name, quarters_of_buildings
from gis.ingest.derive_tags import as_extract, roads_of
from gis.ingest.osm import communities as community_of
from gis.ingest.osm.barriers import Barriers, barriers_frame, read_barriers
from gis.ingest.osm.buildings import Buildings
from gis.ingest.osm.crossings import read_crossings
from gis.ingest.osm.extract import Extract, Features
from gis.ingest.osm.faces import locate
from gis.ingest.osm.ground import Ground
from gis.ingest.osm.quarters import read_quarters
from gis.ingest.taken import Taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis.ingest.mapping_derive import DeriveOptions, StationRule


@dataclass(frozen=True)
class Derived:
    """Layers for the store, what is to be said of them, and the code of the ground."""

    layers: Mapping[str, Any]
    report: Mapping[str, Any]
    scope_code: str


def derive_layers(
    taken: Mapping[str, Taken], options: "DeriveOptions", dataset: str, where: str
) -> Derived:
    """Return the layers of a file with those that are derived from them.

    Parameters
    ----------
    taken
        Layers and helper layers by name; a layer that is there is completed, never replaced.
    options
        What is derived, and how.
    dataset
        Short name of the data set, used in ids and generated codes.
    where
        File that errors name.

    Raises
    ------
    gis.errors.InvalidInputError
        The file lacks what a layer is derived from, or nothing lies on the ground.
    """
    return _Derivation(taken, options, dataset, where).run()


class _Derivation:
    """Each step completes ``layers`` and ``report``; later steps use what earlier ones made."""

    def __init__(
        self, taken: Mapping[str, Taken], options: "DeriveOptions", dataset: str, where: str
    ) -> None:
        from gis.ingest.helpers import HELPERS

        if "buildings" not in taken:
            msg = f"{where}: nothing can be derived without buildings."
            raise InvalidInputError(
                msg, remedy="Map the layer buildings, or leave [derive] out.", file=where
            )
        self.taken, self.options, self.dataset, self.where = dict(taken), options, dataset, where
        self.report: dict[str, Any] = {}
        self.ground = self._ground()
        self.layers = {n: each.frame for n, each in self.taken.items() if n not in HELPERS}
        self.source: Extract = as_extract(self.taken)
        self.scope_code = ""

    def run(self) -> Derived:
        """Derive what is asked for, each thing after those that it is made of."""
        if self.options.households is not None:
            frame, told = fill_buildings(
                self.taken["buildings"], self.source, self.ground, self.options.households
            )
            self.layers["buildings"] = frame
            self.report |= told
        self._quarters()
        barriers = self._barriers()
        self._crossings(barriers)
        self._stations()
        self._communities(barriers)
        self.report |= {
            "measured_in": self.ground.crs.to_string(),
            "area_km2": round(self.ground.outline_m.area / 1e6, 3),
        }
        return Derived(self.layers, self.report, self.scope_code)

    def _ground(self) -> Ground:
        """Return the ground, and leave out the buildings beyond it."""
        buildings = self.taken["buildings"]
        if "communities" in self.taken:
            outline = shapely.union_all(self.taken["communities"].frame.geometry.to_numpy())
        elif self.options.bbox is not None:
            outline = shapely.box(*self.options.bbox)
        else:
            outline = self._extent()
        ground = Ground.of(outline)
        if "communities" in self.taken:  # the store tells where each building lies, or that it is
            return ground  # beyond them
        point = shapely.point_on_surface(buildings.frame.geometry.to_numpy())
        inside = ground.holds(point)
        if not inside.any():
            msg = f"{self.where}: no building lies in the bbox of [derive]."
            raise InvalidInputError(
                msg, remedy="Give west, south, east, north in degrees.", file=self.where
            )
        self.taken["buildings"] = buildings.take(inside)
        self.report["buildings_outside_the_ground"] = int((~inside).sum())
        return ground

    def _extent(self) -> Any:  # noqa: ANN401 - a box
        """Return the box of the buildings, as far as lines reach: beyond it no block closes."""
        box = shapely.box(*self.taken["buildings"].frame.total_bounds)
        lines = [self.taken[name].frame for name in ("roads", "water") if name in self.taken]
        if not lines:
            return box
        reached = shapely.union_all([shapely.box(*frame.total_bounds) for frame in lines])
        shared = box.intersection(shapely.box(*reached.bounds))
        return shared if shared.area > 0 else box

    def _quarters(self) -> None:
        """Derive quarters from the names buildings give, and say which building is in which."""
        buildings = self.taken["buildings"]
        names = buildings.references.get("quarter")
        derived = "quarters" not in self.layers
        if derived and names is not None and self.options.quarter_margin_m is not None:
            self.layers["quarters"] = quarters_of_buildings(
                self.layers["buildings"], names, self.ground, self.options.quarter_margin_m,
                self.dataset,
            )  # fmt: skip
            self.report["quarters_derived"] = len(self.layers["quarters"])
        if "quarters" not in self.layers:
            return
        self._gated(derived=derived)
        frame = self.layers["buildings"]
        quarter_id, told = quarters_by_name(frame, names, self.layers["quarters"])
        self.layers["buildings"] = frame.assign(quarter_id=quarter_id)
        self.report |= told

    def _gated(self, *, derived: bool) -> None:
        """Say of quarters whether walls or gates enclose them, where the file does not."""
        frame = self.layers["quarters"]
        if derived or not ({"walls", "gates"} & set(self.taken)):
            return
        found = read_quarters(self.source, self.ground)
        enclosed = {
            key for key, gated in zip(found.features.ids, found.gated, strict=True) if gated
        }
        keys = [str(own or row) for own, row in zip(frame["source_id"], frame["id"], strict=True)]
        seen = np.array([key in enclosed for key in keys], dtype=bool)
        said = self.taken["quarters"].says("gated")
        gated = np.where(said, frame["gated"].to_numpy(dtype=bool), seen)
        self.layers["quarters"] = frame.assign(gated=gated)

    def _barriers(self) -> Barriers:
        """Return the barriers: the file's own, else derived ones, which are stored if asked for."""
        if "barriers" in self.layers:
            frame = self.layers["barriers"]
            geometry = frame.geometry.to_numpy()
            return Barriers(
                frame["barrier_class"].to_numpy(dtype=object),
                frame["id"].tolist(),
                [{}] * len(frame),
                geometry,
                self.ground.to_metres(geometry),
            )
        barriers = read_barriers(self.source, self.ground, self._quarter_edges())
        if self.options.barriers:
            self.layers["barriers"] = barriers_frame(barriers, self.dataset)
            self.report["barriers_derived"] = _counts(barriers.barrier_class)
        return barriers

    def _quarter_edges(self) -> "NDArray[Any]":
        if "quarters" not in self.layers:
            return np.empty(0, dtype=object)
        polygons = self.layers["quarters"].geometry.to_numpy()
        return np.asarray(shapely.boundary(self.ground.to_metres(polygons)), dtype=object)

    def _crossings(self, barriers: Barriers) -> None:
        if "crossings" in self.layers or not self.options.crossings:
            return
        frame = read_crossings(
            self.source, self.ground, self._roads(), barriers, self._quarter_edges(), self.dataset
        )
        self.layers["crossings"] = frame
        self.report["crossings_derived"] = _counts(frame["kind"].to_numpy(dtype=object))

    def _roads(self) -> Features:
        roads = roads_of(self.taken)
        return roads.take(self.ground.holds(roads.geometry))

    def _stations(self) -> None:
        """Make stations of the points of interest that a rule names; the first rule decides."""
        import pandas as pd

        if not self.options.stations:
            return
        if "pois" not in self.layers:
            msg = f"{self.where}: stations are derived from points of interest, and none is mapped."
            raise InvalidInputError(msg, remedy="Map the layer pois.", file=self.where)
        found, services, nameless = stations_of(
            self.layers["pois"], self.options.stations, self.dataset
        )
        self.report |= {
            "stations_derived": len(found),
            "stations_without_opening_hours": int(services["opening_hours"].isna().sum()),
            "stations_left_out_without_name": nameless,
        }
        for name, frame in (("stations", found), ("station_services", services)):
            own = self.layers.get(name)
            self.layers[name] = frame if own is None else pd.concat([own, frame], ignore_index=True)

    def _communities(self, barriers: Barriers) -> None:
        """Derive communities of blocks, name them, and say which building is in which."""
        if "communities" in self.layers or self.options.community_households is None:
            return
        frame = self.layers["buildings"]
        if not int(frame["households"].sum()):
            msg = f"{self.where}: communities are derived from households, and there are none."
            raise InvalidInputError(
                msg, remedy="Map households, or add [derive.households].", file=self.where
            )
        made = community_of.read_communities(
            self.source,
            self.ground,
            _as_buildings(frame, self.ground),
            barriers,
            self._roads(),
            self.options.community_households,
            self._water_m(),
        )
        made = replace(made, name=self._names(made.geometry_m))
        communities = community_of.communities_frame(made, self.dataset)
        ids = communities["id"].to_numpy(dtype=object)
        self.layers |= {
            "communities": communities,
            "divisions": community_of.divisions_frame(
                made, self.dataset, self.options.name or self.dataset
            ),
            "buildings": frame.assign(community_id=ids[made.community_of_building]),
        }
        for name in ("quarters", "stations"):
            if name in self.layers:
                own = self.layers[name]
                point = shapely.point_on_surface(own.geometry.to_numpy())
                at = locate(made.geometry_m, self.ground.to_metres(point))
                inside = self.ground.holds(point)
                where = np.where(inside, ids[at], None) if len(own) else ids[:0]
                self.layers[name] = own.assign(community_id=where)
        self._same_community()
        self.scope_code = community_of.subdistrict_code(self.dataset)
        told = {k: v for k, v in made.report.items() if not k.startswith("admin")}
        self.report |= {**told, "communities_named": sum(name is not None for name in made.name)}

    def _water_m(self) -> "NDArray[Any] | None":
        """Return areas of water in metres: the banks of a river are no one community."""
        if "water" not in self.taken:
            return None
        geometry = self.taken["water"].frame.geometry.to_numpy()
        areas = geometry[shapely.get_dimensions(geometry) == 2]
        return self.ground.to_metres(areas)

    def _same_community(self) -> None:
        """Leave a building in a quarter of its own community only."""
        if "quarters" not in self.layers:
            return
        frame, quarters = self.layers["buildings"], self.layers["quarters"]
        at = dict(zip(quarters["id"], quarters["community_id"], strict=True))
        same = [
            at.get(q) == c for q, c in zip(frame["quarter_id"], frame["community_id"], strict=True)
        ]
        self.layers["buildings"] = frame.assign(
            quarter_id=np.where(same, frame["quarter_id"].to_numpy(dtype=object), None)
        )

    def _names(self, geometry_m: "NDArray[Any]") -> list[str | None]:
        if "places" not in self.taken:
            return [None] * len(geometry_m)
        places = self.taken["places"].frame
        return names_of(
            geometry_m,
            self.ground.to_metres(places.geometry.to_numpy()),
            places["name"].tolist(),
            places["rank"].to_numpy(dtype=np.int64),
        )


def names_of(
    area_m: "NDArray[Any]", point_m: "NDArray[Any]", names: list[str], rank: "NDArray[np.int64]"
) -> list[str | None]:
    """Return a name for each area: that of a place in it, of low rank before near the middle.

    Each name is given once; an area in which no other place lies has none.
    """
    out: list[str | None] = [None] * len(area_m)
    rows, found = shapely.STRtree(point_m).query(area_m, predicate="intersects")
    distance = shapely.distance(shapely.centroid(area_m[rows]), point_m[found])
    given: set[str] = set()
    for at in np.lexsort((found, rows, distance, rank[found])):
        row, name = int(rows[at]), names[found[at]]
        if out[row] is None and name not in given:
            out[row] = name
            given.add(name)
    return out


def stations_of(
    pois: Any,  # noqa: ANN401 - a geo frame
    rules: "tuple[StationRule, ...]",
    dataset: str,
) -> tuple[Any, Any, int]:
    """Return stations, their services, and how many were left out for want of a name."""
    import geopandas as gpd
    import pandas as pd

    rule_of = {category: rule for rule in reversed(rules) for category in rule.categories}
    rows: list[dict[str, Any]] = []
    offered: list[tuple[str, str, str | None, str]] = []
    nameless = 0
    numbers: dict[str, int] = {}
    for poi in pois[pois["category"].isin(list(rule_of))].itertuples():
        rule = rule_of[poi.category]
        name = poi.name
        if name is None and rule.name:
            numbers[rule.name] = numbers.get(rule.name, 0) + 1
            name = f"{rule.name} {numbers[rule.name]}"
        if name is None:
            nameless += 1
            continue
        source_id = poi.source_id or poi.id
        key = stable_ids(dataset, "stations", [source_id])[0]
        rows.append({"id": key, "name": name, "tier": rule.tier, "source_id": source_id,
                     "geometry": poi.geometry})  # fmt: skip
        offered += [(key, s, rule.opening_hours or None, rule.fee_class) for s in rule.services]
    names = ("id", "name", "tier", "source_id", "geometry")
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=list(names)), crs="EPSG:4326")
    columns = ("station_id", "service", "opening_hours", "fee_class")
    services = STATION_SERVICES.conform(pd.DataFrame(offered, columns=list(columns)))
    return STATIONS.conform(frame), services, nameless


def _as_buildings(frame: Any, ground: Ground) -> Buildings:  # noqa: ANN401 - a geo frame
    """Return the buildings as blocks weigh them: by households at a point inside."""
    geometry = frame.geometry.to_numpy()
    point = np.asarray(shapely.point_on_surface(geometry), dtype=object)
    none = np.zeros(len(frame), dtype=bool)
    return Buildings(
        Features(frame["id"].tolist(), [{}] * len(frame), geometry),
        point,
        ground.to_metres(point),
        frame["use"].to_numpy(dtype=object),
        none,
        np.zeros(len(frame), dtype=np.int64),
        none,
        frame["households"].to_numpy(dtype=np.int64),
        {},
    )


def _counts(values: "NDArray[np.object_]") -> dict[str, int]:
    names, counts = np.unique(values.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))
