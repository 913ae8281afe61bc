"""Made-up posts for the grids of a plan: roles, A and B posts, and opaque tokens."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from gis.frames import POSTS, stable_ids
from gis.samples.people import apportion
from gis.samples.shapes import rng_for

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from gis.samples.ground import Row

#: Published: 165 grid workers and 165 informants for about 13,600 households.
WORKERS_PER_HOUSEHOLD = 165 / 13_600
BUILDING_LEADER_SHARE = 0.85
UNIT_LEADER_SHARE = 0.12
#: A grid has about this many households per volunteer and per rider who helps out.
VOLUNTEER_EVERY, RIDER_EVERY = 200, 900
WORKING_HOURS = "Mo-Fr 08:30-12:00,14:00-17:30; Sa 09:00-12:00"
OFF_HOURS = "Mo-Fr 18:30-21:30; Sa,Su 09:00-21:00"
SKILLS = (
    "mediation",
    "first_aid",
    "fire_safety",
    "elderly_care",
    "repair",
    "legal",
    "sign_language",
)


def post_frame(
    grids: "pd.DataFrame",
    building_grids: "pd.DataFrame",
    buildings: "pd.DataFrame",
    units: "pd.DataFrame",
    *,
    seed: int,
    start: "date",
) -> "pd.DataFrame":
    """Return the posts; see :func:`gis.samples.staff_posts`."""
    import pandas as pd

    roster = _Roster(seed, start)
    basic = grids[grids["kind"] == "basic"].sort_values(["community_id", "sequence", "id"])
    homes = buildings.set_index("id")["households"]
    grid_of = building_grids.set_index("building_id")["grid_id"]
    per_grid = homes.groupby(grid_of.reindex(homes.index)).sum()
    households = per_grid.reindex(basic["id"]).fillna(0).to_numpy(dtype=float)
    total = round(float(homes.sum()) * WORKERS_PER_HOUSEHOLD)
    weights = households if households.sum() > 0 else np.ones(len(basic))
    numbers = apportion(total, weights) if len(basic) else np.zeros(0, dtype=np.int64)
    for grid, count, size in zip(basic["id"], numbers, households, strict=True):
        roster.staff_grid(str(grid), int(count), float(size))
    for grid in grids.loc[grids["kind"] != "basic", "id"].sort_values():
        roster.add("grid_leader", grid_id=str(grid))
    lived_in = homes[homes > 0].index.sort_values()
    for building in lived_in[roster.rng.random(len(lived_in)) < BUILDING_LEADER_SHARE]:
        roster.add("building_leader", building_id=str(building), duty_hours=OFF_HOURS)
    led = units.loc[units["households"] > 0, "id"].sort_values()
    for unit in led[roster.rng.random(len(led)) < UNIT_LEADER_SHARE]:
        roster.add("unit_leader", unit_id=str(unit), duty_hours=OFF_HOURS)
    if not roster.rows:
        return POSTS.empty()
    posts: pd.DataFrame = POSTS.conform(pd.DataFrame(roster.rows))
    return posts


class _Roster:
    """Collects posts; each person is a token from the seed and a running number."""

    def __init__(self, seed: int, start: "date") -> None:
        self.seed, self.start = seed, start
        self.rng = rng_for(seed, 12)
        self.rows: list[Row] = []

    def staff_grid(self, grid_id: str, workers: int, households: float) -> None:
        """Add a leader, A and B workers and informants, and helpers of one basic grid."""
        self.add("grid_leader", grid_id=grid_id)
        for k in range(workers):
            self.add("grid_worker", grid_id=grid_id, backup=k > 0 and k % 2 == 1)
        for k in range(workers):
            self.add("grid_informant", grid_id=grid_id, backup=k > 0 and k % 2 == 1)
        for _ in range(round(households / VOLUNTEER_EVERY)):
            self.add("volunteer", grid_id=grid_id, duty_hours=OFF_HOURS)
        if self.rng.random() < households / RIDER_EVERY:
            self.add("rider", grid_id=grid_id, duty_hours="Mo-Su 10:00-21:00")

    def add(self, role: str, **facts: object) -> None:
        """Add a post of ``role``."""
        number = len(self.rows) + 1
        digest = hashlib.blake2b(f"{self.seed}:{number}".encode(), digest_size=10).hexdigest()
        skilled = self.rng.random() < 0.3
        key = stable_ids(
            f"sample-posts-{self.seed}", "posts", [number, *sorted(map(str, facts.values()))]
        )
        self.rows.append(
            {
                "id": key[0],
                "role": role,
                "person_token": f"p-{digest}",
                "duty_hours": WORKING_HOURS,
                "skills": [SKILLS[int(self.rng.integers(len(SKILLS)))]] if skilled else [],
                "active_from": self.start,
                **facts,
            }
        )
