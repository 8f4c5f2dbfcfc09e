"""Lists in files: who is on one is a touch of the kind `list.entered`, taken in, refused, undone and forgotten like every import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments.tags.contracts import LISTED, ByList, Columns, ListEntered, NoList, Said
from zerodistance.core.touchpoints import import_jobs, mapping_text, suggest
from zerodistance.core.touchpoints.dry_run import Report, dry_run
from zerodistance.core.touchpoints.expressions import literal, quoted
from zerodistance.core.touchpoints.import_jobs import Created, Job
from zerodistance.core.touchpoints.kinds import ENTERED
from zerodistance.core.touchpoints.mapping import (
    NAMESPACES,
    SOMEBODY,
    KindRule,
    SourceSpec,
    Times,
    moment,
    near,
    parse,
)
from zerodistance.core.touchpoints.mapping import Mapping as Mapped
from zerodistance.core.touchpoints.sniff import Guess
from zerodistance.core.touchpoints.undo import undo_import
from zerodistance.core.touchpoints.uploads import look_at
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_LONGEST = 56  # of a source's key at most 61 signs
_NODE = rf"[ \pL\pM\pN\pP\pS]{{1,{profiles.NODE}}}"
"""`profiles.is_node` as an expression of RE2: what Python prints, and the one space that it does."""
_ALL = 1_000_000


def source_of(key: str) -> str:
    """Return the key of the source that the lists of a tag belong to.

    Examples
    --------
    >>> source_of("own.vip"), len(source_of("own." + 60 * "x"))
    ('list-vip', 61)
    """
    name = key.partition(".")[2]
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 9]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    return f"list-{name}"


def unit_of(home: Home, said: Said) -> str | None:
    """Return the key of the unit that a tag belongs to; None: everybody's."""
    return next((one.key for one in brand.units(home, Who.system()) if one.number == said.unit), None)


def mapping(home: Home, who: Who, said: Said, columns: Columns) -> str:
    """Return the mapping file under which a CSV file is a list of a tag: for an import by upload or by command, to be edited.

    Raises
    ------
    Invalid, NoList
        See `enter`; columns are not looked for.
    """
    who.need(Permission.IMPORT)
    if not columns.identifiers:
        why = Text("至少一个，如 phone=手机号", "at least one, like phone = Mobile")
        raise Invalid(field="columns", given="", why=why)
    times = Times(columns.happened_at or "", (), home.settings.zone, None, timedelta(0))
    bare = Mapped(SourceSpec(""), "csv", (), times)
    return mapping_text.write(_mapped(home, said, columns, bare))


def enter(
    home: Home, who: Who, said: Said, path: Path, columns: Columns, *, instead: bool = False
) -> Created:
    """Enter a file on the list of a tag: begin an import of it; the worker takes it in. The same file with the same columns is taken in once.

    Parameters
    ----------
    instead
        It is going to take the place of what is there: see `only`.

    Raises
    ------
    Forbidden
        The account may not both import and manage segments; with `instead` operate too.
    NoList
        The tag is not made by a list.
    Invalid
        The file has no such column, none that looks like an identifier, or a word can be no node.
    ListEntered
        The same file stands there with other columns, and this one is not `instead` of it.
    MappingWrong, NoFile, ...
        As `import_jobs.create`.
    """
    who.need(Permission.MANAGE_SEGMENTS)
    if instead:
        who.need(Permission.OPERATE)
    text = _of_file(home, who, said, path, columns)
    mine, file = _comparable(parse(text)), _hash(path)
    same = [
        job
        for job in _imports(home, who, said.key)
        if job.file_hash == file and job.state not in ("undone", "undoing")
    ]
    for job in same:
        if _comparable(parse(job.mapping)) == mine:
            return import_jobs.create(home, who, path, job.mapping)
    if same and not instead:
        raise ListEntered(file=path.name, key=said.key, number=same[0].number)
    return import_jobs.create(home, who, path, text)


def try_out(home: Home, who: Who, said: Said, path: Path, columns: Columns) -> Report:
    """Say what would become of a file if it were entered, row by row; nothing is kept. Raises as `enter`."""
    who.need(Permission.MANAGE_SEGMENTS)
    text = _of_file(home, who, said, path, columns)
    return dry_run(home, who, path, text, usable=lambda space, value: identity.usable(home, space, value))


def only(home: Home, who: Who, key: str, number: int, purpose: str) -> Sequence[int]:
    """Have every other import of a list undone, so that it is what one import says; return their numbers. The worker does it.

    Raises
    ------
    Forbidden
        The account may not both import and operate.
    """
    who.need(Permission.OPERATE)
    others = [
        job.number
        for job in _imports(home, who, key)
        if job.number != number and not job.open and job.state not in ("undone", "undoing")
    ]
    for other in others:
        undo_import(home, who, other, purpose)
    return others


def _imports(home: Home, who: Who, key: str) -> list[Job]:
    return import_jobs.jobs(home, who, _ALL, source=source_of(key))


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    with import_jobs.open_file(path) as file:
        while data := file.read(1 << 20):
            found.update(data)
    return found.hexdigest()


def _comparable(one: Mapped) -> Mapped:
    """Return a mapping without what differs though it says the same: the moment of asking, and what the source is called."""
    times = replace(one.times, happened_at="") if one.times.fixed else one.times
    return replace(one, source=SourceSpec(one.source.key), times=times)


def _of_file(home: Home, who: Who, said: Said, path: Path, columns: Columns) -> str:
    who.need(Permission.IMPORT)
    _by_list(said)
    with import_jobs.open_file(path) as file:
        guess = look_at(file, path.name)
    return of_guess(home, who, said, guess, columns)


def of_guess(home: Home, who: Who, said: Said, guess: Guess, columns: Columns) -> str:
    """Return the mapping of a file that was looked at; what is not said of its columns is guessed. Raises as `enter`."""
    who.need(Permission.IMPORT)
    names = [column.name for column in guess.columns]
    given = columns.identifiers or _guessed(home, guess)
    for field, name in (*given.items(), ("value", columns.value), ("at", columns.happened_at)):
        if name is not None and name not in names:
            hint = near(name, names)
            raise Invalid(
                field=field,
                given=name,
                why=Text(f"文件没有这一列；{hint.zh}", f"the file has no such column; {hint.en}"),
            )
    bare = suggest.bare(guess, SourceSpec(""))
    at = next((one for one in guess.columns if one.name == columns.happened_at), None)
    if at is not None:
        bare = replace(bare, times=suggest.times_of(at, home.settings.zone, guess.format))
    return mapping_text.write(_mapped(home, said, replace(columns, identifiers=given), bare))


def _by_list(said: Said) -> ByList:
    if not isinstance(said.how, ByList):
        raise NoList(key=said.key)
    return said.how


def _guessed(home: Home, guess: Guess) -> Mapping[str, str]:
    found = suggest.suggest(guess, SourceSpec(""), home.settings.zone).identifiers
    if not found:
        shown = ", ".join(column.name for column in guess.columns)
        why = Text(
            "看不出哪一列是标识；写明 --phone、--email 或 --member-id",
            "no column looks like an identifier: name it with --phone, --email or --member-id",
        )
        raise Invalid(field=Text("列", "columns"), given=shown, why=why)
    return found


def _mapped(home: Home, said: Said, columns: Columns, bare: Mapped) -> Mapped:
    """Return the mapping of a list over what says how its file is written and how its dates are read."""
    how = _by_list(said)
    wrong = [space for space in columns.identifiers if space not in NAMESPACES]
    if wrong:
        listed = ", ".join(NAMESPACES)
        raise Invalid(field="columns", given=wrong[0], why=Text(f"可用 {listed}", f"allowed are {listed}"))
    if columns.value is not None and columns.word is not None:
        why = Text("有列就不写词：二选一", "a column or a word, not both")
        raise Invalid(field="word", given=columns.word, why=why)
    words = [key for key, _ in how.words]
    values = {"channel": literal(said.key), "category": columns.value or literal(_word(columns.word, words))}
    checks = {} if columns.value is None else {"category": _allowed(columns.value, words)}
    now = moment(clock.micros())
    times = replace(bare.times, happened_at=columns.happened_at or now, lag=timedelta(0), known_at=None)
    label = said.label
    return replace(
        bare,
        source=SourceSpec(
            source_of(said.key), Text(f"名单：{label.zh}", f"List: {label.en}"), unit=unit_of(home, said)
        ),
        kinds=(KindRule(ENTERED),),
        times=times if columns.happened_at else replace(times, formats=(), zone=None),
        identifiers=dict(columns.identifiers),
        columns=values,
        required=(SOMEBODY, *(["category"] if columns.value else [])),
        checks=checks,
    )


def _word(given: str | None, words: Sequence[str]) -> str:
    word = LISTED if given is None else given
    if words and word not in words:
        listed = ", ".join(words)
        raise Invalid(
            field="word",
            given=word,
            why=Text(f"这份名单的词有 {listed}", f"the words of this list are {listed}"),
        )
    if not profiles.is_node(word):
        raise Invalid(field="word", given=word, why=profiles.WHY_NO_NODE)
    return word


def _allowed(column: str, words: Iterable[str]) -> str:
    """Return the condition that the word of a row can be a node, or is one of the list's."""
    word = f"trim(cast({quoted(column)} as varchar))"
    if listed := ", ".join(map(literal, words)):
        return f"{word} in ({listed})"
    return f"regexp_full_match({word}, {literal(_NODE)}) and not starts_with({word}, '^')"


__all__ = ["enter", "mapping", "of_guess", "only", "source_of", "try_out", "unit_of"]
