"""Walking networks, runs of coverage with their indicators, activities, services that travel."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
CURRENT_IMPORT = sa.text("NULLIF(current_setting('wangge.import_no', true), '')::bigint")
KEY = sa.text("gen_random_uuid()")
CLOCK = sa.text("clock_timestamp()")
#: Columns of station_services, and the checks that go with them.
DELIVERY = ("mode", "delivery_hours", "delivery_reach_m", "delivery_by")
DELIVERY += ("delivery_capacity", "delivery_period")
DELIVERY_CHECKS = {
    "mode_known": "mode IN ('on_site', 'delivery', 'both')",
    "delivery_by_known": "delivery_by IS NULL OR delivery_by IN ('walking', 'riding')",
    "delivery_period_known": (
        "delivery_period IS NULL OR delivery_period IN ('day', 'week', 'month')"
    ),
    "delivery_capacity_not_negative": "delivery_capacity IS NULL OR delivery_capacity >= 0",
    "delivery_reach_not_negative": "delivery_reach_m IS NULL OR delivery_reach_m >= 0",
}


def upgrade():
    kinds = {"delivery_reach_m": sa.Double(), "delivery_capacity": sa.Integer()}
    on_site = sa.text("'on_site'")
    for name in DELIVERY:
        known = {"server_default": on_site, "nullable": False} if name == "mode" else {}
        op.add_column("station_services", sa.Column(name, kinds.get(name, sa.Text()), **known))
    for name, rule in DELIVERY_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_station_services_{name}"), "station_services", rule)
    op.add_column("roads", sa.Column("surface", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_roads_surface_known"),
        "roads",
        "surface IS NULL OR surface IN ('paved', 'unpaved', 'soft')",
    )
    _activities()
    op.create_table(
        "walking_networks",
        sa.Column("data_version", sa.Text(), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), server_default=CLOCK, nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("report", JSON, nullable=False),
        sa.Column("arrays", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), server_default=KEY, nullable=False),
        sa.CheckConstraint("octet_length(arrays) > 0", name=op.f("ck_walking_networks_has_arrays")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_walking_networks")),
    )
    op.create_index(op.f("ix_walking_networks_data_version"), "walking_networks", ["data_version"])
    # The arrays are packed already: the database need not try again.
    op.execute("ALTER TABLE walking_networks ALTER COLUMN arrays SET STORAGE EXTERNAL")
    op.create_table(
        "coverage_runs",
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=CLOCK, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("data_version", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("network_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("id", sa.Uuid(as_uuid=False), server_default=KEY, nullable=False),
        sa.CheckConstraint(
            "method IN ('straight_line', 'walking')", name=op.f("ck_coverage_runs_method_known")
        ),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["walking_networks.id"],
            name=op.f("fk_coverage_runs_network_id_walking_networks"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_runs")),
    )
    op.create_index("ix_coverage_runs_as_of", "coverage_runs", ["as_of"])
    op.create_index(op.f("ix_coverage_runs_network_id"), "coverage_runs", ["network_id"])
    _indicator_values()


def _activities():
    op.create_table(
        "activities",
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("served_group", sa.Text(), server_default=sa.text("'general'"), nullable=False),
        sa.Column("fee_class", sa.Text(), server_default=sa.text("'public'"), nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("attendance", sa.Integer(), nullable=True),
        sa.Column("synthetic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), server_default=KEY, nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("import_no", sa.BigInteger(), server_default=CURRENT_IMPORT, nullable=True),
        sa.CheckConstraint(
            "served_group IN ('general', 'elderly', 'child', 'new_employment', 'new_resident')",
            name=op.f("ck_activities_served_group_known"),
        ),
        sa.CheckConstraint(
            "fee_class IN ('public', 'low_fee', 'market')",
            name=op.f("ck_activities_fee_class_known"),
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_activities_ends_after_it_begins")),
        sa.CheckConstraint(
            "places IS NULL OR places >= 0", name=op.f("ck_activities_places_not_negative")
        ),
        sa.CheckConstraint(
            "attendance IS NULL OR attendance >= 0",
            name=op.f("ck_activities_attendance_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_activities_station_id_stations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
    )
    op.create_index(op.f("ix_activities_station_id"), "activities", ["station_id"])
    op.create_index("ix_activities_starts_at", "activities", ["starts_at"])


def _indicator_values():
    op.create_table(
        "indicator_values",
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("area_kind", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("target", sa.Double(), nullable=True),
        sa.Column("numerator", sa.Double(), nullable=True),
        sa.Column("denominator", sa.Double(), nullable=True),
        sa.Column("detail", JSON, nullable=True),
        sa.CheckConstraint(
            "area_kind IN ('grid', 'community', 'subdistrict')",
            name=op.f("ck_indicator_values_area_kind_known"),
        ),
        sa.CheckConstraint(
            "area_kind = 'subdistrict' OR community_id IS NOT NULL",
            name=op.f("ck_indicator_values_lies_in_a_community"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["coverage_runs.id"],
            name=op.f("fk_indicator_values_run_id_coverage_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "run_id", "indicator", "area_kind", "area_id", name=op.f("pk_indicator_values")
        ),
    )
    op.create_index(
        "ix_indicator_values_indicator_area_id", "indicator_values", ["indicator", "area_id"]
    )


def downgrade():
    for table in ("indicator_values", "coverage_runs", "walking_networks", "activities"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_roads_surface_known"), "roads", type_="check")
    op.drop_column("roads", "surface")
    for name in DELIVERY_CHECKS:
        op.drop_constraint(op.f(f"ck_station_services_{name}"), "station_services", type_="check")
    for name in reversed(DELIVERY):
        op.drop_column("station_services", name)
