"""*Consent* and suppressed addresses: how they stand, a word recorded by hand, a list uploaded. An address stands in no path."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach.contracts import CHANNELS, NAMESPACES, PURPOSES
from zerodistance.core.outreach.desk import MOST_BYTES
from zerodistance.core.outreach.suppression import REASONS
from zerodistance.doors.portal import evidence
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form(max_length=300)]
KINDS = tuple(dict.fromkeys(one for some in NAMESPACES.values() for one in some))
_BY_HAND = ("asked", "complained", "wrong", "listed")


@router.get("/outreach/consent")
def consent(request: Request, done: str = "", n: Number = 0, known: Number = 0, bad: Number = 0) -> Response:
    """Show how consent and suppression stand."""
    return _show(request, done=done, counts=(n, known, bad))


def _show(request: Request, status: int = 200, **values: Any) -> Response:
    home, who = home_of(request), who_of(request)
    outreach.may_look(who)
    may = who.may(Permission.MANAGE_OUTREACH)
    sees = may or who.may(Permission.SEE_PERSONS)
    return page(
        request,
        "outreach_consent.html",
        status=status,
        here="outreach",
        found=outreach.figures(home, who) if sees else None,
        purposes=PURPOSES,
        channels=CHANNELS,
        kinds=[(key, evidence.label(key)) for key in KINDS],
        reasons=REASONS,
        by_hand=_BY_HAND,
        most=MOST_BYTES,
        may=may,
        **{"problem": "", "done": "", "counts": (0, 0, 0), "given": {}, **values},
    )


@router.get("/outreach/consent.csv")
def figures_file(request: Request) -> Response:
    """Give the counts as a CSV file."""
    found = outreach.figures(home_of(request), who_of(request))
    rows: list[tuple[object, ...]] = [
        ("consent", p, c, found.given.get((p, c), 0), found.withdrawn.get((p, c), 0))
        for p in PURPOSES
        for c in CHANNELS
    ]
    rows += [("suppressed", reason, "", many, known) for reason, (many, known) in found.suppressed.items()]
    return table_file(
        "consent", ("what", "purpose_or_reason", "channel", "given_or_addresses", "withdrawn_or_known"), rows
    )


@router.post("/outreach/consent")
def say(
    request: Request,
    namespace: Field,
    value: Field,
    verb: Field = "given",
    purpose: Field = "",
    channel: Field = "",
    place: Field = "",
    text_version: Field = "",
    proof: Field = "",
) -> Response:
    """Record that an address agreed or withdrew."""
    home, who = home_of(request), who_of(request)
    given = {
        "namespace": namespace,
        "verb": verb,
        "purpose": purpose,
        "channel": channel,
        "place": place,
        "proof": proof,
    }
    try:
        many = outreach.say(
            home, who, namespace, value, given=verb == "given", purpose=purpose, channel=channel, place=place.strip(),
            text_version=text_version.strip(), proof=proof,
        )  # fmt: skip
    except ZeroDistanceError as error:
        return _show(request, error.status, problem=error.message(lang_of(request)), given=given)
    return go(f"/outreach/consent?done=said&n={many}")


@router.post("/outreach/consent/suppress")
def suppress(
    request: Request, namespace: Field, value: Field, reason: Field = "asked", verb: Field = "suppress"
) -> Response:
    """Suppress an address, or take it from every list."""
    home, who = home_of(request), who_of(request)
    try:
        if verb == "lift":
            return go(f"/outreach/consent?done=lifted&n={outreach.lift(home, who, namespace, value)}")
        outreach.suppress(home, who, namespace, value, reason)
    except ZeroDistanceError as error:
        return _show(request, error.status, problem=error.message(lang_of(request)))
    return go("/outreach/consent?done=suppressed&n=1")


@router.post("/outreach/consent/lists/{namespace}")
async def upload(request: Request, namespace: str) -> Response:
    """Suppress every address of a file; it is read as it comes and not kept."""
    home, who = home_of(request), who_of(request)
    who.need(Permission.MANAGE_OUTREACH)
    name = unquote(request.headers.get("x-file-name", ""))[:100] or "list"
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > MOST_BYTES:
            why = Text(f"至多 {MOST_BYTES >> 20} MiB", f"at most {MOST_BYTES >> 20} MiB")
            raise Invalid(field=Text("文件", "the file"), given=f"{len(held)} B", why=why)
    found = await to_thread.run_sync(outreach.suppress_list, home, who, bytes(held), namespace, name)
    to = f"/outreach/consent?done=listed&n={found.added}&known={found.known}&bad={found.unreadable}"
    return Response(status_code=201, headers={"Location": to})


register("outreach_consent", router)
