"""The command line turns errors into advice and keeps tracebacks for those who ask."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from cli.main import GROUPS, WanggeGroup, app
from gis.errors import ConflictError
from gis.settings import get_settings

pytestmark = pytest.mark.unit

broken = typer.Typer(cls=WanggeGroup, pretty_exceptions_enable=False)


@broken.command()
def conflict():
    msg = "The plan [draft] is taken."
    raise ConflictError(msg, remedy="Take another.")


@broken.command()
def interrupt():
    raise KeyboardInterrupt


def test_an_error_is_a_message_and_a_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WANGGE_LOG_LEVEL", raising=False)
    answer = CliRunner().invoke(broken, ["conflict"])
    assert answer.exit_code == 1
    assert answer.stderr == "Error: The plan [draft] is taken.\nTake another.\n"
    assert answer.stdout == ""


def test_debug_shows_where_an_error_came_from(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANGGE_LOG_LEVEL", "debug")
    answer = CliRunner().invoke(broken, ["conflict"])
    assert "Traceback" in answer.stderr
    assert "Take another." in answer.stderr


def test_ctrl_c_exits_130_with_a_short_word():
    answer = CliRunner().invoke(broken, ["interrupt"])
    assert answer.exit_code == 130
    assert answer.stderr.strip() == "Interrupted."


def test_the_help_lists_every_group_in_order():
    answer = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"})
    assert answer.exit_code == 0
    names = [
        group.info.name
        if isinstance(group.info.name, str)
        else group.registered_commands[0].callback.__name__
        for group in GROUPS
    ]
    places = [answer.stdout.index(f"│ {name} ") for name in names]
    assert places == sorted(places)


def test_a_private_cluster_is_not_started_beside_a_given_database(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:s3cret@db.example/w")
    get_settings.cache_clear()
    answer = CliRunner().invoke(app, ["db", "start"])
    get_settings.cache_clear()
    assert answer.exit_code == 1
    assert "Unset DATABASE_URL" in answer.stderr
    assert "s3cret" not in answer.stderr


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        (["draw", "--kind", "micro"], ("community", "party")),
        (["map", "out.html", "--language", "fr"], ("zh-CN", "en")),
    ],
)
def test_an_option_that_is_not_known_is_refused_before_any_work(
    command: list[str], choices: tuple[str, ...]
):
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 2
    assert all(choice in answer.stderr for choice in choices)


_REFUSED = """
import sys
from cli.main import app

for words in (
    ["coverage", "show", "--metres", "-5"],
    ["coverage", "show", "--service", "nosuch"],
    ["coverage", "gaps", "--minutes", "0"],
    ["coverage", "export", "out.foo"],
    ["siting", "run", "--service", "canteen", "-n", "0"],
    ["siting", "run", "--service", "nosuch", "-n", "1"],
    ["siting", "run", "--service", "canteen", "-n", "1", "--radius", "-1"],
):
    try:
        app(words)
    except SystemExit as stop:
        assert stop.code == 1, (words, stop.code)
print([name for name in ("numba", "pandas", "sqlalchemy", "scipy") if name in sys.modules])
"""


@pytest.mark.slow
def test_what_is_plainly_wrong_is_refused_before_heavy_modules_are_loaded():
    done = subprocess.run(
        [sys.executable, "-c", _REFUSED], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"
    assert done.stderr.count("Error: ") == 7
