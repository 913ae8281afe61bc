"""Both catalogues hold exactly what the program says to people."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.pofile import read_po

from gis.coverage.capacity import NO_ROOM, NO_STATION_WITHIN_LIMIT
from gis.coverage.delivery import BEYOND_DELIVERY, NO_STATION_DELIVERS, SERVED
from gis.coverage.shares import PEOPLE
from gis.coverage.siting import OBJECTIVES
from gis.coverage.walking_coverage import REASONS
from gis.districting.options import PRESETS
from gis.districting.plan import LIMITS, NOTES, SENTENCES, ExceptionKind, Fate, Limit
from gis.i18n import CATALOGUES, LANGUAGES, Language
from gis.ingest.audit.kinds import KINDS
from gis.layers.matters import NO_STATION_REASONS
from maps.community_labels import REPORT_TEXTS
from maps.findings_labels import FACTS, FINDING_CODES, FINDINGS_PAGE
from maps.labels import CODES, PAGE, label, readable_hours
from maps.plan_report_labels import READING, REPORT_CODES, REPORT_PAGE, REPORT_SAID
from maps.siting_data import Proof
from maps.siting_labels import SITING_PAGE
from maps.walking_labels import WALKING_PAGE

pytestmark = pytest.mark.maps

ROOT = Path(__file__).parents[2]
FIELD = re.compile(r"\{(\w+)\}")


def catalogue(language: str) -> dict[str, str]:
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


def translated_literals() -> set[str]:
    """Return every literal first argument of ``translate(…)`` in the program.

    ``_reading`` of the commands of maps takes the text that it translates.
    """
    found = set()
    for folder in ("gis", "maps", "api", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and getattr(node.func, "id", getattr(node.func, "attr", ""))
                    in {"translate", "_reading"}
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    found.add(str(node.args[0].value))
    return found


def wanted() -> set[str]:
    lists = {**CODES, **FINDING_CODES, **REPORT_CODES}
    codes = {f"{kind}:{code}" for kind, items in lists.items() for code in items}
    texts = {*PAGE.values(), *FINDINGS_PAGE.values(), *FACTS.values(), *SENTENCES.values()}
    texts |= {
        *LIMITS.values(),
        *WALKING_PAGE.values(),
        *SITING_PAGE.values(),
        *REPORT_TEXTS.values(),
        *NOTES.values(),
        *REPORT_PAGE.values(),
        *REPORT_SAID.values(),
        *(text for pair in READING for text in pair),
    }
    return codes | texts | {kind.remedy for kind in KINDS.values()} | translated_literals()


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_is_complete_and_holds_nothing_unused(language: Language):
    entries = catalogue(language)
    assert set(entries) == wanted()
    assert [message for message, text in entries.items() if not text.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_fields_of_their_message(language: Language):
    english = catalogue("en")
    for message, text in catalogue(language).items():
        # The id of a code says nothing of its fields; its English text does.
        source = english[message] if re.fullmatch(r"\w+:\w+", message) else message
        assert set(FIELD.findall(text)) == set(FIELD.findall(source)), message


def test_chinese_is_chinese():
    latin = {m for m, text in catalogue("zh-CN").items() if not re.search(r"[一-鿿]", text)}
    assert latin <= {"{part} of {total}", "{day} {from}–{to}", "counted:walked"}


def test_codes_follow_the_program():
    assert set(CODES["exception"]) == set(get_args(ExceptionKind))
    assert set(REPORT_CODES["limit"]) == set(get_args(Limit))
    assert set(REPORT_CODES["fate"]) == set(get_args(Fate))
    assert set(REPORT_CODES["preset"]) == set(PRESETS)
    assert CODES["people"] == PEOPLE
    assert CODES["served"] == SERVED
    assert set(CODES["objective"]) == set(OBJECTIVES)
    assert set(CODES["proof"]) == set(get_args(Proof))
    of_people = {NO_STATION_DELIVERS, BEYOND_DELIVERY, NO_STATION_WITHIN_LIMIT, NO_ROOM}
    assert set(CODES["reason"]) == {*REASONS, *of_people, *NO_STATION_REASONS}


def test_every_text_of_the_page_is_asked_for():
    asking = [
        *(ROOT / "maps/static").glob("*.js"),
        *(path for path in (ROOT / "maps").glob("*.py") if path.name != "labels.py"),
    ]
    source = "\n".join(path.read_text(encoding="utf-8") for path in asking)
    families = ("metric_", "legend_", "layer_")  # asked for by a key made of two parts
    unused = [
        key
        for key in PAGE
        if not key.startswith(families) and not re.search(rf"\bt(exts)?\.{key}\b|\"{key}\"", source)
    ]
    assert unused == []


def test_every_text_of_the_walking_map_is_asked_for():
    asking = [*(ROOT / "maps/static").glob("*.js"), *(ROOT / "maps").glob("walking*.py")]
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in asking if "labels" not in path.name
    )
    families = ("method_", "unit_", "speed_", "view_", "layer_")  # keys made of two parts
    unused = [
        key
        for key in WALKING_PAGE
        if not key.startswith(families) and not re.search(rf"\bt(exts)?\.{key}\b|\"{key}\"", source)
    ]
    assert unused == []


def test_every_text_of_the_map_of_a_siting_is_asked_for():
    script = "\n".join(
        (ROOT / "maps/static" / name).read_text(encoding="utf-8")
        for name in ("siting.js", "blob.js")
    )
    unused = [key for key in SITING_PAGE if not re.search(rf"\bt(exts)?\.{key}\b", script)]
    assert [key for key in unused if not key.startswith(("proof_", "speed_"))] == []
    assert "speed_${" in script


def test_every_text_of_the_page_of_findings_is_asked_for():
    script = (ROOT / "maps/static/findings.js").read_text(encoding="utf-8")
    unused = [key for key in FINDINGS_PAGE if not re.search(rf"\bt\.{key}\b", script)]
    assert set(unused) == {"title", "audited"}  # these are filled in where the data are made


def test_every_text_of_the_report_is_asked_for():
    scripts = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "maps/static").glob("report*.js")
    )
    unused = [key for key in REPORT_PAGE if not re.search(rf"\bt\.{key}\b|\"{key}\"", scripts)]
    assert set(unused) == {"title"}  # the heading of a report without one
    source = "\n".join(
        (ROOT / f"maps/plan_report_{name}.py").read_text(encoding="utf-8")
        for name in ("page", "figures")
    )
    assert [key for key in REPORT_SAID if f'"{key}"' not in source] == []


def test_an_unknown_code_is_shown_as_it_is():
    assert label("exception", "something_new", "zh-CN") == "something new"


@pytest.mark.parametrize(
    ("hours", "english", "chinese"),
    [
        ("24/7", "day and night, every day", "全天二十四小时"),
        (
            "Mo-Fr 08:00-20:00; Sa,Su 09:00-21:00; PH off",
            "Mon–Fri 08:00–20:00; Sat,Sun 09:00–21:00; public holidays closed",
            "周一–周五 08:00–20:00; 周六,周日 09:00–21:00; 公众假日 不开放",
        ),
    ],
)
def test_hours_are_put_into_words(hours: str, english: str, chinese: str):
    assert readable_hours(hours, "en") == english
    assert readable_hours(hours, "zh-CN") == chinese
