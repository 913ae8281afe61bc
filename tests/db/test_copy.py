"""What goes in by COPY comes out the same, for every kind of column."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg2
import pytest
import shapely
import sqlalchemy as sa
from geoalchemy2 import Geometry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from gis.database.base import Base
from gis.database.copying import UnfitValueError, encode_rows
from gis.database.frames import copy_frame
from gis.errors import InvalidInputError
from gis.layers import imports, schema  # noqa: F401 - every table is known
from gis.layers.pois import Poi
from gis.layers.queries import table_of
from gis.scope import Scope

pytestmark = pytest.mark.db

TABLE = sa.Table(
    "copied",
    sa.MetaData(),
    sa.Column("n", sa.Integer),
    sa.Column("key", sa.Uuid(as_uuid=False)),
    sa.Column("words", sa.Text),
    sa.Column("small", sa.SmallInteger),
    sa.Column("whole", sa.Integer),
    sa.Column("big", sa.BigInteger),
    sa.Column("real", sa.Double),
    sa.Column("truth", sa.Boolean),
    sa.Column("day", sa.Date),
    sa.Column("moment", sa.DateTime(timezone=True)),
    sa.Column("facts", pg.JSONB(none_as_null=True)),
    sa.Column("skills", pg.ARRAY(sa.Text)),
    sa.Column("packed", sa.LargeBinary),
    sa.Column("point", Geometry("POINT", srid=4326, spatial_index=False)),
    sa.Column("shape", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False)),
    sa.Column("line", Geometry("LINESTRING", srid=4326, spatial_index=False)),
)

words = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00")
    | st.sampled_from("\n\r\t\"'\\\x02,;{}N"),
    max_size=12,
)
degrees = st.floats(-180, 180, allow_subnormal=False)
squares = st.tuples(degrees, degrees, st.floats(0.001, 1)).map(
    lambda t: shapely.box(t[0], t[1], t[0] + t[2], t[1] + t[2])
)
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 1, 1))  # noqa: DTZ001 - the zone follows
row = st.fixed_dictionaries(
    {
        "key": st.uuids().map(str),
        "words": words,
        "small": st.integers(-(2**15), 2**15 - 1),
        "whole": st.integers(-(2**31), 2**31 - 1),
        "big": st.integers(-(2**63), 2**63 - 1),
        "real": st.floats(allow_nan=False),
        "truth": st.booleans(),
        "day": st.dates(),
        "moment": moments.map(lambda value: value.replace(tzinfo=timezone(timedelta(hours=8)))),
        "facts": json.filter(lambda value: value is not None),
        "skills": st.lists(words, max_size=3),
        "packed": st.binary(max_size=12),
        "point": st.tuples(degrees, degrees).map(shapely.Point),
        "shape": squares | squares.map(lambda s: shapely.MultiPolygon([s])),
        "line": st.lists(st.tuples(degrees, degrees), min_size=2, max_size=4).map(
            shapely.LineString
        ),
    }
).flatmap(
    lambda full: st.sets(st.sampled_from(sorted(full))).map(
        lambda absent: {k: None if k in absent else v for k, v in full.items()}
    )
)


@pytest.fixture(scope="module")
def copied(engine):
    """A table with a column of every kind."""
    with engine.begin() as connection:
        TABLE.create(connection)
    yield engine
    with engine.begin() as connection:
        TABLE.drop(connection)


def read_back(session: Session) -> list[dict[str, object]]:
    shown = [
        sa.func.ST_AsEWKB(c).label(c.name) if isinstance(c.type, Geometry) else c
        for c in TABLE.columns
    ]
    found = session.execute(sa.select(*shown).order_by(TABLE.c.n)).mappings().all()
    return [{k: v for k, v in row.items() if k != "n"} for row in found]


def as_stored(name: str, value: object) -> object:
    if isinstance(value, shapely.Geometry):
        if name == "shape" and value.geom_type == "Polygon":
            value = shapely.MultiPolygon([value])
        return shapely.to_wkb(shapely.set_srid(value, 4326), include_srid=True)
    return value


def comparable(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.slow
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(row, min_size=1, max_size=5))
def test_every_kind_of_value_comes_out_as_it_went_in(copied, rows):
    frame = pd.DataFrame({"n": range(len(rows))})
    for name in rows[0]:
        frame[name] = pd.Series([row[name] for row in rows], dtype=object)
    with Session(copied) as session:
        assert copy_frame(session, TABLE, frame) == len(rows)
        back = read_back(session)
        session.rollback()
    for sent, got in zip(rows, back, strict=True):
        for name, value in sent.items():
            assert comparable(got[name]) == as_stored(name, value), name


def stored(engine, frame: pd.DataFrame, name: str) -> list[object]:
    with Session(engine) as session:
        copy_frame(session, TABLE, frame.assign(n=range(len(frame))))
        back = [row[name] for row in read_back(session)]
        session.rollback()
    return back


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("whole", pd.array([1, None], dtype="Int64"), [1, None]),
        ("whole", [1.0, np.nan], [1, None]),
        ("whole", np.array([1, 2.0, None], dtype=object), [1, 2, None]),
        ("whole", ["12", None], [12, None]),
        ("big", pd.array([2**60 + 1, None], dtype="Int64"), [2**60 + 1, None]),
        ("real", [1, 2], [1.0, 2.0]),
        ("real", [np.nan, np.inf], [None, float("inf")]),
        ("real", np.array([1, 2.5, None], dtype=object), [1.0, 2.5, None]),
        ("truth", pd.array([True, None], dtype="boolean"), [True, None]),
        ("words", ["", None], ["", None]),
        ("words", pd.array(["甲", None], dtype="str"), ["甲", None]),
        ("words", np.array([1, "a", np.nan], dtype=object), ["1", "a", None]),
        ("words", pd.Categorical(["a", None, "a"]), ["a", None, "a"]),
        ("day", pd.to_datetime(["2024-05-01", None]), [date(2024, 5, 1), None]),
        ("day", ["2024-05-01", None], [date(2024, 5, 1), None]),
        ("moment", ["2024-05-01T08:00:00+08:00", None], [datetime(2024, 5, 1, tzinfo=UTC), None]),
        (
            "moment",
            pd.to_datetime(["2024-05-01T08:00+08:00", None]),
            [datetime(2024, 5, 1, tzinfo=UTC), None],
        ),
        (
            "key",
            [UUID(int=5), "{00000000000000000000000000000006}"],
            [str(UUID(int=5)), str(UUID(int=6))],
        ),
        ("skills", [("a", None), np.array(["b"], dtype=object)], [["a", None], ["b"]]),
        ("facts", [{"a": [1, None]}, np.nan], [{"a": [1, None]}, None]),
        ("packed", [bytearray(b"\x00\xff"), None], [b"\x00\xff", None]),
    ],
)
def test_other_spellings_of_a_value(copied, name, values, expected):
    assert stored(copied, pd.DataFrame({name: values}), name) == expected


def test_geometries_lose_heights_and_single_polygons_become_collections(copied):
    high = shapely.force_3d(shapely.box(0, 0, 1, 1), 5.0)
    holed = shapely.box(0, 0, 9, 9) - shapely.box(2, 2, 3, 3)
    shapes = [high, shapely.MultiPolygon([holed, shapely.box(10, 10, 11, 11)]), None]
    frame = pd.DataFrame({"shape": np.array(shapes, dtype=object)})
    back = shapely.from_wkb(
        [None if v is None else bytes(v) for v in stored(copied, frame, "shape")]
    )
    assert [None if g is None else g.geom_type for g in back] == ["MultiPolygon"] * 2 + [None]
    assert shapely.get_srid(back[0]) == 4326
    assert not back[0].has_z
    assert back[0].equals(shapely.box(0, 0, 1, 1))
    assert back[1].equals(shapes[1])
    points = gpd.GeoSeries([shapely.Point(1, 2, 3), None, shapely.Point()], crs=4326)
    back = stored(copied, pd.DataFrame({"point": points}), "point")
    assert shapely.from_wkb(bytes(back[0])).equals(shapely.Point(1, 2))
    assert back[1] is None
    assert shapely.from_wkb(bytes(back[2])).is_empty


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("whole", 1.5),
        ("whole", 2**31),
        ("small", 40_000),
        ("whole", "many"),
        ("key", "no uuid"),
        ("day", "yesterday"),
        ("moment", "noon"),
        ("real", "wide"),
        ("packed", "text"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_row(copied, name, bad):
    goods = {"key": str(UUID(int=1)), "day": "2024-05-01", "moment": "2024-05-01T00:00Z"}
    good = (goods | {"packed": b"1"}).get(name, 1)
    frame = pd.DataFrame({name: np.array([good, None, bad], dtype=object)})
    with Session(copied) as session, pytest.raises(UnfitValueError) as told:
        copy_frame(session, TABLE, frame)
    assert told.value.row == 2
    assert f"Row 3, field '{name}'" in told.value.message
    assert str(bad) in told.value.message


def test_ranges_are_taken_as_the_database_writes_them(copied, engine):
    table = sa.Table(
        "spans",
        sa.MetaData(),
        sa.Column("during", pg.TSTZRANGE),
        sa.Column("days", pg.DATERANGE),
    )
    frame = pd.DataFrame(
        {
            "during": [
                "[2024-05-01T08:00:00+08:00,2024-05-01T09:30:00.000001+08:00)",
                "(,2024-05-01T00:00:00+00:00]",
                "[1999-12-31T23:59:59+00:00,)",
                "empty",
                None,
            ],
            "days": ["[2024-05-01,2024-06-01)", "(,1999-12-31)", "[2024-05-01,)", "empty", None],
        }
    )
    with Session(engine) as session:
        table.create(session.connection())
        copy_frame(session, table, frame)
        for name, kind in (("during", "tstzrange"), ("days", "daterange")):
            back = session.execute(sa.select(sa.cast(table.c[name], sa.Text))).scalars().all()
            cast = sa.text(f"SELECT CAST(CAST(:v AS {kind}) AS text)")
            written = [session.execute(cast, {"v": sent}).scalar_one() for sent in frame[name][:-1]]
            assert back == [*written, None]
        session.rollback()
    bad = pd.DataFrame({"during": ["08:00-09:00"]})
    with pytest.raises(UnfitValueError, match="'during': '08:00-09:00' is no tstzrange"):
        encode_rows(bad, [table.c.during])


def test_every_column_of_the_schema_has_a_binary_form():
    for table in Base.metadata.sorted_tables:
        columns = [c for c in table.columns if c.computed is None]
        nothing = pd.DataFrame({c.name: pd.Series([None], dtype=object) for c in columns})
        assert len(encode_rows(nothing, columns)) == 19 + 2 + 4 * len(columns) + 2, table.name


def test_defaults_are_the_databases_where_the_frame_has_no_column(session: Session, scope: Scope):
    number = imports.begin(session, scope, name="x", fingerprint="y")
    frame = gpd.GeoDataFrame(
        {"name": [None, None], "category": ["a", "b"], "source_id": [None, None]},
        geometry=gpd.points_from_xy([117, 118], [31, 32]),
        crs=4326,
    )
    copy_frame(session, table_of(Poi), frame)
    rows = session.execute(sa.select(Poi.id, Poi.import_no, Poi.name, Poi.created_at)).all()
    assert len({row.id for row in rows}) == 2
    assert {row.import_no for row in rows} == {number}
    assert {row.name for row in rows} == {None}
    assert all(row.created_at is not None for row in rows)


def test_the_row_that_the_database_refuses_is_known(session: Session):
    same = [str(UUID(int=n)) for n in (1, 2, 3, 2)]
    frame = gpd.GeoDataFrame(
        {"id": same, "category": "x"}, geometry=gpd.points_from_xy([1] * 4, [2] * 4), crs=4326
    )

    def refused(row: int, error: psycopg2.Error) -> Exception:
        return InvalidInputError(f"{row}: {error.pgcode}")

    with pytest.raises(InvalidInputError, match="3: 23505"):
        copy_frame(session, table_of(Poi), frame, refused=refused)


def test_nothing_is_sent_of_an_empty_frame(session: Session):
    assert copy_frame(session, table_of(Poi), pd.DataFrame({"name": []})) == 0
