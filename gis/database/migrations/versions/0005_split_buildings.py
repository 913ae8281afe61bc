"""Buildings that a plan divides between grids by their units (单元): parts of cells."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_FOLDER = Path(__file__).parent
_WHOLE_BUILDINGS = "building_id IS NOT NULL"


def upgrade():
    op.add_column("cells", sa.Column("part_of", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(
        op.f("fk_cells_part_of_cells"), "cells", "cells", ["part_of"], ["id"], ondelete="CASCADE"
    )
    op.create_index(
        "ix_cells_part_of",
        "cells",
        ["part_of"],
        postgresql_where=sa.text("part_of IS NOT NULL"),
    )
    _index_buildings(f"{_WHOLE_BUILDINGS} AND part_of IS NULL")
    for name, default in (("share_from", "0"), ("share_to", "1"), ("share_of", "1")):
        op.add_column(
            "building_cells",
            sa.Column(name, sa.Integer(), server_default=sa.text(default), nullable=False),
        )
    op.add_column("building_cells", sa.Column("units", sa.ARRAY(sa.Text()), nullable=True))
    op.create_check_constraint(
        op.f("ck_building_cells_share_in_order"),
        "building_cells",
        "0 <= share_from AND share_from <= share_to AND share_to <= share_of AND share_of >= 1",
    )
    op.create_index(
        "ix_building_cells_of_parts",
        "building_cells",
        ["building_id"],
        postgresql_where=sa.text("share_of > 1"),
    )
    _run((_FOLDER / "0005_split_buildings.sql").read_text())


def downgrade():
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM cells WHERE part_of IS NOT NULL)")):
        msg = "There are plans with split buildings: delete them, or stay at this version."
        raise RuntimeError(msg)
    check = (_FOLDER / "0002_plan_check.sql").read_text().split("-- name: forget_plan_check")[0]
    _run(check.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute("DROP VIEW grid_buildings")
    op.drop_index("ix_building_cells_of_parts", table_name="building_cells")
    op.drop_constraint(op.f("ck_building_cells_share_in_order"), "building_cells", type_="check")
    for name in ("units", "share_of", "share_to", "share_from"):
        op.drop_column("building_cells", name)
    _index_buildings(_WHOLE_BUILDINGS)
    op.drop_index("ix_cells_part_of", table_name="cells")
    op.drop_constraint(op.f("fk_cells_part_of_cells"), "cells", type_="foreignkey")
    op.drop_column("cells", "part_of")


def _index_buildings(where):
    name = "uq_cells_data_version_building_id"
    op.drop_index(name, table_name="cells")
    op.create_index(
        name,
        "cells",
        ["data_version", "building_id"],
        unique=True,
        postgresql_where=sa.text(where),
    )


def _run(source):
    # exec_driver_sql: a colon or percent sign of the file is not a parameter.
    op.get_bind().exec_driver_sql(source.replace("%", "%%"))
