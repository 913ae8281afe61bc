"""Migrations: up, down and up again on data, and the schema is the one the models say."""

from collections.abc import Callable

import pytest
from alembic import command
from sqlalchemy import create_engine, func, inspect, select, text
from sqlalchemy.exc import OperationalError

from gis.database import migrate
from gis.database.engine import make_engine
from gis.layers.queries import table_of
from gis.layers.registry import IMPORTED_LAYERS
from gis.layers.schema import metadata
from tests.town import town_dataset

pytestmark = pytest.mark.db


def test_the_schema_is_the_one_of_the_models(database_url: str):
    config = migrate.alembic_config(database_url)
    config.attributes["metadata"] = metadata
    command.check(config)


def test_up_again_changes_nothing_and_keeps_the_data(new_database: Callable[[str], str]):
    url = new_database("town")
    migrate.upgrade(url)
    assert migrate.current(url) == migrate.head()
    engine = create_engine(url)
    with engine.connect() as connection:
        for layer in IMPORTED_LAYERS:
            count = select(func.count()).select_from(table_of(layer.model))
            expected = len(town_dataset().layers.get(layer.name, ()))
            assert connection.execute(count).scalar_one() == expected, layer.name
    engine.dispose()


@pytest.mark.slow
def test_down_on_data_leaves_nothing_behind_and_up_again_works(new_database: Callable[[str], str]):
    url = new_database("town")
    migrate.downgrade(url, "base")
    assert migrate.current(url) is None
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names()) - {"spatial_ref_sys"}
        ours = text(
            "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = 'public' AND p.proname ~ '(plan|station|grid|hours)' "
            "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
        )
        functions = connection.execute(ours).scalars().all()
    engine.dispose()
    assert tables <= {"alembic_version"}
    assert functions == []
    migrate.upgrade(url)
    config = migrate.alembic_config(url)
    config.attributes["metadata"] = metadata
    command.check(config)


@pytest.mark.slow
def test_each_revision_goes_down_and_up_alone(new_database: Callable[[str], str]):
    url = new_database("town")
    revisions = [r.revision for r in migrate_history()]
    for below, above in zip(revisions[1:], revisions[:-1], strict=True):
        migrate.downgrade(url, below)
        assert migrate.current(url) == below
        migrate.upgrade(url, above)
        assert migrate.current(url) == above
        migrate.downgrade(url, below)


def migrate_history():
    from alembic.script import ScriptDirectory

    return list(ScriptDirectory.from_config(migrate.alembic_config("")).walk_revisions())


@pytest.mark.slow
def test_a_migration_gives_up_on_a_lock_instead_of_queueing(new_database: Callable[[str], str]):
    url = new_database("empty")
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE communities IN ACCESS SHARE MODE"))
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.downgrade(url, "base")
    engine.dispose()
    assert migrate.current(url) == migrate.head()
