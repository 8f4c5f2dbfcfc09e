"""What `doctor` looks at in identity: that subjects, evidence and vault fit together, and open with this home's key."""

from __future__ import annotations

from collections.abc import Iterator

from zerodistance.core.identity import archive, store
from zerodistance.kernel import bulk, lake_health
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.findings import Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.mending import aside
from zerodistance.kernel.text import Text

_SAMPLE = 100  # own value: vault entries that are opened
_RESTORE = Text("停止服务，恢复最近一次完整备份", "stop the service and restore the last whole backup")

_HOLDS = Text("交互和其他人不受影响", "touches and everybody else are untouched")
_COUNTS = "select count(*), count(distinct person), count(*) filter (where person >= 2147483648) from subject"
_LOOSE = (
    "select count(*) from evidence e where not exists (select 1 from subject s where s.number = e.a) "
    "or not exists (select 1 from subject s where s.number = e.b)"
)
_LATER = "select count(*) from subject where batch > (select coalesce(max(number), 0) from batch)"


def checks(home: Home, deep: bool = False) -> Iterator[Finding]:
    """Yield what is found in the live identity; with `deep` every page of the evidence in the lake is read."""
    with home.state.read() as tx:
        subjects, persons, visitors = bulk.rows(tx, _COUNTS)[0]
        loose = bulk.value(tx, _LOOSE)
        later = bulk.value(tx, _LATER)
        sealed = bulk.rows(tx, f"select subject, field, value from identity_vault limit {_SAMPLE}")
    bad: list[Finding] = []
    if loose:
        text = Text(
            f"{loose} 条证据指向不存在的主体",
            f"{loose} pieces of evidence point at subjects that do not exist",
        )
        bad.append(_damage(text, "identity.loose"))
    if later:
        text = Text(
            f"{later} 个主体来自还没有提交的批次",
            f"{later} subjects come from batches that were never committed",
        )
        bad.append(_damage(text, "identity.later"))
    try:
        for subject, field, value in sealed:
            home.seal.open(value, store.where_vault(subject, field))
    except WrongKey as error:
        advice = Text(
            "放回当时的密钥文件；若密钥没错，恢复备份",
            "put back the key file of its time; restore a backup if the key is right",
        )
        text = error.text.format(**error.data)
        lost = Text(
            "打不开的原始值（令牌、画像、交互都在）",
            "raw values that can't be opened (tokens, profiles and touches are there)",
        )
        bad.append(Finding(Level.DAMAGE, "identity", text, advice, None, "identity.vault", _HOLDS, lost))
    yield from bad
    yield from _evidence(home, deep)
    if not bad:
        yield good(
            "identity",
            f"{subjects} 个主体，其中访客的 {visitors} 个，共 {persons} 个用户和访客；保险库可以打开",
            f"{subjects} subjects, {visitors} of visitors; {persons} persons and visitors; the vault opens",
        )


def _damage(text: Text, code: str) -> Finding:
    return Finding(Level.DAMAGE, "identity", text, _RESTORE, None, code, _HOLDS)


def _evidence(home: Home, deep: bool) -> Iterator[Finding]:
    """Look at the copy of the evidence in the lake; what it holds stands in the state too."""
    health = lake_health.look(home, archive.TABLE, content=deep)
    if not health.log and not health.hurt:
        return
    names = ", ".join(sorted({hurt.path.name for hurt in health.hurt}))
    text = Text(
        f"湖里的证据副本读不出来：{health.log or names}",
        f"the copy of the evidence in the lake can't be read: {health.log or names}",
    )
    advice = Text("由状态库重新写出", "write it anew from the state")

    def anew() -> None:
        aside(home, home.lake.path(archive.TABLE))
        archive.seal(home)

    yield Finding(Level.DAMAGE, "identity", text, advice, anew, "evidence.damaged", _HOLDS)
