"""`zerodistance models evaluate`: the ladder tried on any table, and a version of the home on the outcomes known by now."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.models.tables.contracts import Outcome

_COLUMNS = 24  # of a table's that are printed, own value
_LABELS = {
    "auc": Text("AUC", "AUC"),
    "lift_top10": Text("前一成的提升", "lift in the top tenth"),
    "average_precision": Text("平均准确率", "average precision"),
    "ece": Text("校准误差", "calibration error"),
    "log_loss": Text("对数损失", "log loss"),
    "rmse": Text("均方根误差", "RMSE"),
    "mae": Text("平均绝对误差", "mean absolute error"),
    "r2": Text("解释的比例 R²", "share explained, R²"),
    "c_index": Text("一致性 C", "concordance C"),
    "ibs": Text("积分 Brier 分", "integrated Brier score"),
    "qini": Text("Qini", "Qini"),
    "added_30": Text("前三成每人多带来", "added a head, top 30 %"),
    "log_likelihood": Text("对数似然", "log-likelihood"),
    "count_error": Text("次数误差", "error of the count"),
    "value_error": Text("金额误差", "error of the value"),
    "top10_share": Text("前一成占的金额", "share of the top tenth"),
    "behind": Text("落后最好的", "behind the best"),
    "fit_s": Text("训练一次，秒", "seconds a fit"),
}
_STEPS = {
    "scorecard": Text("评分卡", "scorecard"),
    "points": Text("计分表", "points"),
    "trees": Text("树", "trees"),
    "straight": Text("直线（对照）", "straight line (peer)"),
    "rules": Text("映射里的规则", "rules of the mapping"),
    "mean": Text("均值（对照）", "the mean (peer)"),
    "nobody": Text("不分人（对照）", "all alike (peer)"),
    "x": Text("X-学习器", "X-learner"),
    "t": Text("T-学习器", "T-learner"),
    "x_straight": Text("X-学习器，直线", "X-learner, straight"),
    "t_straight": Text("T-学习器，直线", "T-learner, straight"),
    "response": Text("响应模型（对照）", "response model (peer)"),
    "anybody": Text("谁都算（对照）", "whoever was contacted (peer)"),
    "model": Text("BG/NBD 与 Gamma-Gamma", "BG/NBD and Gamma-Gamma"),
    "as_before": Text("照旧（对照）", "as before (peer)"),
    "spent_so_far": Text("至今花费（对照）", "spent so far (peer)"),
}


def evaluate_table(
    mapping: Path,
    data: Path | None,
    kinds: tuple[str, ...],
    seeds: int,
    rows: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Try the ladder on the table of a mapping, and print how it does."""
    from zerodistance.core.models.tables import question, trying
    from zerodistance.core.models.tables.trial import Effort

    asked = question.read(mapping)
    allowed = trying.KINDS[asked.task]
    for one in kinds:
        if one not in allowed:
            listed = ", ".join(allowed)
            raise Invalid(
                field="--kind",
                given=one,
                why=Text(f"{asked.task} 可用：{listed}", f"for {asked.task} there are {listed}"),
            )
    for flag, value, least in (("--seeds", seeds, 1), ("--rows", rows, 1_000)):
        if value < least:
            raise Invalid(field=flag, given=value, why=Text(f"至少 {least}", f"at least {least}"))
    settings = command.settings()
    with command.stages(Text("{stage}", "{stage}")) as hear:
        found = trying.evaluate(
            asked, data, Effort(kinds, seeds, rows),
            memory_mb=settings.engine_memory_mb, threads=settings.engine_threads, told=hear,
        )  # fmt: skip
    if out is not None:
        trying.write(found, out)
    if as_json:
        command.say_json(plain(found))
        return
    _show(found)
    if out is not None and found.said is not None:
        command.tell(
            Text("{many} 个评分写进 {path}", "{many} scores were written to {path}"),
            many=f"{found.said.num_rows:,}",
            path=out,
        )


def guess_table(file: Path) -> None:
    """Print a first mapping for a file."""
    from zerodistance.core.models.tables import trying

    settings = command.settings()
    text = trying.guessed(file, command.lang(), settings.engine_memory_mb, settings.engine_threads)
    command.console.out(text, end="", highlight=False)


def plain(found: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON: the measures of the best step at the top, those of every step under `steps`; NaN is null."""
    told = {
        "task": found.task,
        "best": found.best,
        **{key: one for key, one in found.figures.items() if key not in ("behind", "fit_s")},
        **found.more,
        "rows": found.found.rows,
        "refused": [{"why": why, "rows": many} for why, many in found.found.refused],
        "protocol": found.protocol,
        "trained_rows": found.trained_rows,
        "seeds": found.seeds,
        "steps": found.steps,
        "weighs": [{"feature": name, "share": share} for name, share in found.weighs],
        "warnings": found.warnings,
        "notes": found.found.notes,
        "features": [asdict(one) for one in found.found.features],
        "seconds": found.seconds,
    }
    cleaned: dict[str, Any] = _clean(told)
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, Text):
        return {"zh": value.zh, "en": value.en}
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def _show(found: Outcome) -> None:
    lang = command.lang()
    command.tell(
        Text(
            "{rows} 行；{how}；训练用至多 {trained} 行，{seeds} 次；{seconds} 秒",
            "{rows} rows; {how}; at most {trained} rows to learn from, {seeds} times; {seconds} s",
        ),
        rows=f"{found.found.rows:,}", how=found.protocol, trained=f"{found.trained_rows:,}", seeds=found.seeds, seconds=f"{found.seconds:.1f}",
    )  # fmt: skip
    for why, many in found.found.refused:
        command.tell(
            Text("没有用的行：{why}，{many} 行", "rows that are not looked at: {why}, {many}"),
            why=why,
            many=f"{many:,}",
        )
    for one in [*found.found.notes, *found.warnings]:
        command.tell(Text("注意：{one}", "note: {one}"), one=one)
    command.show(_figures(found, lang))
    if found.task == "uplift":
        command.tell(
            Text(
                "门：{seeds} 次中 {opens} 次打开（X-学习器比响应模型好，超出偶然）",
                "gate: it opens {opens} times of {seeds} (the X-learner is ahead of the response model beyond chance)",
            ),
            opens=found.more["gate_opens"], seeds=found.seeds,
        )  # fmt: skip
    if found.weighs:
        weighs = _table(Text("最有分量的特征", "what weighs most"), Text("占比", "share"), lang=lang)
        for name, share in found.weighs[:10]:
            weighs.add_row(name, f"{share:.1%}")
        command.show(weighs)
    if found.found.features:
        _columns(found, lang)


def _figures(found: Outcome, lang: str) -> Table:
    keys = [key for key in _LABELS if any(key in one for one in found.steps.values())]
    table = _table(Text("一级", "step"), *(_LABELS[key] for key in keys), lang=lang)
    for name, one in found.steps.items():
        mark = " *" if name == found.best else ""
        table.add_row(_STEPS[name].get(lang) + mark, *(_figure(one.get(key)) for key in keys))
    return table


def _figure(one: dict[str, float] | None) -> str:
    if one is None:
        return "–"
    form = ",.1f" if abs(one["value"]) >= 100 else ".2f" if abs(one["value"]) >= 10 else ".4f"
    value = format(one["value"], form)
    return f"{value} ({format(one['low'], form)}–{format(one['high'], form)})" if "low" in one else value


def _columns(found: Outcome, lang: str) -> None:
    odd = [one for one in found.found.features if one.why is not None or one.odd]
    if not odd:
        return
    table = _table(Text("列", "column"), Text("类型", "type"), Text("怎么用", "what became of it"), lang=lang)
    for one in odd[:_COLUMNS]:
        said = [one.why.get(lang)] if one.why else []
        if one.odd:
            said.append(
                Text(
                    f"{one.odd:,} 个值不是{one.type}，算缺失",
                    f"{one.odd:,} values are no {one.type} and count as missing",
                ).get(lang)
            )
        table.add_row(one.name, one.type, "; ".join(said))
    command.show(table)
    if len(odd) > _COLUMNS:
        command.tell(
            Text("……还有 {many} 列，见 --json", "... and {many} more columns, see --json"),
            many=len(odd) - _COLUMNS,
        )


def _table(*heads: Text, lang: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head.get(lang))
    return table


Mapping = Annotated[
    Path | None,
    Parameter(help=words("问一张表：映射文件（TOML）", "ask a table: the mapping file (TOML)")),
]
Data = Annotated[
    Path | None,
    Parameter(help=words(
        "表：CSV、Parquet、NDJSON、JSON、XLSX；不写：映射里的 data",
        "the table: CSV, Parquet, NDJSON, JSON or XLSX; without: `data` of the mapping",
    )),
]  # fmt: skip
Guess = Annotated[
    Path | None,
    Parameter(help=words("给一个文件写出第一份映射，看过改过再用", "print a first mapping for a file, to look at and mend")),
]  # fmt: skip
Kinds = Annotated[
    tuple[str, ...],
    Parameter(name="--kind", negative="", help=words("只试这些级，可重复；如 points、trees", "only these steps, may be repeated; like points, trees")),
]  # fmt: skip
Seeds = Annotated[int, Parameter(help=words("重新分行、训练几次", "how often rows are parted and models are learned anew"))]  # fmt: skip
Rows = Annotated[int, Parameter(help=words("最多用多少行训练；其余的行分批评分", "rows to learn from at most; others are scored in batches"))]  # fmt: skip
Out = Annotated[
    Path | None,
    Parameter(help=words("把每行的评分写进文件（.parquet 或 .csv）", "write the score of every row to a file (.parquet or .csv)")),
]  # fmt: skip
