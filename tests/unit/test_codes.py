"""Codes: what is encoded is decoded, and what cannot be is named with its remedy."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.codes import CODECS, DivisionCode, GridCode, GridCodec, UnitGrid14, UnitGrid15, codec
from gis.errors import InvalidInputError

pytestmark = pytest.mark.unit

part = st.integers(1, 999).map("{:03}".format)
county = st.integers(100000, 999999).map(str)
communities = st.builds("{}{}{}".format, county, part, part)
MINGGUANG = "340102001004"


@settings(deadline=None)
@given(communities, st.sampled_from(sorted(CODECS)), st.data())
def test_decoding_undoes_encoding(community: str, name: str, data: st.DataObject) -> None:
    chosen = codec(name)
    sequence = data.draw(st.integers(1, chosen.capacity))
    code = chosen.encode(community, sequence)
    assert chosen.decode(code) == GridCode(DivisionCode(community), sequence)
    assert code.isdigit()


@settings(deadline=None)
@given(communities, st.lists(st.integers(1, 99), unique=True, min_size=2))
def test_codes_sort_as_their_sequences_and_differ(community: str, sequences: list[int]) -> None:
    for chosen in CODECS.values():
        codes = [chosen.encode(community, sequence) for sequence in sorted(sequences)]
        assert codes == sorted(set(codes))


@settings(deadline=None)
@given(
    st.text(max_size=16) | st.from_regex(r"[0-9]{14,15}", fullmatch=True),
    st.sampled_from(sorted(CODECS)),
)
def test_any_text_is_decoded_or_refused_with_a_remedy(text: str, name: str) -> None:
    decoded = None
    with contextlib.suppress(InvalidInputError):
        decoded = codec(name).decode(text)
    if decoded is None:
        with pytest.raises(InvalidInputError) as caught:
            codec(name).decode(text)
        assert caught.value.remedy
    else:
        assert codec(name).encode(decoded.division.value, decoded.sequence) == text


def test_the_published_layouts() -> None:
    assert UnitGrid15.encode(MINGGUANG, 7) == "340102001004007"
    assert UnitGrid14.encode(MINGGUANG, 7) == "34010200100407"
    assert UnitGrid14.encode(MINGGUANG, 0) == "34010200100400"  # the whole community
    assert all(isinstance(chosen, GridCodec) for chosen in CODECS.values())


@pytest.mark.parametrize(
    ("name", "sequence", "capacity"),
    [("unit_grid_15", 1000, 999), ("unit_grid_15", 0, 999), ("unit_grid_14", 100, 99)],
)
def test_a_sequence_that_does_not_fit_names_the_capacity(
    name: str, sequence: int, capacity: int
) -> None:
    with pytest.raises(InvalidInputError, match=f"to {capacity}") as caught:
        codec(name).encode(MINGGUANG, sequence)
    assert caught.value.context["capacity"] == capacity
    assert name in caught.value.message


@pytest.mark.parametrize(
    "code",
    ["34010200100", "3401020010041", "34010200100x", "000000000001", "340102000004", "３" * 12],
)
def test_a_division_code_that_names_nothing_is_refused(code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        DivisionCode(code)
    assert code in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("code", ["340102001000", "340102000000"])
def test_grids_lie_in_communities_only(code: str) -> None:
    with pytest.raises(InvalidInputError, match="names a"):
        UnitGrid15.encode(code, 1)


def test_the_parts_of_a_division_code() -> None:
    community = DivisionCode.parse(MINGGUANG)
    subdistrict, county_code = DivisionCode.parse("340102001"), DivisionCode.parse(" 340102 ")
    assert (community.county, community.subdistrict) == ("340102", "340102001")
    assert community.community == MINGGUANG == str(community)
    assert [code.level for code in (county_code, subdistrict, community)] == [
        "county",
        "subdistrict",
        "community",
    ]
    assert community.parent == subdistrict
    assert subdistrict.parent == county_code
    assert county_code.parent is None


@pytest.mark.parametrize("text", ["", "3401", "34010200100412"])
def test_only_three_lengths_are_division_codes(text: str) -> None:
    with pytest.raises(InvalidInputError, match="characters"):
        DivisionCode.parse(text)


def test_an_unknown_codec_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="unit_grid_14"):
        codec("unit_grid_16")
