"""A table of a mapping file: each key is taken once, by its kind, and what is left is refused."""

from collections.abc import Mapping
from typing import Any

from gis.errors import InvalidInputError


class Table:
    """A table of the document; ``...`` as a default: the key must be there.

    Parameters
    ----------
    data
        Keys and values.
    where
        File that errors name.
    path
        Where in the file the table stands.
    """

    def __init__(self, data: Mapping[str, Any], where: str, path: str) -> None:
        self._left = dict(data)
        self._known: list[str] = []
        self.where, self.path = where, path

    def refuse(self, key: str, what: str, remedy: str) -> None:
        """Refuse the value of a key."""
        raise self.error(key, what, remedy)

    def error(self, key: str, what: str, remedy: str) -> InvalidInputError:
        """Return an error that names file and key."""
        full = f"{self.path}.{key}".strip(".")
        msg = f"{self.where}: {full} {what}."
        return InvalidInputError(msg, remedy=remedy, file=self.where, field=full)

    def take(self, key: str, kinds: tuple[type, ...], word: str, default: Any = ...) -> Any:  # noqa: ANN401 - what the document holds
        """Return the value of a key if it is of one of the kinds."""
        self._known.append(key)
        if key not in self._left:
            if default is ...:
                raise self.error(key, "is missing", f"Give {word}.")
            return default
        value = self._left.pop(key)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise self.error(key, f"is {value!r}", f"Give {word}.")
        return value

    def text(self, key: str, default: Any = ...) -> Any:  # noqa: ANN401 - text or the default
        """Return a text."""
        return self.take(key, (str,), "a text", default)

    def whole(self, key: str, default: Any = ...) -> Any:  # noqa: ANN401 - a number or the default
        """Return a whole number."""
        return self.take(key, (int,), "a whole number", default)

    def number(self, key: str, default: Any = ...) -> Any:  # noqa: ANN401 - a number or the default
        """Return a number."""
        return self.take(key, (int, float), "a number", default)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a truth value."""
        return bool(self.take(key, (bool,), "true or false", default))

    def texts(self, key: str, default: Any = ...) -> tuple[str, ...]:  # noqa: ANN401 - texts or the default
        """Return a text or a list of texts as texts."""
        value = self.take(key, (str, list), "a text or a list of texts", default)
        values = [value] if isinstance(value, str) else list(value)
        if not all(isinstance(each, str) for each in values):
            raise self.error(key, f"is {value!r}", "Give a text or a list of texts.")
        return tuple(values)

    def table(self, key: str) -> "Table | None":
        """Return a table inside; ``None``: there is none."""
        value = self.take(key, (dict,), "a table", None)
        return None if value is None else Table(value, self.where, f"{self.path}.{key}".strip("."))

    def tables(self, key: str) -> list["Table"]:
        """Return the tables of a list, each of which its number names."""
        value = self.take(key, (list,), f"sections [[{key}]]", [])
        path = f"{self.path}.{key}".strip(".")
        if not all(isinstance(each, dict) for each in value):
            raise self.error(key, "is no list of tables", f"Write sections [[{path}]].")
        return [Table(each, self.where, f"{path}[{n}]") for n, each in enumerate(value, 1)]

    def entries(self) -> list[str]:
        """Return the keys of a table whose keys are names of the file or of fields."""
        return list(self._left)

    def done(self) -> None:
        """Refuse a key that nobody has asked for."""
        for key in self._left:
            raise self.error(key, "is not known here", f"Use: {', '.join(self._known)}.")
