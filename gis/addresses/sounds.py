"""What a name sounds like: typing by pinyin swaps characters of one syllable.

GB 2312-80 orders its 3,755 commonest characters by pinyin. So a character's code tells its syllable
(of its commonest reading, tones left out) with nothing but the first character of each syllable,
and no dictionary. Rarer characters are ordered by radical there; each is a sound of its own.
"""

from bisect import bisect_right
from functools import cache

#: First character of each syllable in the order of GB 2312-80, level 1.
_FIRSTS = (
    "啊埃鞍肮凹芭白斑邦苞杯奔崩逼鞭标鳖彬兵玻哺擦猜餐苍操厕层插拆搀昌超车郴撑吃充抽初揣川疮吹春戳疵聪凑粗蹿摧村磋搭呆耽当刀德蹬堤颠碉"
    "跌丁丢东兜都端堆墩掇蛾恩而发藩坊菲芬丰佛否夫噶该干冈篙哥给根耕工钩辜刮乖棺光瑰辊锅哈骸酣夯壕呵嘿痕哼轰喉呼花槐欢荒灰荤豁击嘉歼僵"
    "蕉揭巾荆炯揪鞠捐撅均喀开刊康考坷肯坑空抠枯夸块宽匡亏坤括垃莱蓝琅捞勒雷棱厘俩联粮撩列琳玲溜龙楼芦驴峦掠抡萝妈埋瞒芒猫么玫门萌眯棉"
    "苗蔑民明谬摸谋拇拿氖南囊挠呢馁嫩能妮蔫娘鸟捏您柠牛脓奴女暖虐挪哦欧啪拍攀乓抛呸喷砰坯篇飘撇拼乒坡扑期掐牵枪橇切钦青琼秋趋圈缺裙然"
    "瓤饶惹壬扔日戎揉茹软蕊闰若撒腮三桑搔瑟森僧莎筛珊墒梢奢砷声师收蔬刷摔栓霜谁吮说斯松搜嗽酸虽孙蓑塌胎坍汤掏特藤梯天挑贴厅通偷凸湍推"
    "吞拖挖歪豌汪威瘟嗡挝巫昔瞎掀相萧楔薪星兄休墟轩靴勋压焉殃邀椰一茵英哟拥幽淤鸳曰耘匝栽咱赃遭责贼怎增扎摘瞻樟招遮珍蒸芝中舟珠抓拽专"
    "桩椎谆捉兹鬃邹租钻嘴尊昨"
)
_BORDERS = [first.encode("gb2312") for first in _FIRSTS]
_LEVEL_1_END = "座".encode("gb2312")
#: Syllables are written as characters of the private use area: one character stays one.
_PRIVATE = 0xE000


@cache
def sound_of(character: str) -> str:
    """Return one character that stands for the syllable, or the character where none is known."""
    try:
        code = character.encode("gb2312")
    except UnicodeEncodeError:
        return character
    if len(code) != 2 or not _BORDERS[0] <= code <= _LEVEL_1_END:
        return character
    return chr(_PRIVATE + bisect_right(_BORDERS, code) - 1)


def sounds(text: str) -> str:
    """Return a text with each character replaced by its syllable; the length stays.

    Examples
    --------
    >>> sounds("永睦") == sounds("咏木")
    True
    >>> sounds("永睦") == sounds("永安")
    False
    """
    return "".join(sound_of(character) for character in text)
