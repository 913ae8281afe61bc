"""``wangge key``: keys by which programs act for a user."""

from typing import Annotated

import typer

from cli.store import opened
from gis.access import Permission

app = typer.Typer(name="key", help="API keys: by which programs act for a user.")


@app.command("make")
def make_key(
    login: Annotated[str, typer.Argument(help="For whom the program acts.")],
    *,
    label: Annotated[str, typer.Option(help="What it is for.")],
    permission: Annotated[
        list[Permission] | None,
        typer.Option(help="What it may do of what its user may; repeat it. All but accounts."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="For how many days it holds.")] = 90,
) -> None:
    """Make a key. Its secret is printed once, to standard output, and kept nowhere."""
    from gis.database.engine import transaction
    from gis.services import accounts, keys

    allowed = frozenset(permission) if permission else None
    with opened() as (factory, scope), transaction(factory) as session:
        user = accounts.user_called(session, scope, login)
        made = keys.make_key(session, scope, user.id, keys.KeyOrder(label, allowed, days))
    typer.echo(made.secret)
    typer.echo(
        f"The key {made.prefix} of {user.login} holds until {made.expires_at:%Y-%m-%d}. "
        "Keep it now: it is not shown again.",
        err=True,
    )


@app.command("list")
def list_keys(
    login: Annotated[str | None, typer.Argument(help="Whose; everybody's if unset.")] = None,
) -> None:
    """Show keys, newest first, without their secrets."""
    from cli.access_views import show_keys
    from gis.database.engine import transaction
    from gis.services import accounts, keys

    with opened() as (factory, scope), transaction(factory) as session:
        user = None if login is None else accounts.user_called(session, scope, login).id
        rows = keys.list_keys(session, scope, user)
    if rows:
        show_keys(rows)
    else:
        typer.echo("There are no keys.")


@app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Its first characters, as: wangge key list")],
) -> None:
    """Take a key back: it stops at once."""
    from gis.database.engine import transaction
    from gis.services import keys

    with opened() as (factory, scope), transaction(factory) as session:
        prefix = keys.revoke_key(session, scope, key)
    typer.echo(f"The key {prefix} is revoked.")


@app.command("rotate-signing")
def rotate_signing() -> None:
    """Sign tokens with a new key; tokens of the old one hold until they end, 15 minutes at most."""
    from api.security.tokens import LIFETIME_S, Tokens
    from gis.settings import get_settings

    tokens = Tokens.of(get_settings())
    made = tokens.rotate()
    typer.echo(
        f"The key {made.kid} signs from now on ({tokens.path}). Tokens that were signed before "
        f"hold for {LIFETIME_S // 60} minutes at most."
    )
