"""Accounts, their roles, sessions and keys; an audit log that is only ever added to."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FOLDER = Path(__file__).parent
KEY = sa.text("gen_random_uuid()")
NOW = sa.text("now()")
#: What the audit log is told beside what it knew.
OUTCOME = "outcome IN ('done', 'refused', 'failed')"
ROLES = (
    "'admin', 'planner', 'reviewer', 'dispatcher', 'grid_worker', 'department', 'organisation', "
    "'manager', 'viewer'"
)


def upgrade():
    _accounts()
    _credentials()
    _audit_log()
    _who_asked_for_a_job()
    _run((_FOLDER / "0007_row_security.sql").read_text(encoding="utf-8"))


def _accounts():
    op.create_table(
        "users",
        _key(),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        _moment("password_changed_at", nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        _moment("disabled_at", nullable=True),
        sa.Column("failed_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _moment("locked_until", nullable=True),
        _moment("created_at", server_default=NOW),
        sa.CheckConstraint(
            "login ~ '^[a-z0-9][a-z0-9._-]{1,62}$'", name=op.f("ck_users_login_plain")
        ),
        sa.CheckConstraint(
            "failed_attempts >= 0", name=op.f("ck_users_failed_attempts_not_negative")
        ),
        sa.CheckConstraint(
            "language IS NULL OR language IN ('zh-CN', 'en')", name=op.f("ck_users_language_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("login", name="uq_users_login"),
    )
    op.create_table(
        "user_grants",
        _key(),
        _of_user(),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("area_kind", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=True),
        sa.Column("during", postgresql.DATERANGE(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("granted_by", sa.Text(), nullable=False),
        _moment("granted_at", server_default=sa.text("clock_timestamp()")),
        _moment("revoked_at", nullable=True),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_user_grants_role_known")),
        sa.CheckConstraint(
            "area_kind IN ('everywhere', 'subdistrict', 'community', 'grid')",
            name=op.f("ck_user_grants_area_kind_known"),
        ),
        sa.CheckConstraint(
            "(area_kind = 'everywhere') = (area_code IS NULL)",
            name=op.f("ck_user_grants_area_code_by_kind"),
        ),
        sa.CheckConstraint("NOT isempty(during)", name=op.f("ck_user_grants_during_some_day")),
        _goes_with_user("user_grants"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_grants")),
    )
    op.create_index(op.f("ix_user_grants_user_id"), "user_grants", ["user_id"])


def _credentials():
    op.create_table(
        "sessions",
        _key(),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        _of_user(),
        _moment("created_at", server_default=NOW),
        _moment("seen_at", server_default=NOW),
        _moment("expires_at"),
        _moment("revoked_at", nullable=True),
        sa.CheckConstraint(
            "octet_length(token_sha256) = 32", name=op.f("ck_sessions_token_hashed")
        ),
        _goes_with_user("sessions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_sha256", name="uq_sessions_token_sha256"),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"])
    op.create_table(
        "api_keys",
        _key(),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        _of_user(),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("permissions", sa.ARRAY(sa.Text()), nullable=True),
        _moment("created_at", server_default=NOW),
        _moment("expires_at"),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        _moment("revoked_at", nullable=True),
        sa.CheckConstraint("prefix ~ '^[0-9a-z]{8}$'", name=op.f("ck_api_keys_prefix_plain")),
        sa.CheckConstraint(
            "octet_length(secret_sha256) = 32", name=op.f("ck_api_keys_secret_hashed")
        ),
        _goes_with_user("api_keys"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
    )
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"])


def _audit_log():
    for name in ("role", "address", "before_hash", "after_hash"):
        op.add_column("audit_log", sa.Column(name, sa.Text(), nullable=True))
    done = sa.Column("outcome", sa.Text(), server_default=sa.text("'done'"), nullable=False)
    op.add_column("audit_log", done)
    op.create_check_constraint(op.f("ck_audit_log_outcome_known"), "audit_log", OUTCOME)
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_index("ix_audit_log_principal_id", "audit_log", ["principal", "id"])
    _run((_FOLDER / "0007_audit_log.sql").read_text(encoding="utf-8"))


def _who_asked_for_a_job():
    op.add_column("jobs", sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("jobs", sa.Column("permission", sa.Text(), nullable=True))
    name = op.f("fk_jobs_user_id_users")
    op.create_foreign_key(name, "jobs", "users", ["user_id"], ["id"], ondelete="SET NULL")
    op.create_index(op.f("ix_jobs_user_id"), "jobs", ["user_id"])


def downgrade():
    _run((_FOLDER / "0007_row_security_down.sql").read_text(encoding="utf-8"))
    op.drop_index(op.f("ix_jobs_user_id"), table_name="jobs")
    op.drop_constraint(op.f("fk_jobs_user_id_users"), "jobs", type_="foreignkey")
    for name in ("permission", "user_id"):
        op.drop_column("jobs", name)
    op.execute("DROP FUNCTION wangge_forget_audit")
    op.execute("DROP TRIGGER stays ON audit_log")
    op.execute("DROP FUNCTION wangge_audit_log_stays")
    op.drop_index("ix_audit_log_principal_id", table_name="audit_log")
    op.drop_index("ix_audit_log_at", table_name="audit_log")
    op.drop_constraint(op.f("ck_audit_log_outcome_known"), "audit_log", type_="check")
    for name in ("outcome", "after_hash", "before_hash", "address", "role"):
        op.drop_column("audit_log", name)
    for table in ("api_keys", "sessions", "user_grants", "users"):
        op.drop_table(table)


def _key():
    return sa.Column("id", sa.Uuid(as_uuid=False), server_default=KEY, nullable=False)


def _of_user():
    return sa.Column("user_id", sa.Uuid(as_uuid=False), nullable=False)


def _goes_with_user(table):
    name = op.f(f"fk_{table}_user_id_users")
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE")


def _moment(name, *, nullable=False, server_default=None):
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, server_default=server_default, nullable=nullable)


def _run(source):
    # exec_driver_sql: a colon or percent sign of the file is not a parameter.
    op.get_bind().exec_driver_sql(source.replace("%", "%%"))
