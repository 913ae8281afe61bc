"""Labels in zh-CN and en, from one babel catalogue; English text is the message id."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
CATALOGUES = Path(__file__).parent / "locale"


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
