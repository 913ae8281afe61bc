"""The frame contracts: what a layer's frame looks like, one module per noun."""

from gis.frames.activities import ACTIVITIES
from gis.frames.barriers import BARRIER_CLASSES, BARRIERS, BarrierClass
from gis.frames.buildings import BUILDING_USES, BUILDINGS, UNITS
from gis.frames.cells import CELL_BORDERS, CELLS
from gis.frames.communities import COMMUNITIES
from gis.frames.contract import Column, FrameContract, Unit, stable_ids
from gis.frames.crossings import CROSSING_KINDS, CROSSINGS
from gis.frames.dataset import Dataset
from gis.frames.dedicated_areas import DEDICATED_AREAS
from gis.frames.demands import DEMANDS
from gis.frames.divisions import DIVISIONS
from gis.frames.grids import (
    BUILDING_GRIDS,
    CELL_GRIDS,
    GRID_KINDS,
    GRIDS,
    PLAN_KINDS,
    PLAN_STATUSES,
)
from gis.frames.incidents import INCIDENTS, SERVED_GROUPS
from gis.frames.indicators import AREA_KINDS, INDICATORS
from gis.frames.organisations import ORGANISATION_KINDS, ORGANISATIONS
from gis.frames.plans import PLANS
from gis.frames.pois import POIS
from gis.frames.posts import POST_ROLES, POSTS
from gis.frames.quarters import QUARTERS
from gis.frames.roads import ROADS
from gis.frames.stations import (
    CAPACITY_PERIODS,
    DELIVERY_MEANS,
    FEE_CLASSES,
    SERVICE_MODES,
    SERVICES,
    STATION_SERVICES,
    STATION_STATUSES,
    STATION_TIERS,
    STATIONS,
)

__all__ = [
    "ACTIVITIES",
    "AREA_KINDS",
    "BARRIERS",
    "BARRIER_CLASSES",
    "BUILDINGS",
    "BUILDING_GRIDS",
    "BUILDING_USES",
    "CAPACITY_PERIODS",
    "CELLS",
    "CELL_BORDERS",
    "CELL_GRIDS",
    "COMMUNITIES",
    "CROSSINGS",
    "CROSSING_KINDS",
    "DEDICATED_AREAS",
    "DELIVERY_MEANS",
    "DEMANDS",
    "DIVISIONS",
    "FEE_CLASSES",
    "GRIDS",
    "GRID_KINDS",
    "INCIDENTS",
    "INDICATORS",
    "ORGANISATIONS",
    "ORGANISATION_KINDS",
    "PLANS",
    "PLAN_KINDS",
    "PLAN_STATUSES",
    "POIS",
    "POSTS",
    "POST_ROLES",
    "QUARTERS",
    "ROADS",
    "SERVED_GROUPS",
    "SERVICES",
    "SERVICE_MODES",
    "STATIONS",
    "STATION_SERVICES",
    "STATION_STATUSES",
    "STATION_TIERS",
    "UNITS",
    "BarrierClass",
    "Column",
    "Dataset",
    "FrameContract",
    "Unit",
    "stable_ids",
]
