"""Make the name and number tables of the sample city: `python -m scripts.sample_data`.

Needs two packages that nothing else needs, in a throw-away environment: pypinyin 0.55 (MIT; readings of characters) and phone 0.4.5
(MIT; which number segments were allocated in December 2023). The tables are committed; NOTICE names both.
"""

from __future__ import annotations

import base64
import csv
import importlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "zerodistance" / "sample" / "data"

# Shares in percent: top five as the Ministry of Public Security gave them for 2020 (30.8 % together), the rest in the order of its lists,
# levels fitted so that the first hundred hold 85.9 % (2019).
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任"
    "姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严赖覃洪武莫孔"
    "汤向常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕"
    "单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚"
    "娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池"
    "查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴"
)  # fmt: skip
COMPOUND = "欧阳 上官 司马 诸葛 皇甫 令狐 尉迟 司徒 夏侯 东方 公孙 慕容".split()
READ_SO = {
    "单": "shan", "曾": "zeng", "仇": "qiu", "解": "xie", "查": "zha", "朴": "piao", "区": "ou", "翟": "zhai", "覃": "qin",
    "尉迟": "yuchi", "任": "ren", "盖": "ge", "乐": "yue", "员": "yun", "令狐": "linghu", "冼": "xian", "缪": "miao", "秘": "bi",
    "牟": "mu", "阚": "kan", "宁": "ning", "和": "he", "车": "che", "莘": "xin", "佘": "she", "谌": "chen", "郇": "xun", "吕": "lv",
    "行": "hang", "朝": "chao", "晟": "sheng", "茜": "qian", "柏": "bai", "重": "zhong", "长": "chang", "钰": "yu", "玥": "yue",
}  # fmt: skip

# Characters of given names, the commonest first within each group; which are used by whom is our own judgement of the usage that
# published lists of the commonest names show.
GIVEN = {
    "f old": "英秀芳兰珍玉华桂凤淑素红梅丽敏云霞琴娟萍美莲香燕艳玲春霞荣彩爱翠金花菊月菲巧桃惠慧贞勤瑞娥芬芝蓉雪琼珠银秋冬莉婉仙如真",
    "f new": "婷静雅欣怡涵佳琪雨梦瑶诗思颖悦玲娜璐倩薇晨晓萌妍洁丹雯琳馨茜菲蕾媛露莹佩语嘉宁婧舒蓓柔姗悠熙晴钰彤嫣玥可蔓岚珊芸苒汐艺",
    "m old": "国建军明志文华平德永春林海金福生成荣忠庆玉新光东胜义喜根发贵兴富祥民良山清长宝全有来学树洪正家友才厚保仁松柏顺发勇",
    "m new": "伟杰强磊涛鹏浩宇轩博俊超斌辉凯晨阳飞龙睿泽子梓昊然哲毅航瑞翔峰刚波嘉豪鑫宏志奕恒煜逸旭健亮达锋帆霖天佑诚铭晟铎钧炜锐骏",
    "both": "文明晓春宁雪玉林宇辰思雨佳嘉华瑞平一安乐心恩清子若亦景书元希悦和朝清卓世慧新立冰青",
}
RARE = "䶮𬭚𫖯𬍛𫘦𬀩𨱏𬬭𫟹㛃㴔䲟𬱖𫍯𬘓𫐐𬊈𬜯"
LOOK = (
    "未末 己已 日曰 人入 土士 千干 王玉 莉利 晴睛清 洁结 辰晨 梅海 伟纬 玲铃 芳方 佳住 刘浏 陈阵 杨扬 张弛 李季 孙孔 徐涂 胡湖 郭廓 高亮 林木 何河 "
    "罗萝 宋朱 唐糖 许汁 邓邱 冯马 韩朝 曹曾 彭鼓 袁哀 于干 余佘 叶吐 蒋将 杜社 苏办 魏巍 程呈 吕吴 丁了 沈枕 任仕 姚桃 卢户 钟种 姜美 崔催 谭潭 廖寥 "
    "范苑 汪江 陆陈 金全 石右 戴载 贾贾 韦伟 夏复 邱丘 方万 侯候 邹邻 孟盂 秦泰 白百 江汪 薛薜 尹伊 段假 雷雪 黎藜 史吏 龙尤 陶淘 贺驾 顾须 毛手 郝赫 龚龛 "
    "邵绍 万方 钱线 严亚 赖懒 洪供 武式 莫草 孔扎 欣欧 悦阅 婷停 雅稚 怡恰 涵函 琪棋 瑶谣 思恩 颖颍 娜那 璐露 倩清 薇微 萌明 妍研 丹舟 雯雲 琳淋 馨磬 菲非 "
    "国围 建健 军车 志忘 文丈 华毕 平干 德得 永水 福幅 生牛 成戌 荣荥 忠中 庆床 新斩 光先 东车 胜性 义叉 喜善 根恨 贵责 兴光 富宫 祥样 民氏 良艮 清请 宝宅 "
    "杰木 强张 磊石 涛寿 鹏鸥 浩洁 宇字 轩杆 博傅 俊骏 超起 斌武 辉晖 凯剀 阳阴 飞弋 睿眷 泽译 梓样 昊吴 然燃 哲誓 毅殷 航杭 翔翱 峰锋 刚钢 波坡 豪毫 鑫金"
).split()  # fmt: skip
PREFIXES = (
    "190",
    "192",
    "196",
    "197",
    "162",
)  # accepted by validators, and mostly unallocated in December 2023


def surnames(read: Any) -> list[tuple[str, str, str]]:
    """Return surname, share in percent, reading."""
    top = [7.3, 7.2, 6.8, 5.3, 4.3]
    order = list(dict.fromkeys(SURNAMES))
    rest = [1 / (rank + 4) ** 1.02 for rank in range(len(order) - 5)]
    first = sum(rest[:95])
    shares = top + [value * (85.9 - sum(top)) / first for value in rest]
    named = list(zip(order, shares, strict=True)) + [(name, 0.09 / len(COMPOUND)) for name in COMPOUND]
    return [(name, f"{share:.5f}", read(name)) for name, share in named]


def given(read: Any) -> list[tuple[str, str, str, str]]:
    """Return character, group, weight within the group, reading."""
    out = []
    for group, characters in GIVEN.items():
        for rank, char in enumerate(dict.fromkeys(characters)):
            out.append((char, group, f"{1 / (rank + 6) ** 0.75:.5f}", read(char)))
    return [*out, *((char, "rare", "1", read(char)) for char in RARE if not in_gbk(char))]


def in_gbk(char: str) -> bool:
    """Say whether GBK can write a character."""
    try:
        char.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def typing(characters: Iterable[str], read: Any) -> list[tuple[str, str, str, str]]:
    """Return character, reading, what sounds alike (the usual 3,755 characters of GB 2312), what looks alike."""
    usual = [bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)
             if (high, low) < (0xD7, 0xFA)]  # fmt: skip
    sounds: dict[str, list[str]] = {}
    named = {c for text in (SURNAMES, *GIVEN.values()) for c in text}
    for char in sorted(usual, key=lambda c: (c not in named, c)):
        sounds.setdefault(read(char), []).append(char)
    looks: dict[str, str] = {}
    for group in LOOK:
        for char in group:
            looks[char] = looks.get(char, "") + "".join(c for c in dict.fromkeys(group) if c != char)
    return [
        (
            char,
            read(char),
            "".join([c for c in sounds.get(read(char), []) if c != char][:8]),
            looks.get(char, ""),
        )
        for char in characters
    ]


def free_segments() -> str:
    """Return which of the 10,000 segments of each prefix were free: zlib of bits, base64."""
    found = importlib.import_module("phone")
    raw = Path(found.__file__ or "").with_name("phone.dat").read_bytes()
    _, start = struct.unpack_from("<4si", raw)
    taken = {struct.unpack_from("<i", raw, at)[0] for at in range(start, len(raw) - 8, 9)}
    bits = bytearray()
    for prefix in PREFIXES:
        free = [int(f"{prefix}{n:04d}") not in taken for n in range(10_000)]
        bits += bytes(
            sum(1 << bit for bit in range(8) if free[byte * 8 + bit]) for byte in range(len(free) // 8)
        )
    return base64.b64encode(zlib.compress(bytes(bits), 9)).decode()


def write(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with (DATA / name).open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(head)
        out.writerows(rows)


def main() -> None:
    """Write the tables."""
    pypinyin = importlib.import_module("pypinyin")

    def read(text: str) -> str:
        return READ_SO.get(text) or "".join(pypinyin.lazy_pinyin(text)).replace("ü", "v")

    families, characters = surnames(read), given(read)
    write("surnames.csv", ("surname", "percent", "reading"), families)
    write("given.csv", ("character", "group", "weight", "reading"), characters)
    every = sorted({char for name, *_ in families for char in name} | {char for char, *_ in characters})
    write("typing.csv", ("character", "reading", "sounds", "looks"), typing(every, read))
    (DATA / "segments.txt").write_text(f"{' '.join(PREFIXES)}\n{free_segments()}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
