"""Points to grids in memory: the compiled locator against geopandas.sjoin.

Every answer is compared with that of sjoin. The points lie over the grids and a little beyond.
"""

import geopandas as gpd
import numpy as np
from ground import METRIC_CRS, crooked_grids, side_m
from harness import SEED, Comparison, Spent, Stopwatch, parser, show, start, take_turns

from gis.locating import GridLocator

SJOIN = "geopandas.sjoin"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--points", type=int, default=1_000_000)
    options.add_argument("--grids", type=int, default=1_500)
    chosen = options.parse_args()
    rng = np.random.default_rng(SEED)
    grids = crooked_grids(chosen.grids, rng)
    x, y = rng.uniform(-50, side_m(chosen.grids) + 50, (2, chosen.points))
    grid_frame = gpd.GeoDataFrame(geometry=grids, crs=METRIC_CRS)
    point_frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=METRIC_CRS)
    compiled = GridLocator(grids)
    for border_m in (0.0, 5.0):
        compiled.locate(x[:1], y[:1], border_m=border_m)
    watch = Stopwatch()
    answers = {}

    def locate(name: str, border_m: float) -> Spent:
        with watch.measure():
            answers[name] = compiled.locate(x, y, border_m=border_m).index
        return watch.last

    def locate_once() -> Spent:
        with watch.measure():
            answers["once"] = GridLocator(grids).locate(x, y, border_m=0.0).index
        return watch.last

    def sjoin() -> Spent:
        with watch.measure():
            joined = gpd.sjoin(point_frame, grid_frame, how="left", predicate="intersects")
        first = joined["index_right"].groupby(level=0).min()
        answers["sjoin"] = first.fillna(-1).to_numpy().astype(np.int64)
        return watch.last

    cases = {
        SJOIN: sjoin,
        "locator": lambda: locate("plain", 0.0),
        "locator, border distance and neighbour": lambda: locate("borders", 5.0),
        "locator, compiled and used once": locate_once,
    }
    start(chosen)
    spent = take_turns(cases, chosen.repeats)
    for name, found in answers.items():
        assert (found == answers["sjoin"]).all(), f"{name} differs from sjoin"
    title = (
        f"{chosen.points:,} points to {len(grids):,} grids in memory; every answer equals sjoin's"
    )
    show(title, spent, [Comparison(name, SJOIN) for name in cases if name != SJOIN], chosen)


if __name__ == "__main__":
    main()
