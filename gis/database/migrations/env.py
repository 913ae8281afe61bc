"""Alembic's environment: one transaction, lock time-outs, GeoAlchemy2's helpers."""

from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine, pool, text

config = context.config


def include_object(item: Any, name: Any, kind: str, reflected: Any, compare_to: Any) -> bool:  # noqa: ANN401 - Alembic's own signature
    """Leave PostGIS's own tables alone."""
    if kind == "table" and reflected and compare_to is None and name == "spatial_ref_sys":
        return False
    known = alembic_helpers.include_object(item, name, kind, reflected, compare_to)  # type: ignore[no-untyped-call]  # GeoAlchemy2 has no types here
    return bool(known)


def run() -> None:
    """Run the migrations on a connection of their own."""
    engine = create_engine(config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        # A migration must not queue behind a long reader and hold up everybody behind it.
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '15min'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=config.attributes.get("metadata"),
            include_object=include_object,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
            compare_type=True,
            compare_server_default=False,
            transaction_per_migration=False,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
