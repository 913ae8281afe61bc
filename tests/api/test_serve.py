"""``wangge serve``: a real process on loopback that says where it is and ends on Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from api.listening import listen
from cli.serve import serve_app, warnings_of
from gis.errors import ConfigurationError
from gis.settings import Settings
from tests.api.serving import is_problem, serving

pytestmark = pytest.mark.api
START = "from cli.main import app; app()"


def asked_for(host: str, **more: object) -> Settings:
    """Return settings as ``--host`` makes them: a copy is not validated again."""
    return Settings().model_copy(update={"host": host, **more})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104 - nothing listens
def test_whoever_serves_other_machines_is_told_what_that_means(host: str):
    told = warnings_of(asked_for(host), has_admin=False)
    assert [line.split(":")[0] for line in told] == [
        "There is no admin yet",
        "Passwords are sent as they are",
    ]
    assert "wangge user add" in told[0]
    assert warnings_of(asked_for(host, https=True), has_admin=True) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_no_part_of_an_answer_waits_for_the_one_before(host: str):
    """On a kept connection the body came 40 ms after the headers."""
    with (
        listen(host, 0) as door,
        socket.create_connection(door.getsockname()[:2], timeout=60),
        door.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_on_loopback_nothing_needs_telling(host: str):
    assert warnings_of(asked_for(host), has_admin=False) == []
    assert warnings_of(asked_for(host, allow_non_loopback=True), has_admin=False)


def test_behind_a_proxy_any_name_is_answered(town_url: str):
    with serving(Settings(database_url=town_url, allow_non_loopback=True)) as client:
        assert client.get("/readyz", headers={"Host": "wangge.example"}).status_code == 200
    with serving(Settings(database_url=town_url)) as client:
        is_problem(client.get("/readyz", headers={"Host": "wangge.example"}), 421)


@pytest.mark.slow
def test_a_taken_port_is_named(town_url: str):
    with serving(Settings(database_url=town_url)) as client:
        taken = client.base_url.port
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{taken}"):
            serve_app(Settings(database_url=town_url, port=taken))


@pytest.mark.slow
def test_the_command_serves_until_ctrl_c(town_url: str):
    environment = {**os.environ, "DATABASE_URL": town_url, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", START, "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            with httpx.Client(base_url=found[0], trust_env=False, timeout=60) as client:
                assert client.get("/readyz").status_code == 200
                answer = client.get("/v1/grids")
                assert len(answer.json()["features"]) == 5
                assert "server" not in answer.headers
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Stopped." in out
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if "path=/v1/grids" in line]
    assert len(lines) == 1
