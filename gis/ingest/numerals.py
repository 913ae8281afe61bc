"""Numbers as people write them in tables: 约400, 1,200, １２０, 120户, 1.2万, 三百."""

import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType

#: Kinds of writing that are read, and how a note says it.
WRITINGS = MappingProxyType(
    {
        "approximate": "are approximate",
        "chinese_numeral": "are Chinese numerals",
        "unit_word": "have a unit behind the number",
        "thousands": "have separators between thousands",
        "full_width": "have full-width digits or spaces",
    }
)

_ABOUT = re.compile(
    r"^(大约为?|大约有?|大概|约为|约有|约|近|将近|接近|~|≈|∼|about|approx\.?|ca?\.)\s*",
    re.IGNORECASE,
)
_OR_SO = re.compile(r"\s*(左右|上下|余|多|来|许|\(?估计?\)?)$")
_UNIT = re.compile(
    r"\s*(户数?|人|栋|幢|层楼?|间|个|家|位|名|套|座|条|次|张|㎡|m2|平方米|平米|米|m|元|"
    r"households?|persons?|people|floors?)$",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$|^[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?$")
_PLAIN = re.compile(r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$")

_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_ONE = "[一二两三四五六七八九]"
_POSITIONAL = re.compile("^[零〇一二三四五六七八九]+$")
#: A number under ten thousand: each unit that is passed over below a larger one is named by 零.
_SECTION = re.compile(
    rf"^(?:(?P<k>{_ONE})千)?(?P<z1>零)?(?:(?P<h>{_ONE})百)?(?P<z2>零)?"
    rf"(?:(?P<t>{_ONE})?十)?(?P<z3>零)?(?P<u>{_ONE})?$"
)
_LARGE = (("亿", 10**8), ("万", 10**4))


@dataclass(frozen=True, slots=True)
class Written:
    """A number that was written in another way than in plain digits.

    Parameters
    ----------
    value
        The number.
    writing
        Key of :data:`WRITINGS`; ``""``: plain digits.
    """

    value: float
    writing: str = ""


def read_number(text: str) -> Written | None:
    """Return the number that a text stands for; ``None``: it stands for none, or for several.

    Units of another size than one (亩, 公顷, 公里) are no units here: such a value is no number,
    for it would be a wrong one. 万 multiplies by ten thousand. Ranges ("300-400") and colloquial
    numerals ("一百二") are not read.

    Examples
    --------
    >>> read_number("约１，２００户")
    Written(value=1200.0, writing='approximate')
    """
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").strip()
    marks = ["full_width"] if plain != text.strip() else []
    bare, about = _without_about(plain)
    marks += ["approximate"] * about
    number = _UNIT.sub("", bare, count=1)
    if number != bare:
        marks.append("unit_word")
        number, about = _without_about(number)
        marks += ["approximate"] * about
    value, writing = _value(number)
    if value is None:
        return None
    first = next((name for name in WRITINGS if name in [*marks, writing]), "")
    return Written(value, first)


def _without_about(text: str) -> tuple[str, bool]:
    bare = _OR_SO.sub("", _ABOUT.sub("", text, count=1), count=1)
    return bare, bare != text


def _value(text: str) -> tuple[float | None, str]:
    if _PLAIN.match(text):
        return float(text), ""
    if _THOUSANDS.match(text):
        return float(text.replace(",", "").replace(" ", "")), "thousands"
    if text.endswith("万") and _PLAIN.match(text[:-1]):
        return round(float(text[:-1]) * 10_000, 6), "unit_word"
    numeral = chinese_number(text)
    return (None, "") if numeral is None else (float(numeral), "chinese_numeral")


def chinese_number(text: str) -> int | None:
    """Return the whole number that a Chinese numeral stands for; ``None``: it is none.

    Examples
    --------
    >>> chinese_number("两千零五"), chinese_number("一二〇"), chinese_number("一百二")
    (2005, 120, None)
    """
    if not text:
        return None
    if _POSITIONAL.match(text):
        if len(text) > 1 and text[0] in "零〇":
            return None
        return int("".join(str(_DIGITS[sign]) for sign in text))
    return _large(text.replace("〇", "零"), 0)


def _large(text: str, level: int) -> int | None:
    if level == len(_LARGE):
        return _section(text)
    sign, size = _LARGE[level]
    upper, found, lower = text.partition(sign)
    if not found:
        return _large(text, level + 1)
    head = _large(upper, level + 1)
    if not head:
        return None
    if not lower:
        return head * size
    zero = lower.startswith("零")
    tail = _large(lower.removeprefix("零"), level + 1)
    # 一万二 says twelve thousand in speech: without 零 the next lower unit must be there.
    if not tail or zero == (tail * 10 >= size):
        return None
    return head * size + tail


def _section(text: str) -> int | None:
    found = _SECTION.match(text)
    if found is None:
        return None
    digits = [_digit(found["k"]), _digit(found["h"]), _tens(text, found), _digit(found["u"])]
    zeros = [False, found["z1"] is not None, found["z2"] is not None, found["z3"] is not None]
    return _sum_section(digits, zeros)


def _tens(text: str, found: "re.Match[str]") -> int | None:
    if found["t"] is not None:
        return _DIGITS[found["t"]]
    return 1 if "十" in text else None


def _digit(sign: str | None) -> int | None:
    return None if sign is None else _DIGITS[sign]


def _sum_section(digits: list[int | None], zeros: list[bool]) -> int | None:
    """Return the sum if each 零 stands for units that are passed over, and each such has its 零."""
    total, last = 0, None
    for place, digit in enumerate(digits):
        if digit is None:
            continue
        passed = last is not None and place - last > 1
        named = zeros[(0 if last is None else last + 1) : place + 1]
        if sum(named) != passed:
            return None
        total, last = total + digit * 10 ** (3 - place), place
    if last is None or any(zeros[last + 1 :]):
        return None
    return total
