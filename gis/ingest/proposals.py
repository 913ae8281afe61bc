"""What a file looks like: which layer it is, which column is which field, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as own_field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.errors import InvalidInputError
from gis.ingest.mapping import REFERENCES, LayerMapping
from gis.ingest.mapping_file import MappingFile
from gis.ingest.personal_columns import personal_by_name, personal_by_values
from gis.ingest.proposal_fit import LOWEST_SCORE, field_called, fit, plain, translated_codes
from gis.ingest.proposal_words import FIELD_WORDS, LAYER_WORDS
from gis.ingest.source_names import source_of

if TYPE_CHECKING:
    import pandas as pd

    from gis.frames import Column, FrameContract
    from gis.ingest.rows import RowBatch, SourceFacts


@dataclass(frozen=True)
class ColumnProposal:
    """What one column of the file is taken for.

    Parameters
    ----------
    column
        Its name in the file.
    field
        Field it becomes; ``None``: it is left, or refused.
    score
        How sure that is, 0 to 1.
    reason
        Why, in a sentence.
    personal
        Whether it holds persons' data: it is refused and never stored.
    codes
        Value in the file → code, for fields of codes.
    unknown_codes
        Values that no code is known for: rows with them would be refused.
    """

    column: str
    field: str | None
    score: float
    reason: str
    personal: bool = False
    codes: Mapping[str, str] = own_field(default_factory=dict)
    unknown_codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """How a file would be read; nothing of it is written anywhere.

    Parameters
    ----------
    source
        Short name of the source.
    layer
        Layer that the rows would become.
    layer_score, layer_reason
        How sure that is, and why.
    columns
        One for each column of the file, in its order.
    missing
        Fields that the layer needs and no column gives: the mapping must be completed by hand.
    facts
        What is known of the file.
    """

    source: str
    layer: str
    layer_score: float
    layer_reason: str
    columns: tuple[ColumnProposal, ...]
    missing: tuple[str, ...]
    facts: "SourceFacts"

    @property
    def left(self) -> tuple[str, ...]:
        """Columns that are not taken."""
        return tuple(c.column for c in self.columns if c.field is None and not c.personal)

    @property
    def personal(self) -> tuple[str, ...]:
        """Columns that are refused because they hold persons' data."""
        return tuple(c.column for c in self.columns if c.personal)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return a table: column, field (or ``—``, or ``refused``), score in percent, reason."""
        out = []
        for each in self.columns:
            target = "refused" if each.personal else each.field or "—"
            score = f"{each.score:.0%}" if each.field else ""
            reason = each.reason
            if each.codes:
                shown = ", ".join(f"{theirs} → {ours}" for theirs, ours in each.codes.items())
                reason = f"{reason}: {shown}"
            if each.unknown_codes:
                reason = f"{reason}; not known: {', '.join(each.unknown_codes)}"
            out.append((each.column, target, score, reason))
        return out

    def as_json(self) -> dict[str, Any]:
        """Return the proposal as plain values."""
        from gis.ingest.mapping_file import mapping_data

        return {
            "source": self.source,
            "layer": self.layer,
            "layer_score": round(self.layer_score, 3),
            "layer_reason": self.layer_reason,
            "columns": [
                {**asdict(each), "score": round(each.score, 3),
                 "unknown_codes": list(each.unknown_codes)}
                for each in self.columns
            ],
            "missing": list(self.missing),
            "left": list(self.left),
            "refused": list(self.personal),
            "mapping": mapping_data(self.mapping()),
        }  # fmt: skip

    def mapping(self) -> MappingFile:
        """Return the mapping that is proposed; it can be saved, and used if nothing is missing."""
        taken = [each for each in self.columns if each.field is not None]
        fields = {each.column: each.field for each in taken if each.field is not None}
        values = {
            each.field: dict(each.codes)
            for each in taken
            if each.field is not None and any(a != b for a, b in each.codes.items())
        }
        crs = self.facts.crs
        layer = LayerMapping(
            self.layer,
            fields=dict(fields),
            values=values,
            source_layer=self.facts.layer,
            crs=None if crs is None else crs.name,
        )
        return MappingFile(self.source, (layer,))


def propose(
    facts: "SourceFacts",
    sample: "RowBatch",
    contracts: "Iterable[FrameContract]",
) -> Proposal:
    """Return the layer and the mapping that fit a file best.

    Parameters
    ----------
    facts
        What is known of the file.
    sample
        Some of its rows, hundreds or more, under the file's names.
    contracts
        Layers it may be; one if the caller knows.

    Raises
    ------
    gis.errors.InvalidInputError
        No layer is given to choose from.
    """
    fitting = [_for_layer(facts, sample, contract) for contract in contracts]
    if not fitting:
        raise InvalidInputError("No layer is given to choose from.", remedy="Name one.")
    best = max(fitting, key=lambda each: each.layer_score)
    if len(fitting) > 1:
        return best
    told = f"you say it is {best.layer}"
    return Proposal(**{**vars(best), "layer_score": 1.0, "layer_reason": told})


def _for_layer(facts: "SourceFacts", sample: "RowBatch", contract: "FrameContract") -> Proposal:
    columns = _columns(sample.columns, contract)
    filled = {each.field for each in columns}
    missing = tuple(
        column.name
        for column in contract.columns
        if column.required
        and column.default is None
        and column.name != "id"
        and column.name not in filled
    )
    score, reason = _layer_score(facts, sample, contract, columns, len(missing))
    return Proposal(
        source_of(Path(facts.path)), contract.name, score, reason, columns, missing, facts
    )


def _columns(columns: "pd.DataFrame", contract: "FrameContract") -> tuple[ColumnProposal, ...]:
    """Return one proposal for each column; each field is proposed for one column only."""
    personal = {str(name): _personal(columns[name], str(name), contract) for name in columns}
    scored = []
    targets: list[Column | str] = [*contract.columns, *REFERENCES.get(contract.name, ())]
    for place, name in enumerate(columns):
        if personal[str(name)] is not None:
            continue
        for order, target in enumerate(targets):
            found = fit(columns[name], str(name), target, contract.name)
            if found is not None and found[0] >= LOWEST_SCORE:
                field_name = target if isinstance(target, str) else target.name
                scored.append((-found[0], place, order, str(name), field_name, found[1]))
    given: dict[str, tuple[str, float, str]] = {}
    fields: set[str] = set()
    for negative, _, _, column, field_name, reason in sorted(scored):
        if column not in given and field_name not in fields:
            given[column] = (field_name, -negative, reason)
            fields.add(field_name)
    return tuple(
        _left(str(name), personal[str(name)], contract, fields)
        if str(name) not in given
        else _taken(str(name), columns[name], given[str(name)], contract)
        for name in columns
    )


def _personal(column: "pd.Series[Any]", name: str, contract: "FrameContract") -> str | None:
    """Return why a column is refused as personal; ``None``: it is not."""
    word = personal_by_name(name)
    if word is not None:
        return f"{word!r} in its name says that it is about persons"
    looks = personal_by_values(column, field_called(name, contract.name))
    return None if looks is None else f"its values look like {looks}"


def _left(
    name: str, personal: str | None, contract: "FrameContract", taken: set[str]
) -> ColumnProposal:
    """Return a column that becomes no field, and why."""
    if personal is not None:
        reason = f"refused, never stored: {personal}"
        return ColumnProposal(name, None, 0.0, reason, personal=True)
    called = field_called(name, contract.name)
    if called is None or called in taken or called.endswith("id"):
        reason = "no field is called so or has such values"
    else:
        reason = f"it is called as {called} is, but its values are not of that kind"
    return ColumnProposal(name, None, 0.0, reason)


def _taken(
    name: str,
    column: "pd.Series[Any]",
    given: tuple[str, float, str],
    contract: "FrameContract",
) -> ColumnProposal:
    target, score, reason = given
    choices = next((c.choices for c in contract.columns if c.name == target), ())
    known, unknown = translated_codes(column, target, choices) if choices else ({}, ())
    return ColumnProposal(name, target, score, reason, codes=known, unknown_codes=unknown)


def _layer_score(
    facts: "SourceFacts",
    sample: "RowBatch",
    contract: "FrameContract",
    columns: tuple[ColumnProposal, ...],
    missing: int,
) -> tuple[float, str]:
    """Return how well a layer fits: by its own fields, the file's name, and the geometry."""
    own = [
        each.score
        for each in columns
        if each.field is not None and each.field not in FIELD_WORDS[""]
    ]
    shared = [each for each in columns if each.field in FIELD_WORDS[""]]
    named = _named_layer(facts, [each.column for each in columns], contract.name)
    shape = _geometry_share(sample, contract)
    score = 0.25 * named + 0.15 * shape + min(0.6, 0.15 * sum(own) + 0.02 * len(shared))
    score -= 0.15 * missing + (0.3 if shape == 0 else 0.0)
    reasons = [f"{len(own) + len(shared)} columns fit"]
    if named:
        reasons.append("the file or a column is called so")
    if sample.geometry is not None:
        reasons.append(f"{shape:.0%} of the geometries are of its kind")
    if missing:
        reasons.append(f"{missing} needed field{'s are' if missing > 1 else ' is'} missing")
    return max(score, 0.0), "; ".join(reasons)


def _named_layer(facts: "SourceFacts", headers: list[str], layer: str) -> float:
    words = LAYER_WORDS.get(layer, layer).split()
    file = plain(f"{Path(facts.path).stem} {facts.layer or ''}")
    if any(word in file for word in words):
        return 1.0
    return 0.5 if any(word in plain(header) for header in headers for word in words) else 0.0


def _geometry_share(sample: "RowBatch", contract: "FrameContract") -> float:
    if sample.geometry is None:
        return 0.0 if contract.geometry and contract.geometry_required else 1.0
    import shapely

    kinds = {getattr(shapely.GeometryType, kind.upper()) for kind in contract.geometry}
    found = shapely.get_type_id(sample.geometry)
    lone = found[found >= 0]
    return float(np.isin(lone, [int(kind) for kind in kinds]).mean()) if len(lone) else 0.0
