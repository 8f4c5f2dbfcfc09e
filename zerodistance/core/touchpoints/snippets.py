"""Copy-and-paste beginnings for published clients: an address and a write key are all that is theirs to change."""

from __future__ import annotations

from dataclasses import dataclass

from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Snippet:
    """One beginning.

    Attributes
    ----------
    key
        browser, rudder_browser, jitsu, python, rudder_python, node, rudder_node, pixel, curl.
    install
        The command that fetches the client, empty if none is needed.
    language
        For colouring: javascript, python, shell, html.
    """

    key: str
    label: Text
    install: str
    language: str
    code: str


_PYTHON = """import segment.analytics as analytics

analytics.write_key = "{key}"
analytics.host = "{address}"

analytics.identify("member-1", {{"phone": "13800000000"}})
analytics.track("member-1", "Product Viewed", {{"product_id": "BCD-500"}})
analytics.flush()
"""

_NODE = """import {{ Analytics }} from '@segment/analytics-node'

const analytics = new Analytics({{ writeKey: '{key}', host: '{address}' }})

analytics.identify({{ userId: 'member-1', traits: {{ phone: '13800000000' }} }})
analytics.track({{ userId: 'member-1', event: 'Product Viewed', properties: {{ product_id: 'BCD-500' }} }})
await analytics.closeAndFlush()
"""

_BROWSER = """import {{ AnalyticsBrowser }} from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load({{ writeKey: '{key}', cdnURL: '{address}' }})

analytics.page()
analytics.track('Product Viewed', {{ product_id: 'BCD-500' }})
"""

_RUDDER_PYTHON = """import rudderstack.analytics as analytics

analytics.write_key = "{key}"
analytics.dataPlaneUrl = "{address}"

analytics.identify("member-1", {{"phone": "13800000000"}})
analytics.track("member-1", "Product Viewed", {{"product_id": "BCD-500"}})
analytics.flush()
"""

_RUDDER_NODE = """import Analytics from '@rudderstack/rudder-sdk-node'

const analytics = new Analytics('{key}', {{ dataPlaneUrl: '{address}' }})

analytics.identify({{ userId: 'member-1', traits: {{ phone: '13800000000' }} }})
analytics.track({{ userId: 'member-1', event: 'Product Viewed', properties: {{ product_id: 'BCD-500' }} }})
await analytics.flush()
"""

_RUDDER_BROWSER = """import {{ RudderAnalytics }} from '@rudderstack/analytics-js/bundled'

const analytics = new RudderAnalytics()
analytics.load('{key}', '{address}', {{ configUrl: '{address}' }})

analytics.page()
analytics.track('Product Viewed', {{ product_id: 'BCD-500' }})
"""

_JITSU = """import {{ jitsuAnalytics }} from '@jitsu/js'

// The key is what stands before the colon; the client wants something after it.
const analytics = jitsuAnalytics({{ host: '{address}', writeKey: '{key}:web' }})

analytics.page()
analytics.track('Product Viewed', {{ product_id: 'BCD-500' }})
"""

_PIXEL = """# A picture in a mail: data= is the event as JSON in base64.
python3 - <<'END'
import base64, json
event = {{"writeKey": "{key}", "userId": "member-1", "event": "Email Opened"}}
data = base64.urlsafe_b64encode(json.dumps(event).encode()).decode()
print(f'<img src="{address}/v1/pixel/track?data={{data}}" width="1" height="1" alt="">')
END
"""

_CURL = """curl -u {key}: {address}/v1/track -d '{{
  "anonymousId": "visitor-1",
  "event": "Product Viewed",
  "properties": {{"product_id": "BCD-500"}}
}}'
"""

_ALL: tuple[tuple[str, Text, str, str, str], ...] = (
    (
        "browser",
        Text("网页（打包工具）", "Browser (with a bundler)"),
        "npm install @segment/analytics-next",
        "javascript",
        _BROWSER,
    ),
    (
        "rudder_browser",
        Text("网页：RudderStack", "Browser: RudderStack"),
        "npm install @rudderstack/analytics-js",
        "javascript",
        _RUDDER_BROWSER,
    ),
    ("jitsu", Text("网页：Jitsu", "Browser: Jitsu"), "npm install @jitsu/js", "javascript", _JITSU),
    ("python", Text("Python", "Python"), "pip install segment-analytics-python", "python", _PYTHON),
    (
        "rudder_python",
        Text("Python：RudderStack", "Python: RudderStack"),
        "pip install rudder-sdk-python",
        "python",
        _RUDDER_PYTHON,
    ),
    ("node", Text("Node.js", "Node.js"), "npm install @segment/analytics-node", "javascript", _NODE),
    (
        "rudder_node",
        Text("Node.js：RudderStack", "Node.js: RudderStack"),
        "npm install @rudderstack/rudder-sdk-node",
        "javascript",
        _RUDDER_NODE,
    ),
    ("pixel", Text("邮件里的像素", "Pixel in a mail"), "", "shell", _PIXEL),
    ("curl", Text("命令行", "Command line"), "", "shell", _CURL),
)
_FIRST = {"web": "browser", "server": "python", "app": "node"}


def snippets(source: Source, address: str) -> tuple[Snippet, ...]:
    """Return the beginnings for a source, the likeliest for its kind first.

    Parameters
    ----------
    address
        Where the door is reached from outside, like `https://touch.example.com`.
    """
    address = address.rstrip("/")
    first = _FIRST.get(source.kind, "curl")
    filled = {"key": source.write_key, "address": address}
    return tuple(
        Snippet(key, label, install, language, code.format(**filled))
        for key, label, install, language, code in sorted(_ALL, key=lambda s: s[0] != first)
    )


def snippet(source: Source, address: str, key: str | None = None) -> Snippet:
    """Return one beginning: that named `key`, or the likeliest for the source's kind."""
    every = snippets(source, address)
    return next(s for s in every if s.key == key) if key else every[0]
