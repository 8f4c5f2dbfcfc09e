"""The JSON API of outreach: `/v1/outreach`. Who asks is set by the door."""

from __future__ import annotations

from fastapi import APIRouter

from zerodistance.core.outreach import speaking_http

router = APIRouter(prefix="/v1/outreach", tags=["outreach"])
router.include_router(speaking_http.router)
