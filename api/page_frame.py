"""What every page that we write has around it: its languages, and who is signed in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gis.i18n import Language, translate

#: Name of each language in itself.
_NAMES: tuple[tuple[Language, str], ...] = (("zh-CN", "中文"), ("en", "English"))


@dataclass(frozen=True, slots=True)
class OtherLanguage:
    """The name of a language in itself, and where the same page is in it."""

    code: Language
    name: str
    href: str


def page_frame(
    language: Language, same_in: Callable[[Language], str], text: dict[str, str]
) -> dict[str, Any]:
    """Return what ``page.html`` shows around a page.

    Parameters
    ----------
    language
        Of the page.
    same_in
        Where the same page is in a language.
    text
        What the page itself says, by name; the frame's own names are added.
    """
    return {
        "language": language,
        "languages": [OtherLanguage(code, name, same_in(code)) for code, name in _NAMES],
        "visitor": None,
        "text": {
            "name": translate("Wangge", language),
            "language": translate("Language", language),
            "sign_in": translate("Sign in", language),
            "sign_out": translate("Sign out", language),
            "signed_in_as": translate("Signed in as", language),
            **text,
        },
    }
