"""What came of drawing a plan, and which plan it was drawn from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("grid_plans", sa.Column("from_plan_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column(
        "grid_plans",
        sa.Column("drawing", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.add_column("grid_plans", sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_grid_plans_from_plan_id"), "grid_plans", ["from_plan_id"])
    op.create_foreign_key(
        op.f("fk_grid_plans_from_plan_id_grid_plans"),
        "grid_plans",
        "grid_plans",
        ["from_plan_id"],
        ["id"],
        ondelete="SET NULL",
    )


def downgrade():
    op.drop_constraint(
        op.f("fk_grid_plans_from_plan_id_grid_plans"), "grid_plans", type_="foreignkey"
    )
    op.drop_index(op.f("ix_grid_plans_from_plan_id"), table_name="grid_plans")
    for name in ("drawn_at", "drawing", "from_plan_id"):
        op.drop_column("grid_plans", name)
