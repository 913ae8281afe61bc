"""Encodings: the bytes decide, what is claimed is checked, and nothing broken comes through."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gis.errors import DataSourceError, InvalidInputError
from gis.ingest.formats.encodings import (
    TextEvidence,
    codec_of,
    decode_cut,
    encoding_of_file,
    feed_lines,
    feed_values,
)

pytestmark = pytest.mark.geometry

HANZI = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
CHINESE = st.text(st.one_of(HANZI, st.sampled_from("0123456789ABab ,-")), min_size=1, max_size=30)


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "text.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("GBK", "gb18030"),
        ("gb2312", "gb18030"),
        ("936", "gb18030"),
        ("CP936", "gb18030"),
        ("ANSI 936", "gb18030"),
        ("ANSI_936", "gb18030"),
        ("GB18030", "gb18030"),
        ("54936", "gb18030"),
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("65001", "utf-8"),
        ("88591", "iso8859-1"),
        ("1252", "cp1252"),
        ("klingon", None),
        ("", None),
    ],
)
def test_encodings_have_many_names(name: str, codec: str | None):
    assert codec_of(name) == codec


@pytest.mark.parametrize("codec", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"])
@settings(max_examples=40, deadline=None)
@given(text=st.lists(CHINESE, min_size=1, max_size=6))
def test_a_text_file_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, codec: str, text: list[str]
):
    # one line that is Chinese beyond doubt: a lone pair of bytes may be either encoding
    lines = "\n".join(["名称,桂林路社区居民委员会", *text])
    path = write(tmp_path_factory.mktemp("text"), lines.encode(codec))
    assert path.read_bytes().decode(encoding_of_file(path).codec) == lines


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1 << 20])
def test_characters_cut_by_chunks_are_whole(size: int):
    for codec in ("gb18030", "utf-8"):
        data = "桂林路㐂𠮷幢\n".encode(codec) * 20
        evidence = TextEvidence("x.csv")
        feed_lines(evidence, (data[at : at + size] for at in range(0, len(data), size)))
        assert evidence.decide().codec == codec


def test_what_is_declared_wins_but_must_fit(tmp_path: Path):
    gbk = write(tmp_path, "id,名称\n1,东门\n2,桂林路\n".encode("gbk"))
    with pytest.raises(DataSourceError, match=r"line 1: C3 FB.* is not UTF-8.*text is GB18030"):
        encoding_of_file(gbk, "utf-8")
    late = write(tmp_path, ("id,name\n1,x\n" + "2,东门\n").encode("gbk"))
    with pytest.raises(DataSourceError, match="line 3: "):
        encoding_of_file(late, "utf-8")
    assert encoding_of_file(late, "gbk").codec == "gb18030"
    with pytest.raises(InvalidInputError, match="no encoding 'klingon'"):
        encoding_of_file(late, "klingon")
    with pytest.raises(InvalidInputError, match="no encoding 'base64'"):
        encoding_of_file(late, "base64")


@settings(max_examples=50, deadline=None)
@given(st.text(HANZI, min_size=2, max_size=20))
@example("联通")  # the two characters that a famous editor takes for UTF-8
def test_utf8_declared_as_gbk_is_found_out_and_the_reverse(text: str):
    for codec, wrong in (("utf-8", "gbk"), ("gbk", "utf-8")):
        evidence = TextEvidence("x", wrong)
        feed_lines(evidence, [text.encode(codec)])
        if wrong == "utf-8" and _fits_utf8(text.encode("gbk")):
            continue  # such bytes are either; the declaration decides
        with pytest.raises(DataSourceError, match="which was declared"):
            evidence.decide()


def _fits_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_text_that_is_neither_is_refused_with_both_places(tmp_path: Path):
    path = write(tmp_path, b"a,b\n1,\xe9\xff\n")
    with pytest.raises(DataSourceError, match=r"not known: line 2: .*not UTF-8; line 2: .*GB18030"):
        encoding_of_file(path)


def test_latin_text_is_read_as_it_claims_and_chinese_is_not():
    for text, codec in (("Café, Peñón, São", "latin-1"), ("桂林路", "gbk")):
        evidence = TextEvidence("x", None, ("ISO-8859-1", ".cpg"))
        feed_lines(evidence, [text.encode(codec)])
        found = evidence.decide()
        assert text.encode(codec).decode(found.codec) == text


def test_accents_in_latin_words_are_utf8():
    evidence = TextEvidence("x")
    feed_lines(evidence, ["España, Gáldar, Telde\n".encode()])
    assert evidence.decide().codec == "utf-8"


def test_a_text_that_fits_both_is_said_so():
    evidence = TextEvidence("x")
    feed_lines(evidence, ["茅".encode("gbk")])
    decision = evidence.decide()
    assert decision.codec == "gb18030"
    assert "fits UTF-8 as well" in decision.notes[0]
    claimed = TextEvidence("x", None, ("UTF-8", ".cpg"))
    feed_lines(claimed, ["茅".encode("gbk")])
    assert claimed.decide().codec == "utf-8"


@settings(max_examples=50, deadline=None)
@given(st.text(HANZI, min_size=1, max_size=12), st.sampled_from(["gbk", "gb18030", "utf-8"]))
def test_values_cut_at_the_width_of_their_field_lose_only_the_broken_rest(text: str, codec: str):
    whole = text.encode(codec)
    for width in range(1, len(whole) + 1):
        value = whole[:width]
        back = decode_cut(value, codec)
        assert text.startswith(back)
        assert len(back.encode(codec)) > width - 4
        evidence = TextEvidence("x.dbf", codec)
        surely = "桂林路社区居民委员会".encode(codec)
        feed_values(evidence, [surely, value], str, width)
        decision = evidence.decide()
        assert ("cut amid" in "".join(decision.notes)) == (back.encode(codec) != value)


def test_a_value_broken_before_the_end_of_its_field_is_a_fault():
    evidence = TextEvidence("x.dbf", "gbk")
    feed_values(evidence, [b"ab", "路".encode("gbk")[:1]], lambda n: f"row {n + 1}", 80)
    with pytest.raises(DataSourceError, match="row 2: the byte C2 is not GB18030"):
        evidence.decide()
