"""``wangge coverage capacity``, ``access``, ``delivery`` and ``sensitivity``."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from cli.coverage_options import (
    AsOfOption,
    AtOption,
    ByOption,
    CommunityOption,
    CountOption,
    JsonOption,
    LimitMinOption,
    MetresOption,
    MinutesOption,
    PerOption,
    ServiceOption,
    ShareOption,
    SpeedOption,
    asked,
    measuring,
)
from cli.store import opened
from gis.settings import get_settings

app = typer.Typer()


@app.command("capacity")
def capacity(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    count: CountOption = "residents",
    share: ShareOption = 1.0,
    limit_min: LimitMinOption = 15.0,
    as_json: JsonOption = False,
) -> None:
    """Show who goes where when stations take only so many, and who finds no room."""
    question = asked(service, at, as_of, "walking", (speed, None, None))
    from cli.coverage_views import show_rooms
    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.services.coverage_by_walking import answered, measured
    from gis.services.coverage_rooms import RoomOrder, place, told_rooms
    from gis.services.walking import WalkingGrounds

    order = RoomOrder(count, share, limit_min)
    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        ground = WalkingGrounds(keep=True).current(session, scope)
        rooms = place(session, scope, ground, question, order)
    facts = measured(answered(ground, rooms.serving, question)) | asdict(order)
    told = told_rooms(ground, rooms, question, order, get_settings().suppress_below)
    if as_json:
        print_json(facts | told)
    else:
        show_rooms(facts, told)


@app.command("access")
def access(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    model: Annotated[
        Literal["two_step", "three_step", "balanced", "shared", "rational_agents"],
        typer.Option(help="Floating catchments, or rational agents."),
    ] = "two_step",
    decay: Annotated[
        Literal["none", "zones", "gaussian", "epanechnikov", "exponential"],
        typer.Option(help="How a walk weighs."),
    ] = "none",
    count: CountOption = "residents",
    share: ShareOption = 1.0,
    limit_min: LimitMinOption = 15.0,
    per: PerOption = "community",
    community: CommunityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much of the stations' capacity falls to a person, area by area."""
    question = asked(service, at, as_of, "walking", (speed, None, None))
    from cli.coverage_views import show_access
    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.services.coverage_by_walking import answered, measured
    from gis.services.coverage_rooms import (
        AccessOrder,
        RoomOrder,
        access_to,
        area_access,
        told_access,
    )
    from gis.services.coverage_shares import read_areas
    from gis.services.walking import WalkingGrounds

    order, how = RoomOrder(count, share, limit_min), AccessOrder(model, decay)
    below = get_settings().suppress_below
    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        ground = WalkingGrounds(keep=True).current(session, scope)
        found = access_to(session, scope, ground, question, order, how)
        areas = read_areas(session, scope, ground, per, question.day, community=community)
    rows = [asdict(one) for one in area_access(found, areas, order, how, below)]
    facts = measured(answered(ground, found.serving, question)) | asdict(order) | asdict(how)
    told = {"areas": rows} | told_access(ground, found, order, how, below)
    if as_json:
        print_json(facts | told)
    else:
        show_access(facts, per, told)


@app.command("delivery")
def delivery(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    speed: SpeedOption = "adult",
    limit_min: LimitMinOption = 15.0,
    as_json: JsonOption = False,
) -> None:
    """Show who can walk to a service, to whom it comes, and who has both or neither."""
    question = asked(service, at, as_of, "walking", (speed, None, None))
    from cli.coverage_views import show_deliveries
    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.services.coverage_by_walking import cover, measured
    from gis.services.coverage_variants import deliveries
    from gis.services.walking import WalkingGrounds

    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        coverage = cover(session, scope, WalkingGrounds(keep=True), question)
        below = get_settings().suppress_below
        found = deliveries(session, scope, coverage, limit_min, below)
    facts = measured(coverage) | {"limit_min": limit_min, "stations_delivering": found.delivering}
    if as_json:
        print_json(facts | {"means": found.shares})
    else:
        show_deliveries(facts, found.shares)


@app.command("sensitivity")
def how_sure(
    *,
    service: ServiceOption = None,
    at: AtOption = None,
    as_of: AsOfOption = None,
    by: ByOption = "walking",
    speed: SpeedOption = "adult",
    metres: MetresOption = None,
    minutes: MinutesOption = None,
    community: CommunityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much the shares hang on speed (±20 %) and reach (±100 m)."""
    question = asked(service, at, as_of, by, (speed, metres, minutes))
    from cli.coverage_views import show_variants
    from cli.plan_views import print_json
    from gis.database.engine import transaction
    from gis.services.coverage_by_walking import cover, measured
    from gis.services.coverage_variants import variants
    from gis.services.walking import WalkingGrounds

    with opened() as (factory, scope), measuring(), transaction(factory) as session:
        coverage = cover(session, scope, WalkingGrounds(keep=True), question)
    found = variants(coverage, community, get_settings().suppress_below)
    if as_json:
        print_json(measured(coverage) | {"variants": found})
    else:
        show_variants(measured(coverage), found)
