"""Mappings are remembered by source and recalled for the next file, unless they do not fit."""

import tomllib
from pathlib import Path

import pytest
from sqlalchemy import text

from gis.errors import ForbiddenError, InvalidInputError
from gis.ingest.mapping_file import parse_mapping
from gis.scope import Scope
from gis.services import mappings

pytestmark = pytest.mark.db

MAPPING = parse_mapping(
    tomllib.loads(
        """
        source = "buildings"
        [[layers]]
        layer = "buildings"
        [layers.where]
        "状态" = "在用"
        [layers.fields]
        "楼名" = "name"
        "户数" = "households"
        """
    ),
    "m.toml",
)
COLUMNS = ("楼名", "户数", "状态", "备注")
FIRST = Path("明光路楼栋台账_2024年8月.xlsx")
NEXT = Path("明光路楼栋台账 20240905 最新.xlsx")


def test_the_next_file_of_a_source_is_read_alike(session):
    scope = Scope.local_owner()
    assert mappings.recall(session, scope, COLUMNS, path=FIRST) is None
    name = mappings.remember(session, scope, MAPPING, path=FIRST)
    found = mappings.recall(session, scope, COLUMNS, path=NEXT)
    assert found is not None
    assert found.source == name == "明光路楼栋台账.xlsx"
    assert found.fits
    assert found.require_fit() == MAPPING
    assert found.new == ("备注",)
    assert mappings.recall(session, scope, COLUMNS, path=Path("别处.xlsx")) is None


def test_a_mapping_that_does_not_fit_is_said_and_not_used(session):
    scope = Scope.local_owner()
    mappings.remember(session, scope, MAPPING, path=FIRST)
    found = mappings.recall(session, scope, ("楼栋名称", "户数"), path=NEXT)
    assert found is not None
    assert not found.fits
    assert found.missing == ("楼名", "状态")
    with pytest.raises(InvalidInputError, match=r"楼名.*楼栋名称"):
        found.require_fit()


def test_a_given_name_counts_and_the_last_mapping_stays(session):
    scope = Scope.local_owner()
    mappings.remember(session, scope, MAPPING, source="民政")
    other = parse_mapping(
        {"source": "b", "layers": [{"layer": "pois", "fields": {"类": ["name", "category"]}}]}, "o"
    )
    mappings.remember(session, scope, other, source="民政")
    found = mappings.recall(session, scope, ("类",), source="民政", path=FIRST)
    assert found is not None
    assert found.mapping == other
    count = text("SELECT count(*) FROM import_mappings WHERE source = '民政'")
    assert session.execute(count).scalar_one() == 1
    with pytest.raises(InvalidInputError, match="Neither"):
        mappings.recall(session, scope, ())


def test_what_cannot_be_read_any_more_is_said(session):
    scope = Scope.local_owner()
    mappings.remember(session, scope, MAPPING, source="旧")
    broken = text("UPDATE import_mappings SET mapping = jsonb_set(mapping, '{old}', '1')")
    session.execute(broken)
    found = mappings.recall(session, scope, COLUMNS, source="旧")
    assert found is not None
    assert found.mapping is None
    with pytest.raises(InvalidInputError, match="old"):
        found.require_fit()


def test_who_may_not_write_may_not_remember(session):
    with pytest.raises(ForbiddenError):
        mappings.remember(session, Scope("nobody"), MAPPING, path=FIRST)
