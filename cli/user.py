"""``wangge user``: accounts, their passwords, and what they are granted."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.store import opened
from gis.access import Area, AreaKind, Grant, Role
from gis.errors import ConfigurationError, InvalidInputError

if TYPE_CHECKING:
    from gis.services.accounts import Account

app = typer.Typer(name="user", help="Accounts: who may sign in, as what, and where.")

LoginArgument = Annotated[str, typer.Argument(help="Work name, never a person's name.")]
SubdistrictOption = Annotated[
    str | None, typer.Option(help="Code of a subdistrict, 9 digits.", rich_help_panel="Where")
]
CommunityOption = Annotated[
    str | None, typer.Option(help="Code of a community, 12 digits.", rich_help_panel="Where")
]
GridOption = Annotated[
    str | None,
    typer.Option(help="Code of a grid. Without an area it is everywhere.", rich_help_panel="Where"),
]
FromOption = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First day.", rich_help_panel="When"),
]
ToOption = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last.", rich_help_panel="When"),
]
OrganisationOption = Annotated[
    str | None,
    typer.Option(help="Whom a department or organisation acts for.", rich_help_panel="Where"),
]
PasswordFileOption = Annotated[
    Path | None,
    typer.Option(help="Read the password from the first line of this file; else it is asked for."),
]


@app.command("add")
def add_user(
    login: LoginArgument,
    *,
    role: Annotated[Role | None, typer.Option(help="What to grant at once.")] = None,
    subdistrict: SubdistrictOption = None,
    community: CommunityOption = None,
    grid: GridOption = None,
    organisation: OrganisationOption = None,
    from_day: FromOption = None,
    to_day: ToOption = None,
    language: Annotated[str | None, typer.Option(help="zh-CN or en.")] = None,
    password_file: PasswordFileOption = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Nobody can sign in; keys still work.")
    ] = False,
) -> None:
    """Open an account, with a role if one is given."""
    from gis.database.engine import transaction
    from gis.services import accounts

    where = _Where(subdistrict, community, grid, organisation, from_day, to_day)
    asked = None if role is None else where.granted(role)
    if role is None:
        where.require_role()
    password = None if no_password else _password(password_file)
    with opened() as (factory, scope), transaction(factory) as session:
        had_admin = accounts.there_is_an_admin(session)
        user_id = accounts.add_user(session, scope, login, password=password, language=language)
        if asked is not None:
            accounts.grant(session, scope, user_id, asked)
        made = accounts.one_user(session, scope, user_id)
        has_admin = accounts.there_is_an_admin(session)
    typer.echo(f"Opened {made.login}{'' if asked is None else f': {_told(asked)}'}.")
    if asked is None:
        typer.echo(f"It may do nothing yet; next: wangge user grant {made.login} ROLE")
    if has_admin and not had_admin:
        typer.echo("From now on the API asks everybody who they are.")


@app.command("list")
def list_users() -> None:
    """Show the accounts and what they are granted."""
    from cli.access_views import show_users
    from gis.database.engine import transaction
    from gis.services import accounts

    with opened() as (factory, scope), transaction(factory) as session:
        found = accounts.list_users(session, scope)
    if found:
        show_users(found)
    else:
        typer.echo("There are no accounts; make one: wangge user add NAME --role admin")


@app.command("show")
def show_user(login: LoginArgument) -> None:
    """Show an account with each grant and its id."""
    from cli.access_views import show_one_user

    show_one_user(_found(login))


@app.command("disable")
def disable_user(login: LoginArgument) -> None:
    """Close an account: its sessions end and its keys stop."""
    _changed(login, "disable")
    typer.echo(f"Closed {login}.")


@app.command("enable")
def enable_user(login: LoginArgument) -> None:
    """Open a closed account again, and end its waiting after wrong passwords."""
    _changed(login, "enable")
    typer.echo(f"Opened {login} again.")


@app.command("password")
def set_password(login: LoginArgument, *, password_file: PasswordFileOption = None) -> None:
    """Give an account another password; its sessions end."""
    from gis.database.engine import transaction
    from gis.services import accounts

    user_id = _found(login).id  # before a password is typed for nobody
    password = _password(password_file)
    with opened() as (factory, scope), transaction(factory) as session:
        accounts.set_password(session, scope, user_id, password)
    typer.echo(f"{login} has another password.")


@app.command("grant")
def grant_role(
    login: LoginArgument,
    role: Annotated[Role, typer.Argument(help="See: wangge role list")],
    *,
    subdistrict: SubdistrictOption = None,
    community: CommunityOption = None,
    grid: GridOption = None,
    organisation: OrganisationOption = None,
    from_day: FromOption = None,
    to_day: ToOption = None,
) -> None:
    """Grant a role, in an area and for a time if given, else everywhere and without an end."""
    from gis.database.engine import transaction
    from gis.services import accounts

    asked = _Where(subdistrict, community, grid, organisation, from_day, to_day).granted(role)
    with opened() as (factory, scope), transaction(factory) as session:
        found = accounts.user_called(session, scope, login)
        accounts.grant(session, scope, found.id, asked)
    typer.echo(f"{found.login}: {_told(asked)}.")


@app.command("revoke")
def revoke_grant(
    login: LoginArgument,
    grant: Annotated[
        str, typer.Argument(help="Id of the grant or its first characters, from: user show")
    ],
) -> None:
    """Take a grant back at once; it stays on record."""
    from gis.database.engine import transaction
    from gis.services import accounts

    with opened() as (factory, scope), transaction(factory) as session:
        found = accounts.user_called(session, scope, login)
        fitting = [one for one in found.grants if one.id.startswith(grant.lower())]
        if len(fitting) != 1:
            raise InvalidInputError(
                f"{len(fitting)} grants of {found.login} begin with {grant!r}.",
                remedy=f"See their ids: wangge user show {found.login}",
            )
        accounts.revoke(session, scope, found.id, fitting[0].id)
    typer.echo(f"Taken back from {found.login}: {_told(fitting[0].grant)}.")


@dataclass(frozen=True, slots=True)
class _Where:
    """The options that say where and when a role holds."""

    subdistrict: str | None
    community: str | None
    grid: str | None
    organisation: str | None
    from_day: datetime | None
    to_day: datetime | None

    def granted(self, role: Role) -> Grant:
        """Return the grant of a role that the options describe."""
        codes = {
            AreaKind.SUBDISTRICT: self.subdistrict,
            AreaKind.COMMUNITY: self.community,
            AreaKind.GRID: self.grid,
        }
        given = [Area(kind, code) for kind, code in codes.items() if code is not None]
        if len(given) > 1:
            raise InvalidInputError(
                "A grant is of one area.", remedy="Grant the role once for each area."
            )
        area = given[0] if given else Area(AreaKind.EVERYWHERE)
        return Grant(role, area, _day(self.from_day), _day(self.to_day), self.organisation)

    def require_role(self) -> None:
        """Raise if any of them is given, though no role is."""
        options = (self.subdistrict, self.community, self.grid, self.organisation)
        if any(one is not None for one in (*options, self.from_day, self.to_day)):
            raise InvalidInputError(
                "An area or a day is given, but no role.",
                remedy="Add --role, see: wangge role list",
            )


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _told(grant: Grant) -> str:
    from cli.access_views import grant_in_words

    return grant_in_words(grant)


def _found(login: str) -> "Account":
    from gis.database.engine import transaction
    from gis.services import accounts

    with opened() as (factory, scope), transaction(factory) as session:
        return accounts.user_called(session, scope, login)


def _changed(login: str, how: str) -> None:
    from gis.database.engine import transaction
    from gis.services import accounts

    change = {"disable": accounts.disable, "enable": accounts.enable}[how]
    with opened() as (factory, scope), transaction(factory) as session:
        change(session, scope, accounts.user_called(session, scope, login).id)


def _password(file: Path | None) -> str:
    """Return a password from a file or the keyboard; never from the command line."""
    if file is None:
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    try:
        return file.read_text(encoding="utf-8").split("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The password file {file} cannot be read: {type(error).__name__}.",
            remedy="Give a text file in UTF-8 that you may read.",
        ) from error
