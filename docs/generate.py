"""Write docs/layers.md, docs/settings.md and the table of docs/access.md from the code.

Run ``./run exec python docs/generate.py`` after a change of a layer, a setting or a role; with
``--check`` nothing is written and the exit status says whether the files are current. A test runs
the same.
"""  # noqa: INP001 - a script, no package

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from gis import frames
from gis.access import MATRIX, Permission, Role, sees_in_full
from gis.database.base import Base
from gis.frames import FrameContract, Unit
from gis.layers.registry import LAYER_BY_NAME
from gis.layers.schema import metadata
from gis.settings import Settings

DOCS = Path(__file__).parent
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
CONTRACTS = {one.name: one for one in vars(frames).values() if isinstance(one, FrameContract)}
UNITS = {Unit.METRE: "m", Unit.SQUARE_METRE: "m²"}  # counts are said by the column's name
MATRIX_BEGINS, MATRIX_ENDS = "<!-- matrix -->", "<!-- end of matrix -->"

#: The tables in the order in which one comes to understand them.
CHAPTERS: dict[str, tuple[str, ...]] = {
    "Ground": (
        "divisions",
        "communities",
        "quarters",
        "dedicated_areas",
        "buildings",
        "units",
        "roads",
        "barriers",
        "crossings",
        "pois",
    ),
    "Plans and grids": (
        "cells",
        "cell_borders",
        "building_cells",
        "grid_plans",
        "plan_effect",
        "grids",
        "cell_grids",
        "building_grids",
    ),
    "Stations and their hours": (
        "stations",
        "station_services",
        "station_hours_exceptions",
        "calendar_days",
        "station_open_intervals",
        "hours_horizon",
        "activities",
    ),
    "Coverage": ("walking_networks", "coverage_runs", "indicator_values"),
    "People's posts and matters": ("organisations", "posts", "incidents", "demands"),
    "Questions of place": ("geocoding_requests",),
    "Records": (
        "imports",
        "row_history",
        "import_mappings",
        "jobs",
        "job_lines",
        "audit_runs",
        "audit_findings",
        "audit_log",
    ),
    "Access": ("users", "user_grants", "sessions", "api_keys"),
}

#: What columns mean that no file brings and no frame contract therefore describes.
ANYWHERE = {
    "area": "Area it refers to, if it is no point.",
    "assigned_at": "When it was last given its grid and station.",
    "created_at": "When the row was written.",
    "geography": "The point as a geography, for distances on the spheroid; kept by the database.",
    "id": "Key of the row.",
    "import_no": "Number of the import that brought the row or changed it last; empty: none did.",
    "updated_at": "When the row was last changed.",
}
MEANINGS = {
    "audit_findings.detail": "Further facts, by the kind of the finding.",
    "audit_findings.fixable": "Whether it can be mended safely.",
    "audit_findings.geometry": "Where it is.",
    "audit_findings.kind": "Kind of the finding; docs/audit.md lists them.",
    "audit_findings.layer": "Layer of the rows.",
    "audit_findings.length_m": "Length of what is wrong.",
    "audit_findings.row_ids": "Keys of the rows that it concerns.",
    "audit_findings.run_id": "UUID of the audit.",
    "audit_findings.severity": "How bad it is.",
    "audit_findings.size_m2": "Area of what is wrong.",
    "audit_runs.at": "When it was run.",
    "audit_runs.counts": "Findings by kind.",
    "audit_runs.options": "Limits that it was run with.",
    "audit_runs.principal": "Who ran it.",
    "coverage_runs.as_of": "The day that it speaks of.",
    "coverage_runs.data_version": "Fingerprint of the data it was measured on.",
    "coverage_runs.made_at": "When it was measured.",
    "coverage_runs.method": "In a straight line, or by walking.",
    "coverage_runs.network_id": "UUID of the walking network; empty: none, or gone since.",
    "coverage_runs.parameters": "Services, thresholds and speeds that it was asked for.",
    "demands.complainant_token": "Of who asks: the same person, the same token; never who it is.",
    "demands.details": "What the source says beside the columns, never of persons.",
    "geocoding_requests.candidates": "What it may be, best first.",
    "geocoding_requests.geometry": "Where it was decided to be.",
    "geocoding_requests.layer": "Layer of the row that waits; empty: a question only.",
    "geocoding_requests.note": "Why it was decided so.",
    "geocoding_requests.resolved_at": "When it was decided.",
    "geocoding_requests.resolved_by": "Who decided.",
    "geocoding_requests.resolved_layer": "Layer of what was chosen.",
    "geocoding_requests.resolved_row_id": "Key of what was chosen.",
    "geocoding_requests.status": "Open, resolved or rejected.",
    "geocoding_requests.text": "The place in words, as it came.",
    "geocoding_requests.waiting": "Values of the row that waits for its place.",
    "grid_plans.drawing": "What came of the last drawing: exceptions, lineage, trace.",
    "grid_plans.drawn_at": "When it was last drawn; empty: never.",
    "grid_plans.from_plan_id": "The plan that it was drawn from, if any.",
    "grid_plans.unfit_reasons": "How it no longer fits the ground under it.",
    "grid_plans.unfit_since": "Since when; empty: it fits.",
    "import_mappings.mapping": "How the columns become fields, as in a mapping file.",
    "import_mappings.principal": "Who used it last.",
    "import_mappings.source": "Name of the source.",
    "import_mappings.used_at": "When it was used last.",
    "imports.job_id": "UUID of the job that did it.",
    "imports.mode": "A load, an update (another delivery), or a fix of the audit.",
    "imports.number": "Number that its rows carry.",
    "imports.principal": "Who did it.",
    "imports.undone_at": "When it was taken back; empty: it stands.",
    "imports.undone_by": "Who took it back.",
    "incidents.complainant_token": "Of who asks: the same person, the same token; never who it is.",
    "incidents.details": "What the source says beside the columns, never of persons.",
    "indicator_values.area_id": "UUID of the area; it may be gone since.",
    "indicator_values.area_kind": "Grid, community or subdistrict.",
    "indicator_values.community_id": "UUID of the community it lies in, if it lies in one.",
    "indicator_values.denominator": "By what it is divided, before scaling.",
    "indicator_values.detail": "Further facts, by the indicator.",
    "indicator_values.indicator": "Code of the indicator.",
    "indicator_values.numerator": "What is counted.",
    "indicator_values.run_id": "UUID of the run.",
    "indicator_values.target": "What was to be reached then; empty: no target was set.",
    "indicator_values.value": "The value; empty: there was nothing to divide by.",
    "job_lines.at": "When it was written.",
    "job_lines.job_id": "UUID of the job.",
    "job_lines.level": "How bad it is.",
    "job_lines.message": "What was said.",
    "jobs.arguments": "What was asked for.",
    "jobs.cancel_requested": "Whether somebody wants it to end.",
    "jobs.community_ids": "Communities that it is done for; empty: all, or it is not known.",
    "jobs.done": "How much of the step is done.",
    "jobs.ended_at": "When it ended.",
    "jobs.error": "Why it failed, and the remedy.",
    "jobs.grid_ids": "Grids that it is done for beside them.",
    "jobs.kind": "What it does, for example `import`.",
    "jobs.permission": "What whoever asked was allowed for; it is asked again when it begins.",
    "jobs.principal": "Who asked for it.",
    "jobs.report": "What came of it.",
    "jobs.roles": "Roles by which it is done; its report is told to who has them still.",
    "jobs.seen_at": "When its process was last heard of.",
    "jobs.started_at": "When it began.",
    "jobs.status": "How far it is.",
    "jobs.step": "What is being done.",
    "jobs.total": "How much there is to do in the step.",
    "jobs.user_id": "UUID of the account that asked; empty: it was the command line.",
    "row_history.at": "When it was done.",
    "row_history.before": "The row as it was; geometry as hexadecimal EWKB.",
    "row_history.change": "Changed, or removed (ended, closed or deleted).",
    "row_history.import_no": "Number of the import that did it.",
    "row_history.layer": "Layer of the row.",
    "row_history.row_id": "Key of the row.",
    "audit_log.action": "What was done, for example `update`.",
    "audit_log.after": "The facts after the change.",
    "audit_log.at": "When it was done.",
    "audit_log.before": "The facts before the change.",
    "audit_log.address": "Where the request came from.",
    "audit_log.after_hash": "SHA-256 of the facts after the change as canonical JSON.",
    "audit_log.before_hash": "SHA-256 of the facts before the change as canonical JSON.",
    "audit_log.layer": "Layer of the row.",
    "audit_log.outcome": "Done, refused (not allowed), or failed (as a wrong password).",
    "audit_log.principal": "Who did it: a login, or `local_owner` on the command line.",
    "audit_log.request_id": "Id of the request, as in the logs.",
    "audit_log.role": "The roles by which it was allowed.",
    "audit_log.row_id": "Key of the row.",
    "building_cells.building_id": "UUID of the building.",
    "building_cells.cell_id": "UUID of the cell it stands on.",
    "building_cells.share_from": "Of the people of the building those from this share on.",
    "building_cells.share_of": "What the share is of; 1: the whole building stands there.",
    "building_cells.share_to": "Of the people of the building those up to this share.",
    "building_cells.units": "Names of the units on a part, along the building; empty: all of it.",
    "buildings.entrance": "Where the door is; empty: not known.",
    "buildings.location": "The entrance, else a point inside; kept by the database.",
    "buildings.location_geography": "The same as a geography, for distances on the spheroid.",
    "calendar_days.day": "The day.",
    "calendar_days.kind": "A public holiday, or a worked weekend (make-up workday).",
    "calendar_days.name": "Name of the holiday.",
    "calendar_days.source": "Who says so.",
    "cells.dedicated_area_id": "UUID of the dedicated area it lies in.",
    "communities.data_version": "Fingerprint of the data its cells were last built from.",
    "demands.community_id": "UUID of the community it lies in.",
    "grids.geometry": "Outline, the union of its cells.",
    "hours_horizon.during": "Period over which the open intervals are complete.",
    "hours_horizon.expanded_at": "When they were laid out.",
    "hours_horizon.singleton": "Always true: the table has one row.",
    "imports.fingerprint": "Digest of the content; the same one is not taken twice.",
    "imports.imported_at": "When it was taken in.",
    "imports.name": "Short name of the source.",
    "imports.report": "What was estimated, assumed or left out.",
    "imports.rows": "Rows by layer.",
    "imports.scope_code": "Code of the division that the data cover.",
    "incidents.community_id": "UUID of the community it lies in.",
    "plan_effect.community_id": "UUID of the community in which it holds.",
    "plan_effect.during": "Days of effect, the last one excluded.",
    "plan_effect.kind": "Kind of the plan.",
    "plan_effect.plan_id": "UUID of the plan.",
    "station_hours_exceptions.day": "The day that differs.",
    "station_hours_exceptions.hours": "`off`, `unknown`, or the hours of that day.",
    "station_hours_exceptions.note": "Why, for people to read.",
    "station_hours_exceptions.service": "Code of the service; empty: all of them.",
    "station_hours_exceptions.station_id": "UUID of the station.",
    "station_open_intervals.during": "From opening to closing.",
    "station_open_intervals.service": "Code of the service.",
    "station_open_intervals.station_id": "UUID of the station.",
    "stations.organisation_id": "UUID of the organisation that runs it.",
    "stations.version": "Raised by every change; the API's ETag.",
    "api_keys.expires_at": "When it stops.",
    "api_keys.label": "What it is for.",
    "api_keys.last_used_on": "The day of its last use; empty: never used.",
    "api_keys.permissions": "Permissions it has of those of its user; empty: all of them.",
    "api_keys.prefix": "Its first characters, by which it is found and named.",
    "api_keys.revoked_at": "When it was revoked; empty: it was not.",
    "api_keys.secret_sha256": "SHA-256 of the secret, which is shown once and kept nowhere.",
    "api_keys.user_id": "UUID of the user for whom it acts.",
    "sessions.expires_at": "When it ends whatever happens.",
    "sessions.revoked_at": "When somebody signed out; empty: nobody did.",
    "sessions.seen_at": "When it was last used, to a minute.",
    "sessions.token_sha256": "SHA-256 of the token in the cookie.",
    "sessions.user_id": "UUID of the user.",
    "user_grants.area_code": "Code of the subdistrict (9 digits), community (12) or grid.",
    "user_grants.area_kind": "Whether it holds everywhere, or in which kind of area.",
    "user_grants.during": "Days on which it holds, the last one excluded.",
    "user_grants.granted_at": "When it was granted.",
    "user_grants.granted_by": "Who granted it.",
    "user_grants.organisation": "Code of the department or organisation that is acted for.",
    "user_grants.revoked_at": "When it was taken back; empty: it was not.",
    "user_grants.role": "The role; docs/access.md lists them.",
    "user_grants.user_id": "UUID of the user.",
    "users.disabled_at": "When the account was closed; empty: it is open.",
    "users.failed_attempts": "Wrong passwords since the last right one.",
    "users.language": "Language of the pages; empty: that of the browser.",
    "users.locked_until": "Until when no password is tried, after too many wrong ones.",
    "users.login": "Work name, never a person's name or telephone.",
    "users.opened_by": "Who opened the account, and manages it until it has a role.",
    "users.password_changed_at": "When the password was set.",
    "users.password_hash": "Argon2id hash with its parameters; empty: nobody can sign in.",
    "walking_networks.arrays": "The network itself, packed.",
    "walking_networks.built_at": "When it was built.",
    "walking_networks.data_version": "Fingerprint of the data it was built from.",
    "walking_networks.report": "What came of it: components, lengths, islands.",
    "walking_networks.settings": "What it was built with.",
}

LAYERS_HEAD = """\
# Layers

<!-- Written by docs/generate.py; change the code, not this file. -->

Every table of the store, from `gis/layers/` (tables) and `gis/frames/` (what files must bring).

- Coordinates are EPSG:4326, longitude before latitude. Lengths and areas are metres, measured in a
  projected reference system or on the spheroid, never in degrees.
- *In a file* says what `wangge import layer NAME FILE` expects: `required`, `optional`, or the
  value that is taken where the file has none. Keys are UUIDs; where a file brings none they derive
  from `source_id`, so the same file always gives the same keys ([import](import.md)).
- Beyond the constraints listed here, deferred triggers check every plan as a whole at the end of a
  transaction ([ADR 012](adr/012-membership-is-the-truth.md)).
- No layer has a column for a person's name, telephone or identity number. Descriptions and
  addresses are free text: whoever brings them in keeps persons out of them.
"""

SETTINGS_HEAD = """\
# Settings

<!-- Written by docs/generate.py; change gis/settings.py, not this file. -->

Every setting is an environment variable. None is needed to begin. A value that cannot be used
stops the program and is named.

| variable | default | meaning |
| --- | --- | --- |
"""

SETTINGS_TAIL = """
Three more are read elsewhere:

| variable | read by | meaning |
| --- | --- | --- |
| `WANGGE_DB_PASSWORD` | `docker-compose.yml` | Password of its database; required, no default. |
| `WANGGE_PUBLISHED_PORT` | `docker-compose.yml` | Port on this machine's loopback; 8000 if unset. |
| `WANGGE_TEST_DATABASE_URL` | the tests | A server to make databases on; unset: a throw-away one. |

Settings of single commands are their options: `wangge COMMAND --help`.
"""

#: Defaults that depend on the machine.
DEFAULTS = {"home": "`~/.local/share/wangge`; for root `/var/lib/wangge`"}


def layers_page() -> str:
    """Return docs/layers.md."""
    listed = [name for names in CHAPTERS.values() for name in names]
    if sorted(listed) != sorted(metadata.tables):
        odd = set(listed) ^ set(metadata.tables)
        msg = f"CHAPTERS and the tables differ: {', '.join(sorted(odd))}"
        raise SystemExit(msg)
    parts = [LAYERS_HEAD]
    for chapter, names in CHAPTERS.items():
        parts.append(f"\n## {chapter}\n")
        parts += [f"\n### {name}\n\n{_layer(metadata.tables[name])}" for name in names]
    return "".join(parts)


def settings_page() -> str:
    """Return docs/settings.md."""
    rows = [_setting(name, field) for name, field in Settings.model_fields.items()]
    return SETTINGS_HEAD + "".join(rows) + SETTINGS_TAIL


def access_page() -> str:
    """Return docs/access.md with the matrix of the code in its place."""
    before, _, rest = (DOCS / "access.md").read_text(encoding="utf-8").partition(MATRIX_BEGINS)
    _, _, after = rest.partition(MATRIX_ENDS)
    if not after:
        raise SystemExit(f"docs/access.md lacks {MATRIX_BEGINS} or {MATRIX_ENDS}")
    return f"{before}{MATRIX_BEGINS}\n{_matrix()}{MATRIX_ENDS}{after}"


PAGES = {"layers.md": layers_page, "settings.md": settings_page, "access.md": access_page}


#: What small counts are of, and the permission that opens it.
SMALL_COUNTS = {"of areas": Permission.GROUND_READ, "of buildings": Permission.BUILDINGS_READ}


def _matrix() -> str:
    head = ["permission", *(f"`{role}`" for role in Role)]
    lines = [head, ["---", *(":-:" for _ in Role)]]
    for permission in Permission:
        has = ("✓" if permission in MATRIX[role] else "" for role in Role)
        lines.append([f"{permission.meaning} (`{permission}`)", *has])
    for told, permission in SMALL_COUNTS.items():
        seen = ("✓" if sees_in_full(role, permission) else "" for role in Role)
        lines.append([f"See small counts of people: {told}", *seen])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _layer(table: Table) -> str:
    lines = [_summary(table), ""]
    lines += ["| column | type | in a file | meaning |", "| --- | --- | --- | --- |"]
    lines += [_row(table, column) for column in table.columns]
    rules = [*_rules(table)]
    if rules:
        lines += ["", *(f"- {rule}" for rule in rules)]
    return "\n".join(lines) + "\n"


def _summary(table: Table) -> str:
    models = {one.local_table: one.class_ for one in Base.registry.mappers}
    text = (models[table].__doc__ or "").split("\n\n")[0]
    return " ".join(text.split()).replace("``", "`")


def _row(table: Table, column: "Column[Any]") -> str:
    kind = column.type.compile(dialect=DIALECT)
    kind = kind.lower() if column.nullable else f"{kind.lower()}, not null"
    cells = (f"`{column.name}`", kind, _in_a_file(table, column), _meaning(table, column))
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


def _in_a_file(table: Table, column: "Column[Any]") -> str:
    layer = LAYER_BY_NAME.get(table.name)
    if layer is None or column.name not in layer.contract.names:
        return "–"
    known = {one.name: one for one in layer.contract.columns}.get(column.name)
    if known is None:
        must = column.name == "geometry" and layer.contract.geometry_required
        return "required" if must else "optional"
    if known.default is not None:
        return f"else `{str(known.default).lower()}`"
    # Keys derive from the source's own ids where a file brings none.
    return "required" if known.required and known.name != "id" else "optional"


def _meaning(table: Table, column: "Column[Any]") -> str:
    contract = CONTRACTS.get(table.name)
    known = {one.name: one for one in contract.columns} if contract else {}
    if column.name not in known:
        return _meaning_elsewhere(table, column, contract)
    found = known[column.name]
    text = found.doc
    if found.unit in UNITS:
        text += f" Unit: {UNITS[found.unit]}."
    if found.minimum is not None:
        text += f" At least {found.minimum:g}."
    if found.choices:
        text += f" One of {', '.join(f'`{choice}`' for choice in found.choices)}."
    return text


def _meaning_elsewhere(table: Table, column: "Column[Any]", contract: FrameContract | None) -> str:
    text = MEANINGS.get(f"{table.name}.{column.name}", ANYWHERE.get(column.name, ""))
    if text:
        return text
    if column.name == "geometry" and contract:
        return f"Where it is: {' or '.join(contract.geometry)}."
    msg = f"Say in docs/generate.py what {table.name}.{column.name} means."
    raise SystemExit(msg)


def _rules(table: Table) -> Iterator[str]:
    yield f"Key: {_names(table.primary_key.columns)}"
    for key in sorted(table.foreign_key_constraints, key=lambda one: list(one.column_keys)):
        yield _foreign_key(key)
    for rule in sorted(table.constraints, key=lambda one: str(one.name)):
        if isinstance(rule, UniqueConstraint):
            yield f"Unique: {_names(rule.columns)}"
        elif isinstance(rule, ExcludeConstraint):
            yield f"At most one at a time: {_excluded(rule)}"
        elif isinstance(rule, CheckConstraint) and not str(rule.name).endswith("_known"):
            yield f"Check: `{' '.join(str(rule.sqltext).split())}`"
    for index in sorted(table.indexes, key=lambda one: str(one.name)):
        yield _index(index)


def _names(columns: Any) -> str:  # noqa: ANN401 - a collection of SQLAlchemy's own
    return ", ".join(f"`{column.name}`" for column in columns)


def _foreign_key(key: ForeignKeyConstraint) -> str:
    ours = ", ".join(f"`{name}`" for name in key.column_keys)
    gone = {"CASCADE": "; deleted with it", "SET NULL": "; emptied with it"}
    return f"{ours} → [{key.referred_table.name}](#{key.referred_table.name})" + gone.get(
        str(key.ondelete), ""
    )


def _excluded(rule: ExcludeConstraint) -> str:
    terms = (f"`{name}` {operator}" for _, name, operator in rule._render_exprs)  # noqa: SLF001 - it has no public list
    return ", ".join(terms)


def _index(index: Index) -> str:
    how = index.dialect_options["postgresql"]["using"]
    shown = ", ".join(f"`{getattr(one, 'name', one)}`" for one in index.expressions)
    where = index.dialect_options["postgresql"]["where"]
    only = f" where `{where.compile(dialect=DIALECT)}`" if where is not None else ""
    unique = "Unique index" if index.unique else "Index"
    return f"{unique}{f' ({how})' if how else ''}: {shown}{only}"


def _setting(name: str, field: FieldInfo) -> str:
    variable = str(field.validation_alias or f"WANGGE_{name.upper()}")
    text = (field.description or "").replace("|", "∣")
    choices = _choices(field.annotation)
    if choices:
        text += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    return f"| `{variable}` | {_default(name, field)} | {text} |\n"


def _choices(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _default(name: str, field: FieldInfo) -> str:
    if name in DEFAULTS:
        return DEFAULTS[name]
    if field.default in (None, ""):
        return "unset"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def main() -> int:
    """Write the pages, or with ``--check`` compare them; return 1 if one is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    check: bool = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path = DOCS / name
        text = page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{'Out of date' if check else 'Written'}: {', '.join(stale) or 'none'}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
