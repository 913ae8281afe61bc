"""A real Chromium with the network cut, and a record of what it asked for and complained of."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FloatRect,
    Locator,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from maps.assets import installed_versions
from maps.assets.install import install

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
# A busy machine is no fault of the page: how long something may take is for benchmarks to say.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Watched:
    """A page, with what it asked the network for and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: Path) -> Page:
        """Open a map from disk and wait until its script has drawn it."""
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=true]", state="attached")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait for two frames, after which every redraw that was asked for is done."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def at_rest(self, thing: Locator) -> FloatRect:
        """Wait until the map has glided to where a pop-up fits; return where an element is."""
        self.settle()
        self.page.wait_for_function("() => !Wangge.app.map._panAnim?._inProgress")
        box = thing.bounding_box()
        assert box is not None
        return box

    def faded(self) -> None:
        """Wait until no pop-up is fading: a new one has no colours yet, an old one is still there.

        Leaflet takes an old one away a fifth of a second after another one was opened.
        """
        self.page.wait_for_function(
            """() => document.getAnimations().length === 0 &&
                [...document.querySelectorAll(".leaflet-popup")].every(
                    popup => getComputedStyle(popup).opacity === "1")"""
        )


@pytest.fixture(scope="session", autouse=True)
def libraries() -> None:
    """Install the browser libraries once, if nobody has."""
    if not installed_versions():
        install()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Debian's chromium is not installed; `./run test` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, timeout=2 * PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture(
    params=[
        pytest.param((1440, 900), id="desktop"),
        pytest.param((390, 844), id="phone", marks=pytest.mark.slow),
    ]
)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Width and height of a window; on a phone pages are tried in the long run alone."""
    return (int(request.param[0]), int(request.param[1]))


@pytest.fixture
def watched(chromium: Browser, size: tuple[int, int]) -> Iterator[Watched]:
    """Yield a page without network; afterwards, nothing was asked for and nothing went wrong."""
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]},
        has_touch=size[0] < 500,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.set_offline(True)
    page = context.new_page()
    seen = Watched(page)

    def record(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            seen.requests.append(request.url)

    def listen(message: ConsoleMessage) -> None:
        # The tests' own reading of pixels draws this advice.
        if message.type in {"error", "warning"} and "willReadFrequently" not in message.text:
            seen.complaints.append(message.text)

    def abort(route: Route) -> None:
        route.abort()

    context.route("http*://**", abort)
    page.on("request", record)
    page.on("console", listen)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    yield seen
    context.close()
    assert seen.requests == [], "a map on disk asks the network for nothing"
    assert seen.complaints == [], "the console stays silent"
