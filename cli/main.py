"""The command ``wangge``: what it can do, in the order in which one needs it."""

import os
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import (
    audit,
    audit_log,
    coverage,
    db,
    demo,
    doctor,
    export,
    geocode,
    importing,
    jobs,
    key,
    plans,
    role,
    sample,
    serve,
    siting,
    user,
)
from gis.errors import WanggeError

# One line per group of commands; the help shows them in this order.
GROUPS: tuple[typer.Typer, ...] = (
    demo.app,
    importing.app,
    plans.app,
    coverage.app,
    siting.app,
    geocode.app,
    audit.app,
    export.app,
    serve.app,
    jobs.app,
    jobs.jobs_app,
    user.app,
    role.app,
    key.app,
    audit_log.app,
    db.app,
    doctor.app,
)


class WanggeGroup(TyperGroup):
    """Turns errors that a person can act on into a message and a remedy, never a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the context's type is private to Typer
        """Run the command; exit 1 after an error of the core and 130 after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except WanggeError as error:
            if os.environ.get("WANGGE_LOG_LEVEL") == "debug":
                traceback.print_exception(error)
            _explain(error)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("\nInterrupted.", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="wangge",
    help="Grid management (网格) for subdistricts: grids, assignment and coverage on PostGIS.",
    cls=WanggeGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in GROUPS:
    app.add_typer(group)
app.command("sample")(sample.sample)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wangge {version('wangge')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Log everything and show where an error came from.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback has answered already
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Grid management (网格) for subdistricts: grids, assignment and coverage on PostGIS."""
    if debug:
        from gis.settings import get_settings

        os.environ["WANGGE_LOG_LEVEL"] = "debug"
        get_settings.cache_clear()
    from gis.logs import configure_logs

    configure_logs(quiet=True)


def _explain(error: WanggeError) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True)
    console.print(Text.assemble(("Error: ", "bold red"), error.message))
    if error.remedy:
        console.print(Text(error.remedy, style="cyan"))
