"""*Example*: what the example brand in this home is, where to look, and taking it away. Only in a home that the demo made."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zerodistance.core.segments import api as segments
from zerodistance.doors.examples import holding
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, page, who_of
from zerodistance.kernel import emptying
from zerodistance.kernel.access import Permission

router = APIRouter()


@router.get("/example")
def example(request: Request) -> Response:
    """Show what this home holds, or go to Today where it is somebody's own."""
    home, who = home_of(request), who_of(request)
    here = holding.held(home)
    if here is None:
        return go("/")
    truth = home.root / here.folder if here.folder else None
    return page(
        request,
        "example.html",
        here="today",
        e=here,
        own=holding.own(home, who),
        segments=segments.segments(home, who)[-3:],
        may=who.may(Permission.OPERATE) and who.may(Permission.FORGET),
        root=home.root,
        truth=truth,
    )


@router.post("/example/remove")
def remove(request: Request) -> Response:
    """Ask for the home to be emptied; the page that follows waits for that."""
    home = home_of(request)
    holding.take_away(home, who_of(request))
    return go("/example/going")


@router.get("/example/going")
def going(request: Request) -> Response:
    """Show that the home is being emptied; asked again until another process answers, which sends the browser to Today."""
    home = home_of(request)
    if emptying.asked(home.root):
        return page(request, "example_going.html", here="today")
    if request.headers.get("HX-Request") == "true":
        return Response(headers={"HX-Redirect": "/"})
    return go("/")


register("example", router)
