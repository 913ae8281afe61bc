"""PySAL's floating catchments, in the peers' environment: CASE IN OUT SPENT."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from access import fca, weights


def main() -> None:
    case, taken, made, spent = sys.argv[1:]
    given = np.load(taken)
    demand = pd.DataFrame({"demand": given["people"]})
    supply = pd.DataFrame({"supply": given["capacity"]})
    costs = pd.DataFrame({name: given[name] for name in ("origin", "dest", "cost")})
    zones = dict(zip(given["limits"].tolist(), given["weights"].tolist(), strict=True))
    settings = {
        "2SFCA": {"max_cost": float(given["limits"][-1])},
        "E2SFCA": {"weight_fn": weights.step_fn(zones)},
    }[case]
    cpu, wall = time.process_time(), time.perf_counter()
    found = fca.two_stage_fca(
        demand, supply, costs, demand_index=True, supply_index=True, **settings
    )
    took = (time.process_time() - cpu, time.perf_counter() - wall)
    access = found.reindex(demand.index).fillna(0.0).to_numpy()
    np.savez(made, access=access)
    Path(spent).write_text(json.dumps(took), encoding="utf-8")


if __name__ == "__main__":
    main()
