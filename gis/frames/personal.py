"""Persons' data in free text: what no layer may hold, how it is found, and how it is masked.

Numbers and addresses have a form and are found wherever they stand. Names have none: they are
masked where a word before them says that a name follows, before a form of address, and where the
caller knows the name. Any other name in a text is **not** found.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from types import MappingProxyType

from gis.errors import InvalidInputError

#: What must not be in a text, and how it looks once full-width digits are made plain. Identity
#: numbers of 15 digits went out of use in 2013 and look like grid codes, so they are not sought.
PATTERNS = MappingProxyType(
    {
        "an identity number": re.compile(
            r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"
            r"(?![\dXx])"
        ),
        "a phone number": re.compile(
            r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"
            r"|(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)"
        ),
        "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    }
)
#: What stands in the place of a number or address, and of a name.
MASK, NAME_MASK = "***", "某某"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶"
    "程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾"
    "毛郝龚邵万钱严覃武戴莫孔向汤"
)
#: Numbers and handles of any length behind the word for them: a local number has no form.
_TOLD = re.compile(
    r"(?:电话|手机|联系方式|微信|QQ|qq|身份证|证件号?|银行卡|卡号)(?:号码|号)?(?:是|为)?[：:\s]*"
    r"(?P<hidden>[A-Za-z0-9_-]{5,})"
)
_PLATE = re.compile(
    r"(?P<hidden>[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
    r"[A-HJ-NP-Z][·• ]?[A-HJ-NP-Z0-9]{5,6})(?![A-Za-z0-9])"
)
_NAMED = re.compile(
    r"(?:诉求人|来电人|反映人|投诉人|举报人|求助人|联系人|当事人|姓名)(?:姓名)?(?:[：:]\s*|(?:是|为|叫)\s*)"
    r"(?P<hidden>[\u4e00-\u9fff·]{2,4}?)(?=[，,。；;、（(\s]|电话|手机|联系|反映|来电|$)"
)
_ADDRESSED = re.compile(
    rf"(?P<hidden>[{SURNAMES}](?:某某?)?)(?=先生|女士|小姐|师傅|阿姨|大爷|大妈|奶奶|爷爷)"
)


def refuse_personal_text(text: str, where: str) -> None:
    """Raise if a text holds numbers or addresses that lead to a person, or control characters.

    Raises
    ------
    gis.errors.InvalidInputError
        It does. The message says what was found and never repeats it.
    """
    if _CONTROL.search(text):
        raise InvalidInputError(
            f"The field {where} holds control characters.",
            remedy="Remove them from the text.",
            field=where,
        )
    plain = unicodedata.normalize("NFKC", text)
    for what, pattern in PATTERNS.items():
        if pattern.search(plain):
            raise InvalidInputError(
                f"The field {where} holds what looks like {what}.",
                remedy="Leave it out: spatial layers keep no person's data. "
                "Say what is the matter and where.",
                field=where,
            )


def mask_personal_text(text: str, known: Iterable[str] = ()) -> str:
    """Return a text without the numbers, addresses and names that can be found in it.

    Parameters
    ----------
    text
        Any text.
    known
        Names and numbers of persons that the caller knows of, masked wherever they stand; those
        of one character are passed over.

    Returns
    -------
    str
        A text that :func:`refuse_personal_text` lets pass. Names are masked behind words such as
        来电人, before 先生, 女士 and the like, and if ``known``; others stay.
    """
    out = _CONTROL.sub(" ", text)
    for secret in sorted({one.strip() for one in known}, key=lambda one: (-len(one), one)):
        if len(secret) > 1:
            out = out.replace(secret, MASK if any(map(str.isdigit, secret)) else NAME_MASK)
    out = _masked(out, _plain(out))
    # Rare forms such as ⑴ become several characters, so a place in the one is not one in the other;
    # and what is masked may have hidden the number before it. Each round hides one at least.
    plain = unicodedata.normalize("NFKC", out)
    while any(pattern.search(plain) for pattern in PATTERNS.values()):
        out = _masked(plain, plain)
        plain = unicodedata.normalize("NFKC", out)
    return out


def _plain(text: str) -> str:
    """Return a text of the same length with full-width and like forms made plain."""
    return text if text.isascii() else text.translate(_plain_forms())


@cache
def _plain_forms() -> dict[int, int]:
    """Return what signs of the basic plane become that become one sign; made once."""
    signs = ((code, unicodedata.normalize("NFKC", chr(code))) for code in range(0x80, 0x10000))
    return {code: ord(form) for code, form in signs if len(form) == 1 and ord(form) != code}


def _masked(text: str, plain: str) -> str:
    """Return ``text`` with what the patterns find in ``plain``, its equal in length, masked."""
    spans: list[tuple[int, int, str]] = [
        (*found.span(), MASK) for pattern in PATTERNS.values() for found in pattern.finditer(plain)
    ]
    for pattern, mask in ((_TOLD, MASK), (_PLATE, MASK), (_NAMED, NAME_MASK), (_ADDRESSED, "某")):
        spans += [(*found.span("hidden"), mask) for found in pattern.finditer(plain)]
    parts, done = [], 0
    for start, end, mask in sorted(spans):
        if start < done:
            done = max(done, end)
            continue
        parts += [text[done:start], mask]
        done = end
    return "".join([*parts, text[done:]])
