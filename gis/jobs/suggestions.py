"""How a file's columns would be read if nobody says it: as remembered, or as they look."""

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gis.database.engine import transaction
from gis.errors import InvalidInputError
from gis.ingest.formats import open_source
from gis.ingest.mapping_file import MappingFile
from gis.ingest.proposals import Proposal, propose
from gis.ingest.rejects import Rejects
from gis.layers.registry import LAYER_BY_NAME
from gis.services import mappings
from gis.services.mappings import Remembered

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker

    from gis.ingest.rows import SourceOptions
    from gis.jobs.import_orders import ImportOrder
    from gis.scope import Scope

#: Rows that a proposal of columns is made from.
SAMPLE_ROWS = 2_000
#: Fields that say nothing about whether a file speaks our names.
_COMMON = frozenset({"id", "source_id", "name", "geometry"})


@dataclass(frozen=True)
class Suggestion:
    """How a file's columns would be read if nobody says it.

    Parameters
    ----------
    remembered
        As the last file of this source was read.
    proposal
        By what they look like.
    """

    remembered: Remembered | None = None
    proposal: Proposal | None = None

    @property
    def own_names(self) -> bool:
        """Whether the file's columns have the layer's names already."""
        if self.proposal is None:
            return True
        taken = [one for one in self.proposal.columns if one.field is not None]
        ours = any(one.field == one.column and one.field not in _COMMON for one in taken)
        return ours or all(one.field == one.column for one in taken)

    def agreed(self, order: "ImportOrder") -> MappingFile | None:
        """Return the mapping to read by; ``None``: the columns have the layer's names.

        Raises
        ------
        gis.errors.InvalidInputError
            What is remembered does not fit any more; or a proposal was not accepted, or is not
            enough.
        """
        if self.remembered is not None:
            return self.remembered.require_fit()
        if self.own_names or self.proposal is None:
            return None
        where = str(order.path)
        looks = ", ".join(f"{c.column} → {c.field}" for c in self.proposal.columns if c.field)
        if self.proposal.missing:
            raise InvalidInputError(
                f"{where}: no column for {', '.join(self.proposal.missing)} is recognised "
                f"(recognised: {looks}).",
                remedy="Say it with --column THEIRS=ours or --mapping; wangge import plan helps.",
                file=where,
            )
        if not order.accept_proposal:
            raise InvalidInputError(
                f"{where}: the columns have other names; they look like {looks}.",
                remedy="Accept that with --yes, or say it with --column or --mapping.",
                file=where,
            )
        return self.proposal.mapping()


def suggest(
    factory: "sessionmaker[Session]", scope: "Scope", order: "ImportOrder", options: "SourceOptions"
) -> Suggestion:
    """Return how the columns of a layer's file would be read; ``options`` say how it is opened."""
    source = open_source(order.path, options, Rejects())
    with closing(source):
        sample = next(iter(source.batches(SAMPLE_ROWS)), None)
        facts = source.facts
    if sample is None:
        return Suggestion()
    with transaction(factory, scope) as session:
        known = mappings.recall(
            session,
            scope,
            (*map(str, sample.columns), *facts.xy),
            path=order.path,
            source=order.source or None,
        )
    if known is not None and _is_of(known, order.layer):
        return Suggestion(remembered=known)
    contract = LAYER_BY_NAME[order.layer].contract
    return Suggestion(proposal=propose(facts, sample, [contract]))


def _is_of(known: Remembered, layer: str) -> bool:
    """Return whether what is remembered is about this one layer, or cannot be read at all."""
    if known.mapping is None:
        return True
    return [section.layer for section in known.mapping.layers] == [layer]
