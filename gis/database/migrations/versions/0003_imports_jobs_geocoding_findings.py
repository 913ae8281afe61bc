"""Imports, jobs, geocoding, findings."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CURRENT_IMPORT = sa.text("NULLIF(current_setting('wangge.import_no', true), '')::bigint")
#: The layers whose rows say which import brought them.
IMPORTED = (
    "divisions",
    "communities",
    "quarters",
    "dedicated_areas",
    "buildings",
    "units",
    "organisations",
    "stations",
    "station_services",
    "roads",
    "barriers",
    "crossings",
    "pois",
    "incidents",
    "demands",
    "posts",
)
MATTERS = ("incidents", "demands")


def upgrade():
    for table in IMPORTED:
        op.add_column(
            table,
            sa.Column("import_no", sa.BigInteger(), server_default=CURRENT_IMPORT, nullable=True),
        )
    for table in MATTERS:
        op.add_column(table, sa.Column("complainant_token", sa.Text(), nullable=True))
        op.add_column(
            table, sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
        )
        op.create_check_constraint(
            op.f(f"ck_{table}_complainant_is_a_token"),
            table,
            "complainant_token ~ '^[A-Za-z0-9_-]{8,64}$' AND complainant_token !~ '^[0-9-]+$'",
        )
    op.create_table(
        "audit_runs",
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("import_no", sa.BigInteger(), nullable=True),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_runs")),
    )
    op.create_geospatial_table(
        "geocoding_requests",
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=True),
        sa.Column("waiting", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "candidates",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("resolved_layer", sa.Text(), nullable=True),
        sa.Column("resolved_row_id", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "import_no",
            sa.BigInteger(),
            server_default=CURRENT_IMPORT,
            nullable=True,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'open') = (resolved_at IS NULL)",
            name=op.f("ck_geocoding_requests_resolved_when_not_open"),
        ),
        sa.CheckConstraint(
            "(status = 'resolved') = (geometry IS NOT NULL)",
            name=op.f("ck_geocoding_requests_resolved_has_a_place"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'resolved', 'rejected')",
            name=op.f("ck_geocoding_requests_status_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_geocoding_requests")),
    )
    op.create_index(
        "ix_geocoding_requests_status_created_at",
        "geocoding_requests",
        ["status", "created_at"],
        unique=False,
    )
    op.create_table(
        "import_mappings",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column(
            "used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_mappings")),
        sa.UniqueConstraint("source", name="uq_import_mappings_source"),
    )
    op.create_table(
        "jobs",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("done", sa.Double(), nullable=True),
        sa.Column("total", sa.Double(), nullable=True),
        sa.Column(
            "cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_jobs_status_known"),
        ),
        sa.CheckConstraint("done IS NULL OR done >= 0", name=op.f("ck_jobs_done_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"], unique=False)
    op.create_table(
        "row_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("import_no", sa.BigInteger(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "change IN ('changed', 'removed')", name=op.f("ck_row_history_change_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_row_history")),
    )
    op.create_index("ix_row_history_import_no", "row_history", ["import_no"], unique=False)
    op.create_index("ix_row_history_layer_row_id", "row_history", ["layer", "row_id"], unique=False)
    op.create_geospatial_table(
        "audit_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column(
            "row_ids", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("size_m2", sa.Double(), nullable=True),
        sa.Column("length_m", sa.Double(), nullable=True),
        sa.Column("fixable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "severity IN ('error', 'warning', 'note')",
            name=op.f("ck_audit_findings_severity_known"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["audit_runs.id"],
            name=op.f("fk_audit_findings_run_id_audit_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_findings")),
    )
    op.create_index("ix_audit_findings_run_id_id", "audit_findings", ["run_id", "id"], unique=False)
    op.create_table(
        "job_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "level IN ('info', 'warning', 'error')", name=op.f("ck_job_lines_level_known")
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_job_lines_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_lines")),
    )
    op.create_index("ix_job_lines_job_id_id", "job_lines", ["job_id", "id"], unique=False)

    op.add_column("grid_plans", sa.Column("unfit_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "grid_plans",
        sa.Column("unfit_reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.add_column(
        "imports", sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False)
    )
    op.add_column(
        "imports", sa.Column("mode", sa.Text(), server_default=sa.text("'load'"), nullable=False)
    )
    op.add_column(
        "imports",
        sa.Column("principal", sa.Text(), server_default=sa.text("'local_owner'"), nullable=False),
    )
    op.add_column("imports", sa.Column("job_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("imports", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("imports", sa.Column("undone_by", sa.Text(), nullable=True))
    op.drop_constraint(op.f("uq_imports_fingerprint"), "imports", type_="unique")
    op.create_index(
        "uq_imports_fingerprint",
        "imports",
        ["fingerprint"],
        unique=True,
        postgresql_where=sa.text("mode = 'load' AND undone_at IS NULL"),
    )
    op.create_index(op.f("ix_imports_job_id"), "imports", ["job_id"], unique=False)
    op.create_unique_constraint(op.f("uq_imports_number"), "imports", ["number"])
    op.create_foreign_key(
        op.f("fk_imports_job_id_jobs"), "imports", "jobs", ["job_id"], ["id"], ondelete="SET NULL"
    )


def downgrade():
    # The older schema knows one record for each content, and nothing undone.
    op.execute("DELETE FROM imports WHERE mode <> 'load' OR undone_at IS NOT NULL")
    for table in MATTERS:
        op.drop_constraint(op.f(f"ck_{table}_complainant_is_a_token"), table, type_="check")
        op.drop_column(table, "details")
        op.drop_column(table, "complainant_token")
    for table in IMPORTED:
        op.drop_column(table, "import_no")

    op.drop_constraint(op.f("fk_imports_job_id_jobs"), "imports", type_="foreignkey")
    op.drop_constraint(op.f("uq_imports_number"), "imports", type_="unique")
    op.drop_index(op.f("ix_imports_job_id"), table_name="imports")
    op.drop_index(
        "uq_imports_fingerprint",
        table_name="imports",
        postgresql_where=sa.text("mode = 'load' AND undone_at IS NULL"),
    )
    op.create_unique_constraint(
        op.f("uq_imports_fingerprint"),
        "imports",
        ["fingerprint"],
        postgresql_nulls_not_distinct=False,
    )
    op.drop_column("imports", "undone_by")
    op.drop_column("imports", "undone_at")
    op.drop_column("imports", "job_id")
    op.drop_column("imports", "principal")
    op.drop_column("imports", "mode")
    op.drop_column("imports", "number")
    op.drop_column("grid_plans", "unfit_reasons")
    op.drop_column("grid_plans", "unfit_since")

    op.drop_index("ix_job_lines_job_id_id", table_name="job_lines")
    op.drop_table("job_lines")
    op.drop_index("ix_audit_findings_run_id_id", table_name="audit_findings")
    op.drop_geospatial_table("audit_findings")
    op.drop_index("ix_row_history_layer_row_id", table_name="row_history")
    op.drop_index("ix_row_history_import_no", table_name="row_history")
    op.drop_table("row_history")
    op.drop_index("ix_jobs_created_at", table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("import_mappings")
    op.drop_index("ix_geocoding_requests_status_created_at", table_name="geocoding_requests")
    op.drop_geospatial_table("geocoding_requests")
    op.drop_table("audit_runs")
