"""The plan report: what a plan is, what limits it, and what it changes; one file, no network."""

from pathlib import Path

import folium

from gis.i18n import Language
from maps.page import PageApp, PlainMap, add_tiles, number_elements, render_offline, save_offline
from maps.plan_report_data import PlanReport, PreviousPlan
from maps.plan_report_page import report_page

__all__ = ["PlanReport", "PreviousPlan", "plan_report", "report_chart", "write_plan_report"]

#: In this order: each adds to what the one before has made.
SCRIPTS = (
    "packed.js",
    "dom.js",
    "report.js",
    "report_bars.js",
    "report_map.js",
    "report_tables.js",
)


def report_chart(
    report: PlanReport,
    *,
    language: Language,
    tile_url: str | None = None,
    tile_attribution: str = "",
) -> folium.Map:
    """Return the report as a Folium map with the page around it.

    Parameters
    ----------
    report
        What to tell; see :class:`~maps.plan_report_data.PlanReport`.
    language
        Language of every label and number.
    tile_url, tile_attribution
        As for :func:`maps.coverage.coverage_map`.

    Raises
    ------
    gis.errors.InvalidInputError, gis.errors.CrsMismatchError
        The parts do not fit together; see :meth:`~maps.plan_report_data.PlanReport.check`.
    """
    report.check()
    page = report_page(report, language)
    (south, west), (north, east) = page["bounds"]
    chart = PlainMap(
        page["title"],
        language,
        tag="div",
        location=[(south + north) / 2, (west + east) / 2],
        zoom_start=14,
        tiles=None,
        zoom_control=False,
        control_scale=False,
        min_zoom=7,
        max_zoom=20,
    )
    chart.options["maxZoom"] = 20
    chart.options["zoomSnap"] = 0.25
    add_tiles(chart, tile_url, tile_attribution)
    app = PageApp("WanggeReport.start", page, styles=("report.css",), scripts=SCRIPTS)
    chart.add_child(app, name="report_app")
    number_elements(chart.get_root())
    return chart


def plan_report(
    report: PlanReport,
    *,
    language: Language,
    tile_url: str | None = None,
    tile_attribution: str = "",
) -> str:
    """Return the report as one page of HTML that asks for nothing else.

    Parameters and errors are those of :func:`report_chart`; besides,
    :class:`gis.errors.ConfigurationError` if a browser library is not installed.
    """
    chart = report_chart(
        report, language=language, tile_url=tile_url, tile_attribution=tile_attribution
    )
    return render_offline(chart)


def write_plan_report(
    report: PlanReport,
    path: Path,
    *,
    language: Language,
    tile_url: str | None = None,
    tile_attribution: str = "",
) -> None:
    """Write the report to ``path``, whole or not at all.

    Parameters and errors are those of :func:`plan_report`; besides,
    :class:`gis.errors.DataSourceError` if the file cannot be written.
    """
    chart = report_chart(
        report, language=language, tile_url=tile_url, tile_attribution=tile_attribution
    )
    save_offline(chart, path)
