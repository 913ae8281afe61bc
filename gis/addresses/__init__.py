"""Addresses: Chinese descriptions of places to buildings, quarters, crossings and stops; pure."""

from gis.addresses.gazetteer import LAYER_OF, PLACE_KINDS, Gazetteer, Place
from gis.addresses.match import (
    MATCH_COLUMNS,
    Candidate,
    Match,
    MatchOptions,
    match_addresses,
    match_texts,
)
from gis.addresses.normalise import normalise
from gis.addresses.parse import Parts, parse
from gis.addresses.sources import GazetteerOptions, build_gazetteer, gazetteer_of_places

__all__ = [
    "LAYER_OF",
    "MATCH_COLUMNS",
    "PLACE_KINDS",
    "Candidate",
    "Gazetteer",
    "GazetteerOptions",
    "Match",
    "MatchOptions",
    "Parts",
    "Place",
    "build_gazetteer",
    "gazetteer_of_places",
    "match_addresses",
    "match_texts",
    "normalise",
    "parse",
]
