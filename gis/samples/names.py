"""Made-up names: no street, quarter, community or firm of the sample is a real one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

SUBDISTRICT_NAME = "明光路街道(合成样例)"
_STREETS = [
    "栖梧",
    "衔月",
    "听雁",
    "拾穗",
    "渡云",
    "绿绮",
    "竹影",
    "照萤",
    "枕溪",
    "扶摇",
    "采薇",
    "问渠",
    "揽星",
    "望舒",
    "归帆",
    "晴岚",
    "吹笙",
    "邀月",
    "浣花",
    "踏莎",
    "落雁",
    "凝翠",
    "怀瑾",
    "沐阳",
    "映雪",
    "栖霁",
    "泊烟",
    "垂虹",
    "倚桐",
    "聆泉",
    "拂柳",
    "载酒",
    "煮雨",
    "漱石",
    "飞鸢",
    "寻芳",
    "眠鸥",
    "候鸟",
    "云杪",
    "鹿鸣",
    "春醒",
    "秋声",
    "白露",
    "谷雨",
    "惊蛰",
    "小满",
    "清和",
    "霜序",
    "兰皋",
    "芷岸",
    "荻浦",
    "苇花",
    "菱歌",
    "莲舟",
    "棹影",
    "橘井",
    "柘枝",
    "梧叶",
    "槐荫",
    "榆钱",
    "桑陌",
    "麦浪",
    "稻香",
    "禾光",
    "粟野",
    "棉语",
    "茶烟",
    "药圃",
    "瓜田",
    "豆棚",
    "篱落",
    "柴门",
    "石阶",
    "井栏",
    "瓦当",
    "飞檐",
    "画廊",
    "钟声",
    "鼓角",
    "琴台",
]
_OLD_QUARTERS = [
    "松涛",
    "曙光",
    "红砖",
    "纺纱",
    "机工",
    "电信",
    "粮站",
    "铁路",
    "建筑",
    "农机",
    "同心",
    "长乐",
    "福满",
    "康宁",
    "永睦",
    "和畅",
    "新穗",
    "金穗",
    "书砚",
    "墨香",
    "杏雨",
    "枫桥",
    "槐荫巷",
    "石桥",
    "半亩",
    "知春",
    "青砖",
    "水塔",
    "印刷",
    "供销",
]
_NEW_QUARTERS = [
    "锦澜",
    "云栖",
    "禾光",
    "晴川",
    "星野",
    "月泊",
    "桐语",
    "兰舟",
    "芸窗",
    "丹枫",
    "碧梧",
    "青禾",
    "紫藤",
    "安澜",
    "祥云",
    "瑞和",
    "嘉禾",
    "澜湾",
    "悦庭",
    "观澜",
    "望江",
    "揽翠",
    "听松",
    "鹭洲",
    "鸣泉",
    "映月",
    "朗庭",
    "天阶",
    "云顶",
    "星河",
    "御风",
    "逸景",
    "雅集",
    "静好",
    "时光",
]
_SUFFIX = {
    "courtyard": ("大院", "里弄", "老街坊"),
    "walkup": ("新村", "小区", "里", "宿舍"),
    "resettlement": ("家园", "安置点", "佳苑"),
    "midrise": ("花园", "苑", "雅苑"),
    "tower": ("府", "公馆", "中心城"),
    "village": ("村",),
}
_OLD_KINDS = ("courtyard", "walkup", "village")
_STREET_SUFFIX = {"arterial": "大道", "collector": "路", "local": "街"}
COMMUNITIES = [
    "栖梧",
    "渡云",
    "听雁",
    "拾穗",
    "绿绮",
    "竹影",
    "照萤",
    "枕溪",
    "扶摇",
    "采薇",
    "问渠",
    "揽星",
    "望舒",
    "归帆",
    "晴岚",
    "吹笙",
    "邀月",
    "浣花",
]
PROPERTY_FIRMS = ("安澜物业", "和畅物业", "晴川物业", "同睦物业", "青禾物业")
DEPARTMENTS = (
    "街道城市管理办公室",
    "街道社区建设办公室",
    "街道应急管理办公室",
    "辖区公安派出所",
    "辖区市场监督管理所",
    "区住房和城乡建设部门",
    "区园林绿化部门",
    "供水供气服务部门",
)
PARTNERS = ("渡云小馆", "麦浪面食", "荻浦食堂餐饮", "候鸟骑手驿站", "知春书店", "沐阳药房")


@dataclass(slots=True)
class Namer:
    """Gives each street and quarter a name of its own, in the order of asking."""

    rng: np.random.Generator
    _street_words: Iterator[str] = field(init=False)
    _old_words: Iterator[str] = field(init=False)
    _new_words: Iterator[str] = field(init=False)
    _streets: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._street_words = _endless([str(w) for w in self.rng.permutation(_STREETS)], "支")
        self._old_words = _endless([str(w) for w in self.rng.permutation(_OLD_QUARTERS)], "东")
        self._new_words = _endless([str(w) for w in self.rng.permutation(_NEW_QUARTERS)], "新")

    def street(self, key: str, road_class: str) -> str:
        """Return the name of the street called ``key`` in the plan."""
        if key not in self._streets:
            suffix = _STREET_SUFFIX[road_class]
            if road_class == "local" and self.rng.random() < 0.3:
                suffix = "巷"
            self._streets[key] = next(self._street_words) + suffix
        return self._streets[key]

    def quarter(self, kind: str) -> str:
        """Return a name for the next quarter of a kind."""
        words = self._old_words if kind in _OLD_KINDS else self._new_words
        return next(words) + str(self.rng.choice(_SUFFIX[kind]))


def _endless(words: list[str], again: str) -> Iterator[str]:
    """Yield the words, then the words with ``again`` behind, and so on."""
    tail = ""
    while True:
        yield from (word + tail for word in words)
        tail += again


def community_names(count: int) -> list[str]:
    """Return ``count`` names of communities."""
    words = _endless(list(COMMUNITIES), "新")
    return [next(words) + "社区" for _ in range(count)]
