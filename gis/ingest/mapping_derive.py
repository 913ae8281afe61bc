"""What a mapping file says is to be derived from what the file holds."""

from dataclasses import dataclass

from gis.errors import InvalidInputError
from gis.frames import FEE_CLASSES, SERVICES, STATION_TIERS
from gis.ingest.osm.households import HouseholdOptions

BBox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class StationRule:
    """Points of interest of some categories that are stations.

    Parameters
    ----------
    categories
        Categories of the mapped points of interest.
    tier, services, fee_class, opening_hours
        Of every station so found; hours in the grammar of OSM's ``opening_hours``, empty: unknown.
    name
        Name of those that have none; empty: they are left out.
    """

    categories: tuple[str, ...]
    tier: str
    services: tuple[str, ...]
    fee_class: str = "public"
    opening_hours: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse codes that stations do not have, and hours that do not read."""
        known = (
            ("tier", (self.tier,), STATION_TIERS),
            ("services", self.services, SERVICES),
            ("fee_class", (self.fee_class,), FEE_CLASSES),
        )
        for field, codes, choices in known:
            for code in codes:
                if code not in choices:
                    msg = f"{field}: {code!r} is not known."
                    raise InvalidInputError(
                        msg, remedy=f"Use one of: {', '.join(choices)}.", field=field
                    )
        if not self.categories or not self.services:
            msg = "A rule for stations names no category, or no service."
            raise InvalidInputError(msg, remedy="Give both.", field="stations")
        if self.opening_hours:
            import opening_hours

            if not opening_hours.validate(self.opening_hours):
                msg = f"opening_hours: {self.opening_hours!r} cannot be read."
                raise InvalidInputError(
                    msg, remedy="Write them as 'Mo-Fr 09:00-17:00' or '24/7'.", field="hours"
                )


@dataclass(frozen=True, slots=True)
class DeriveOptions:
    """What is derived; what the file's own layers hold is never replaced.

    Parameters
    ----------
    households
        How households are estimated in buildings that say none; ``None``: they have none.
    community_households
        Households of a derived community, about; ``None``: communities are not derived.
    quarter_margin_m
        Quarters are drawn so far around the buildings that name them; ``None``: they are not.
    barriers, crossings
        Whether barriers are made of arterials, water, railways and walls of quarters, and crossings
        of bridges, underpasses and gates.
    stations
        Which points of interest are stations.
    bbox
        West, south, east, north in degrees of the ground; ``None``: the extent of the buildings.
    name
        Name of the ground (a subdistrict); empty: that of the source.
    """

    households: HouseholdOptions | None = None
    community_households: int | None = None
    quarter_margin_m: float | None = None
    barriers: bool = False
    crossings: bool = False
    stations: tuple[StationRule, ...] = ()
    bbox: BBox | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers that no place has."""
        size, margin = self.community_households, self.quarter_margin_m
        if size is not None and not 10 <= size <= 1_000_000:
            msg = f"communities.households is {size}."
            raise InvalidInputError(
                msg, remedy="Give a number from 10 to 1,000,000.", field="households"
            )
        if margin is not None and not 0 < margin <= 100:
            msg = f"quarters.margin_m is {margin}."
            raise InvalidInputError(msg, remedy="Give metres, up to 100.", field="margin_m")
        if self.bbox is not None:
            west, south, east, north = self.bbox
            if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
                msg = f"bbox {list(self.bbox)} is none."
                raise InvalidInputError(
                    msg, remedy="Give [west, south, east, north] in degrees.", field="bbox"
                )
