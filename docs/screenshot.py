"""Take the README's pictures of the coverage map, with the network cut.

    ./run demo --no-serve
    ./run setup --tests
    ./run exec python docs/screenshot.py

Another folder than the demo's ``out/demo`` may be given. The pictures are reduced to a palette, so
that the repository stays small.
"""  # noqa: INP001 - a script, no package

import argparse
import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
LARGEST = 500_000  # bytes of a picture
READY = "html[data-ready=true]"
ARGUMENTS = ["--no-sandbox", "--headless=new", "--disable-gpu", "--no-first-run"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: the map's file, the size of the window in CSS pixels, and its density."""

    name: str
    page: str
    width: int
    height: int
    density: int = 1


SHOTS = (
    Shot("coverage-map.png", "coverage.en.html", 1440, 900),
    Shot("coverage-map.zh-CN.png", "coverage.html", 1440, 900),
    Shot("coverage-map-mobile.png", "coverage.en.html", 390, 844, 2),
    Shot("coverage-map-mobile.zh-CN.png", "coverage.html", 390, 844, 2),
)


def take(browser: Browser, folder: Path, shot: Shot) -> bytes:
    """Return a picture of a map as PNG."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        device_scale_factor=shot.density,
        has_touch=shot.width < 500,
    )
    context.set_offline(offline=True)
    page = context.new_page()
    page.goto((folder / shot.page).resolve().as_uri())
    page.wait_for_selector(READY, state="attached")
    page.wait_for_timeout(500)  # labels settle after the first drawing
    picture = page.screenshot()
    context.close()
    return picture


def reduced(picture: bytes) -> bytes:
    """Return a PNG in its most frequent colours, as many as keep it below the limit.

    The usual ways to choose a palette merge the small swatches of a legend into large areas.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    pixels = np.asarray(image).reshape(-1, 3)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    common = found[np.argsort(-counts, kind="stable")]
    for colours in (256, 128, 64):
        palette = Image.new("P", (1, 1))
        palette.putpalette(common[:colours].tobytes())
        out = io.BytesIO()
        flat = image.quantize(palette=palette, dither=Image.Dither.NONE)
        flat.save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()


def main() -> int:
    """Take every picture; return 1 if a map or the browser is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/demo"))
    folder: Path = parser.parse_args().folder
    missing = [shot.page for shot in SHOTS if not (folder / shot.page).is_file()]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if missing or chromium is None:
        what = f"{folder / missing[0]}" if missing else "chromium"
        sys.stderr.write(f"{what} is missing; run ./run demo --no-serve and ./run setup --tests\n")
        return 1
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for shot in SHOTS:
            data = reduced(take(browser, folder, shot))
            (IMAGES / shot.name).write_bytes(data)
            sys.stdout.write(f"{IMAGES / shot.name}: {len(data) / 1000:.0f} kB\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
