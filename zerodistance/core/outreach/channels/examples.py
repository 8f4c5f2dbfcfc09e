"""What descriptions of channels may look like, to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zerodistance.core.outreach.contracts import ChannelName
from zerodistance.kernel.text import Text

_COMMENT = re.compile(r"^# (.+) \| (.+)$", re.MULTILINE)


def _both(text: str) -> Text:
    """Return an example in both languages, from one whose comments are written `# zh | en`."""
    return Text(_COMMENT.sub(r"# \1", text), _COMMENT.sub(r"# \2", text))


EXAMPLES: Mapping[str, Text] = {
    ChannelName.EMAIL: _both("""host = "smtp.example.com"
port = 587
# starttls、tls 或 none | starttls, tls or none
tls = "starttls"
user = "news"
# 或 { file = "/run/secrets/smtp" } | or { file = "/run/secrets/smtp" }
password = { env = "SMTP_PASSWORD" }
from = "news@example.com"
name = { zh = "品牌名", en = "Brand" }
# 每封信的退信地址是 bounces+令牌@example.com | each mail comes back to bounces+TOKEN@example.com
return = "bounces@example.com"
# 退信到达的 Maildir 或 mbox：folder = "/var/mail/bounces" | Maildir or mbox in which bounces arrive: folder = "/var/mail/bounces"
# 所有发送进程合计每秒最多几封：rate = 50 | mails a second, all senders together: rate = 50
"""),
    ChannelName.SMS: _both("""url = "https://sms.example.com/v1/messages"
# json、form 或 query | json, form or query
content = "json"
secret = { env = "SMS_KEY" }
from = "Brand"

[headers]
Authorization = "Bearer {secret}"

[body]
to = "{to}"
from = "{from}"
text = "{text}"
client_ref = "{message_id}"

# 什么样的回答算收下 | what an answer looks like that took it
[accepted]
status = [200, 202]
reference = "id"

# 它之后发来的回执 | what it posts to us later
[receipts]
reference = "id"
state = "status"
delivered = ["delivered"]
no_such_number = ["invalid_number"]

# 用户回的短信 | what people answer
[replies]
phone = "from"
text = "text"
"""),
    ChannelName.WEBHOOK: _both("""url = "https://push.example.com/zerodistance"
# 把谁的标识告诉它 | whose identifiers it is told
namespaces = ["openid"]
# 给每次调用签名 | signs every call
secret = { env = "WEBHOOK_KEY" }
"""),
    ChannelName.INBOX: _both("""namespaces = ["member_id", "user_id", "device_id"]
# 一条消息留几天 | days a message stays
days = 180
"""),
}
