"""Requests of the API that are right in the full world, in an order in which each finds what it is about: to be sent as they are, and spoiled."""

from __future__ import annotations

from typing import Any

from tests.doors import world
from zerodistance.core.identity import api as identity
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

Request = tuple[str, str, Any]
"""Method, path, body; None: no body."""
RULE = 'Did("order.*")'
_GOAL = {"kind": "order.*", "window_days": 28, "category": "fridge", "value": "amount"}
_WORDS = {"zh": "甲", "en": "A"}
_NAME = {"key": "name", "of": "vault.salutation", "default": {"zh": "朋友", "en": "friend"}, "longest": 12}
_BODIES = {"zh": {"subject": "甲", "text": "{name}，您好。"}, "en": {"subject": "A", "text": "Hello {name}."}}
_MAIL = {"name": _WORDS, "channel": "email", "purpose": "marketing", "bodies": _BODIES, "variables": [_NAME]}
_CAMPAIGN = {
    "name": _WORDS, "kind": "once", "audience": {"segment": "quiet"}, "goal": {"kind": "order.line", "window_days": 28, "value": "amount"},
    "steps": [{"message": {"templates": ["filter-due"], "variants": {"DE": ["filter-due"]}}}, {"wait": {"days": 3, "until_hour": 10}},
              {"message": {"templates": ["filter-due"]}}],
    "stops": ["goal", "click"], "share_held": 0.2, "stratify": ["demo.gender"], "score": "value.spend_365d",
    "calendar": {"first": "2026-01-01", "last": "2030-12-31", "weekdays": [1, 2, 3, 4, 5, 6, 7], "blackouts": [{"first": "2026-02-16", "last": "2026-02-22"}]},
    "budget": {"messages": 5_000, "money": 100.0}, "prices": {"email": 0.01}, "points_goal": 5,
}  # fmt: skip
_TAG = {"key": "own.new", "layer": "value", "zh": "甲", "en": "A", "meaning_zh": "甲", "meaning_en": "A"}
_CONSENT = {
    "namespace": "phone", "value": "13800002207", "given": True, "purpose": "marketing", "channel": "sms", "place": "/x", "text_version": "1",
    "proof": "form 1",
}  # fmt: skip
_GROUPS = {
    "layers": ["value"],
    "dimensions": ["demo.gender"],
    "rule": RULE,
    "groups": 4,
    "seed": 2,
    "name_zh": "甲",
    "name_en": "A",
}
_TOUCHES = {
    "take": "last",
    "word": "product",
    "kinds": ["product.viewed"],
    "days": 180,
    "where": {"category": "fridge"},
}
_LIMITS = {
    "sender_zh": "样例",
    "caps": [{"most": 1, "days": 1}],
    "quiet": [{"begins": 21, "ends": 8, "purposes": ["marketing"]}],
}
_SEGMENT = {"key": "own", "name_zh": "甲", "name_en": "A", "rule": {"all_of": [{"did": {"kind": "order.*", "at_least": 1, "within_days": 400}}]}}  # fmt: skip
_EXPERIMENT = {
    "key": "own", "name": _WORDS, "goal": _GOAL, "purpose": "marketing", "audience": 5_000, "share_held": 0.2, "stratify": ["geo.place"],
    "score": "value.spend_365d", "channel": "email", "base_rate": 0.1, "detect": 0.9, "power": 0.8, "alpha": 0.05, "anyway": True,
}  # fmt: skip
_PLAN = {
    name: _EXPERIMENT[name]
    for name in ("goal", "audience", "base_rate", "detect", "power", "alpha", "anyway")
}


def requests(home: Home) -> list[Request]:
    """Return the requests, about persons of the full world."""
    star = identity.lookup(home, Who.system(), "user_id", world.STAR).id
    return [
        ("POST", "/v1/persons/lookup", {"phone": "13800002207", "identifiers": True}),
        ("POST", "/v1/persons/match", {"name": "王小明", "phone": "13800002207", "address": "双桥城4号楼2单元201", "limit": 5}),
        ("POST", "/v1/identity/rules/try", {"changes": ["phone.limit=4/365"], "match": False, "examples": 3}),
        ("POST", "/v1/profiles", {"ids": [star], "dimensions": ["demo.gender"], "as_of": "2026-06-01", "since": True}),
        ("POST", "/v1/profiles/find", {"namespace": "user_id", "value": world.STAR, "dimensions": ["demo.gender"], "since": True}),
        ("POST", "/v1/models/scores", {"ids": [star], "models": ["n1"], "reasons": 3}),
        ("POST", "/v1/models/n1/whatif", {"id": star, "category": "fridge", "values": {"usage.active_days_90d": 3.0}}),
        ("POST", "/v1/segments/overlap", {"segments": ["quiet", "bought"], "as_of": "2026-06-01"}),
        ("POST", "/v1/segments/distinguish", {"rule": RULE, "against": "AllOf()", "sample": True, "most": 20}),
        ("POST", "/v1/segments/expect", {"rule": RULE, "model": "n1", "category": "fridge"}),
        ("POST", "/v1/segments/released", {"audience": "quiet", "category": "fridge"}),
        ("POST", "/v1/segments/released", {"audience": "quiet"}),
        ("POST", "/v1/segments/count", {"rule": RULE, "steps": True, "as_of": "2026-06-01"}),
        ("POST", "/v1/segments/profile", {"rule": RULE, "sample": True, "numbers": ["value.spend_365d"]}),
        ("POST", "/v1/segments/nearest", {"lat": 36.07, "lon": 120.38, "many": 5, "rule": RULE}),
        ("POST", "/v1/segments/sql", {"rule": RULE}),
        ("POST", "/v1/segments", _SEGMENT),
        ("POST", "/v1/segments/own/follow", None),
        ("POST", "/v1/segments/own/freeze", None),
        ("POST", "/v1/segments/own/thaw", None),
        ("POST", "/v1/segments/own/approval", {"version": 1}),
        ("GET", "/v1/segments/own/members?limit=5&after=3&as_of=2026-06-01", None),
        ("GET", "/v1/segments/own/growth?days=30", None),
        ("GET", "/v1/segments/bought/changes?after=0", None),
        ("DELETE", "/v1/segments/own/approval", None),
        ("POST", "/v1/segments/groups/new", _GROUPS),
        ("PUT", "/v1/segments/groups/types/groups/g1", {"name_zh": "甲", "name_en": "A"}),
        ("POST", "/v1/segments/groups/types/groups/g1/segment", None),
        ("DELETE", "/v1/segments/groups/new", None),
        ("POST", "/v1/segments/tags/preview", {**_TAG, "rule": [{"node": "gold", "rule": RULE, "zh": "金", "en": "Gold"}]}),
        ("POST", "/v1/segments/tags/preview", {**_TAG, "bands": {"of": "usage.active_days_90d", "edges": [1, 2, 4], "quantiles": None}}),
        ("POST", "/v1/segments/tags", {**_TAG, "touches": _TOUCHES}),
        ("POST", "/v1/segments/tags", {**_TAG, "key": "own.said", "list": {"words": [{"node": "a", "zh": "甲", "en": "A"}]}, "expires_on": "2030-01-01"}),
        ("POST", "/v1/segments/tags/own.said/mapping", {"identifiers": {"phone": "手机号"}, "word": "a"}),
        ("POST", "/v1/segments/tags/own.new/run", None),
        ("DELETE", "/v1/segments/tags/own.new", None),
        ("POST", "/v1/marketing/map/spot", {"lat": 36.07, "lon": 120.38, "system": "gcj02"}),
        ("GET", "/v1/marketing/map/communities?cell=8830ac5303fffff&need=n1&audience=quiet&most=5", None),
        ("GET", "/v1/marketing/map/cells?cell=8830ac5303fffff&need=n1&audience=quiet&km=3", None),
        ("POST", "/v1/outreach/words/find", {"text": "最 佳", "lang": "zh", "purpose": "marketing"}),
        ("POST", "/v1/outreach/words/own", {"name_en": "Own", "name_zh": "甲", "words": [{"word": "清仓", "weight": "warned", "unless": ["x"]}]}),
        ("POST", "/v1/outreach/templates/look", {**_MAIL, "lang": "en", "values": {"product": "x"}}),
        ("POST", "/v1/outreach/templates", {**_MAIL, "key": "hello"}),
        ("GET", "/v1/outreach/templates/hello?version=1", None),
        ("GET", "/v1/outreach/templates/hello/versions", None),
        ("GET", "/v1/outreach/templates/filter-due/look?lang=en", None),
        ("POST", "/v1/outreach/limits", _LIMITS),
        ("POST", "/v1/outreach/consents", _CONSENT),
        ("POST", "/v1/outreach/suppressed", {"namespace": "phone", "values": ["13712340999"], "reason": "listed", "purpose": "marketing", "source": "x"}),
        ("POST", "/v1/outreach/suppressed/lift", {"namespace": "phone", "value": "13712340999"}),
        ("PUT", "/v1/outreach/channels/inbox", {"description": ""}),
        ("POST", "/v1/outreach/channels/inbox/switch", {"on": True}),
        ("POST", "/v1/outreach/receipts", {"receipts": [{"id": "0" * 24, "state": "delivered", "code": "", "at": None}]}),
        ("POST", "/v1/inbox/tokens", {"identifiers": {"user_id": world.STAR}, "minutes": 5}),
        ("POST", "/v1/experiments/plan", _PLAN),
        ("POST", "/v1/experiments/joint", {"exposed": 100, "bought": 10, "others": 900, "others_bought": 45}),
        ("POST", "/v1/experiments", _EXPERIMENT),
        ("POST", "/v1/experiments/own/assignments", {"segment": "quiet"}),
        ("POST", "/v1/experiments/own/costs", {"amount": 10.0, "what": "x", "per_message": True, "channel": "email"}),
        ("GET", "/v1/experiments/autumn/result?until=2026-11-01T00:00:00Z", None),
        ("POST", "/v1/outreach/sends", {"key": "own-1", "experiment": "own", "assignment": 1, "templates": ["filter-due"], "values": {"product": "x"}}),
        ("GET", "/v1/outreach/sends?experiment=own", None),
        ("POST", "/v1/outreach/sends/2/decision", {"grant": False, "why": "x"}),
        ("POST", "/v1/outreach/sends/1/stop", {"why": "x"}),
        ("POST", "/v1/experiments/own/end", None),
        ("POST", "/v1/experiments/global", {"key": "all", "name": _WORDS, "goal": _GOAL, "share": 0.1}),
        ("GET", "/v1/experiments/global", None),
        ("POST", "/v1/marketing/campaigns/plan", _CAMPAIGN),
        ("POST", "/v1/marketing/campaigns", {**_CAMPAIGN, "key": "own"}),
        ("PUT", "/v1/marketing/campaigns/own", _CAMPAIGN),
        ("POST", "/v1/marketing/campaigns/own/ask", {"version": 1, "starts": True}),
        ("POST", "/v1/marketing/campaigns/own/return", {"why": "x"}),
        ("POST", "/v1/marketing/campaigns/own/approve", {"version": 1}),
        ("POST", "/v1/marketing/campaigns/own/start", None),
        ("POST", "/v1/marketing/campaigns/quiet-twice/pause", {"why": "x"}),
        ("POST", "/v1/marketing/campaigns/quiet-twice/resume", None),
        ("GET", "/v1/marketing/campaigns/quiet-twice/acts", None),
        ("GET", "/v1/marketing/campaigns/quiet-twice/statistics", None),
        ("POST", "/v1/marketing/campaigns/own/end", {"why": "x"}),
        ("POST", "/v1/marketing/plays/welcome/start", {"unit": None}),
        ("POST", "/v1/outreach/templates/hello/withdraw", None),
        ("POST", "/v1/identity/rules", {"changes": ["phone.limit=5/365"], "match": False, "reason": "x", "seen": None}),
        ("POST", "/v1/identity/rules/undo", None),
    ]  # fmt: skip
