"""The sender's pen: addresses, names and tags are read here, right before a message is handed over, and become its text. Nothing of it is kept."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

from zerodistance.core.identity import addressed
from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import catalogue, links, templates
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outcome, Outgoing, Purpose
from zerodistance.core.outreach.sends import store
from zerodistance.core.outreach.sends.queue import Claimed, ways_of
from zerodistance.core.outreach.templates import Sender, Template
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import NoSuchDimension
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_NAME, _SALUTATION = "vault.name", "vault.salutation"
_SECONDS = 10.0  # own value: who sends is read anew that often
_SYSTEM = Who.system("sender")
_LEADS = re.compile(r"[\x00-\x1f\x7f:/\\@<>{}\[\]]|\w\.\w{2,}|\d{4,}")
Row = store.Row
Values = dict[int, dict[str, Mapping[str, str]]]
"""Person -> variable -> language -> what it is filled with."""


def is_name(said: str) -> bool:
    """Say whether what somebody gave as a name may stand in a message: what leads somewhere or can be called is none.

    Whoever fills in a form can write a link into the name of an address that is not theirs; we would send it on as our own.

    Examples
    --------
    >>> [is_name(one) for one in ("王小明", "J. R. Smith", "O'Neill-Wang", "evil.example/win", "a@b.cn", "加微信13900000001", "www。win。com")]
    [True, True, True, False, False, False, False]
    """
    plain = unicodedata.normalize("NFKC", said).replace("。", ".")
    return _LEADS.search(plain) is None


class Writer:
    """Writes the messages of one channel, for one sender."""

    def __init__(self, home: Home, channel: str) -> None:
        self._home, self._channel = home, channel
        self._templates: dict[tuple[str, int], Template] = {}
        self._who: Sender | None = None
        self._who_at = 0

    def write(self, claimed: Claimed) -> tuple[list[Outgoing], list[Handed], set[str]]:
        """Return the messages, an answer for each whose text can't be made, and the ids of those whose address is gone."""
        home, rows = self._home, claimed.rows
        namespaces = opening.namespaces(home, self._channel)
        given = {n: json.loads(send["given"]) for n, send in claimed.sends.items()}
        ways = {n: ways_of(send) for n, send in claimed.sends.items()}
        with home.state.read() as tx:
            for way in {ways[row["send"]][row["way"]] for row in rows}:
                key = way.template, way.version
                if key not in self._templates:
                    self._templates[key] = catalogue.of(tx, *key)
            if self._channel == ChannelName.INBOX:
                to = {row["subject"]: ("", str(row["subject"])) for row in rows}
            else:
                to = addressed.addresses(tx, home, [row["subject"] for row in rows], namespaces)
        one_of = {row["id"]: ways[row["send"]][row["way"]] for row in rows}
        template = {
            row["id"]: self._templates[one_of[row["id"]].template, one_of[row["id"]].version] for row in rows
        }
        values = self._values(rows, template)
        traced, gone = opening.traces(home, self._channel), set[str]()
        written, not_written = list[Outgoing](), list[Handed]()
        for row in rows:
            if row["subject"] not in to:
                gone.add(row["id"])
                continue
            send = claimed.sends[row["send"]]
            try:
                written.append(
                    self._one(
                        row, send, template[row["id"]], to[row["subject"]], given[row["send"]], values, traced
                    )
                )
            except ZeroDistanceError as error:
                log("outreach").error("not_written", send=row["send"], error=error.code)
                not_written.append(Handed(row["id"], Outcome.LATER, "", error.code))
        return written, not_written, gone

    def _one(
        self,
        row: Row,
        send: Row,
        template: Template,
        to: tuple[str, str],
        given: Mapping[str, str],
        values: Values,
        traced: bool,
    ) -> Outgoing:
        home, message = self._home, row["id"]
        lang = templates.language(template, row["lang"])
        mine = {key: by[lang] for key, by in values.get(row["person"], {}).items() if lang in by}
        filled = {**given, **mine}
        url = None if send["purpose"] == Purpose.SERVICE else links.opt_out_url(home, message)
        said = templates.render(template, lang, filled, self._sender(), url)
        text, html = said.text, said.html
        if traced:
            text, html = links.traced(home, message, text, html)
        return Outgoing(
            message_id=message, channel=self._channel, address=to[1], lang=lang, subject=said.subject, text=text, html=html,
            opt_out_url=url, return_token=links.return_token(home, message), campaign=send["experiment"],
            purpose=send["purpose"], namespace=to[0], template=template.key, values=templates.valued(template, lang, filled),
        )  # fmt: skip

    def _sender(self) -> Sender:
        now = clock.micros()
        if self._who is None or now - self._who_at > _SECONDS * clock.MICROS_PER_SECOND:
            self._who, self._who_at = catalogue.sender_of(self._home), now
        return self._who

    # -- what is known of somebody

    def _values(self, rows: Sequence[Row], template: Mapping[str, Template]) -> Values:
        found: Values = {}
        named, tagged = set[int](), dict[str, dict[str, set[int]]]()
        for row in rows:
            for one in template[row["id"]].variables:
                if one.of in (_NAME, _SALUTATION):
                    named.add(row["person"])
                elif one.of.startswith(templates.TAG):
                    key = one.of.removeprefix(templates.TAG)
                    tagged.setdefault(key, {}).setdefault(one.key, set()).add(row["person"])
        if named:
            self._names(rows, template, named, found)
        for key, variables in tagged.items():
            self._tags(key, variables, found)
        return found

    def _names(
        self, rows: Sequence[Row], template: Mapping[str, Template], named: set[int], found: Values
    ) -> None:
        with self._home.state.read() as tx:
            subjects, theirs = identity.subjects_of_all(tx, np.array(sorted(named), np.int64))
            called = addressed.called(tx, self._home, subjects, theirs)
        for row in rows:
            if row["person"] not in called:
                continue
            name, greeting = called[row["person"]]
            if not is_name(name):
                continue
            for one in template[row["id"]].variables:
                if one.of == _NAME:
                    found.setdefault(row["person"], {})[one.key] = {"zh": name, "en": name}
                elif one.of == _SALUTATION and greeting is not None:
                    found.setdefault(row["person"], {})[one.key] = {"zh": greeting.zh, "en": greeting.en}

    def _tags(self, key: str, variables: Mapping[str, set[int]], found: Values) -> None:
        """Fill in the label of the node at which each person is; a dimension that is gone says nothing of anybody."""
        try:
            dimension = profiles.dimension(self._home, key)
        except NoSuchDimension:
            return
        index, everybody = profiles.current(self._home), set().union(*variables.values())
        at = {person: node for person in everybody if (node := index.node_of(dimension, person)) is not None}
        labels = profiles.node_labels(self._home, _SYSTEM, dimension, set(at.values()))
        for variable, persons in variables.items():
            for person in persons & at.keys():
                label = labels[at[person]]
                found.setdefault(person, {})[variable] = {"zh": label.zh, "en": label.en}
