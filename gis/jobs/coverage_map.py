"""The coverage map: what the store says about coverage, drawn and saved as one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gis.i18n import code_label
from gis.services.covering import CoverageView
from maps.coverage import CoverageMapData, Scenario, coverage_map, render_offline, save_offline

if TYPE_CHECKING:
    import folium

    from gis.i18n import Language


@dataclass(frozen=True, slots=True)
class CoverageMapOrder:
    """How the map is to look.

    Parameters
    ----------
    title
        Heading.
    language
        Language of the labels.
    suppress_below
        Counts from 1 to this less one are not shown.
    people_within
        Whether people within reach are told, or homes alone.
    tile_url, tile_attribution
        Optional tile background.
    """

    title: str
    language: "Language"
    suppress_below: int = 3
    people_within: bool = True
    tile_url: str | None = None
    tile_attribution: str = ""


def write_coverage_map(view: CoverageView, order: CoverageMapOrder, path: Path) -> None:
    """Save the map as one file that opens without a network."""
    save_offline(_drawn(view, order), path)


def coverage_page(view: CoverageView, order: CoverageMapOrder) -> str:
    """Return the map as one page of HTML that asks for nothing else."""
    return render_offline(_drawn(view, order))


def _drawn(view: CoverageView, order: CoverageMapOrder) -> "folium.Map":
    data = CoverageMapData(
        title=order.title,
        plan_name=view.plan_name or code_label("plan_kind", view.plan_kind, order.language),
        moment=view.reference.moment,
        drawn_on=view.drawn_on,
        synthetic=view.synthetic,
        attribution=view.attribution,
        communities=view.communities,
        grids=view.grids,
        buildings=view.buildings,
        stations=view.stations,
        station_services=view.station_services,
        scenarios=[Scenario(s.key, s.service, s.moment) for s in view.scenarios],
        distances=view.distances,
        nearest=view.nearest,
        serving=view.serving,
        gaps=view.gaps,
        density=view.density[view.density["count"] >= order.suppress_below],
        roads=view.roads,
        barriers=view.barriers,
        quarters=view.quarters,
        target=view.target,
        minimum=view.minimum,
        maximum=view.maximum,
        suppress_below=order.suppress_below,
        people_within=order.people_within,
    )
    return coverage_map(
        data,
        language=order.language,
        tile_url=order.tile_url,
        tile_attribution=order.tile_attribution,
    )
