"""The typed kinds of touch: what each is called, which typed columns it fills, and which event names of clients mean it.

Event names follow the Segment specifications (e-commerce v2, e-mail, mobile, semantic calls), whose form is
`Object Verbed`; ours follow the same form. Names are compared without regard to case, spaces, `_`, `-` and `.`.

References
----------
https://segment.com/docs/connections/spec/ecommerce/v2/ and https://segment.com/docs/connections/spec/email/
"""

from __future__ import annotations

from dataclasses import dataclass

from zerodistance.kernel.text import Text

CUSTOM = "custom"
ENTERED = "list.entered"
"""Somebody was put on a list of the brand's own: `channel` is the key of the list, `category` what it says of them."""
ASSIGNED = "campaign.assigned"
"""Somebody may be contacted by a campaign: the lot was drawn."""

_PRODUCT = ("product", "category")
_LINE = ("order_id", "product", "category", "quantity", "amount", "currency", "place")
_ORDER = ("order_id", "quantity", "amount", "currency", "place")


@dataclass(frozen=True)
class Kind:
    """One typed kind of touch.

    Attributes
    ----------
    icon
        Name in the portal's icon sprite.
    columns
        Typed columns of `contracts.TOUCHES` that touches of this kind usually fill.
    """

    key: str
    text: Text
    icon: str
    columns: tuple[str, ...] = ()

    @property
    def events(self) -> tuple[str, ...]:
        """Names of track events that mean this kind."""
        return _EVENTS.get(self.key, ())


_EVENTS: dict[str, tuple[str, ...]] = {
    "page.viewed": ("Page Viewed", "Viewed Page", "Loaded a Page"),
    "screen.viewed": ("Screen Viewed",),
    "app.opened": ("Application Opened", "Application Installed", "App Opened"),
    "product.viewed": ("Product Viewed", "Product Clicked", "Viewed Product"),
    "product.searched": (
        "Products Searched",
        "Product Searched",
        "Product List Viewed",
        "Product List Filtered",
    ),
    "product.saved": ("Product Added to Wishlist", "Product Saved"),
    "product.reviewed": ("Product Reviewed",),
    "cart.added": ("Product Added", "Added to Cart", "Wishlist Product Added to Cart"),
    "cart.removed": ("Product Removed", "Removed from Cart"),
    "checkout.started": (
        "Checkout Started",
        "Checkout Step Viewed",
        "Checkout Step Completed",
        "Payment Info Entered",
    ),
    "order.completed": ("Order Completed", "Completed Order"),
    "order.cancelled": ("Order Cancelled", "Order Canceled"),
    "order.refunded": ("Order Refunded", "Refunded Order"),
    "order.line": ("Order Line",),
    "order.returned": ("Order Returned", "Product Returned"),
    "order.adjusted": ("Order Adjusted",),
    "stock.adjusted": ("Stock Adjusted",),
    "product.registered": ("Product Registered", "Warranty Registered", "QR Code Scanned"),
    "service.called": (
        "Service Called",
        "Support Called",
        "Call Completed",
        "Support Ticket Opened",
        "Service Requested",
    ),
    "service.visited": (
        "Service Visited",
        "Service Visit Completed",
        "Service Completed",
        "Repair Completed",
        "Visit Finished",
        "Visit Unfinished",
    ),
    "service.moving": ("Service Moving", "Relocation Requested"),
    "service.missed": ("Service Missed", "Visit Missed", "Customer Not Home"),
    "service.rated": ("Service Rated", "Service Reviewed", "Survey Answered"),
    "device.bound": ("Device Bound", "Device Paired", "Device Activated"),
    "device.fault": ("Device Fault", "Device Failed", "Device Fault Reported"),
    "device.used": ("Device Used", "Device Started", "Cycle Completed"),
    "store.visited": ("Store Visited",),
    "social.posted": ("Social Posted", "Post Published", "Comment Posted"),
    "message.sent": (
        "Message Sent",
        "Email Sent",
        "Email Delivered",
        "Push Notification Received",
        "SMS Sent",
    ),
    "message.opened": ("Message Opened", "Email Opened", "Push Notification Tapped"),
    "message.clicked": ("Message Clicked", "Email Link Clicked", "Link Clicked"),
    "message.replied": ("Message Replied", "Email Replied", "SMS Replied"),
    "message.held_out": ("Message Held Out",),
    "message.refused": ("Unsubscribed", "Email Marked as Spam", "Message Refused"),
    "consent.given": ("Consent Given", "Consent Granted", "Opted In"),
    "consent.withdrawn": ("Consent Withdrawn", "Consent Revoked", "Opted Out"),
    "member.joined": ("Signed Up", "Member Joined", "Account Created", "Registered"),
    "member.signed_in": ("Signed In", "Logged In", "Login"),
    "points.earned": ("Points Earned",),
    "points.spent": ("Points Spent", "Points Redeemed"),
    "profile.updated": ("Profile Updated",),
    "group.joined": ("Group Joined",),
    "identity.aliased": ("Identity Aliased",),
}

_ALL = (
    Kind("page.viewed", Text("浏览网页", "Page viewed"), "eye", ("page", "referrer", "campaign")),
    Kind("screen.viewed", Text("打开应用页面", "Screen viewed"), "phone", ("page", "campaign")),
    Kind("app.opened", Text("打开应用", "App opened"), "phone", ("campaign",)),
    Kind("product.viewed", Text("查看产品", "Product viewed"), "eye", _PRODUCT),
    Kind("product.searched", Text("搜索产品", "Products searched"), "search", ("category",)),
    Kind("product.saved", Text("收藏产品", "Product saved"), "idea", _PRODUCT),
    Kind("product.reviewed", Text("评价产品", "Product reviewed"), "chat", _PRODUCT),
    Kind("cart.added", Text("加入购物车", "Added to cart"), "store", _LINE),
    Kind("cart.removed", Text("移出购物车", "Removed from cart"), "store", _LINE),
    Kind("checkout.started", Text("开始结账", "Checkout started"), "store", _ORDER),
    Kind("order.completed", Text("下单", "Order completed"), "store", _ORDER),
    Kind("order.cancelled", Text("取消订单", "Order cancelled"), "store", _ORDER),
    Kind("order.refunded", Text("退款", "Order refunded"), "store", _ORDER),
    Kind("order.line", Text("订单行", "Order line"), "store", _LINE),
    Kind("order.returned", Text("退货行", "Returned line"), "store", _LINE),
    Kind(
        "order.adjusted",
        Text("账目调整", "Account adjusted"),
        "wrench",
        ("order_id", "amount", "currency", "place"),
    ),
    Kind(
        "stock.adjusted",
        Text("库存调整", "Stock adjusted"),
        "wrench",
        ("product", "category", "quantity", "place"),
    ),
    Kind("product.registered", Text("产品登记", "Product registered"), "device", (*_PRODUCT, "place")),
    Kind("service.called", Text("致电客服", "Service called"), "phone", (*_PRODUCT, "duration", "fault")),
    Kind(
        "service.visited",
        Text("上门服务", "Service visit"),
        "wrench",
        (*_PRODUCT, "duration", "fault", "place"),
    ),
    Kind("service.moving", Text("请求移机", "Relocation requested"), "phone", (*_PRODUCT, "duration")),
    Kind("service.missed", Text("上门失约", "Visit missed"), "wrench", (*_PRODUCT, "place")),
    Kind("service.rated", Text("评价服务", "Service rated"), "chat", ("quantity",)),
    Kind("device.bound", Text("绑定设备", "Device bound"), "device", _PRODUCT),
    Kind("device.fault", Text("设备故障", "Device fault"), "wrench", (*_PRODUCT, "fault")),
    Kind(
        "device.used",
        Text("使用设备", "Device used"),
        "device",
        (*_PRODUCT, "quantity", "duration", "energy", "warnings"),
    ),
    Kind("store.visited", Text("到店", "Store visited"), "store", ("place", "duration")),
    Kind("social.posted", Text("社媒发帖", "Posted on social media"), "chat", _PRODUCT),
    Kind("message.sent", Text("发送消息", "Message sent"), "send", ("campaign", "channel")),
    Kind(ASSIGNED, Text("列入活动", "Assigned to a campaign"), "send", ("campaign", "channel", "category")),
    Kind("message.held_out", Text("留作对照", "Message held out"), "send", ("campaign", "channel")),
    Kind("message.opened", Text("打开消息", "Message opened"), "inbox", ("campaign", "channel")),
    Kind("message.clicked", Text("点击消息", "Message clicked"), "send", ("campaign", "channel")),
    Kind("message.replied", Text("回复消息", "Message answered"), "chat", ("campaign", "channel")),
    Kind("message.refused", Text("退订", "Unsubscribed"), "lock", ("campaign", "channel")),
    Kind(
        "consent.given",
        Text("同意接收", "Consent given"),
        "lock",
        ("channel", "category", "campaign", "page"),
    ),
    Kind(
        "consent.withdrawn",
        Text("撤回同意", "Consent withdrawn"),
        "lock",
        ("channel", "category", "campaign", "page"),
    ),
    Kind("member.joined", Text("加入会员", "Joined as member"), "people", ("place", "campaign")),
    Kind("member.signed_in", Text("登录", "Signed in"), "lock"),
    Kind("points.earned", Text("获得积分", "Points earned"), "idea", ("quantity", "order_id")),
    Kind("points.spent", Text("使用积分", "Points spent"), "idea", ("quantity", "order_id")),
    Kind("profile.updated", Text("更新资料", "Profile updated"), "people", ("place",)),
    Kind("group.joined", Text("加入群组", "Group joined"), "segments"),
    Kind("identity.aliased", Text("关联身份", "Identity aliased"), "people"),
    Kind(ENTERED, Text("列入名单", "Entered on a list"), "people", ("channel", "category")),
    Kind(CUSTOM, Text("其他事件", "Other event"), "globe"),
)

KINDS: dict[str, Kind] = {kind.key: kind for kind in _ALL}
"""Every typed kind by its key, in the order pages list them."""

_OF_TYPE = {
    "page": "page.viewed",
    "screen": "screen.viewed",
    "identify": "profile.updated",
    "group": "group.joined",
    "alias": "identity.aliased",
}
_DROPPED = str.maketrans("", "", " \t_-.")


def _plain(name: str) -> str:
    return name.casefold().translate(_DROPPED)


_OF_EVENT = {
    _plain(name): kind.key
    for kind in _ALL
    for name in (*kind.events, kind.key)
    if kind.key not in (CUSTOM, ENTERED, ASSIGNED)
}
"""No client puts anybody on a list or into a campaign: its write key may be known to everybody."""


def kind_of(type: str, event_name: str | None = None) -> str:
    """Return the kind of a call of the collection protocol.

    Parameters
    ----------
    type
        `track`, `page`, `screen`, `identify`, `group` or `alias`.
    event_name
        The event of a `track`; a name that is not listed is `custom`.

    Examples
    --------
    >>> kind_of("track", "order completed"), kind_of("page", "Home"), kind_of("track", "Door Opened")
    ('order.completed', 'page.viewed', 'custom')
    """
    found = _OF_TYPE.get(type)
    if found is not None:
        return found
    return _OF_EVENT.get(_plain(event_name), CUSTOM) if event_name else CUSTOM


def kind(key: str) -> Kind:
    """Return a kind by its key; one that is no longer listed is shown as `custom`."""
    return KINDS.get(key, KINDS[CUSTOM])
