"""*Review*: pairs of which the matcher is not sure, decided one by one with the keyboard; and what it joined, to be checked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.api import Asked, Place, Verdict
from zerodistance.core.identity.contracts import NoSuchDecision
from zerodistance.core.identity.rules import BY_KEY
from zerodistance.core.identity.weighed import COUNTED
from zerodistance.doors.portal.evidence import label
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, page, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]
Subject = Annotated[int, Form()]
MENU = Menu(
    "review", "/identity/review", "eye", Text("身份审阅", "Review"), 56, group=1, need=Permission.OPERATE
)
_DONE = {
    "same": Text("已判定是同一个人，已生效", "Decided: one person. It holds from now on"),
    "different": Text("已判定是两个人，已生效", "Decided: two persons. It holds from now on"),
    "unsure": Text("已记下不确定，不再问", "Noted as unsure; it is not asked again"),
    "withdrawn": Text("已撤回上一个判定", "The last decision is taken back"),
}
_AHEAD = 2  # the pair shown, and whether there is one after it


def _place(text: str) -> Place | None:
    parts = text.split(".")
    if not text or len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    return Place(*map(int, parts))


def _asked(links: str) -> Asked:
    return Asked.LINK if links else Asked.DOUBT


@router.get("/identity/review")
def review(
    request: Request,
    links: str = "",
    after: str = "",
    before: str = "",
    pair: str = "",
    done: str = "",
    number: Number = 0,
) -> Response:
    """Show the next pair that waits, the one after or before a place, or a certain one."""
    home, who, asked = home_of(request), who_of(request), _asked(links)
    if pair:
        a, _, b = pair.partition("-")
        if not (a.isdecimal() and b.isdecimal()):
            raise NotFound(what=Text("这一对", "the pair"), given=pair)
        one = identity.review(home, who, int(a), int(b))
        left = identity.reviews(home, who, limit=0, asked=asked).left
        return _shown(request, asked, one, left, done=done, number=number)
    back = _place(before)
    found = identity.reviews(home, who, _place(after), _AHEAD, before=back, asked=asked)
    if not found.pairs and (after or before):
        return go(f"/identity/review?links={links}" if links else "/identity/review")
    at = -1 if back else 0
    values: dict[str, Any] = {"done": done, "number": number}
    if found.pairs:
        here = found.places[at]
        values["place"] = f"{here.rank}.{here.b}.{here.a}"
        values["onward"] = len(found.pairs) > 1 or back is not None
        values["backward"] = bool(after) or (back is not None and len(found.pairs) > 1)
    return _shown(request, asked, found.pairs[at] if found.pairs else None, found.left, **values)


def _shown(request: Request, asked: Asked, one: identity.Review | None, left: int, **values: Any) -> Response:
    shown = {"place": "", "onward": False, "backward": False, "done": "", "number": 0, **values}
    return page(
        request,
        "identity_review.html",
        here="review",
        one=one,
        left=left,
        counted=COUNTED,
        links=asked == Asked.LINK,
        said=_DONE.get(shown["done"]),
        kinds=BY_KEY,
        label=label,
        **shown,
    )


@router.post("/identity/review")
def decide(request: Request, a: Subject, b: Subject, verdict: Field, links: Field = "") -> Response:
    """Decide on a pair, and go on to the next."""
    if verdict not in set(Verdict):
        raise NotFound(what=Text("这种判定", "the verdict"), given=verdict)
    said = identity.judge(home_of(request), who_of(request), a, b, Verdict(verdict), _asked(links))
    return go(f"/identity/review?done={verdict}&number={said.number}{'&links=1' if links else ''}")


@router.post("/identity/review/undo")
def undo(request: Request, number: Subject, links: Field = "") -> Response:
    """Take the last decision back, and show its pair again."""
    home, who = home_of(request), who_of(request)
    pair = next((f"{d.a}-{d.b}" for d in identity.decisions(home, who) if d.number == number), "")
    if not pair:
        raise NoSuchDecision(given=number)
    identity.withdraw(home, who, number)
    return go(f"/identity/review?pair={pair}&done=withdrawn{'&links=1' if links else ''}")


@router.post("/identity/review/reveal")
def reveal(request: Request, a: Subject, b: Subject, links: Field = "") -> Response:
    """Show a pair with whole values; that is noted."""
    home, who, asked = home_of(request), who_of(request), _asked(links)
    one = identity.reveal_pair(home, who, a, b)
    return _shown(request, asked, one, identity.reviews(home, who, limit=0, asked=asked).left)


register("review", router, MENU)
