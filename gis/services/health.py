"""Checks of an installation: each says what it found and, if that is bad, what to do about it."""

import hashlib
import json
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gis.database import migrate
from gis.database.binaries import MIN_POSTGIS, MIN_POSTGRESQL, version_tuple
from gis.database.engine import database_url, make_engine
from gis.database.row_security import APP_ROLE
from gis.errors import WanggeError
from gis.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

MIN_FREE_BYTES = 2_000_000_000
EXTENSIONS = ("postgis", "btree_gist")
SRIDS = (4326, 4490, 4549)
# A place in Hefei, lon and lat, and how far PostGIS and pyproj may disagree on where it is.
PROBE_LON_LAT = (117.30, 31.88)
PROBE_TOLERANCE_M = 0.001
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
CJK_FONTS = ("wqy-", "notosanscjk", "notoserifcjk", "sourcehansans", "uming", "droidsansfallback")


#: Whether the role can be taken, the user is bound by policies, and boxes have an index.
_ROW_SECURITY = text(
    "SELECT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = :role"
    " AND pg_has_role(r.oid, 'MEMBER')),"
    " NOT (u.rolsuper OR u.rolbypassrls),"
    " (SELECT bool_and(p.proleakproof) FROM pg_proc p"
    " WHERE p.proname IN ('geometry_overlaps', 'geography_overlaps'))"
    " FROM pg_roles u WHERE u.rolname = current_user"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name
        What was looked at.
    ok
        Whether it is as it must be.
    found
        What was found.
    remedy
        What to do about it; empty if ``ok``.
    needed
        Whether Wangge does its main job only if this is well.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def run_checks(assets: Path) -> list[Check]:
    """Look at everything that a working installation needs; never raises, never stops half-way.

    The private cluster is started if it is the database, as every command does.

    Parameters
    ----------
    assets
        Where the browser libraries of the maps are, with their ``manifest.json``.
    """
    settings = _guarded("settings", check_settings)
    if not settings.ok:
        return [settings]
    local = [
        _guarded("disk", lambda: check_disk(get_settings().home)),
        _guarded("map assets", lambda: check_assets(assets)),
        _guarded("fonts", check_fonts),
    ]
    return [settings, *_database_checks(), *local]


def check_settings() -> Check:
    """Check that every setting can be used."""
    settings = get_settings()
    where = "DATABASE_URL" if settings.database_url else f"private cluster in {settings.home}"
    return Check("settings", ok=True, found=f"database: {where}; language: {settings.language}")


def check_server(connection: "Connection") -> Check:
    """Check that the server is new enough."""
    version = str(connection.scalar(text("SHOW server_version")))
    ok = version_tuple(version) >= (MIN_POSTGRESQL,)
    remedy = "" if ok else f"Use PostgreSQL {MIN_POSTGRESQL} or newer, see README."
    return Check("database", ok, f"PostgreSQL {version} answers", remedy)


def check_extensions(connection: "Connection") -> Check:
    """Check that the extensions are there, and PostGIS new enough."""
    installed = {
        str(row.extname): str(row.extversion)
        for row in connection.execute(text("SELECT extname, extversion FROM pg_extension"))
    }
    missing = [name for name in EXTENSIONS if name not in installed]
    if missing:
        return Check(
            "extensions",
            ok=False,
            found=f"missing: {', '.join(missing)}",
            remedy="Run `wangge db migrate`. Where DATABASE_URL's user may not create extensions, "
            "its administrator does: CREATE EXTENSION postgis; CREATE EXTENSION btree_gist;",
        )
    found = ", ".join(f"{name} {installed[name]}" for name in EXTENSIONS)
    ok = version_tuple(installed["postgis"]) >= MIN_POSTGIS
    remedy = "" if ok else "Install PostGIS 3.3 or newer, then: ALTER EXTENSION postgis UPDATE;"
    return Check("extensions", ok, found, remedy)


def check_migrations(url: str) -> Check:
    """Check that the schema is the one of this program."""
    current, head = migrate.current(url), migrate.head()
    if current == head:
        return Check("migrations", ok=True, found=f"schema at {head}")
    return Check(
        "migrations",
        ok=False,
        found=f"schema at {current or 'nothing'}, newest is {head}",
        remedy="Run `wangge db migrate`.",
    )


def check_crs(connection: "Connection") -> Check:
    """Check that database and program know the CRS in use and agree where a place is.

    A ``PROJ_DATA`` or ``PROJ_LIB`` of another program is the usual cause of a difference.
    """
    from pyproj import Transformer

    rows = connection.execute(
        text("SELECT srid FROM spatial_ref_sys WHERE srid = ANY(:srids)"), {"srids": list(SRIDS)}
    )
    missing = sorted(set(SRIDS) - {int(row.srid) for row in rows})
    if missing:
        return Check(
            "CRS",
            ok=False,
            found=f"spatial_ref_sys lacks EPSG {', '.join(map(str, missing))}",
            remedy="Fill it again: psql -f .../contrib/postgis-*/spatial_ref_sys.sql",
        )
    lon, lat = PROBE_LON_LAT
    here = Transformer.from_crs(4326, 4549, always_xy=True).transform(lon, lat)
    there = connection.execute(
        text(
            "SELECT ST_X(p) AS x, ST_Y(p) AS y FROM "
            "ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), 4549) AS p"
        ),
        {"lon": lon, "lat": lat},
    ).one()
    apart_m = max(abs(here[0] - there.x), abs(here[1] - there.y))
    ok = bool(apart_m <= PROBE_TOLERANCE_M)  # False for NaN and inf as well
    found = f"EPSG {', '.join(map(str, SRIDS))}; PostGIS and pyproj differ by {apart_m:.6f} m"
    return Check("CRS", ok, found, "" if ok else "Unset PROJ_DATA and PROJ_LIB, reinstall pyproj.")


def check_row_security(connection: "Connection") -> Check:
    """Check that PostgreSQL itself keeps a scope to its ground, and that it costs no index.

    A superuser passes by every policy, so its transactions must become another role; an owner that
    is none is bound by the policies as it is.
    """
    able, bound, indexed = connection.execute(_ROW_SECURITY, {"role": APP_ROLE}).one()
    if not (able or bound):
        return Check(
            "row security",
            ok=False,
            found=f"the role {APP_ROLE} is missing, and the database's user passes by all policies",
            remedy=f"As its administrator: CREATE ROLE {APP_ROLE}; then `wangge db migrate`.",
        )
    found = f"transactions become {APP_ROLE}" if able else "policies bind the database's user"
    if indexed:
        return Check("row security", ok=True, found=found)
    return Check(
        "row security",
        ok=False,
        found=f"{found}; boxes on the map are looked up without their index",
        remedy="As its administrator: ALTER FUNCTION geometry_overlaps(geometry, geometry) "
        "LEAKPROOF; ALTER FUNCTION geography_overlaps(geography, geography) LEAKPROOF;",
        needed=False,
    )


def check_disk(home: Path) -> Check:
    """Check that there is room where the private cluster lives."""
    place = next(one for one in (home, *home.absolute().parents) if one.exists())
    free = shutil.disk_usage(place).free
    ok = free >= MIN_FREE_BYTES
    remedy = "" if ok else "Free 2 GB there, or set WANGGE_HOME to a larger disk."
    return Check("disk", ok, f"{free / 1e9:.1f} GB free at {place}", remedy)


def check_assets(folder: Path) -> Check:
    """Check that the browser libraries are there, whole and unchanged."""
    remedy = "Run `python -m maps.assets --force` in the checkout, or install the wheel again."
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        packages: dict[str, str] = manifest["packages"]
        files: dict[str, str] = manifest["files"]
    except (OSError, ValueError, KeyError):
        found = f"{folder} has no readable manifest.json"
        return Check("map assets", ok=False, found=found, remedy=remedy)
    bad = [name for name, digest in files.items() if _sha256(folder / name) != digest]
    if bad:
        found = f"missing or changed in {folder}: {', '.join(bad)}"
        return Check("map assets", ok=False, found=found, remedy=remedy)
    return Check("map assets", ok=True, found=", ".join(f"{k} {v}" for k, v in packages.items()))


def check_fonts() -> Check:
    """Check that a font with Chinese characters is installed, for pictures made on this machine."""
    font = _cjk_font()
    if font:
        return Check("fonts", ok=True, found=font)
    return Check(
        "fonts",
        ok=False,
        found="no font with Chinese characters",
        remedy="apt-get install fonts-wqy-microhei (only pictures made here need it; maps are "
        "shown with the reader's fonts).",
        needed=False,
    )


def _database_checks() -> list[Check]:
    """Check the database; what cannot be looked at because of an earlier failure is left out."""
    try:
        url = database_url(get_settings())
        with _connection(url) as connection:
            checks = [
                check_server(connection),
                check_extensions(connection),
                _guarded("migrations", lambda: check_migrations(url)),
            ]
            if checks[1].ok:
                checks.append(_guarded("CRS", lambda: check_crs(connection)))
            if checks[2].ok:
                checks.append(_guarded("row security", lambda: check_row_security(connection)))
    except (WanggeError, SQLAlchemyError) as error:
        return [_failure("database", error)]
    return checks


@contextmanager
def _connection(url: str) -> "Iterator[Connection]":
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _guarded(name: str, check: "Callable[[], Check]") -> Check:
    """Return the check, or its failure: a broken part must not hide the others."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever breaks is what the doctor reports
        return _failure(name, error)


def _failure(name: str, error: Exception) -> Check:
    if isinstance(error, WanggeError):
        return Check(name, ok=False, found=error.message, remedy=error.remedy)
    cause = str(getattr(error, "orig", None) or error).strip()
    remedy = "See `wangge db status`, and DATABASE_URL if you set it."
    return Check(name, ok=False, found=f"{type(error).__name__}: {cause}", remedy=remedy)


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _cjk_font() -> str | None:
    lister = shutil.which("fc-list")
    if lister:
        done = subprocess.run(  # noqa: S603 - fontconfig's own program
            [lister, ":lang=zh", "family"], capture_output=True, text=True, timeout=30, check=False
        )
        families = sorted(done.stdout.splitlines())
        if families:
            return families[0].partition(",")[0]
    for folder in FONT_FOLDERS:
        for path in sorted(Path(folder).expanduser().rglob("*.[to]t[cf]")):
            if any(word in path.name.lower() for word in CJK_FONTS):
                return path.name
    return None
