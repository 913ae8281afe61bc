"""Codes of divisions and grids: pluggable codecs; the key of a row is always its UUID."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol, Self, runtime_checkable

from gis.errors import InvalidInputError

_LEVEL_DIGITS = MappingProxyType({6: "county", 9: "subdistrict", 12: "community"})


@dataclass(frozen=True, slots=True, order=True)
class DivisionCode:
    """A 12-digit division code: 6 county + 3 subdistrict + 3 community.

    A division above the community ends in zeros: ``340102001000`` is a subdistrict.

    Parameters
    ----------
    value
        The twelve digits.

    Examples
    --------
    >>> DivisionCode.parse("340102001").value
    '340102001000'
    >>> DivisionCode("340102001004").level
    'community'
    """

    value: str

    def __post_init__(self) -> None:
        """Refuse a code that names no division."""
        if not re.fullmatch(r"[0-9]{12}", self.value):
            msg = f"Division code {self.value!r} is not 12 digits."
            raise InvalidInputError(
                msg,
                remedy="Write 6 digits for the county, 3 for the subdistrict, 3 for the community.",
                field="code",
                value=self.value,
            )
        orphan = self.value[6:9] == "000" and self.value[9:] != "000"
        if self.value.startswith("00") or orphan:
            what = "a community without a subdistrict" if orphan else "no province"
            msg = f"Division code {self.value!r} names {what}."
            raise InvalidInputError(msg, remedy="Check its digits.", field="code", value=self.value)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the code for 6, 9 or 12 digits; a short form is padded with zeros."""
        digits = text.strip()
        if len(digits) not in _LEVEL_DIGITS:
            msg = f"Division code {text!r} has {len(digits)} characters."
            raise InvalidInputError(
                msg,
                remedy="Use 12 digits, or 9 or 6 for a division above.",
                field="code",
                value=text,
            )
        return cls(digits.ljust(12, "0"))

    @property
    def county(self) -> str:
        """The first 6 digits."""
        return self.value[:6]

    @property
    def subdistrict(self) -> str:
        """The first 9 digits."""
        return self.value[:9]

    @property
    def community(self) -> str:
        """All 12 digits."""
        return self.value

    @property
    def level(self) -> str:
        """``county``, ``subdistrict`` or ``community``: the level of the division it names."""
        if self.value[9:] != "000":
            return "community"
        return "county" if self.value[6:9] == "000" else "subdistrict"

    @property
    def parent(self) -> "DivisionCode | None":
        """The code of the division above; a county has none here."""
        parents = {"community": self.subdistrict, "subdistrict": self.county, "county": ""}
        digits = parents[self.level]
        return DivisionCode(digits.ljust(12, "0")) if digits else None

    def __str__(self) -> str:
        return self.value


class GridCode(NamedTuple):
    """What a grid code says: the community, and the number of the grid in it (0: all of it)."""

    division: DivisionCode
    sequence: int


@runtime_checkable
class GridCodec(Protocol):
    """A layout of grid codes.

    ``decode`` is the inverse of ``encode``; both raise
    :class:`~gis.errors.InvalidInputError` with a remedy.
    """

    @property
    def name(self) -> str:
        """Name in settings and in the registry."""

    @property
    def capacity(self) -> int:
        """The largest sequence within one community."""

    def encode(self, division_code: str, sequence: int) -> str:
        """Return the code of grid ``sequence`` of a community."""

    def decode(self, code: str) -> GridCode:
        """Return the community and sequence of ``code``."""


@dataclass(frozen=True, slots=True)
class SequenceCodec:
    """A community's 12 digits followed by the grid's number, zero-padded.

    Parameters
    ----------
    name
        Name in settings and in the registry.
    digits
        How many digits the number has.
    first
        The smallest sequence; 0 where it stands for the whole community.
    """

    name: str
    digits: int
    first: int

    @property
    def capacity(self) -> int:
        """The largest sequence within one community."""
        return int(10**self.digits) - 1

    def encode(self, division_code: str, sequence: int) -> str:
        """Return the code of grid ``sequence`` of the community ``division_code``.

        Raises
        ------
        gis.errors.InvalidInputError
            The division is no community, or the sequence does not fit.
        """
        division = self._community(division_code)
        if not self.first <= sequence <= self.capacity:
            msg = (
                f"Grid {sequence} of community {division} has no code: {self.name} "
                f"numbers {self.first} to {self.capacity}."
            )
            raise InvalidInputError(
                msg,
                remedy="Use a codec with more digits, or fewer grids in this community.",
                field="sequence",
                value=sequence,
                capacity=self.capacity,
            )
        return f"{division}{sequence:0{self.digits}}"

    def decode(self, code: str) -> GridCode:
        """Return the community and sequence of ``code``.

        Raises
        ------
        gis.errors.InvalidInputError
            The code has another length, is not digits, or names no community or grid.
        """
        if not re.fullmatch(rf"[0-9]{{{12 + self.digits}}}", code):
            msg = f"Grid code {code!r} is not {12 + self.digits} digits, as {self.name} asks."
            raise InvalidInputError(
                msg, remedy=f"Check it, or choose one of {_names()}.", field="code", value=code
            )
        sequence = int(code[12:])
        if sequence < self.first:
            msg = (
                f"Grid code {code!r} has the number {sequence}; {self.name} starts at {self.first}."
            )
            raise InvalidInputError(msg, remedy="Check the code.", field="code", value=code)
        return GridCode(self._community(code[:12]), sequence)

    def _community(self, division_code: str) -> DivisionCode:
        division = DivisionCode(division_code)
        if division.level != "community":
            msg = (
                f"Division code {division} names a {division.level}, and grids lie in communities."
            )
            raise InvalidInputError(
                msg,
                remedy="Give the community its own last three digits.",
                field="code",
                value=division_code,
            )
        return division


#: 6 + 3 + 3 digits of the community and a sequence of 3, as in Beijing's standard.
UnitGrid15 = SequenceCodec("unit_grid_15", digits=3, first=1)
#: 9 + 3 digits of the community and a sequence of 2; 00 is the whole community.
UnitGrid14 = SequenceCodec("unit_grid_14", digits=2, first=0)

CODECS: Mapping[str, GridCodec] = MappingProxyType(
    {codec.name: codec for codec in (UnitGrid15, UnitGrid14)}
)


def codec(name: str) -> GridCodec:
    """Return the codec called ``name``.

    Raises
    ------
    gis.errors.InvalidInputError
        There is none of that name; the error lists those there are.
    """
    try:
        return CODECS[name]
    except KeyError as error:
        msg = f"There is no grid codec {name!r}."
        raise InvalidInputError(
            msg, remedy=f"Use one of {_names()}.", field="codec", value=name
        ) from error


def _names() -> str:
    return ", ".join(CODECS)
