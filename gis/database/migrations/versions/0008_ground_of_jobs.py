"""Jobs keep the ground and the roles they were asked with; accounts, who opened them."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FOLDER = Path(__file__).parent
_KEYS = postgresql.ARRAY(sa.Uuid(as_uuid=False))


def upgrade():
    op.add_column("users", sa.Column("opened_by", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=True))
    # Of jobs that were asked for before this is not known: only who sees everything sees them.
    op.add_column("jobs", sa.Column("community_ids", _KEYS, nullable=True))
    op.add_column("jobs", sa.Column("grid_ids", _KEYS, nullable=True))
    _run("0008_ground_of_jobs.sql")


def downgrade():
    _run("0008_ground_of_jobs_down.sql")
    for name in ("grid_ids", "community_ids", "roles"):
        op.drop_column("jobs", name)
    op.drop_column("users", "opened_by")


def _run(name):
    # exec_driver_sql: a colon or percent sign of the file is not a parameter.
    source = (_FOLDER / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(source.replace("%", "%%"))
