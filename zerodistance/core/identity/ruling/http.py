"""The JSON API of the rules of identity: `/v1/identity/rules`. Who asks is set by the door; trying takes as long as a rebuild, or a match."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.core.identity.contracts import Rebuilt
from zerodistance.core.identity.ruling import applying, models, trying, versions
from zerodistance.core.identity.ruling.contracts import InForce, Learned, Trial
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/v1/identity", tags=["identity"])

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]


class Change(BaseModel):
    """Rules to set otherwise."""

    changes: list[Annotated[str, Field(max_length=200)]] = Field(
        min_length=1, max_length=50, description="`phone.cap=12`, `match.join=3`, `model=NAME`, ..."
    )
    match: bool = Field(False, description="ask the matcher again, though no rule of its own changes")


class Asked(Change):
    """A change to be tried."""

    examples: int = Field(10, ge=0, le=100)


class Applied(Change):
    """A change to be put in force."""

    reason: str = Field(max_length=1_000)
    seen: int | None = Field(None, description="version that it was tried on; another in force is an error")


@router.get("/rules")
def rules(home: Here, who: AskedBy) -> InForce:
    """Return the rules in force, and how they came about."""
    return versions.show(home, who)


@router.post("/rules/try")
def attempt(asked: Asked, home: Here, who: AskedBy) -> Trial:
    """Say what a change would do; nothing is written."""
    return trying.attempt(home, who, asked.changes, match=asked.match, examples=asked.examples)


@router.post("/rules")
def apply(asked: Applied, home: Here, who: AskedBy) -> Rebuilt:
    """Put a change in force, with everybody computed anew by it."""
    return applying.apply(home, who, asked.changes, asked.reason, match=asked.match, seen=asked.seen)


@router.post("/rules/undo")
def undo(home: Here, who: AskedBy) -> Rebuilt:
    """Put the rules of before the last change in force again."""
    return applying.undo(home, who)


@router.get("/models")
def learned(home: Here, who: AskedBy) -> list[Learned]:
    """Return the weights of the matcher that there are."""
    return list(models.models(home, who))
