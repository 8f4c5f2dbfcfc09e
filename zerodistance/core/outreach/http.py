"""The JSON API of outreach: `/v1/outreach`, and tokens of the inbox. Who asks is set by the door."""

from __future__ import annotations

from fastapi import APIRouter

from zerodistance.core.outreach import channels_http, speaking_http
from zerodistance.core.outreach.sends import http as sends_http

router = APIRouter(prefix="/v1/outreach", tags=["outreach"])
router.include_router(speaking_http.router)
router.include_router(sends_http.router)
router.include_router(channels_http.router)
inbox_router = channels_http.inbox_router
