"""Functions and triggers: the plan check, the nearest open station, the grid of a point."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FOLDER = Path(__file__).parent
_TABLES = ("grids", "cell_grids", "building_grids")


def upgrade():
    for name in ("0002_plan_check.sql", "0002_stations.sql"):
        # exec_driver_sql: a colon or percent sign of the file is not a parameter.
        op.get_bind().exec_driver_sql((_FOLDER / name).read_text().replace("%", "%%"))


def downgrade():
    for table in _TABLES:
        op.execute(f"DROP TRIGGER check_plan ON {table}")
        op.execute(f"DROP TRIGGER forget_plan_check ON {table}")
    op.execute("DROP FUNCTION check_plan_once, forget_plan_check, check_plan(uuid)")
    op.execute("DROP FUNCTION locate_grid, nearest_open_stations, hours_known_at, stations_able_at")
    op.execute("DROP FUNCTION station_serves_on")
