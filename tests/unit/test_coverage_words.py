"""How coverage is said in the terminal."""

from datetime import UTC, datetime

import pytest

from cli.coverage_views import part_of_week

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (0.02, "days of rest: 56.0% on average, 2.0 points less than in office hours; "),
        (-0.015, "days of rest: 56.0% on average, 1.5 points more than in office hours; "),
        (-0.0001, "days of rest: 56.0% on average, as in office hours; "),
    ],
)
def test_a_part_of_the_week_is_said_against_office_hours(gap: float, said: str) -> None:
    row = {"mean_share": 0.56, "least_share": 0.0, "never": 1200, "gap": gap}
    when = datetime(2026, 5, 4, 14, tzinfo=UTC)
    told = part_of_week({"part": "weekend", "least_at": when, **row})
    assert told == said + "least 0.0%, Mon 05-04 14:00; 1,200 households never"
