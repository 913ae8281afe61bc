"""Columns of persons' data, recognised by what they are called and by what stands in them."""

import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.frames.personal import PATTERNS, SURNAMES
from gis.ingest.mapping_values import texts
from gis.ingest.proposal_words import PERSONAL_PARTS, PERSONAL_WHOLE

if TYPE_CHECKING:
    import pandas as pd

#: Share of a column's values that look personal from which the column is.
PERSONAL_SHARE = 0.05
#: Share of values that look like persons' names from which a column of an unknown name is one.
NAMES_SHARE = 0.8
#: Fewer different values say nothing about a column.
FEWEST_NAMES = 5
_NAME = re.compile(rf"^[{SURNAMES}][\u4e00-\u9fff]{{1,2}}(?<![路街巷弄村苑园里区楼院坊庄桥])$")
#: A count of persons is no person's data.
_COUNT = re.compile(r"(?:数|数量|人数|_count|_num)$")


def personal_by_name(header: str) -> str | None:
    """Return the word in a column's name that says it is about a person; ``None``: there is none.

    Examples
    --------
    >>> personal_by_name("联系人电话"), personal_by_name("户主数"), personal_by_name("户数")
    ('电话', None, None)
    """
    plain = unicodedata.normalize("NFKC", header).strip().lower()
    if _COUNT.search(plain):
        return None
    if plain in PERSONAL_WHOLE:
        return plain
    spelled = re.sub(r"[\s-]+", "_", plain)
    return next((word for word in PERSONAL_PARTS if word in plain or word in spelled), None)


def personal_by_values(column: "pd.Series[Any]", called: str | None) -> str | None:
    """Return what the values of a column look like, if that is a person's data.

    Parameters
    ----------
    column
        Values of a sample.
    called
        Field that the column's name is a word for; ``None``: it is none. Numbers of features may
        look like phone numbers, and short names of places like those of persons: only the column's
        name can tell.
    """
    found = [unicodedata.normalize("NFKC", text) for text in texts(column) if text is not None]
    if not found:
        return None
    for what, pattern in PATTERNS.items():
        if called in _KEYS and what == _PHONE:
            continue
        if np.mean([bool(pattern.search(text)) for text in found]) >= PERSONAL_SHARE:
            return what
    names = [bool(_NAME.match(text)) for text in found]
    several = len(set(found)) >= FEWEST_NAMES
    return (
        "persons' names" if called is None and several and np.mean(names) >= NAMES_SHARE else None
    )


_KEYS = ("source_id", "code", "id")
_PHONE = "a phone number"
