"""``wangge geocode``: descriptions of places, and the queue of those that a person decides."""

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.store import opened
from gis.errors import InvalidInputError, NotFoundError
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from gis.addresses import Match

app = typer.Typer(name="geocode", help="Descriptions of places to buildings, crossings, stops.")
_COLUMNS = ("text", "status", "kind", "name", "lon", "lat", "precision_m", "method", "score")

RequestArgument = Annotated[str, typer.Argument(help="Id of the request.")]


@app.command("text")
def geocode_text(
    texts: Annotated[
        list[str] | None, typer.Argument(help="Descriptions; - or none reads standard input.")
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(help="A UTF-8 file, a description a line."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, candidates included.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Say where descriptions are, or which places they may mean. Nothing is stored."""
    from gis.database.engine import transaction
    from gis.services.geocoding import place_texts

    asked = _texts(texts, file)
    with opened() as (factory, scope), transaction(factory) as session:
        matches = place_texts(session, scope, asked)
    if as_json:
        typer.echo(json.dumps([_answer(one) for one in matches], ensure_ascii=False, indent=2))
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow([*_COLUMNS, "reason"])
        writer.writerows(_cells(one) for one in matches)
    else:
        _show_matches(matches)


@app.command("list")
def list_requests(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    layer: Annotated[str | None, typer.Option(help="incidents or demands.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Requests to show.")] = 50,
) -> None:
    """Show the descriptions that wait for a person, with their candidates."""
    from gis.database.engine import transaction
    from gis.layers.queries import Window
    from gis.services import geocoding

    with opened() as (factory, scope), transaction(factory) as session:
        page = geocoding.list_requests(
            session, scope, Window(limit), status=None if every else "open", layer=layer
        )
    _show_requests(page.rows)
    if page.next_after is not None:
        typer.echo(f"There are more than {limit:,}; raise --limit.")


@app.command("resolve")
def resolve(
    request: RequestArgument,
    *,
    candidate: Annotated[
        int | None, typer.Option(min=1, help="Number of a candidate; 1 is the first.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="A point as lon,lat in degrees.")] = None,
    building: Annotated[str | None, typer.Option(help="Id of a building.")] = None,
    note: Annotated[str | None, typer.Option(help="Why; no person's data.")] = None,
) -> None:
    """Say where a description is; the matter that waited is stored and assigned."""
    from gis.database.engine import transaction
    from gis.services.geocoding import Decision, resolve_request

    row = None if building is None else ("buildings", _key(building, "building"))
    decision = Decision(candidate, row, None if at is None else _point(at), note)
    with opened() as (factory, scope), transaction(factory) as session:
        done = resolve_request(
            session,
            scope,
            _key(request, "geocoding request"),
            decision,
            timezone=get_settings().timezone,
        )
    typer.echo(f"Placed at {done.lon:.6f}, {done.lat:.6f}.")
    if done.matter_id is not None:
        typer.echo(f"{done.layer}: {done.matter_id} stored and assigned.")


@app.command("reject")
def reject(
    request: RequestArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why it cannot be placed; no person's data.")],
) -> None:
    """Close a description that has no place; the matter that waited is not stored."""
    from gis.database.engine import transaction
    from gis.services.geocoding import reject_request

    with opened() as (factory, scope), transaction(factory) as session:
        reject_request(session, scope, _key(request, "geocoding request"), reason=reason)
    typer.echo("Rejected.")


def _texts(texts: list[str] | None, file: Path | None) -> list[str]:
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise InvalidInputError(
                f"{file} cannot be read: {error.strerror}.",
                remedy="Name a file of descriptions.",
                file=str(file),
            ) from error
        except UnicodeDecodeError as error:
            raise InvalidInputError(
                f"{file} is not UTF-8.", remedy="Save it as UTF-8.", file=str(file)
            ) from error
    elif not texts or texts == ["-"]:
        lines = sys.stdin.read().splitlines()
    else:
        lines = texts
    asked = [line.strip() for line in lines if line.strip()]
    if not asked:
        raise InvalidInputError("There is no description.", remedy="Give one, or a file of them.")
    return asked


def _key(given: str, what: str) -> str:
    from uuid import UUID

    try:
        return str(UUID(given))
    except ValueError as error:
        raise NotFoundError(
            f"There is no {what} {given!r}.", remedy="Give its whole id, as the list shows it."
        ) from error


def _point(at: str) -> tuple[float, float]:
    try:
        lon, lat = (float(part) for part in at.split(","))
    except ValueError as error:
        raise InvalidInputError(
            f"{at!r} is not a point.", remedy="Write it as lon,lat: 117.31,31.87.", field="at"
        ) from error
    return lon, lat


def _answer(match: "Match") -> dict[str, Any]:
    return {
        "text": match.text,
        "status": match.status,
        "method": match.method,
        "margin": match.margin,
        "reason": match.reason,
        "ignored": list(match.ignored),
        "candidates": [one.as_json() for one in match.candidates],
    }


def _cells(match: "Match") -> list[object]:
    facts = {**_answer(match), **(match.candidates[0].as_json() if match.place else {})}
    return [facts.get(name) for name in (*_COLUMNS, "reason")]


def _show_matches(matches: "Sequence[Match]") -> None:
    from rich.table import Table

    table = Table("text", "status", "place", "lon, lat", "±m", "how", box=None)
    for one in matches:
        if one.place is not None:
            place = one.place
            table.add_row(
                one.text,
                "[green]unique[/green]",
                f"{place.name} ({place.kind})",
                f"{place.lon:.6f}, {place.lat:.6f}",
                f"{place.precision_m:.0f}",
                f"{one.method} {one.candidates[0].score:.0f}",
            )
        else:
            table.add_row(one.text, one.status, _names(one), "", "", one.reason or "")
    _print(table)
    unique = sum(one.status == "unique" for one in matches)
    typer.echo(f"{unique:,} of {len(matches):,} placed.")


def _names(match: "Match") -> str:
    return "; ".join(f"{c.place.name} {c.score:.0f}" for c in match.candidates)


def _show_requests(rows: "Sequence[Row[Any]]") -> None:
    from rich.table import Table

    table = Table("id", "status", "text", "waits", "candidates", box=None)
    for row in rows:
        named = [f"{i} {one['name']}" for i, one in enumerate(row.candidates, start=1)]
        table.add_row(str(row.id), row.status, row.text, row.layer or "", "; ".join(named))
    _print(table)
    typer.echo(f"{len(rows):,} requests.")


def _print(table: object) -> None:
    from rich.console import Console

    # As wide as it needs where nobody looks: an id that is cut off cannot be used.
    console = Console()
    console.print(
        table, markup=False, crop=False, width=console.width if console.is_terminal else 400
    )
