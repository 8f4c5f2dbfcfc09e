"""The picture of why identifiers are one person: who stands where, and what each line means. The list twin says the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from zerodistance.core.identity.contracts import Edge, EdgeState, Explanation, Identifier, Path, Weight
from zerodistance.core.identity.rules import BY_KEY
from zerodistance.doors.portal.charts import ring
from zerodistance.kernel.text import Text

MOST = 12  # own value: more nodes than that can't be told apart at 600 px
LABELLED = 5  # own value: with more lines than that their labels would lie on one another

RULES = {
    "login": Text("登录时同现", "together at sign-in"),
    "identify": Text("identify 时同现", "together in identify"),
    "alias": Text("alias 声明", "said by alias"),
    "row": Text("同一条记录", "on one record"),
    "turn": Text("轮流使用", "uses it in turn"),
    "match": Text("写法相似", "written alike"),
    "decided": Text("有人判定是同一个人", "decided to be one person"),
}
REASONS = {
    "shared": Text("多人共用，不连接", "shared by many, links nobody"),
    "unique": Text("两个不同的会员号或用户号，不合并", "two different member or user ids, kept apart"),
    "limit": Text("此类标识过多，不连接", "too many of its kind, not linked"),
    "name": Text("同一号码下的另一个姓名，分开", "another name under one number or address, kept apart"),
    "decided": Text("有人判定是两个人，分开", "decided to be two persons, kept apart"),
    "doubt": Text("写法相似，等人判定", "written alike, somebody has to decide"),
    "epoch": Text("等下次重建决定", "the next rebuild decides"),
}


@dataclass(frozen=True)
class Node:
    """One identifier in the picture, in percent; `outside` is the person it belongs to instead."""

    x: float
    y: float
    label: Text
    masked: str
    below: bool
    hub: bool
    outside: str


@dataclass(frozen=True)
class Tie:
    """One line of the picture."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: Text | None
    state: str  # of the edge, or `guess` for a match that joins


@dataclass(frozen=True)
class Reason:
    """One line of the list twin: `b` is joined to `a`, which is the middle one where it takes part."""

    a: Text
    a_masked: str
    b: Text
    b_masked: str
    rules: tuple[Text, ...]
    at: int
    source: int
    state: str
    why: Text | None
    outside: str
    weight: float | None = None
    parts: tuple[Weight, ...] = ()
    doubt: str = ""  # the pair, where somebody has to decide


@dataclass(frozen=True)
class Step:
    """One step on the way between two identifiers: from where to where, how, and why not if it does not join."""

    a: Text
    a_masked: str
    b: Text
    b_masked: str
    rules: tuple[Text, ...]
    source: int
    why: Text | None
    weight: float | None
    parts: tuple[Weight, ...]


@dataclass(frozen=True)
class Picture:
    """The picture and its list twin; `left_out` identifiers stand in the list only."""

    nodes: tuple[Node, ...]
    ties: tuple[Tie, ...]
    reasons: tuple[Reason, ...]
    left_out: int


FIELDS = {
    "fact": Text("个人信息", "personal field"),
    "other": Text("其他", "other"),
    "name": Text("姓名", "name"),
    "first_name": Text("名", "first name"),
    "last_name": Text("姓", "last name"),
    "birthday": Text("生日", "birthday"),
    "gender": Text("性别", "gender"),
    "language": Text("语言", "language"),
    "id_number": Text("证件号", "id number"),
    "address": Text("地址", "address"),
    "street": Text("街道", "street"),
    "house_number": Text("门牌", "house number"),
    "unit": Text("室号", "flat or unit"),
    "district": Text("区县", "district"),
    "city": Text("城市", "city"),
    "province": Text("省、州", "province"),
    "postal_code": Text("邮编", "postal code"),
    "country": Text("国家", "country"),
    "serial": Text("机身号", "serial number of an appliance"),
}
STORES = {
    "touches": Text("交互日志", "interaction log"),
    "texts": Text("加密的文本", "sealed texts"),
    "quarantine": Text("隔离区", "quarantine"),
    "import_draft": Text("上传后还没有导入的文件", "uploads not imported yet"),
    "set_aside": Text("因与导入重复而另存的行", "rows set aside as repeats of an import"),
    "own_touch": Text("应用说了还没有处理的交互", "touches said by apps and not digested yet"),
    "feeds.feed_file": Text("取数拒收文件的原因", "reasons why feeds refused files"),
    "identity.evidence_lake": Text("湖里的证据", "evidence in the lake"),
    "identity.matcher": Text("匹配索引", "matcher's index"),
    "identity.evidence": Text("证据", "evidence"),
    "identity.subject": Text("标识", "identifiers"),
    "identity.identity_sighting": Text("在哪些导入里见过", "imports it was seen in"),
    "identity.identity_vault": Text("保险库", "vault"),
    "identity.identity_fact": Text("发布的事实", "published facts"),
    "identity.identity_mention": Text("匹配用的写法", "what the matcher reads"),
    "identity.identity_match": Text("匹配结果", "matches"),
    "identity.identity_decision": Text("对是否同一人的判定", "decisions on who is one person"),
    "identity.household_member": Text("属于哪个家庭", "membership of households"),
    "identity.household_home": Text("家庭的住址", "homes of households"),
    "identity.identity_release": Text("放行的标识", "identifiers released by hand"),
    "identity.identity_turn": Text("轮流使用设备的记录", "record of who used a device in turn"),
    "identity.identity_shared": Text("多人共用的标记", "marks of shared identifiers"),
    "identity.identity_change": Text("归属的变更记录", "record of who belonged to whom"),
    "identity.identity_reveal": Text("查看原文的记录里的用户号", "person ids in the record of reveals"),
    "profiles.profile_state": Text("画像的累计", "states of the profile"),
    "profiles.given_value": Text("标签里给定的值", "values given for tags"),
    "profiles.tag_index": Text("标签索引", "tag index"),
    "past.indexes": Text("往日的标签索引（整个删除）", "tag indexes of earlier moments (whole)"),
    "models.model_appeal": Text("对评分的申诉", "appeals against scores"),
    "sends.outreach_meant": Text("将要发送的对象", "places of those whom sends are about to go to"),
    "sends.outreach_message": Text("发给本人的消息的记录", "records of messages to the person"),
    "channels.outreach_receipt": Text("消息的回执、打开和点击", "receipts, opens and clicks of messages"),
    "channels.outreach_inbox": Text("站内信", "messages in the inbox"),
    "marketing.campaign_subjects": Text(
        "活动里等着的人", "places of those whom campaigns are about to write to"
    ),
    "measurement.experiment_arms": Text("实验的分组", "places in the arms of experiments"),
    "outreach.outreach_consent": Text("同意与撤回", "consents and withdrawals"),
    "outreach.outreach_consent_now": Text("现在有效的同意", "what holds of consent"),
    "outreach.outreach_contact": Text("频控台账", "ledger of contacts"),
    "segments.segment_members": Text(
        "冻结和跟随的人群里的成员", "membership of segments that are frozen or followed"
    ),
    "backups.copies": Text("升级前和修复时留下的副本", "copies from before upgrades and repairs"),
}
"""Stores that a certificate of forgetting names."""


def label(field: str) -> Text:
    """Return what a kind of identifier or a personal field is called."""
    return BY_KEY[field].label if field in BY_KEY else FIELDS.get(field, Text(field, field))


def store(key: str) -> Text:
    """Return what a store in a certificate is called."""
    return STORES.get(key, Text(key, key))


def picture(explained: Explanation) -> Picture:
    """Lay out the evidence: the best connected identifier in the middle, the others around it."""
    nodes = {node.subject: node for node in explained.nodes}
    degree = Counter(
        end for edge in explained.edges if edge.state == EdgeState.ACTIVE for end in (edge.a, edge.b)
    )
    inside = [n for n in explained.nodes if n.subject not in explained.outside]
    shown = sorted(inside, key=lambda n: -degree[n.subject])[:MOST]
    shown += [n for n in explained.nodes if n.subject in explained.outside][: max(0, MOST - len(shown))]
    placed = _placed(shown)
    spots = {
        subject: Node(
            x,
            y,
            label(nodes[subject].namespace),
            nodes[subject].masked,
            below,
            hub,
            explained.outside.get(subject, ""),
        )
        for subject, (x, y, below, hub) in placed.items()
    }
    drawn = [e for e in explained.edges if e.a in spots and e.b in spots]
    ties = tuple(_tie(e, spots, labelled=len(drawn) <= LABELLED) for e in drawn)
    middle = shown[0].subject if shown else 0
    reasons = tuple(
        _reason(e, nodes, explained, middle) for e in explained.edges if e.a in nodes and e.b in nodes
    )
    return Picture(tuple(spots.values()), ties, reasons, len(explained.nodes) - len(spots))


def _placed(shown: list[Identifier]) -> dict[int, tuple[float, float, bool, bool]]:
    if not shown:
        return {}
    hub, *others = shown
    out = {hub.subject: (50.0, 50.0, True, True)}
    for dot in ring([str(o.subject) for o in others]):
        out[int(dot.key)] = (dot.x, dot.y, dot.below, False)
    return out


def _tie(edge: Edge, spots: dict[int, Node], *, labelled: bool) -> Tie:
    a, b = spots[edge.a], spots[edge.b]
    words = RULES.get(edge.rules[0]) if labelled and edge.rules else None
    guess = edge.weight is not None and edge.state == EdgeState.ACTIVE
    return Tie(a.x, a.y, b.x, b.y, words, "guess" if guess else edge.state.value)


def _reason(edge: Edge, nodes: dict[int, Identifier], explained: Explanation, middle: int) -> Reason:
    a, b = nodes[edge.a], nodes[edge.b]
    if middle == edge.b or (edge.b in nodes and edge.a in explained.outside):
        a, b = b, a
    why = None if edge.state == EdgeState.ACTIVE else REASONS.get(edge.reason, Text(edge.reason, edge.reason))
    return Reason(
        a=label(a.namespace),
        a_masked=a.masked,
        b=label(b.namespace),
        b_masked=b.masked,
        rules=tuple(RULES.get(rule, Text(rule, rule)) for rule in edge.rules),
        at=edge.at,
        source=edge.source,
        state=edge.state.value,
        why=why,
        outside=explained.outside.get(edge.a) or explained.outside.get(edge.b) or "",
        weight=edge.weight,
        parts=edge.parts,
        doubt=f"{edge.a}-{edge.b}" if edge.reason == "doubt" else "",
    )


def steps(found: Path) -> tuple[Step, ...]:
    """Return a way from one identifier to another, step by step."""
    here, out = found.a, []
    for edge in found.steps:
        there = edge.b if edge.a == here else edge.a
        x, y = found.nodes[here], found.nodes[there]
        why = (
            None
            if edge.state == EdgeState.ACTIVE
            else REASONS.get(edge.reason, Text(edge.reason, edge.reason))
        )
        words = tuple(RULES.get(rule, Text(rule, rule)) for rule in edge.rules)
        out.append(
            Step(label(x.namespace), x.masked, label(y.namespace), y.masked, words, edge.source, why, edge.weight, edge.parts)
        )  # fmt: skip
        here = there
    return tuple(out)
