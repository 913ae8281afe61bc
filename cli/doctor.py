"""``wangge doctor``: look at everything that a working installation needs."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gis.services.health import Check

app = typer.Typer()


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check database, schema, CRS, disk, assets and fonts, and say what to do about failures.

    Exits with 1 if something is missing that the main job needs.
    """
    from gis.services.health import run_checks
    from maps.assets import VENDOR

    checks = run_checks(VENDOR)
    healthy = all(check.ok or not check.needed for check in checks)
    if as_json:
        listed = {"ok": healthy, "checks": [asdict(check) for check in checks]}
        typer.echo(json.dumps(listed, ensure_ascii=False, indent=2))
    else:
        _show(checks)
    if not healthy:
        raise typer.Exit(1)


def _show(checks: "list[Check]") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True)
    width = max(len(check.name) for check in checks)
    for check in checks:
        word, style = _verdict(check)
        console.print(Text.assemble((word, style), f"  {check.name:<{width}}  {check.found}"))
        if not check.ok:
            console.print(Text(f"      {check.remedy}", style="cyan"))


def _verdict(check: "Check") -> tuple[str, str]:
    if check.ok:
        return "OK  ", "green"
    return ("FAIL", "bold red") if check.needed else ("NOTE", "yellow")
