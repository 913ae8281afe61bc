"""``wangge db``: the database that Wangge manages, its schema and its backups."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gis.errors import ConfigurationError
from gis.settings import get_settings

if TYPE_CHECKING:
    from gis.database.cluster import Cluster

app = typer.Typer(name="db", help="The database: start, stop, migrate, back up.")


@app.command()
def start() -> None:
    """Start the private cluster, making it first if there is none."""
    cluster = _private_cluster()
    word = "Started" if cluster.start() else "Already running:"
    created = cluster.ensure_database(get_settings().database_name)
    typer.echo(f"{word} PostgreSQL in {cluster.data}")
    if created:
        typer.echo(f"Created database {get_settings().database_name}; next: wangge db migrate")


@app.command()
def stop() -> None:
    """Stop the private cluster; open transactions are rolled back."""
    cluster = _private_cluster()
    typer.echo(f"{'Stopped' if cluster.stop() else 'Not running:'} PostgreSQL in {cluster.data}")


@app.command()
def status() -> None:
    """Show where the database is, whether it runs and whether its schema is current."""
    rows = _status_rows()
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {value}")


@app.command()
def url() -> None:
    """Print the database's URL as psql, QGIS and other libpq programs take it; starts it."""
    typer.echo(_url().replace("postgresql+psycopg2://", "postgresql://", 1))


@app.command()
def migrate(
    revision: Annotated[str, typer.Argument(help="The revision to bring the schema to.")] = "head",
) -> None:
    """Bring the schema up to date; a second run changes nothing."""
    from gis.database import migrate as migrations

    target = _url()
    before = migrations.current(target)
    migrations.upgrade(target, revision)
    after = migrations.current(target)
    typer.echo(
        f"Schema is at {after}" if before == after else f"Schema: {before or 'none'} -> {after}"
    )


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; further arguments are psql's, for example -c 'SELECT 1'."""
    from gis.database.backup import psql_command

    command, environment = psql_command(_url(), context.args, _pg_bin())
    os.execve(command[0], command, environment)  # noqa: S606 - psql takes over this process


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write; replaced when complete.")],
) -> None:
    """Write the whole database to FILE (pg_dump's custom format, readable by you only)."""
    from gis.database.backup import backup as write

    write(_url(), file, _pg_bin())
    typer.echo(f"Wrote {file} ({file.stat().st_size / 1e6:.1f} MB)")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `wangge db backup` wrote.")],
    *,
    clean: Annotated[
        bool, typer.Option("--clean", help="Replace a database that is not empty.")
    ] = False,
) -> None:
    """Read FILE into the database: all of it, or nothing is changed."""
    from gis.database import migrate as migrations
    from gis.database.backup import restore as read

    target = _url()
    read(target, file, _pg_bin(), clean=clean)
    typer.echo(f"Restored {file}")
    if migrations.current(target) != migrations.head():
        typer.echo("Its schema is of another version of Wangge; next: wangge db migrate")


def _url() -> str:
    from gis.database.engine import database_url

    return database_url(get_settings())


def _private_cluster() -> "Cluster":
    from gis.database.cluster import Cluster

    if get_settings().database_url:
        msg = "DATABASE_URL is set, so there is no private cluster to start or stop."
        raise ConfigurationError(msg, remedy="Unset DATABASE_URL to use the private cluster.")
    return Cluster.locate(get_settings())


def _pg_bin() -> Path | None:
    """Return the folder of the client programs that fit the private cluster, if that is used."""
    settings = get_settings()
    return settings.pg_bin if settings.database_url else _private_cluster().pg_bin


def _status_rows() -> list[tuple[str, str]]:
    from sqlalchemy import make_url

    settings = get_settings()
    if settings.database_url:
        shown = make_url(settings.database_url).render_as_string(hide_password=True)
        return [("database", f"{shown} (DATABASE_URL)"), ("schema", _schema(settings.database_url))]
    cluster = _private_cluster()
    state = cluster.status()
    rows = [
        ("database", f"private cluster, {f'process {state.pid}' if state.pid else 'not running'}"),
        ("programs", f"PostgreSQL {state.version}, PostGIS {state.postgis} in {cluster.pg_bin}"),
        ("data", str(state.data)),
        ("socket", str(state.socket_dir)),
        ("log", str(state.log)),
    ]
    if state.running:
        rows.append(("databases", ", ".join(state.databases) or "none"))
    if settings.database_name in state.databases:
        rows.append(("url", cluster.url(settings.database_name)))
        rows.append(("schema", _schema(cluster.url(settings.database_name))))
    return rows


def _schema(url: str) -> str:
    from gis.database import migrate as migrations

    current, head = migrations.current(url), migrations.head()
    if current == head:
        return f"{current} (current)"
    return f"{current or 'none'} (newest is {head}; next: wangge db migrate)"
