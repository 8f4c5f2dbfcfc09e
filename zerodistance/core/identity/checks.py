"""What `doctor` looks at in identity: that subjects, evidence and vault fit together, and open with this home's key."""

from __future__ import annotations

from collections.abc import Iterator

from zerodistance.core.identity import store
from zerodistance.kernel import bulk
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.findings import Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_SAMPLE = 100  # own value: vault entries that are opened
_RESTORE = Text("停止服务，恢复最近一次完整备份", "stop the service and restore the last whole backup")

_COUNTS = "select count(*), count(distinct person), count(*) filter (where person >= 2147483648) from subject"
_LOOSE = (
    "select count(*) from evidence e where not exists (select 1 from subject s where s.number = e.a) "
    "or not exists (select 1 from subject s where s.number = e.b)"
)
_LATER = "select count(*) from subject where batch > (select coalesce(max(number), 0) from batch)"


def checks(home: Home) -> Iterator[Finding]:
    """Yield what is found in the live identity."""
    with home.state.read() as tx:
        subjects, persons, visitors = bulk.rows(tx, _COUNTS)[0]
        loose = bulk.value(tx, _LOOSE)
        later = bulk.value(tx, _LATER)
        sealed = bulk.rows(tx, f"select subject, field, value from identity_vault limit {_SAMPLE}")
    bad: list[Text] = []
    if loose:
        bad.append(
            Text(
                f"{loose} 条证据指向不存在的主体",
                f"{loose} pieces of evidence point at subjects that do not exist",
            )
        )
    if later:
        bad.append(
            Text(
                f"{later} 个主体来自还没有提交的批次",
                f"{later} subjects come from batches that were never committed",
            )
        )
    try:
        for subject, field, value in sealed:
            home.seal.open(value, store.where_vault(subject, field))
    except WrongKey as error:
        bad.append(error.text.format(**error.data))
    yield from (Finding(Level.DAMAGE, "identity", text, _RESTORE) for text in bad)
    if not bad:
        yield good(
            "identity",
            f"{subjects} 个主体，其中访客的 {visitors} 个，共 {persons} 个用户和访客；保险库可以打开",
            f"{subjects} subjects, {visitors} of visitors; {persons} persons and visitors; the vault opens",
        )
