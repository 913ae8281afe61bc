"""Words of hotline matters: what they are about, who is served, and where they say they are."""

import re
from collections.abc import Sequence

#: Words in a matter's class or subject and the category they mean; the first that occurs counts.
CATEGORY_WORDS: tuple[tuple[str, str], ...] = (
    ("地锁", "parking_lock"),
    ("车位锁", "parking_lock"),
    ("飞线", "charging_cable"),
    ("充电", "charging_cable"),
    ("停车", "parking"),
    ("车位", "parking"),
    ("违停", "parking"),
    ("乱停", "parking"),
    ("家禽", "poultry"),
    ("鸡鸭", "poultry"),
    ("养鸡", "poultry"),
    ("禽畜", "poultry"),
    ("直饮水", "drinking_water_machine"),
    ("饮水机", "drinking_water_machine"),
    ("售水机", "drinking_water_machine"),
    ("自来水", "other"),
    ("供水", "other"),
    ("水管", "other"),
    ("漏水", "roof_leak"),
    ("渗水", "roof_leak"),
    ("屋面", "roof_leak"),
    ("屋顶", "roof_leak"),
    ("安置房", "resettlement_fault"),
    ("回迁", "resettlement_fault"),
    ("物业费", "property_fee"),
    ("物业收费", "property_fee"),
    ("公共收益", "property_fee"),
    ("物业", "property_dispute"),
    ("电梯", "property_dispute"),
    ("业委会", "property_dispute"),
    ("路灯", "street_light"),
    ("照明", "street_light"),
    ("路面", "road_damage"),
    ("井盖", "road_damage"),
    ("人行道", "road_damage"),
    ("道路破损", "road_damage"),
    ("道路维修", "road_damage"),
    ("道路养护", "road_damage"),
    ("树", "tree"),
    ("绿化", "tree"),
    ("燃气", "gas"),
    ("煤气", "gas"),
    ("天然气", "gas"),
    ("噪声", "noise"),
    ("噪音", "noise"),
    ("扰民", "noise"),
    ("垃圾", "waste"),
    ("环境卫生", "waste"),
    ("环卫", "waste"),
)
#: Words that say who is served.
GROUP_WORDS: tuple[tuple[str, str], ...] = (
    ("老人", "elderly"),
    ("老年", "elderly"),
    ("高龄", "elderly"),
    ("空巢", "elderly"),
    ("骑手", "new_employment"),
    ("外卖员", "new_employment"),
    ("快递员", "new_employment"),
    ("网约车司机", "new_employment"),
    ("租户", "new_resident"),
    ("租客", "new_resident"),
    ("新市民", "new_resident"),
    ("外来务工", "new_resident"),
    ("幼儿", "child"),
    ("儿童", "child"),
    ("学生", "child"),
    ("小孩", "child"),
)

_ROOM = re.compile(
    r"(?:(?<=单元)|(?<=[栋幢座])|(?<=号楼))\s*[-—]?\s*\d{3,4}(?!\d)\s*[室房户]?"
    r"|(?<=\d[-—]\d[-—])\d{3,4}(?!\d)\s*[室房户]?|(?<![\d年第])\d{3,4}室"
)
_TOLD = re.compile(
    r"(?:地址|地点|位置|事发地|发生地)(?:是|为|在)?\s*[：:]?\s*(?P<place>[^，,。；;！!？?\n]{2,60})"
)
_CLAUSE = re.compile(r"[，,。；;！!？?\n、]")
_OPENING = re.compile(
    r"^.*?(?:来电人|市民|居民|群众|业主|诉求人|反映人|投诉人)?(?:来电)?(?:反映|反应|投诉|咨询|称|表示|留言|举报|求助|建议)"
    r"(?:其|自己|自家)?[：:\s]*|^(?:其|自己)?(?:家住|居住在|居住于|住在|位于|家在|在|于)"
)
_DIGIT = "[0-9０-９一二三四五六七八九十百A-Za-z]"
#: What a name of a place ends with; the longer words first.
_SIGN = re.compile(
    "交叉路口|交叉口|交汇处|交口|路口|公交车站|公交站牌?|地铁站|农贸市场|菜市场|派出所|幼儿园|老街坊|安置点|中心城|"
    "小区|社区|新村|花园|家园|佳苑|雅苑|公寓|公馆|大厦|广场|宿舍|里弄|大院|大道|学校|中学|小学|医院|市场|公园|"
    f"快递柜|{_DIGIT}+\\s*(?:号楼|#楼|[栋幢号座#楼站]|单元)|(?<=[^0-9])[0-9０-９]+[-—][0-9０-９]+(?:[-—]\\*+)?|"
    "[路街巷弄村苑府桥里]"
)
_LONGEST = 120


def category_of(texts: Sequence[str]) -> str | None:
    """Return the category that the first text with a known word means; ``None``: none has one."""
    for text in texts:
        for word, code in CATEGORY_WORDS:
            if word in text:
                return code
    return None


def served_group_of(text: str) -> str:
    """Return who is to be served, ``general`` unless a word says otherwise."""
    return next((code for word, code in GROUP_WORDS if word in text), "general")


def mask_rooms(text: str) -> str:
    """Return a text without numbers of rooms: these lead to one household."""
    return _ROOM.sub("***", text)


def place_text(subject: str, content: str) -> str:
    """Return what a matter says of its place, for the address matcher.

    Parameters
    ----------
    subject, content
        The texts of the matter.

    Returns
    -------
    str
        What stands behind "地址：" if that is there; else the clause with the most words of
        addresses, without "来电人反映" before it; else the first clause. The trouble behind the
        place stays: the matcher knows where a name ends, and is surer with the words around it.
        At most 120 characters; empty only if both texts are without a letter.

    Examples
    --------
    >>> place_text("停车问题", "市民来电反映东二环纺织新村门口，车辆乱停放")
    '东二环纺织新村门口'
    """
    told = _TOLD.search(content) or _TOLD.search(subject)
    if told is not None:
        return told["place"].strip()[:_LONGEST]
    clauses = [_without_opening(one) for one in _CLAUSE.split(content) if one.strip()]
    clauses += [one.strip() for one in _CLAUSE.split(subject) if one.strip()]
    scores: list[int] = [len(_SIGN.findall(one)) for one in clauses]
    most = max(scores, default=0)
    if most:
        best = clauses[scores.index(most)]
        return best[:_LONGEST]
    first = next((one for one in clauses if one), "")
    return (_OPENING.sub("", first, count=1) or first)[:_LONGEST]


def _without_opening(clause: str) -> str:
    bare = clause.strip()
    while (found := _OPENING.match(bare)) is not None and found.end():
        if not _SIGN.search(bare[found.end() :]):
            break
        bare = bare[found.end() :].strip()
    return bare
