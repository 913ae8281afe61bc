"""Small siting problems drawn at random, and the best of all sets by trying every one of them."""

from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from gis.coverage.siting import Candidates, CostTable, Limits, SitingProblem


@st.composite
def problems(draw, *, capacitated=False, periods=False, most_rows=14, most_sites=8):
    """Draw a problem with few enough candidates that every set of them can be tried."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m = draw(st.integers(1, most_rows)), draw(st.integers(1, most_sites))
    homes, sites = rng.integers(0, 40, (n, 2)), rng.integers(0, 40, (m, 2))
    cost = np.abs(homes[:, None] - sites[None]).sum(axis=2).astype(float)
    if draw(st.booleans()):  # ties and whole numbers, or neither
        cost += rng.random(cost.shape)
    cost[rng.random(cost.shape) < draw(st.sampled_from([0.0, 0.2, 0.6]))] = np.nan
    existing = rng.random(m) < draw(st.sampled_from([0.0, 0.3]))
    if existing.all():
        existing[0] = False
    free = int((~existing).sum())
    budgeted = draw(st.booleans())
    t = draw(st.integers(1, 4)) if periods else None
    people = rng.integers(0, 30, n if t is None else (n, t))
    people.flat[0] += 1
    return SitingProblem(
        people=people,
        candidates=Candidates(
            number=m,
            existing=existing,
            site_cost=rng.integers(1, 10, m) if budgeted else None,
            floor_m2=rng.integers(0, 9, m) * 50,
            xy_m=sites,
            capacity=rng.integers(0, 60, m) if capacitated else None,
            serving=rng.random((m, t)) < 0.7 if t else None,
        ),
        costs=CostTable.dense(cost),
        limits=Limits(
            count=draw(st.integers(1, free)),
            budget=float(rng.integers(5, 25)) if budgeted else None,
            least_floor_m2=draw(st.sampled_from([0.0, 100.0])),
            total_floor_m2=draw(st.sampled_from([0.0, 0.0, 300.0])),
            spacing_m=draw(st.sampled_from([0.0, 12.0])),
        ),
        equity=rng.choice([1.0, 1.5, 3.0], n) if draw(st.booleans()) else None,
    )


def allowed_sets(problem):
    """Yield every set of new stations that keeps the limits, by their plain words."""
    candidates, limits = problem.candidates, problem.limits
    places = [j for j in range(candidates.number) if not candidates.existing[j]]
    most = len(places) if limits.count is None else limits.count
    for k in range(most + 1):
        for chosen in combinations(places, k):
            if keeps(problem, list(chosen)):
                yield list(chosen)


def keeps(problem, chosen):
    """Say whether new stations keep the limits."""
    candidates, limits = problem.candidates, problem.limits
    if limits.budget is not None and candidates.site_cost[chosen].sum() > limits.budget:
        return False
    floor = np.zeros(candidates.number) if candidates.floor_m2 is None else candidates.floor_m2
    if any(floor[j] < limits.least_floor_m2 for j in chosen):
        return False
    if floor[chosen].sum() < limits.total_floor_m2:
        return False
    if limits.spacing_m:
        standing = np.flatnonzero(candidates.existing).tolist()
        xy = candidates.xy_m
        for at, a in enumerate(chosen):
            for b in chosen[at + 1 :] + standing:
                if np.hypot(*(xy[a] - xy[b])) < limits.spacing_m:
                    return False
    return True


def costs_of(problem, within=np.inf):
    """Return the matrix of costs by row, period and candidate: NaN where nobody is served."""
    people = problem.people.reshape(len(problem.people), -1)
    matrix = np.full((len(people), people.shape[1], problem.candidates.number), np.nan)
    table = problem.costs
    near = table.cost <= within
    matrix[table.demand[near], :, table.candidate[near]] = table.cost[near, None]
    if problem.candidates.serving is not None:
        matrix[:, ~problem.candidates.serving.T] = np.nan
    return matrix


def reachable(problem, matrix):
    """Say of each row and period whether any station or candidate that is allowed serves it."""
    may = [j for s in allowed_ones(problem) for j in s]
    may += np.flatnonzero(problem.candidates.existing).tolist()
    return np.isfinite(matrix[:, :, may]).any(axis=2)


def allowed_ones(problem):
    """Yield each candidate that keeps the limits by itself, whatever the sum of floor areas."""
    candidates, limits = problem.candidates, problem.limits
    floor = np.zeros(candidates.number) if candidates.floor_m2 is None else candidates.floor_m2
    for j in np.flatnonzero(~candidates.existing).tolist():
        dear = limits.budget is not None and candidates.site_cost[j] > limits.budget
        apart = True
        if limits.spacing_m:
            stands = candidates.xy_m[candidates.existing]
            apart = (np.hypot(*(stands - candidates.xy_m[j]).T) >= limits.spacing_m).all()
        if apart and not dear and floor[j] >= limits.least_floor_m2:
            yield [j]


def best_cost(matrix, open_sites):
    """Return the least cost of each row and period, infinite where there is none."""
    if not open_sites:
        return np.full(matrix.shape[:2], np.inf)
    return np.where(np.isfinite(matrix), matrix, np.inf)[:, :, open_sites].min(axis=2)
