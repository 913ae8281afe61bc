"""``wangge audit-log``: who did or tried what, and how long that is kept."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from cli.asking import YesOption, agreed
from cli.store import opened

app = typer.Typer(name="audit-log", help="Who did or tried what, when and from where.")

_DAY = ["%Y-%m-%d"]


@app.callback(invoke_without_command=True)
def audit_log(
    context: typer.Context,
    *,
    since: Annotated[datetime | None, typer.Option(formats=_DAY, help="From this day on.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Up to this day, it too.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="A login, or local_owner.")] = None,
    action: Annotated[str | None, typer.Option(help="For example sign_in or export.")] = None,
    layer: Annotated[str | None, typer.Option(help="For example users or stations.")] = None,
    row: Annotated[str | None, typer.Option(help="Id of what was changed.")] = None,
    outcome: Annotated[str | None, typer.Option(help="done, refused or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Entries to show.")] = 50,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with all there is.")
    ] = False,
) -> None:
    """Show what was done and tried, newest first."""
    if context.invoked_subcommand is not None:
        return
    from cli.access_views import print_entries, show_entries
    from gis.database.engine import transaction
    from gis.layers.audit import Wanted
    from gis.services.audit_trail import beginning_of, read_trail

    wanted = Wanted(
        since=None if since is None else beginning_of(since.date()),
        until=None if until is None else beginning_of(until.date() + timedelta(days=1)),
        who=who,
        action=action,
        layer=layer,
        row_id=row,
        outcome=outcome,
    )
    with opened() as (factory, scope), transaction(factory) as session:
        rows = read_trail(session, scope, wanted, limit=limit)
    if as_json:
        print_entries(rows)
    elif rows:
        show_entries(rows)
    else:
        typer.echo("There are no such entries.")


@app.command("forget")
def forget(
    *,
    before: Annotated[datetime, typer.Option(formats=_DAY, help="Entries from before this day.")],
    yes: YesOption = False,
) -> None:
    """Remove old entries; that is written down. The last half year is always kept."""
    from gis.database.engine import transaction
    from gis.services import audit_trail

    day = before.date()
    if not agreed(f"Remove the entries of the audit log from before {day}?", yes=yes):
        return
    with opened() as (factory, scope), transaction(factory) as session:
        forgotten = audit_trail.forget(session, scope, day)
    typer.echo(f"Removed {forgotten:,} {'entry' if forgotten == 1 else 'entries'}.")
