"""The errors of the core: each family says what went wrong, where, and what to do about it.

The core knows no HTTP; ``api/problems.py`` maps each family to a status once.
"""

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class WanggeError(Exception):
    """Base of every error that a person can act on.

    Parameters
    ----------
    message
        What is wrong, in one sentence, naming the file, row or field where there is one.
    remedy
        What the reader can do about it.
    context
        Facts for logs and problem+json: ``file``, ``row``, ``field``, ``value`` …
    """

    def __init__(self, message: str, *, remedy: str = "", **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.context: Mapping[str, object] = MappingProxyType(context)

    def __str__(self) -> str:
        """Return the message followed by the remedy."""
        return f"{self.message} {self.remedy}".strip()

    def __reduce__(self) -> "tuple[object, ...]":
        """Return how it is made again in another process: workers raise errors too."""
        return _bare, (type(self), self.args), self.__dict__ | {"context": dict(self.context)}


def _bare(family: type[WanggeError], args: tuple[object, ...]) -> WanggeError:
    """Return an error of a family, whatever its families are made from, without its facts."""
    return family.__new__(family, *args)


class InvalidInputError(WanggeError):
    """A value, row or file that cannot be taken as it is."""


class GeometryError(InvalidInputError):
    """A geometry of the wrong type, empty, or invalid."""


class CrsMismatchError(InvalidInputError):
    """A source without a coordinate reference system, or in another than the one it claims."""


class TessellationError(InvalidInputError):
    """Polygons that overlap, leave gaps, or leave a building without a grid."""


class NotFoundError(WanggeError):
    """Something named by the caller does not exist."""


class ConflictError(WanggeError):
    """The state of the store forbids the action: a duplicate, a running import, a taken date."""


class InfeasiblePlanError(ConflictError):
    """No plan satisfies the hard rules; the message names the unit that forbids it."""


class StaleVersionError(WanggeError):
    """The caller's version of a row is not the current one."""


class DataSourceError(WanggeError):
    """A database, file system or other source does not answer."""


class ForbiddenError(WanggeError):
    """The principal may not do this here."""


class CredentialsError(WanggeError):
    """Who asks is not known: a wrong password, or a key, token or session that does not hold."""


class ConfigurationError(WanggeError):
    """A setting, a missing program or a missing file of the installation."""
