"""A proposal tried on the sample it was made from: which values would be refused."""

from collections import Counter
from typing import TYPE_CHECKING

from gis.ingest.checks import check_columns
from gis.ingest.mapping_file import CONTRACTS
from gis.ingest.rejects import Rejects
from gis.ingest.values import MendLog

if TYPE_CHECKING:
    from gis.ingest.proposals import Proposal
    from gis.ingest.rows import RowBatch


def refused_values(proposal: "Proposal", sample: "RowBatch", timezone: str) -> list[str]:
    """Return in a line each why values of the sample would be refused, with the first of them.

    Geometries are not looked at: they are in the system of the file. What a column is missing for
    is said by the proposal itself.
    """
    section = proposal.mapping().layers[0]
    contract = CONTRACTS[section.layer]
    columns, _, rows = section.apply(sample.columns, None, contract, str(proposal.facts.path))
    rejects = Rejects()
    with rejects.batch(sample.numbers[rows]):
        check_columns(columns, contract, rejects, MendLog(), timezone)
    unsaid = {*proposal.missing, "id"}
    faults = [fault for fault in rejects.rows if fault[1] not in unsaid]
    counts = Counter((fault[1], fault[4]) for fault in faults)
    first = {(fault[1], fault[4]): fault for fault in reversed(faults)}
    return [
        f"{name}: {count:,} of {len(sample):,} rows: {reason}, for example "
        f"{first[name, reason][2]!r} in row {first[name, reason][0]}"
        for (name, reason), count in counts.items()
    ]
