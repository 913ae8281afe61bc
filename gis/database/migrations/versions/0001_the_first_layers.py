"""The first layers."""

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geography
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_layer_row_id", "audit_log", ["layer", "row_id"], unique=False)
    op.create_geospatial_table(
        "barriers",
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("barrier_class", sa.Text(), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="LINESTRING",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "barrier_class IN ('arterial', 'river', 'railway', 'wall')",
            name=op.f("ck_barriers_barrier_class_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_barriers")),
    )
    op.create_geospatial_index(
        "ix_barriers_geometry",
        "barriers",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('holiday', 'make_up_workday')", name=op.f("ck_calendar_days_kind_known")
        ),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
    )
    op.create_geospatial_table(
        "communities",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("derived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("data_version", sa.Text(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]{12}$'", name=op.f("ck_communities_code_12_digits")),
        sa.CheckConstraint(
            "valid_from IS NULL OR valid_to IS NULL OR valid_from < valid_to",
            name=op.f("ck_communities_dates_in_order"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_communities")),
    )
    op.create_geospatial_index(
        "ix_communities_geometry",
        "communities",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "uq_communities_code_living",
        "communities",
        ["code"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_geospatial_table(
        "crossings",
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("open_to_walkers", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('bridge', 'underpass', 'level_crossing', 'gate')",
            name=op.f("ck_crossings_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crossings")),
    )
    op.create_geospatial_index(
        "ix_crossings_geometry",
        "crossings",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "divisions",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("code ~ '^[0-9]{12}$'", name=op.f("ck_divisions_code_12_digits")),
        sa.CheckConstraint(
            "level IN ('county', 'subdistrict')", name=op.f("ck_divisions_level_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_divisions")),
        sa.UniqueConstraint("code", name=op.f("uq_divisions_code")),
    )
    op.create_geospatial_index(
        "ix_divisions_geometry",
        "divisions",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "grid_plans",
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("scope_code", sa.Text(), nullable=False),
        sa.Column("parent_plan_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("measures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'micro') = (parent_plan_id IS NOT NULL)",
            name=op.f("ck_grid_plans_micro_has_parent"),
        ),
        sa.CheckConstraint(
            "kind IN ('community', 'party', 'micro')", name=op.f("ck_grid_plans_kind_known")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'review', 'filed', 'effective', 'retired')",
            name=op.f("ck_grid_plans_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["parent_plan_id"],
            ["grid_plans.id"],
            name=op.f("fk_grid_plans_parent_plan_id_grid_plans"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_plans")),
        sa.UniqueConstraint("id", "kind", name="uq_grid_plans_id_kind"),
    )
    op.create_index(
        op.f("ix_grid_plans_parent_plan_id"), "grid_plans", ["parent_plan_id"], unique=False
    )
    op.create_table(
        "hours_horizon",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column(
            "expanded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("singleton", name=op.f("ck_hours_horizon_one_row")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_hours_horizon")),
    )
    op.create_table(
        "imports",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("scope_code", sa.Text(), nullable=False),
        sa.Column("rows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_imports_fingerprint")),
    )
    op.create_table(
        "organisations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('department', 'property_firm', 'partner')",
            name=op.f("ck_organisations_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )
    op.create_geospatial_table(
        "pois",
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pois")),
    )
    op.create_index(op.f("ix_pois_category"), "pois", ["category"], unique=False)
    op.create_geospatial_index(
        "ix_pois_geometry",
        "pois",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "roads",
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("road_class", sa.Text(), nullable=False),
        sa.Column("walkable", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("bridge", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tunnel", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="LINESTRING",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "road_class IN ('motorway', 'arterial', 'collector', 'local', 'service', 'path', 'steps')",
            name=op.f("ck_roads_road_class_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roads")),
    )
    op.create_geospatial_index(
        "ix_roads_geometry",
        "roads",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "dedicated_areas",
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_dedicated_areas_community_id_communities"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dedicated_areas")),
    )
    op.create_index(
        op.f("ix_dedicated_areas_community_id"), "dedicated_areas", ["community_id"], unique=False
    )
    op.create_geospatial_index(
        "ix_dedicated_areas_geometry",
        "dedicated_areas",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "grids",
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("parent_grid_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("compactness", sa.Double(), nullable=False),
        sa.Column("exceptions", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('basic', 'dedicated')", name=op.f("ck_grids_kind_known")),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_grids_sequence_from_one")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_grids_community_id_communities")
        ),
        sa.ForeignKeyConstraint(
            ["parent_grid_id"], ["grids.id"], name=op.f("fk_grids_parent_grid_id_grids")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["grid_plans.id"], name=op.f("fk_grids_plan_id_grid_plans")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grids")),
        sa.UniqueConstraint("plan_id", "code", name="uq_grids_plan_id_code"),
        sa.UniqueConstraint(
            "plan_id", "community_id", "sequence", name="uq_grids_plan_id_community_id_sequence"
        ),
        sa.UniqueConstraint("plan_id", "id", name="uq_grids_plan_id_id"),
    )
    op.create_index(op.f("ix_grids_community_id"), "grids", ["community_id"], unique=False)
    op.create_geospatial_index(
        "ix_grids_geometry",
        "grids",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_grids_parent_grid_id"), "grids", ["parent_grid_id"], unique=False)
    op.create_index(op.f("ix_grids_plan_id"), "grids", ["plan_id"], unique=False)
    op.create_table(
        "plan_effect",
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("during", postgresql.DATERANGE(), nullable=False),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("community_id"), "="),
            (sa.column("kind"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="ex_plan_effect_one_at_a_time",
        ),
        sa.CheckConstraint("NOT isempty(during)", name=op.f("ck_plan_effect_during_not_empty")),
        sa.ForeignKeyConstraint(
            ["community_id"],
            ["communities.id"],
            name=op.f("fk_plan_effect_community_id_communities"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "kind"],
            ["grid_plans.id", "grid_plans.kind"],
            name="fk_plan_effect_plan_id_kind_grid_plans",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["grid_plans.id"],
            name=op.f("fk_plan_effect_plan_id_grid_plans"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_effect")),
    )
    op.create_index(
        op.f("ix_plan_effect_community_id"), "plan_effect", ["community_id"], unique=False
    )
    op.create_index(op.f("ix_plan_effect_plan_id"), "plan_effect", ["plan_id"], unique=False)
    op.create_geospatial_table(
        "quarters",
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("gated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_quarters_community_id_communities")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarters")),
    )
    op.create_index(op.f("ix_quarters_community_id"), "quarters", ["community_id"], unique=False)
    op.create_geospatial_index(
        "ix_quarters_geometry",
        "quarters",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "stations",
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("organisation_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=True),
        sa.Column("closes_on", sa.Date(), nullable=True),
        sa.Column("floor_area_m2", sa.Double(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("temporary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "geography",
            Geography(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeogFromText",
                name="geography",
                nullable=False,
            ),
            sa.Computed("(geometry)::geography", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('planned', 'open', 'closed')", name=op.f("ck_stations_status_known")
        ),
        sa.CheckConstraint(
            "tier IN ('hub', 'center', 'community', 'quarter', 'partner')",
            name=op.f("ck_stations_tier_known"),
        ),
        sa.CheckConstraint(
            "floor_area_m2 IS NULL OR floor_area_m2 >= 0",
            name=op.f("ck_stations_floor_area_not_negative"),
        ),
        sa.CheckConstraint(
            "opens_on IS NULL OR closes_on IS NULL OR opens_on < closes_on",
            name=op.f("ck_stations_dates_in_order"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_stations_community_id_communities")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_stations_organisation_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
    )
    op.create_index(op.f("ix_stations_community_id"), "stations", ["community_id"], unique=False)
    op.create_geospatial_index(
        "ix_stations_geography",
        "stations",
        ["geography"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "ix_stations_geometry",
        "stations",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        op.f("ix_stations_organisation_id"), "stations", ["organisation_id"], unique=False
    )
    op.create_geospatial_table(
        "buildings",
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("quarter_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("households", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("residents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("elderly", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("children", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "low_income_households", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "households_source", sa.Text(), server_default=sa.text("'recorded'"), nullable=False
        ),
        sa.Column("floors", sa.Integer(), nullable=True),
        sa.Column("use", sa.Text(), server_default=sa.text("'residential'"), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column(
            "entrance",
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
            "geometry",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "location",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            sa.Computed("COALESCE(entrance, ST_PointOnSurface(geometry))", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "location_geography",
            Geography(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeogFromText",
                name="geography",
                nullable=False,
            ),
            sa.Computed(
                "(COALESCE(entrance, ST_PointOnSurface(geometry)))::geography", persisted=True
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "households_source IN ('recorded', 'estimated', 'default')",
            name=op.f("ck_buildings_households_source_known"),
        ),
        sa.CheckConstraint(
            "use IN ('residential', 'mixed', 'commercial', 'office', 'education', 'health', 'industrial', 'public', 'other')",
            name=op.f("ck_buildings_use_known"),
        ),
        sa.CheckConstraint(
            "elderly + children <= residents", name=op.f("ck_buildings_groups_within_residents")
        ),
        sa.CheckConstraint(
            "floors IS NULL OR floors >= 0", name=op.f("ck_buildings_floors_not_negative")
        ),
        sa.CheckConstraint(
            "households >= 0 AND residents >= 0 AND elderly >= 0 AND children >= 0 AND low_income_households >= 0",
            name=op.f("ck_buildings_counts_not_negative"),
        ),
        sa.CheckConstraint(
            "low_income_households <= households",
            name=op.f("ck_buildings_low_income_within_households"),
        ),
        sa.CheckConstraint(
            "valid_from IS NULL OR valid_to IS NULL OR valid_from < valid_to",
            name=op.f("ck_buildings_dates_in_order"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_buildings_community_id_communities")
        ),
        sa.ForeignKeyConstraint(
            ["quarter_id"], ["quarters.id"], name=op.f("fk_buildings_quarter_id_quarters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buildings")),
    )
    op.create_index(op.f("ix_buildings_community_id"), "buildings", ["community_id"], unique=False)
    op.create_geospatial_index(
        "ix_buildings_geometry",
        "buildings",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "ix_buildings_location",
        "buildings",
        ["location"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_buildings_quarter_id"), "buildings", ["quarter_id"], unique=False)
    op.create_table(
        "station_hours_exceptions",
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "service IS NULL OR service IN ('affairs', 'canteen', 'elderly_care', 'child_care', 'health', 'mediation', 'volunteering', 'rest_stop', 'property', 'employment', 'police', 'convenience')",
            name=op.f("ck_station_hours_exceptions_service_known"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_station_hours_exceptions_station_id_stations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_hours_exceptions")),
        sa.UniqueConstraint(
            "station_id",
            "service",
            "day",
            name="uq_station_hours_exceptions_station_id_service_day",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        op.f("ix_station_hours_exceptions_station_id"),
        "station_hours_exceptions",
        ["station_id"],
        unique=False,
    )
    op.create_table(
        "station_open_intervals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("station_id"), "="),
            (sa.column("service"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="ex_station_open_intervals_disjoint",
        ),
        sa.CheckConstraint(
            "lower(during) IS NOT NULL", name=op.f("ck_station_open_intervals_has_a_begin")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_station_open_intervals_station_id_stations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_open_intervals")),
    )
    op.create_index(
        "ix_station_open_intervals_begin",
        "station_open_intervals",
        ["station_id", "service", sa.literal_column("lower(during)")],
        unique=False,
    )
    op.create_index(
        op.f("ix_station_open_intervals_station_id"),
        "station_open_intervals",
        ["station_id"],
        unique=False,
    )
    op.create_table(
        "station_services",
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("opening_hours", sa.Text(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("fee_class", sa.Text(), server_default=sa.text("'public'"), nullable=False),
        sa.CheckConstraint(
            "fee_class IN ('public', 'low_fee', 'market')",
            name=op.f("ck_station_services_fee_class_known"),
        ),
        sa.CheckConstraint(
            "service IN ('affairs', 'canteen', 'elderly_care', 'child_care', 'health', 'mediation', 'volunteering', 'rest_stop', 'property', 'employment', 'police', 'convenience')",
            name=op.f("ck_station_services_service_known"),
        ),
        sa.CheckConstraint(
            "capacity IS NULL OR capacity >= 0",
            name=op.f("ck_station_services_capacity_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_station_services_station_id_stations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", "service", name=op.f("pk_station_services")),
    )
    op.create_index("ix_station_services_service", "station_services", ["service"], unique=False)
    op.create_table(
        "building_grids",
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("building_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("grid_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["building_id"], ["buildings.id"], name=op.f("fk_building_grids_building_id_buildings")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "grid_id"],
            ["grids.plan_id", "grids.id"],
            name="fk_building_grids_plan_id_grid_id_grids",
        ),
        sa.PrimaryKeyConstraint("plan_id", "building_id", name=op.f("pk_building_grids")),
    )
    op.create_index(
        op.f("ix_building_grids_building_id"), "building_grids", ["building_id"], unique=False
    )
    op.create_index("ix_building_grids_grid_id", "building_grids", ["grid_id"], unique=False)
    op.create_geospatial_table(
        "cells",
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("building_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("dedicated_area_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("data_version", sa.Text(), nullable=False),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("outer_border_m", sa.Double(), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "area_m2 >= 0 AND outer_border_m >= 0", name=op.f("ck_cells_measures_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["building_id"],
            ["buildings.id"],
            name=op.f("fk_cells_building_id_buildings"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_cells_community_id_communities")
        ),
        sa.ForeignKeyConstraint(
            ["dedicated_area_id"],
            ["dedicated_areas.id"],
            name=op.f("fk_cells_dedicated_area_id_dedicated_areas"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cells")),
    )
    op.create_index(op.f("ix_cells_community_id"), "cells", ["community_id"], unique=False)
    op.create_index(
        op.f("ix_cells_dedicated_area_id"), "cells", ["dedicated_area_id"], unique=False
    )
    op.create_geospatial_index(
        "ix_cells_geometry",
        "cells",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        "uq_cells_data_version_building_id",
        "cells",
        ["data_version", "building_id"],
        unique=True,
        postgresql_where=sa.text("building_id IS NOT NULL"),
    )
    op.create_geospatial_table(
        "demands",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("building_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("poi_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("road_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), server_default=sa.text("'other'"), nullable=False),
        sa.Column("served_group", sa.Text(), server_default=sa.text("'general'"), nullable=False),
        sa.Column("synthetic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "area",
            Geometry(
                geometry_type="POLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("grid_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("no_grid_reason", sa.Text(), nullable=True),
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("distance_m", sa.Double(), nullable=True),
        sa.Column("distance_method", sa.Text(), nullable=True),
        sa.Column("no_station_reason", sa.Text(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "distance_method IS NULL OR distance_method IN ('straight_line', 'walking')",
            name=op.f("ck_demands_distance_method_known"),
        ),
        sa.CheckConstraint(
            "no_grid_reason IS NULL OR no_grid_reason IN ('outside_all_communities', 'no_plan_in_effect')",
            name=op.f("ck_demands_no_grid_reason_known"),
        ),
        sa.CheckConstraint(
            "no_station_reason IS NULL OR no_station_reason IN ('no_service_asked', 'no_station_offers', 'none_open', 'hours_unknown', 'outside_horizon')",
            name=op.f("ck_demands_no_station_reason_known"),
        ),
        sa.CheckConstraint(
            "served_group IN ('general', 'elderly', 'child', 'new_employment', 'new_resident')",
            name=op.f("ck_demands_served_group_known"),
        ),
        sa.CheckConstraint(
            "service IS NULL OR service IN ('affairs', 'canteen', 'elderly_care', 'child_care', 'health', 'mediation', 'volunteering', 'rest_stop', 'property', 'employment', 'police', 'convenience')",
            name=op.f("ck_demands_service_known"),
        ),
        sa.CheckConstraint(
            "source IN ('hotline', 'app', 'patrol', 'visit', 'camera', 'other')",
            name=op.f("ck_demands_source_known"),
        ),
        sa.CheckConstraint(
            "(station_id IS NULL) = (distance_m IS NULL)",
            name=op.f("ck_demands_distance_with_station"),
        ),
        sa.CheckConstraint(
            "assigned_at IS NULL OR (num_nonnulls(grid_id, no_grid_reason) = 1 AND num_nonnulls(station_id, no_station_reason) = 1)",
            name=op.f("ck_demands_answer_is_explicit"),
        ),
        sa.CheckConstraint(
            "distance_m IS NULL OR distance_m >= 0", name=op.f("ck_demands_distance_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["building_id"],
            ["buildings.id"],
            name=op.f("fk_demands_building_id_buildings"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_demands_community_id_communities")
        ),
        sa.ForeignKeyConstraint(["grid_id"], ["grids.id"], name=op.f("fk_demands_grid_id_grids")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["grid_plans.id"], name=op.f("fk_demands_plan_id_grid_plans")
        ),
        sa.ForeignKeyConstraint(
            ["poi_id"], ["pois.id"], name=op.f("fk_demands_poi_id_pois"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["road_id"], ["roads.id"], name=op.f("fk_demands_road_id_roads"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_demands_station_id_stations"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demands")),
    )
    op.create_index(op.f("ix_demands_building_id"), "demands", ["building_id"], unique=False)
    op.create_index(op.f("ix_demands_community_id"), "demands", ["community_id"], unique=False)
    op.create_geospatial_index(
        "ix_demands_geometry",
        "demands",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_demands_grid_id"), "demands", ["grid_id"], unique=False)
    op.create_index("ix_demands_occurred_at_id", "demands", ["occurred_at", "id"], unique=False)
    op.create_index(op.f("ix_demands_plan_id"), "demands", ["plan_id"], unique=False)
    op.create_index(op.f("ix_demands_poi_id"), "demands", ["poi_id"], unique=False)
    op.create_index(op.f("ix_demands_road_id"), "demands", ["road_id"], unique=False)
    op.create_index(op.f("ix_demands_service"), "demands", ["service"], unique=False)
    op.create_index(op.f("ix_demands_station_id"), "demands", ["station_id"], unique=False)
    op.create_geospatial_table(
        "incidents",
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("building_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("poi_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("road_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), server_default=sa.text("'other'"), nullable=False),
        sa.Column("served_group", sa.Text(), server_default=sa.text("'general'"), nullable=False),
        sa.Column("synthetic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "area",
            Geometry(
                geometry_type="POLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("community_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("grid_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("no_grid_reason", sa.Text(), nullable=True),
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("distance_m", sa.Double(), nullable=True),
        sa.Column("distance_method", sa.Text(), nullable=True),
        sa.Column("no_station_reason", sa.Text(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "category IN ('parking', 'parking_lock', 'poultry', 'roof_leak', 'resettlement_fault', 'property_fee', 'property_dispute', 'charging_cable', 'drinking_water_machine', 'road_damage', 'tree', 'gas', 'noise', 'waste', 'street_light', 'other')",
            name=op.f("ck_incidents_category_known"),
        ),
        sa.CheckConstraint(
            "distance_method IS NULL OR distance_method IN ('straight_line', 'walking')",
            name=op.f("ck_incidents_distance_method_known"),
        ),
        sa.CheckConstraint(
            "no_grid_reason IS NULL OR no_grid_reason IN ('outside_all_communities', 'no_plan_in_effect')",
            name=op.f("ck_incidents_no_grid_reason_known"),
        ),
        sa.CheckConstraint(
            "no_station_reason IS NULL OR no_station_reason IN ('no_service_asked', 'no_station_offers', 'none_open', 'hours_unknown', 'outside_horizon')",
            name=op.f("ck_incidents_no_station_reason_known"),
        ),
        sa.CheckConstraint(
            "served_group IN ('general', 'elderly', 'child', 'new_employment', 'new_resident')",
            name=op.f("ck_incidents_served_group_known"),
        ),
        sa.CheckConstraint(
            "service IS NULL OR service IN ('affairs', 'canteen', 'elderly_care', 'child_care', 'health', 'mediation', 'volunteering', 'rest_stop', 'property', 'employment', 'police', 'convenience')",
            name=op.f("ck_incidents_service_known"),
        ),
        sa.CheckConstraint(
            "source IN ('hotline', 'app', 'patrol', 'visit', 'camera', 'other')",
            name=op.f("ck_incidents_source_known"),
        ),
        sa.CheckConstraint(
            "(station_id IS NULL) = (distance_m IS NULL)",
            name=op.f("ck_incidents_distance_with_station"),
        ),
        sa.CheckConstraint(
            "assigned_at IS NULL OR (num_nonnulls(grid_id, no_grid_reason) = 1 AND num_nonnulls(station_id, no_station_reason) = 1)",
            name=op.f("ck_incidents_answer_is_explicit"),
        ),
        sa.CheckConstraint(
            "distance_m IS NULL OR distance_m >= 0", name=op.f("ck_incidents_distance_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["building_id"],
            ["buildings.id"],
            name=op.f("fk_incidents_building_id_buildings"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["communities.id"], name=op.f("fk_incidents_community_id_communities")
        ),
        sa.ForeignKeyConstraint(["grid_id"], ["grids.id"], name=op.f("fk_incidents_grid_id_grids")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["grid_plans.id"], name=op.f("fk_incidents_plan_id_grid_plans")
        ),
        sa.ForeignKeyConstraint(
            ["poi_id"], ["pois.id"], name=op.f("fk_incidents_poi_id_pois"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["road_id"], ["roads.id"], name=op.f("fk_incidents_road_id_roads"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_incidents_station_id_stations"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_building_id"), "incidents", ["building_id"], unique=False)
    op.create_index(op.f("ix_incidents_category"), "incidents", ["category"], unique=False)
    op.create_index(op.f("ix_incidents_community_id"), "incidents", ["community_id"], unique=False)
    op.create_geospatial_index(
        "ix_incidents_geometry",
        "incidents",
        ["geometry"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_incidents_grid_id"), "incidents", ["grid_id"], unique=False)
    op.create_index("ix_incidents_occurred_at_id", "incidents", ["occurred_at", "id"], unique=False)
    op.create_index(op.f("ix_incidents_plan_id"), "incidents", ["plan_id"], unique=False)
    op.create_index(op.f("ix_incidents_poi_id"), "incidents", ["poi_id"], unique=False)
    op.create_index(op.f("ix_incidents_road_id"), "incidents", ["road_id"], unique=False)
    op.create_index(op.f("ix_incidents_station_id"), "incidents", ["station_id"], unique=False)
    op.create_table(
        "units",
        sa.Column("building_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("households", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint("households >= 0", name=op.f("ck_units_households_not_negative")),
        sa.ForeignKeyConstraint(
            ["building_id"],
            ["buildings.id"],
            name=op.f("fk_units_building_id_buildings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
    )
    op.create_index(op.f("ix_units_building_id"), "units", ["building_id"], unique=False)
    op.create_table(
        "building_cells",
        sa.Column("building_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("cell_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["building_id"],
            ["buildings.id"],
            name=op.f("fk_building_cells_building_id_buildings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["cell_id"],
            ["cells.id"],
            name=op.f("fk_building_cells_cell_id_cells"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("building_id", "cell_id", name=op.f("pk_building_cells")),
    )
    op.create_index(op.f("ix_building_cells_cell_id"), "building_cells", ["cell_id"], unique=False)
    op.create_table(
        "cell_borders",
        sa.Column("cell_a", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("cell_b", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("border_m", sa.Double(), nullable=False),
        sa.Column("barrier_class", sa.SmallInteger(), nullable=False),
        sa.Column("passable", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "barrier_class BETWEEN 0 AND 3", name=op.f("ck_cell_borders_barrier_class_known")
        ),
        sa.CheckConstraint("border_m >= 0", name=op.f("ck_cell_borders_length_not_negative")),
        sa.CheckConstraint("cell_a < cell_b", name=op.f("ck_cell_borders_ordered")),
        sa.ForeignKeyConstraint(
            ["cell_a"], ["cells.id"], name=op.f("fk_cell_borders_cell_a_cells"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["cell_b"], ["cells.id"], name=op.f("fk_cell_borders_cell_b_cells"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cell_a", "cell_b", name=op.f("pk_cell_borders")),
    )
    op.create_index(op.f("ix_cell_borders_cell_b"), "cell_borders", ["cell_b"], unique=False)
    op.create_table(
        "cell_grids",
        sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("cell_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("grid_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_cell_grids_cell_id_cells")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "grid_id"],
            ["grids.plan_id", "grids.id"],
            name="fk_cell_grids_plan_id_grid_id_grids",
        ),
        sa.PrimaryKeyConstraint("plan_id", "cell_id", name=op.f("pk_cell_grids")),
    )
    op.create_index(op.f("ix_cell_grids_cell_id"), "cell_grids", ["cell_id"], unique=False)
    op.create_index("ix_cell_grids_grid_id", "cell_grids", ["grid_id"], unique=False)
    op.create_table(
        "posts",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person_token", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("grid_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("building_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("unit_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("backup", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("duty_hours", sa.Text(), nullable=True),
        sa.Column("skills", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("active_from", sa.Date(), nullable=True),
        sa.Column("active_to", sa.Date(), nullable=True),
        sa.Column(
            "id",
            sa.Uuid(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "person_token ~ '^[A-Za-z0-9_-]{8,64}$' AND person_token !~ '^[0-9-]+$'",
            name=op.f("ck_posts_person_is_a_token"),
        ),
        sa.CheckConstraint(
            "role IN ('grid_leader', 'grid_worker', 'grid_informant', 'building_leader', 'unit_leader', 'volunteer', 'rider')",
            name=op.f("ck_posts_role_known"),
        ),
        sa.CheckConstraint(
            "active_from IS NULL OR active_to IS NULL OR active_from < active_to",
            name=op.f("ck_posts_dates_in_order"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(grid_id, building_id, unit_id) = 1",
            name=op.f("ck_posts_covers_one_thing"),
        ),
        sa.ForeignKeyConstraint(
            ["building_id"], ["buildings.id"], name=op.f("fk_posts_building_id_buildings")
        ),
        sa.ForeignKeyConstraint(["grid_id"], ["grids.id"], name=op.f("fk_posts_grid_id_grids")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_posts_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_posts_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
    )
    op.create_index(op.f("ix_posts_building_id"), "posts", ["building_id"], unique=False)
    op.create_index(op.f("ix_posts_grid_id"), "posts", ["grid_id"], unique=False)
    op.create_index(op.f("ix_posts_organisation_id"), "posts", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_posts_person_token"), "posts", ["person_token"], unique=False)
    op.create_index(op.f("ix_posts_unit_id"), "posts", ["unit_id"], unique=False)


def downgrade():
    op.drop_index(op.f("ix_posts_unit_id"), table_name="posts")
    op.drop_index(op.f("ix_posts_person_token"), table_name="posts")
    op.drop_index(op.f("ix_posts_organisation_id"), table_name="posts")
    op.drop_index(op.f("ix_posts_grid_id"), table_name="posts")
    op.drop_index(op.f("ix_posts_building_id"), table_name="posts")
    op.drop_table("posts")
    op.drop_index("ix_cell_grids_grid_id", table_name="cell_grids")
    op.drop_index(op.f("ix_cell_grids_cell_id"), table_name="cell_grids")
    op.drop_table("cell_grids")
    op.drop_index(op.f("ix_cell_borders_cell_b"), table_name="cell_borders")
    op.drop_table("cell_borders")
    op.drop_index(op.f("ix_building_cells_cell_id"), table_name="building_cells")
    op.drop_table("building_cells")
    op.drop_index(op.f("ix_units_building_id"), table_name="units")
    op.drop_table("units")
    op.drop_index(op.f("ix_incidents_station_id"), table_name="incidents")
    op.drop_index(op.f("ix_incidents_road_id"), table_name="incidents")
    op.drop_index(op.f("ix_incidents_poi_id"), table_name="incidents")
    op.drop_index(op.f("ix_incidents_plan_id"), table_name="incidents")
    op.drop_index("ix_incidents_occurred_at_id", table_name="incidents")
    op.drop_index(op.f("ix_incidents_grid_id"), table_name="incidents")
    op.drop_geospatial_index(
        "ix_incidents_geometry",
        table_name="incidents",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_index(op.f("ix_incidents_community_id"), table_name="incidents")
    op.drop_index(op.f("ix_incidents_category"), table_name="incidents")
    op.drop_index(op.f("ix_incidents_building_id"), table_name="incidents")
    op.drop_geospatial_table("incidents")
    op.drop_index(op.f("ix_demands_station_id"), table_name="demands")
    op.drop_index(op.f("ix_demands_service"), table_name="demands")
    op.drop_index(op.f("ix_demands_road_id"), table_name="demands")
    op.drop_index(op.f("ix_demands_poi_id"), table_name="demands")
    op.drop_index(op.f("ix_demands_plan_id"), table_name="demands")
    op.drop_index("ix_demands_occurred_at_id", table_name="demands")
    op.drop_index(op.f("ix_demands_grid_id"), table_name="demands")
    op.drop_geospatial_index(
        "ix_demands_geometry", table_name="demands", postgresql_using="gist", column_name="geometry"
    )
    op.drop_index(op.f("ix_demands_community_id"), table_name="demands")
    op.drop_index(op.f("ix_demands_building_id"), table_name="demands")
    op.drop_geospatial_table("demands")
    op.drop_index(
        "uq_cells_data_version_building_id",
        table_name="cells",
        postgresql_where=sa.text("building_id IS NOT NULL"),
    )
    op.drop_geospatial_index(
        "ix_cells_geometry", table_name="cells", postgresql_using="gist", column_name="geometry"
    )
    op.drop_index(op.f("ix_cells_dedicated_area_id"), table_name="cells")
    op.drop_index(op.f("ix_cells_community_id"), table_name="cells")
    op.drop_geospatial_table("cells")
    op.drop_index("ix_building_grids_grid_id", table_name="building_grids")
    op.drop_index(op.f("ix_building_grids_building_id"), table_name="building_grids")
    op.drop_table("building_grids")
    op.drop_index("ix_station_services_service", table_name="station_services")
    op.drop_table("station_services")
    op.drop_index(op.f("ix_station_open_intervals_station_id"), table_name="station_open_intervals")
    op.drop_index("ix_station_open_intervals_begin", table_name="station_open_intervals")
    op.drop_table("station_open_intervals")
    op.drop_index(
        op.f("ix_station_hours_exceptions_station_id"), table_name="station_hours_exceptions"
    )
    op.drop_table("station_hours_exceptions")
    op.drop_index(op.f("ix_buildings_quarter_id"), table_name="buildings")
    op.drop_geospatial_index(
        "ix_buildings_location",
        table_name="buildings",
        postgresql_using="gist",
        column_name="location",
    )
    op.drop_geospatial_index(
        "ix_buildings_geometry",
        table_name="buildings",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_index(op.f("ix_buildings_community_id"), table_name="buildings")
    op.drop_geospatial_table("buildings")
    op.drop_index(op.f("ix_stations_organisation_id"), table_name="stations")
    op.drop_geospatial_index(
        "ix_stations_geometry",
        table_name="stations",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_geospatial_index(
        "ix_stations_geography",
        table_name="stations",
        postgresql_using="gist",
        column_name="geography",
    )
    op.drop_index(op.f("ix_stations_community_id"), table_name="stations")
    op.drop_geospatial_table("stations")
    op.drop_geospatial_index(
        "ix_quarters_geometry",
        table_name="quarters",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_index(op.f("ix_quarters_community_id"), table_name="quarters")
    op.drop_geospatial_table("quarters")
    op.drop_index(op.f("ix_plan_effect_plan_id"), table_name="plan_effect")
    op.drop_index(op.f("ix_plan_effect_community_id"), table_name="plan_effect")
    op.drop_table("plan_effect")
    op.drop_index(op.f("ix_grids_plan_id"), table_name="grids")
    op.drop_index(op.f("ix_grids_parent_grid_id"), table_name="grids")
    op.drop_geospatial_index(
        "ix_grids_geometry", table_name="grids", postgresql_using="gist", column_name="geometry"
    )
    op.drop_index(op.f("ix_grids_community_id"), table_name="grids")
    op.drop_geospatial_table("grids")
    op.drop_geospatial_index(
        "ix_dedicated_areas_geometry",
        table_name="dedicated_areas",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_index(op.f("ix_dedicated_areas_community_id"), table_name="dedicated_areas")
    op.drop_geospatial_table("dedicated_areas")
    op.drop_geospatial_index(
        "ix_roads_geometry", table_name="roads", postgresql_using="gist", column_name="geometry"
    )
    op.drop_geospatial_table("roads")
    op.drop_geospatial_index(
        "ix_pois_geometry", table_name="pois", postgresql_using="gist", column_name="geometry"
    )
    op.drop_index(op.f("ix_pois_category"), table_name="pois")
    op.drop_geospatial_table("pois")
    op.drop_table("organisations")
    op.drop_table("imports")
    op.drop_table("hours_horizon")
    op.drop_index(op.f("ix_grid_plans_parent_plan_id"), table_name="grid_plans")
    op.drop_table("grid_plans")
    op.drop_geospatial_index(
        "ix_divisions_geometry",
        table_name="divisions",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_geospatial_table("divisions")
    op.drop_geospatial_index(
        "ix_crossings_geometry",
        table_name="crossings",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_geospatial_table("crossings")
    op.drop_index(
        "uq_communities_code_living",
        table_name="communities",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_geospatial_index(
        "ix_communities_geometry",
        table_name="communities",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_geospatial_table("communities")
    op.drop_table("calendar_days")
    op.drop_geospatial_index(
        "ix_barriers_geometry",
        table_name="barriers",
        postgresql_using="gist",
        column_name="geometry",
    )
    op.drop_geospatial_table("barriers")
    op.drop_index("ix_audit_log_layer_row_id", table_name="audit_log")
    op.drop_table("audit_log")
