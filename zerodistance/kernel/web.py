"""What every HTTP route shares: who asks, set by the door's middleware before a route runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.requests import Request

from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Number = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A whole number in a path or a query: whatever goes to a store must fit into its 64 bits."""


class NotSignedIn(ZeroDistanceError):
    """A request came without an account."""

    code, status = "not_signed_in", 401
    text = Text("请先登录，或带上访问令牌", "sign in first, or send an access token")


def current_who(request: Request) -> Who:
    """Return the account on whose behalf a request is made: `request.state.who`, as the door set it.

    Raises
    ------
    NotSignedIn
        The door found no account.
    """
    who = getattr(request.state, "who", None)
    if not isinstance(who, Who):
        raise NotSignedIn()
    return who


def current_home(request: Request) -> Home:
    """Return the home that this door serves: `request.app.state.home`."""
    home: Home = request.app.state.home
    return home
