"""How well a column of a file fits a field of a layer: by its name, then by its values."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gis.ingest.mapping_file import CONTRACTS
from gis.ingest.mapping_values import texts
from gis.ingest.proposal_words import CODE_WORDS, FIELD_WORDS, OWN_IDS

if TYPE_CHECKING:
    import pandas as pd

    from gis.frames import Column

#: Scores below this are no proposals.
LOWEST_SCORE = 0.6
#: Likeness of names (0–100) from which they may be meant.
LIKENESS = 80.0
#: Share of distinct values that must be known codes, by which a column is told by its values.
CODES_SHARE = 0.5
#: A column of codes has no more distinct values than this.
MOST_CODES = 60
_PLAIN_KINDS = {"int", "float"}
_UUID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_NUMBER = re.compile(
    r"^[约≈]?\s*-?\d{1,3}(?:[,，]\d{3})*(?:\.\d+)?\s*\D{0,3}$|^-?\d+(?:\.\d+)?\D{0,3}$"
)
_DATE = re.compile(r"^(?:19|20)\d{2}[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?)?")


def fit(
    column: "pd.Series[Any]", name: str, target: "Column | str", layer: str
) -> tuple[float, str] | None:
    """Return how well a column fits a field, and why; ``None``: not at all."""
    field_name = target if isinstance(target, str) else target.name
    if field_name == "id" or (field_name.endswith("_id") and field_name != "source_id"):
        return _by_own_ids(column, name, field_name)
    score, reason = _by_name(name, field_name, layer)
    choices = () if isinstance(target, str) else target.choices
    kind = "str" if isinstance(target, str) else target.kind
    if choices:
        return _by_codes(column, field_name, choices, (score, reason))
    if score < LOWEST_SCORE:
        return None
    share = _kind_share(column, kind)
    if share is None:
        return score * 0.9, f"{reason}; it is empty in the sample"
    if share < 0.5:
        return None
    return score * (0.8 + 0.2 * share), reason


def _by_own_ids(column: "pd.Series[Any]", name: str, field_name: str) -> tuple[float, str] | None:
    """Return the score of a column for our ids: it is called so, and all its values are ids.

    Only what was exported from here has such; numbers of offices are the ``source_id``.
    """
    if plain(name) not in {field_name, OWN_IDS.get(field_name, field_name)}:
        return None
    found = [text for text in texts(column) if text is not None]
    if not found or not all(_UUID.match(text) for text in found):
        return None
    return 1.0, f"{name!r} holds the ids of an export from here"


def _by_name(name: str, field_name: str, layer: str) -> tuple[float, str]:
    """Return the score of a column's name for a field: equal, a part, or alike."""
    words = [word for word, target in _words(layer).items() if target == field_name]
    best = (0.0, "")
    for rank, spelling in enumerate(spellings(name)):
        off = 0.05 * rank
        if spelling in words:
            general = 0.05 if _is_general(spelling, field_name) else 0.0
            return 1.0 - off - general, f"{name!r} is a name for {field_name}"
        score, word = _likest(spelling, words)
        if score - off > best[0]:
            best = (score - off, f"{name!r} is like {word!r}, a name for {field_name}")
    return best


def _is_general(word: str, field_name: str) -> bool:
    """Return whether a word is of any layer: one of the layer itself goes first."""
    return word in FIELD_WORDS[""].get(field_name, "").split()


def _likest(spelling: str, words: list[str]) -> tuple[float, str]:
    from rapidfuzz import fuzz

    best = (0.0, "")
    for word in words:
        if len(word) >= 2 and len(spelling) > len(word) and spelling.endswith(word):
            score = 0.85  # 建成区常住人口, residential_households
        else:
            likeness = fuzz.ratio(spelling, word)
            long_enough = min(len(spelling), len(word)) >= 3
            score = likeness / 100 * 0.9 if likeness >= LIKENESS and long_enough else 0.0
        if score > best[0]:
            best = (score, word)
    return best


def _by_codes(
    column: "pd.Series[Any]",
    field_name: str,
    choices: tuple[str, ...],
    by_name: tuple[float, str],
) -> tuple[float, str] | None:
    """Return the score of a column for a field of codes: its values count more than its name."""
    known, unknown = translated_codes(column, field_name, choices)
    distinct = len(known) + len(unknown)
    if not distinct or distinct > MOST_CODES:
        return None
    share = len(known) / distinct
    named, reason = by_name
    if named >= LOWEST_SCORE:
        score = named * (0.6 + 0.4 * share)
        return score, f"{reason}, and {len(known)} of its {distinct} values are known codes"
    if share < CODES_SHARE or len(known) < 2:
        return None
    return 0.6 + 0.2 * share, f"{len(known)} of its {distinct} values are codes of {field_name}"


def translated_codes(
    column: "pd.Series[Any]", field_name: str, choices: tuple[str, ...]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the code of each distinct value, in order of appearance, and values without one."""
    known: dict[str, str] = {}
    unknown: list[str] = []
    for text in dict.fromkeys(text for text in texts(column) if text is not None):
        code = _code_of(text, field_name, choices)
        if code is None:
            unknown.append(text)
        else:
            known[text] = code
        if len(known) + len(unknown) > MOST_CODES:
            break
    return known, tuple(unknown)


def _code_of(text: str, field_name: str, choices: tuple[str, ...]) -> str | None:
    """Return the code that a value is a word for, or that it begins or ends with."""
    own_text = plain(text)
    if own_text in choices:
        return own_text
    words = {
        word: code
        for code, own in CODE_WORDS.get(field_name, {}).items()
        if code in choices
        for word in own.split()
    }
    if own_text in words:
        return words[own_text]
    parts = [word for word in words if len(word) >= 2 and own_text.startswith(word)]
    parts += [word for word in words if len(word) >= 2 and own_text.endswith(word)]
    found = {words[word] for word in parts}
    return found.pop() if len(found) == 1 else None


def _kind_share(column: "pd.Series[Any]", kind: str) -> float | None:
    """Return the share of values that can be of a kind; ``None``: there is no value."""
    found = [text for text in texts(column) if text is not None]
    if not found:
        return None
    if kind in _PLAIN_KINDS:
        return float(np.mean([bool(_NUMBER.match(text)) for text in found]))
    if kind in {"date", "datetime"}:
        return float(np.mean([bool(_DATE.match(text)) for text in found]))
    return 1.0


def field_called(name: str, layer: str) -> str | None:
    """Return the field of a layer that a column's name is a word for; ``None``: it is none."""
    words = {**_words(layer)}
    return next((words[key] for key in spellings(name) if key in words), None)


@lru_cache(maxsize=64)
def _words(layer: str) -> Mapping[str, str]:
    """Return words for fields of a layer → field: its names, its own words, and general ones."""
    out = {plain(name): name for name in CONTRACTS[layer].names} if layer in CONTRACTS else {}
    for group in (layer, ""):
        for field_name, words in FIELD_WORDS.get(group, {}).items():
            for word in (field_name, *words.split()):
                out.setdefault(plain(word), field_name)
    return out


def spellings(name: str) -> list[str]:
    """Return a column's name as it may be meant: whole, without brackets, its last part.

    Examples
    --------
    >>> spellings("人口情况_60岁以上（人）")
    ['人口情况_60岁以上(人)', '人口情况_60岁以上', '60岁以上']
    """
    whole = plain(name)
    bare = re.sub(r"[(\[【].*?[)\]】]", "", whole).strip("_ ")
    last = re.split(r"[_/\n>-]", bare)[-1].strip()
    return list(dict.fromkeys(each for each in (whole, bare, last) if each))


def plain(text: str) -> str:
    """Return a text as it is compared: full-width forms and case made plain, without gaps."""
    folded = unicodedata.normalize("NFKC", text).strip().lower()
    return re.sub(r"[\s·]+", "_" if folded.isascii() else "", folded)
