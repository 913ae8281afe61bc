"""What commands ask: whether to go on, and for one of a few words."""

from typing import Annotated

import typer

from gis.errors import InvalidInputError

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def agreed(question: str, *, yes: bool) -> bool:
    """Return whether somebody agrees, or has with ``--yes``; a no is answered."""
    if yes or typer.confirm(question, default=False):
        return True
    typer.echo("Nothing was changed.")
    return False


def require_one_of(option: str, value: str | None, choices: tuple[str, ...]) -> None:
    """Raise unless an option is unset or one of the words that it can be.

    Raises
    ------
    gis.errors.InvalidInputError
        It is another.
    """
    if value is not None and value not in choices:
        raise InvalidInputError(
            f"{option} {value!r} is not known.", remedy=f"Use one of {', '.join(choices)}."
        )
