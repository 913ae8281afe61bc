"""An import from the file to the store: read, guarded, stored or compared, audited, remembered."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gis.database.engine import transaction
from gis.errors import InvalidInputError
from gis.geometry.source_crs import SourceCrs
from gis.ingest.formats import open_source
from gis.ingest.mapped import read_mapped
from gis.ingest.mapping import LayerMapping
from gis.ingest.mapping_file import MappingFile, parse_mapping, read_mapping
from gis.ingest.rejects import RejectedRowsError, Rejects, write_rejects
from gis.ingest.rejects_package import write_rejects_package
from gis.ingest.reservoir import representative_points
from gis.ingest.rows import SourceOptions
from gis.ingest.stream import LayerStream, ReadOrder, open_layer
from gis.jobs.coverage_run import queue_after
from gis.jobs.hotline import take_in_hotline
from gis.jobs.import_orders import ImportOrder, rejects_table
from gis.jobs.importing import audited, lay_out_hours, plans_told, report_of, rows_told
from gis.jobs.records import Recorder
from gis.jobs.steps import Steps
from gis.jobs.suggestions import Suggestion, suggest
from gis.jobs.uploads import Uploads
from gis.layers.registry import LAYER_BY_NAME, Layer
from gis.services import deliveries, guarding, importing, mappings, streaming
from gis.services.deliveries import DeliveryOrder, DeliveryPreview

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session, sessionmaker

    from gis.frames import Dataset
    from gis.scope import Scope

#: Layers that are the ground others are guarded and placed by.
_GROUND = frozenset({"divisions", "communities"})


class PreviewOnlyError(Exception):
    """Ends the transaction of a preview, so that nothing of it stays."""


def run_import(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    arguments: Mapping[str, Any],
    recorder: Recorder,
) -> Mapping[str, Any]:
    """Do an import that is on the record and return its report; the kind of job ``import``."""
    order = ImportOrder.from_arguments(arguments)
    try:
        report = Import(factory, scope, order, Steps(recorder), recorder.job_id).run()
        if report.get("number") is not None:
            queue_after(factory, scope, _layers_of(order, report), order.timezone)
        return report
    finally:
        if order.uploads is not None:
            Uploads(order.uploads).forget(order.path)


@dataclass
class Import:
    """One import and what it works with."""

    factory: "sessionmaker[Session]"
    scope: "Scope"
    order: ImportOrder
    steps: Steps
    job_id: str | None = None

    def __post_init__(self) -> None:
        require_one_mapping(self.order)

    def run(self) -> dict[str, Any]:
        """Take the file in, and return what is to be said of it.

        Raises
        ------
        gis.errors.WanggeError
            Whatever is wrong with the file; the store is as it was.
        """
        do = {"layer": self._layer, "file": self._file, "hotline": self._hotline}[self.order.what]
        with self._rejects_written():
            report = do()
        return {**report, "seconds": dict(self.steps.seconds)}

    def preview(self) -> DeliveryPreview:
        """Return what another delivery of a layer would do; nothing of it is stored."""
        seen: list[DeliveryPreview] = []
        if self._mapping is not None:
            self._refuse_update(self._mapping)
        with (
            self._rejects_written(),
            self.steps.step("compare"),
            self._opened() as stream,
            _rolled_back(self.factory) as session,
        ):
            seen.append(
                deliveries.preview_delivery(
                    session, self.scope, self._delivery(stream), stream.frames()
                )
            )
            self._guard(session, stream)
        return seen[0]

    # ---- one layer ---------------------------------------------------------------------------

    def _layer(self) -> dict[str, Any]:
        mapping = self._mapping
        if mapping is not None and _needs_all_rows(mapping):
            self._refuse_update(mapping)
            return self._file()
        with self._opened() as stream:
            return self._updated(stream) if self.order.update else self._loaded(stream)

    def _loaded(self, stream: LayerStream) -> dict[str, Any]:
        with transaction(self.factory) as session:
            with self.steps.step("store"):
                stored = streaming.import_stream(
                    session,
                    self.scope,
                    stream,
                    layer=self.order.layer,
                    dataset_name=self._name(),
                    progress=rows_told(self.steps, stream.facts.rows),
                    job_id=self.job_id,
                    guard=lambda _: self._guard(session, stream),
                )
                self._left_out(stream)
                lay_out_hours(session, self.scope, stored.rows, self.order.timezone)
            return self._completed(session, report_of(stored))

    def _updated(self, stream: LayerStream) -> dict[str, Any]:
        guarded: dict[str, Any] = {}
        with transaction(self.factory) as session:
            with self.steps.step("store"):
                done = deliveries.apply_delivery(
                    session,
                    self.scope,
                    self._delivery(stream),
                    stream.frames(),
                    name=self._name(),
                    fingerprint=stream.fingerprint,
                    report=stream.report(),
                    job_id=self.job_id,
                    guard=lambda: guarded.update(self._guard(session, stream)),
                )
                self._left_out(stream)
            report = {
                "number": done.number,
                "guard": guarded,
                "delivery": done.preview.as_dict(),
                "unfit_plans": plans_told(done.unfit_plans),
                **stream.report(),
            }
            return self._completed(session, report)

    def _refuse_update(self, mapping: MappingFile) -> None:
        """Refuse to load what was to be compared: such a mapping makes layers of the whole file."""
        if self.order.update and _needs_all_rows(mapping):
            raise InvalidInputError(
                f"{self.order.path}: its mapping dissolves rows or makes several layers of them; "
                "such a file cannot be compared with what stands.",
                remedy=f"Undo its last import (wangge import undo {self.order.layer}) and import "
                "it anew; or export one layer of it and update by that.",
                file=str(self.order.path),
            )

    def _delivery(self, stream: LayerStream) -> DeliveryOrder:
        asked = DeliveryOrder(
            self.order.layer,
            given=lambda: stream.given,
            match=self.order.match,  # type: ignore[arg-type] # checked where it was asked
            reach=self.order.reach,  # type: ignore[arg-type]
        )
        return asked if self.order.as_of is None else replace(asked, as_of=self.order.as_of)

    @contextmanager
    def _opened(self) -> Generator[LayerStream]:
        order, target = self.order, _target(self.order.layer)
        section = self._section()
        reading = ReadOrder(
            options=self._options(),
            mapping=section if section is not None else (dict(order.columns) or None),
            source=self._name(),
            within=self._ground(),
            timezone=order.timezone,
            checks=order.checks,
            skip_rejects=order.skip_rejects,
            repaired=order.repaired,
            drop_absent=order.drop_absent,
        )
        with open_layer(order.path, target.contract, reading) as stream:
            yield stream

    def _section(self) -> LayerMapping | None:
        return None if self._mapping is None else self._mapping.layers[0]

    def _options(self) -> SourceOptions:
        """Return how the file is to be opened: what is said now goes before its mapping."""
        section = self._section()
        where = str(self.order.path)
        return self._said(SourceOptions() if section is None else section.options(where))

    def _said(self, said: SourceOptions) -> SourceOptions:
        order, where = self.order, str(self.order.path)
        spatial = bool(_target(order.layer).contract.geometry)
        return replace(
            said,
            preferred_layer=order.layer,
            layer=order.table or said.layer,
            crs=said.crs if order.crs is None else SourceCrs.parse(order.crs, where),
            encoding=order.encoding or said.encoding,
            header_rows=order.header_rows or said.header_rows,
            spatial=spatial,
        )

    # ---- several layers ----------------------------------------------------------------------

    def _file(self) -> dict[str, Any]:
        mapping = self._mapping
        if mapping is None:
            raise InvalidInputError(
                f"{self.order.path}: it is not said how the file becomes layers.",
                remedy="Give a mapping file: wangge import plan FILE --save MAPPING writes one.",
                file=str(self.order.path),
            )
        self._refuse_row_wise()
        read_by = self._said_of_sections(mapping)
        with self.steps.step("read"):
            dataset = read_mapped(self.order.path, read_by, within=self._ground())
        told = rows_told(self.steps, sum(len(frame) for frame in dataset.layers.values()))
        with transaction(self.factory) as session:
            with self.steps.step("store"):
                guarded = self._guard_dataset(session, dataset)
                stored = importing.import_dataset(
                    session, self.scope, dataset, progress=told, job_id=self.job_id
                )
                lay_out_hours(session, self.scope, stored.rows, self.order.timezone)
            return self._completed(session, {**report_of(stored), "guard": guarded})

    def _refuse_row_wise(self) -> None:
        """Refuse what is said of single rows where what is stored is made of several."""
        order = self.order
        said = {
            "--skip-rejects": order.skip_rejects,
            "--unchecked": not order.checks,
            "--repaired": order.repaired is not None,
            "--drop-absent": order.drop_absent,
        }
        asked = [option for option, is_said in said.items() if is_said]
        if asked:
            raise InvalidInputError(
                f"{order.path}: its mapping looks at all rows before it takes one, so "
                f"{', '.join(asked)} cannot be heeded.",
                remedy="Leave it out, and mend rows that are refused in the file itself.",
                file=str(order.path),
            )

    def _said_of_sections(self, mapping: MappingFile) -> MappingFile:
        """Return the mapping with what is said now of the file in each of its sections."""
        order = self.order
        by_column = [one.layer_column for one in mapping.layers if one.layer_column]
        if order.table is not None and by_column:
            raise InvalidInputError(
                f"{order.path}: its mapping tells layers by the column {by_column[0]!r}, so "
                f"--table {order.table} cannot be heeded.",
                remedy="Leave it out, or change source_layer in the mapping.",
                file=str(order.path),
            )
        sections = tuple(
            replace(
                one,
                crs=order.crs or one.crs,
                encoding=order.encoding or one.encoding,
                header_rows=order.header_rows or one.header_rows,
                source_layer=order.table or one.source_layer,
            )
            for one in mapping.layers
        )
        return replace(mapping, layers=sections)

    def _guard_dataset(self, session: "Session", dataset: "Dataset") -> dict[str, Any]:
        """Guard each layer; of a file that brings its own ground, that ground alone.

        What lies on ground of the same file need not be like anything in the store.
        """
        found: dict[str, Any] = {}
        ground = _GROUND & set(dataset.layers)
        for name, frame in dataset.layers.items():
            if "geometry" in frame and len(frame) and (not ground or name in ground):
                report = guarding.guard_layer(
                    session,
                    self.scope,
                    name,
                    representative_points(frame.geometry.to_numpy()),
                    where=str(self.order.path),
                    accept_shift=self.order.accept_shift,
                )
                found[name] = report.as_json()
        return found

    # ---- the hotline -------------------------------------------------------------------------

    def _hotline(self) -> dict[str, Any]:
        return take_in_hotline(
            self.factory, self.scope, self.order, self.steps, self.job_id, self._completed
        )

    # ---- what all share ----------------------------------------------------------------------

    def _name(self) -> str:
        return self.order.source or self.order.path.stem

    @cached_property
    def _mapping(self) -> MappingFile | None:
        """How the file becomes layers: as it is said, remembered, or proposed and accepted."""
        order = self.order
        if order.mapping is not None:
            return read_mapping(order.mapping)
        if order.mapping_data is not None:
            return parse_mapping(order.mapping_data, str(order.path))
        if order.columns or order.own_names or order.what != "layer":
            return None
        return self.suggested().agreed(order)

    def suggested(self) -> Suggestion:
        """Return how the file's columns would be read if nobody says it."""
        options = self._said(SourceOptions())
        return suggest(self.factory, self.scope, self.order, options)

    def _ground(self) -> Any:  # noqa: ANN401 - a polygon or None
        """Return the ground that the store knows: rows with lon and lat exchanged lie off it."""
        if self.order.layer in _GROUND:
            return None
        with transaction(self.factory) as session:
            return importing.ground_outline(session, self.scope)

    def _guard(self, session: "Session", stream: LayerStream) -> dict[str, Any]:
        if not len(stream.sample):
            return {}
        report = guarding.guard_layer(
            session,
            self.scope,
            self.order.layer,
            stream.sample,
            where=str(self.order.path),
            declared=stream.facts.crs,
            accept_shift=self.order.accept_shift,
        )
        return report.as_json()

    def _completed(self, session: "Session", report: dict[str, Any]) -> dict[str, Any]:
        """Audit what was stored and remember how it was read, in the transaction that stores it.

        So whoever ends the import before it is committed ends it without a trace.
        """
        if self.order.audit and report.get("number") is not None:
            layers = report.get("rows_by_layer") or [self.order.layer]
            report["audit"] = audited(
                session, self.scope, self.steps, int(report["number"]), layers
            )
        if self._mapping is not None:
            report["mapping_remembered_as"] = mappings.remember(
                session,
                self.scope,
                self._mapping,
                path=self.order.path,
                source=self.order.source or None,
            )
        return report

    @contextmanager
    def _rejects_written(self) -> Generator[None]:
        """Write the rows that cannot be taken down, as a table and as a package to repair."""
        try:
            yield
        except RejectedRowsError as error:
            self._write_down(error.rejects)
            raise

    def _write_down(self, rejects: "pd.DataFrame") -> None:
        table = self.order.rejects or rejects_table(self.order.path)
        write_rejects(rejects, table)
        whole = self._mapping is not None and _needs_all_rows(self._mapping)
        if self.order.what == "layer" and self.order.repaired is None and not whole:
            source = open_source(self.order.path, self._options(), Rejects())
            with closing(source):
                write_rejects_package(table.with_suffix(".gpkg"), source, rejects)

    def _left_out(self, stream: LayerStream) -> None:
        """Write the rows down that are left out, before the others are there for good."""
        if stream.rejects.rows:
            self._write_down(stream.rejects.frame())


def require_one_mapping(order: ImportOrder) -> None:
    """Raise :class:`gis.errors.InvalidInputError` if columns are said one by one and by a mapping.

    Neither goes before the other.
    """
    if not order.columns or (order.mapping is None and order.mapping_data is None):
        return
    said = ", ".join(f"{theirs}={ours}" for theirs, ours in order.columns.items())
    mapping = "a mapping" if order.mapping is None else f"the mapping {order.mapping}"
    raise InvalidInputError(
        f"{order.path}: --column {said} is said beside {mapping}, which says how all columns "
        "become fields.",
        remedy="Write them into the mapping, under [layers.fields], or leave one of the two out.",
        file=str(order.path),
    )


def _layers_of(order: ImportOrder, report: Mapping[str, Any]) -> list[str]:
    """Return the layers that an import has changed."""
    return list(report.get("rows_by_layer") or [order.layer or ""])


def _needs_all_rows(mapping: MappingFile) -> bool:
    """Return whether a mapping looks at more than one row at a time, or makes several layers."""
    first = mapping.layers[0]
    return len(mapping.layers) > 1 or mapping.derive is not None or first.dissolve is not None


def _target(name: str) -> Layer:
    if name not in LAYER_BY_NAME:
        raise InvalidInputError(
            f"There is no layer {name!r}.", remedy=f"Use one of {', '.join(LAYER_BY_NAME)}."
        )
    return LAYER_BY_NAME[name]


@contextmanager
def _rolled_back(factory: "sessionmaker[Session]") -> Generator["Session"]:
    """Yield a session whose transaction leaves nothing behind."""
    try:
        with transaction(factory) as session:
            yield session
            raise PreviewOnlyError
    except PreviewOnlyError:
        pass


def run_preview(
    factory: "sessionmaker[Session]",
    scope: "Scope",
    arguments: Mapping[str, Any],
    recorder: Recorder,
) -> Mapping[str, Any]:
    """Compare another delivery with what stands; the kind of job ``preview``."""
    order = ImportOrder.from_arguments(arguments)
    seen = Import(factory, scope, order, Steps(recorder), recorder.job_id).preview()
    return {"delivery": seen.as_dict()}


#: What :func:`gis.jobs.worker.run_worker` does, by kind of job.
WORKS: Mapping[str, Callable[..., Mapping[str, Any]]] = {
    "import": run_import,
    "preview": run_preview,
}
