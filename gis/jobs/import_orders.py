"""What an import is asked for, on its way from the command line or the API to whoever does it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, Literal

from gis.errors import InvalidInputError

What = Literal["layer", "file", "hotline"]


@dataclass(frozen=True)
class ImportOrder:
    """A file and what is to become of it.

    Parameters
    ----------
    path
        The file.
    what
        ``layer``: one layer; ``file``: every layer that its mapping makes of it; ``hotline``: the
        matters of a 12345 export.
    layer
        Of ``layer``: which.
    table
        Layer, sheet or file inside the file.
    crs, encoding, header_rows
        What the file does not say by itself.
    columns
        File's column → field, for a file that needs no more than that.
    mapping
        A mapping file.
    mapping_data
        Or what such a file says, as plain values.
    accept_proposal
        Whether columns under other names may be taken for what they look like, where no mapping
        is given or remembered.
    own_names
        It is settled that the columns have the layer's names: nothing is proposed or recalled.
    source
        Name of the data set by which its mapping is remembered; empty: the file's name.
    update
        Whether this is another delivery of a layer, to be compared with what stands.
    match, reach, as_of
        As in :class:`gis.services.deliveries.DeliveryOrder`.
    checks
        Whether each value is checked before the database sees it.
    skip_rejects
        Whether rows that cannot be taken are left out; else one of them refuses the file.
    repaired
        A rejects package whose rows were repaired: they take the place of the file's.
    drop_absent
        Whether rows that were removed from that package are left out.
    rejects
        Where rows that cannot be taken are written; ``None``: beside the file.
    accept_shift
        Why the coordinates are right although they seem shifted.
    audit
        Whether the ground is audited afterwards.
    timezone
        Of times that name none.
    uploads
        The folder of the files that came in over HTTP, if this is one of them: it is removed when
        the import has ended.
    """

    path: Path
    what: What = "layer"
    layer: str = ""
    table: str | None = None
    crs: str | None = None
    encoding: str | None = None
    header_rows: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    mapping: Path | None = None
    mapping_data: Mapping[str, Any] | None = None
    accept_proposal: bool = False
    own_names: bool = False
    source: str = ""
    update: bool = False
    match: str = "auto"
    reach: str = "auto"
    as_of: date | None = None
    checks: bool = True
    skip_rejects: bool = False
    repaired: Path | None = None
    drop_absent: bool = False
    rejects: Path | None = None
    accept_shift: str | None = None
    audit: bool = True
    timezone: str = "Asia/Shanghai"
    uploads: Path | None = None

    def as_arguments(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without what is as by default."""
        default = ImportOrder(self.path)
        told = {k: v for k, v in asdict(self).items() if v != getattr(default, k) or k == "path"}
        return {k: str(v) if isinstance(v, Path | date) else v for k, v in told.items()}

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "ImportOrder":
        """Return the order of :meth:`as_arguments`.

        Raises
        ------
        gis.errors.InvalidInputError
            It was written by another version and names what this one does not know.
        """
        known = {one.name for one in fields(cls)}
        strange = sorted(set(arguments) - known)
        if strange:
            raise InvalidInputError(
                f"The import asks for {', '.join(strange)}, which this version does not know.",
                remedy="Let the version do it that wrote it, or ask for it again.",
            )
        given = dict(arguments)
        for name in ("path", "mapping", "repaired", "rejects", "uploads"):
            if given.get(name) is not None:
                given[name] = Path(given[name])
        if given.get("as_of") is not None:
            given["as_of"] = date.fromisoformat(given["as_of"])
        return cls(**given)


def rejects_table(path: Path) -> Path:
    """Return where the table of a file's rejects goes if nobody says where."""
    return path.with_name(f"{path.name}.rejects.csv")
