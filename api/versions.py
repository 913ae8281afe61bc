"""Changes on the version that was read: ETag and If-Match (RFC 9110)."""

import re
from typing import Annotated

from fastapi import Header

from api.problems import PreconditionRequiredError
from gis.errors import StaleVersionError

_ETAG = re.compile(r'"(\d{1,9})"')

IfMatch = Annotated[
    str | None,
    Header(description="The ETag that was read, or * for any.", examples=['"1"']),
]


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def versions_of(if_match: str | None, what: str) -> list[int]:
    """Return the versions that a request names; empty for ``*``, which any version satisfies.

    Raises
    ------
    api.problems.PreconditionRequiredError
        It names none.
    """
    if if_match is None or not if_match.strip():
        raise PreconditionRequiredError(
            f"A change must say which version of the {what} it was made on.",
            remedy=f"Read the {what} and send its ETag in If-Match.",
        )
    if if_match.strip() == "*":
        return []
    # What is no version of ours (a weak tag, for example) matches none.
    return [int(v) for v in _ETAG.findall(re.sub(r'W/"[^"]*"', "", if_match))] or [-1]


def seen_version(if_match: str | None, current: int, what: str) -> int:
    """Return the version that is to be changed: the current one, if the request allows it.

    Raises
    ------
    gis.errors.StaleVersionError
        The request was made on another one.
    """
    allowed = versions_of(if_match, what)
    if allowed and current not in allowed:
        raise StaleVersionError(
            f"The {what} is at version {current}.",
            remedy="Read it again and repeat the change.",
        )
    return current
