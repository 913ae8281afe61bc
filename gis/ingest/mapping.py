"""From the columns of a file to the fields of a layer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gis.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd


def apply_mapping(
    columns: "pd.DataFrame", mapping: Mapping[str, str] | None, fields: list[str], where: str
) -> "pd.DataFrame":
    """Return the columns under the contract's names.

    Parameters
    ----------
    columns
        Columns under their names in the file.
    mapping
        File's column → field of the contract.
    fields
        Fields of the contract.
    where
        File that errors name.

    Raises
    ------
    gis.errors.InvalidInputError
        The mapping names a column or field that is not there, or a field twice.
    """
    wanted = dict(mapping or {})
    for column, target in wanted.items():
        if column not in columns:
            msg = f"{where}: the mapping names the column {column!r}, which the file has not."
            raise InvalidInputError(
                msg, remedy=f"It has: {', '.join(map(str, columns))}.", file=where, field=column
            )
        if target not in fields:
            msg = f"{where}: the mapping names the field {target!r}, which the layer has not."
            raise InvalidInputError(
                msg, remedy=f"It has: {', '.join(fields)}.", file=where, field=target
            )
    if len(set(wanted.values())) < len(wanted):
        msg = f"{where}: the mapping gives one field two columns."
        raise InvalidInputError(msg, remedy="Map each field once.", file=where)
    # A mapped column takes the place of one that already has the field's name.
    clash = [name for name in wanted.values() if name in columns and name not in wanted]
    return columns.drop(columns=clash).rename(columns=wanted)
