"""Labels in zh-CN and en, from one babel catalogue; English text is the message id."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
CATALOGUES = Path(__file__).parent / "locale"
#: What the objective of a siting counts where it is not people, and the units of walks.
COUNTED = ("stations", "buildings_left_out", "share")
UNITS = ("m", "min")


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: Language) -> dict[str, str]:
    from babel.messages.pofile import read_po

    path = CATALOGUES / f"{language}.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language.replace("-", "_"))
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string}


def translate(message: str, language: Language, **values: object) -> str:
    """Return ``message`` in ``language``, with ``{name}`` fields filled from ``values``.

    Parameters
    ----------
    message
        The English text, which is the message id. A message that a catalogue lacks is returned in
        English; a test proves that none is lacking.
    language
        ``zh-CN`` or ``en``.

    Examples
    --------
    >>> translate("{count} households", "en", count=400)
    '400 households'
    """
    text = _catalogue(language).get(message, message)
    return text.format(**values) if values else text


def code_label(kind: str, code: str, language: Language) -> str:
    """Return the label of a code of a closed list, for example a service or a tier.

    The message id is ``kind:code``; both languages have it in their catalogue.
    """
    return translate(f"{kind}:{code}", language)


def indicator_label(code: str, language: Language) -> str:
    """Return the name of an indicator: ``elderly_covered:canteen_500_m`` names three things."""
    kind, _, cover = code.partition(":")
    if not cover:
        return code_label("indicator", kind, language)
    service, limit, unit = cover.rsplit("_", 2)
    return (
        code_label("indicator", kind, language)
        .replace("{service}", code_label("service", service, language))
        .replace("{limit}", f"{limit} {code_label('unit', unit, language)}")
    )


def counted_label(code: str, language: Language) -> str:
    """Return what a siting's objective counts: ``weighted_residents_m`` names three things.

    Examples
    --------
    >>> counted_label("weighted_residents_m", "en")
    'Residents, weighted by group × m'
    >>> counted_label("stations", "en")
    'New stations'
    """
    if code in COUNTED:
        return code_label("counted", code, language)
    if code in UNITS:
        return code_label("unit", code, language)
    people, _, unit = code.rpartition("_")
    if unit not in UNITS:
        people, unit = code, ""
    label = code_label("people", people.removeprefix("weighted_"), language)
    if people.startswith("weighted_"):
        label = code_label("counted", "weighted", language).replace("{people}", label)
    if not unit:
        return label
    walked = code_label("counted", "walked", language)
    return walked.replace("{people}", label).replace("{unit}", code_label("unit", unit, language))
