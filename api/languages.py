"""In which language a page is: as asked, else as the browser accepts, else the installation's."""

import re
from typing import Annotated, Literal

from fastapi import Header, Query

from gis.i18n import LANGUAGES, Language

Lang = Annotated[
    Literal["zh-CN", "en"] | None,
    Query(description="Language; by Accept-Language if it is left out."),
]
AcceptLanguage = Annotated[
    str, Header(description="Decides the language if lang is left out.", examples=["en"])
]


def choose_language(asked: Language | None, accepted: str, default: Language) -> Language:
    """Return the language that is asked for, or the best of those accepted, or the default."""
    if asked is not None:
        return asked
    wishes = []
    for number, part in enumerate(accepted[:500].split(",")):
        match = re.fullmatch(
            r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([\d.]+)\s*)?", part
        )
        if match:
            wishes.append((-_quality(match[2]), number, match[1].lower()))
    for _, _, wish in sorted(wishes):
        for language in LANGUAGES:
            if language.partition("-")[0] == wish:
                return language
    return default


def _quality(text: str | None) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
