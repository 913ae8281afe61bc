"""The documentation as it stands: links lead somewhere, lists are complete, commands exist."""

import ast
import importlib.util
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.main import app
from gis.settings import Settings

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "data").rglob("*.md")])
ADRS = sorted((DOCS / "adr").glob("[0-9]*.md"))
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\bWANGGE_[A-Z_]+\b")


def named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", paths, ids=[str(p.relative_to(ROOT)) for p in paths])


def prose(page: Path) -> str:
    """Return a page without its code."""
    return INLINE.sub("", FENCED.sub("", page.read_text(encoding="utf-8")))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors that a page's headings make, as GitHub does."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


def broken_links(page: Path, root: Path = ROOT) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        reached = path.exists() and path.is_relative_to(root)
        if not reached or (anchor and anchor not in anchors(path)):
            broken.append(target)
    return broken


@named(PAGES)
def test_relative_links_and_pictures_lead_somewhere(page: Path):
    assert broken_links(page) == []


def test_a_broken_link_would_be_found(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](gone.md) ![b](no.png) [c](#other) [d](#a-title) `[e](f.md)`\n")
    assert broken_links(page, tmp_path) == ["gone.md", "no.png", "#other"]


@named(PAGES)
def test_a_page_has_one_title_and_no_loose_ends(page: Path):
    text = prose(page)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", text)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_front_door_shows_the_map_and_the_two_commands(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.search(r"!\[[^\]]+\]\(docs/images/coverage-map", text)
    assert "./run demo" in text
    assert "./run test" in text
    assert "© OpenStreetMap contributors" in text


def test_both_front_doors_say_the_same_things():
    doors = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
    counts = [(len(re.findall(r"^## ", door, re.MULTILINE)), door.count("\n- ")) for door in doors]
    assert counts[0] == counts[1]
    commands = [re.findall(r"^(\./run exec wangge \w+)", door, re.MULTILINE) for door in doors]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("picture", sorted((DOCS / "images").iterdir()), ids=lambda p: p.name)
def test_pictures_are_real_small_and_shown(picture: Path):
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert 20_000 < len(data) < 500_000
    shown = [page for page in PAGES if f"images/{picture.name}" in page.read_text(encoding="utf-8")]
    assert shown


# ---- what is written from the code -----------------------------------------------------------


@cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["layers.md", "settings.md", "access.md"])
def test_generated_pages_are_current(name: str):
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == generator().PAGES[name](), "run: ./run exec python docs/generate.py"


def test_every_layer_says_what_its_columns_are():
    page = generator().layers_page()
    for table in generator().metadata.tables.values():
        section = page.split(f"\n### {table.name}\n")[1].split("\n### ")[0]
        for column in table.columns:
            row = re.search(
                rf"^\| `{column.name}` \| (.+) \| (.+) \| (.+) \|$", section, re.MULTILINE
            )
            assert row, f"{table.name}.{column.name}"
            assert len(row[3]) > 5


def test_a_column_without_a_meaning_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(generator().MEANINGS, "stations.version")
    with pytest.raises(SystemExit, match=r"stations\.version"):
        generator().layers_page()


def test_every_variable_that_the_project_reads_is_documented():
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)`", text, re.MULTILINE))
    fields = {f"WANGGE_{name.upper()}" for name in Settings.model_fields} - {"WANGGE_DATABASE_URL"}
    read = fields | {"DATABASE_URL"}
    for path in [ROOT / "run", ROOT / "docker-compose.yml", ROOT / "Dockerfile"]:
        read |= set(VARIABLE.findall(path.read_text(encoding="utf-8")))
    for folder in ("gis", "maps", "api", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r"""["'](WANGGE_[A-Z_]+)["']""", path.read_text("utf-8")))
    assert documented - {"WANGGE_TEST_DATABASE_URL"} == read


# ---- dependencies ----------------------------------------------------------------------------


def listed(*titles: str) -> list[str]:
    """Return the packages in the chapters of docs/dependencies.md."""
    text = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    chapters = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    rows = [
        row
        for title in titles
        for row in re.findall(r"^\| `(.+?)` \| (.+) \|$", chapters[title], re.MULTILINE)
    ]
    assert all(reason.endswith(".") for _, reason in rows)
    return [name for name, _ in rows]


def bare(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ]", requirement)[0]


def test_every_python_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert listed("Python, to run") == sorted(map(bare, project["project"]["dependencies"]))
    groups = project["dependency-groups"]
    assert listed("Python, to compare with") == sorted(map(bare, groups.pop("bench")))
    wanted = [bare(one) for group in groups.values() for one in group if isinstance(one, str)]
    wanted += [bare(one) for one in project["build-system"]["requires"]]
    wanted += ["uv"]  # which ./run installs by itself
    assert sorted(listed("Python, to build, fetch assets and develop")) == sorted(wanted)


def test_every_debian_package_has_its_reason():
    tree = ast.parse((ROOT / "run").read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    calls = [node for node in ast.walk(functions["missing_packages"]) if isinstance(node, ast.Call)]
    appended = [
        call.args[0]
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "append"
    ]
    wanted = [str(one.value) for one in appended if isinstance(one, ast.Constant)]
    computed = [ast.unparse(one) for one in appended if not isinstance(one, ast.Constant)]
    assert computed == ["postgis_package()"]
    assert sorted(listed("Debian")) == sorted([*wanted, "postgresql-*-postgis-3"])


def test_every_npm_package_has_its_reason():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    wanted = [*package["dependencies"], *package["devDependencies"]]
    assert sorted(listed("npm")) == sorted(wanted)


def test_every_image_has_its_reason():
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"^FROM ([\w/.-]+):", docker, re.MULTILINE))
    wanted |= set(re.findall(r"^ +image: ([\w/.-]+):", compose, re.MULTILINE)) - {"wangge"}
    assert set(listed("Container images")) == wanted


# ---- decisions, outputs, commands ------------------------------------------------------------


def test_decisions_have_numbers_of_their_own_and_are_all_in_the_index():
    numbers = [path.name[:3] for path in ADRS]
    assert numbers == [f"{number:03}" for number in range(1, len(ADRS) + 1)]
    index = (DOCS / "adr/README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\((\d{3}-[\w-]+\.md)\)", index)) == [path.name for path in ADRS]


@named(ADRS)
def test_a_decision_is_titled_by_its_number(page: Path):
    assert page.read_text(encoding="utf-8").startswith(f"# {page.name[:3]} · ")


def test_references_to_decisions_are_to_ones_that_exist():
    known = {path.name[:3] for path in ADRS}
    sources = [*PAGES, ROOT / "run", ROOT / "Dockerfile", ROOT / "docker-compose.yml"]
    for folder in ("gis", "maps", "api", "cli", "tests"):
        sources += sorted((ROOT / folder).rglob("*.py"))
    for path in sources:
        text = path.read_text(encoding="utf-8")
        for number, name in re.findall(r"(?:ADR |docs/adr/)(\d{3})(-[\w-]+\.md)?", text):
            assert number in known, f"{path}: ADR {number}"
            assert not name or (DOCS / f"adr/{number}{name}").is_file(), f"{path}: {number}{name}"


def test_outputs_name_exactly_what_the_schemas_name():
    text = (DOCS / "outputs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    report = json.loads((DOCS / "schemas/report.schema.json").read_text(encoding="utf-8"))
    grids = json.loads((DOCS / "schemas/grids.schema.json").read_text(encoding="utf-8"))
    feature = grids["properties"]["features"]["items"]["properties"]["properties"]
    assert rows == [*feature["properties"], *report["properties"]]


def test_the_example_report_keeps_its_schema():
    import jsonschema

    text = (DOCS / "outputs.md").read_text(encoding="utf-8")
    [example] = [code for kind, code in FENCED.findall(text) if kind == "json"]
    schema = json.loads((DOCS / "schemas/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(example), schema)


def shell_lines() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the page and the words of every ``wangge`` and ``./run`` line in a shell block."""
    for page in PAGES:
        for kind, code in FENCED.findall(page.read_text(encoding="utf-8")):
            for line in code.splitlines() if kind == "sh" else ():
                words = shlex.split(line, comments=True)
                if words and words[0] in {"./run", "wangge"}:
                    yield page.name, tuple(words)


def parse(words: Sequence[str]) -> None:
    """Parse the arguments of ``wangge`` as the program would, and run nothing."""
    command = get_command(app)
    name = "wangge"
    while isinstance(command, TyperGroup):
        if command.invoke_without_command and (not words or words[0].startswith("-")):
            break  # the group is a command too
        name, *words = words
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
    command.make_context(name, list(words))


LINES = list(dict.fromkeys(shell_lines()))  # a page may show a command twice


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{p}: {' '.join(w)}" for p, w in LINES])
def test_commands_in_the_documentation_exist(page: str, words: tuple[str, ...]):
    if words[0] == "./run":
        assert words[1] in {"demo", "test", "check", "exec", "setup", "bench-env"}
        words = words[1:]
        words = words[1:] if words[0] == "exec" else ("wangge", *words)
    if words[0] == "wangge" and words[1] not in {"test", "check", "setup", "bench-env"}:
        parse(words[1:])


def test_a_wrong_option_in_the_documentation_would_be_found():
    with pytest.raises(Exception, match="No such option"):
        parse(["draw", "--effectiv-from", "2026-01-01"])
