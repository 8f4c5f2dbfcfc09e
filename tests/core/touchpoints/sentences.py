"""What tests ask of the sentences beside refused rows."""

from __future__ import annotations

import re

from zerodistance.core.touchpoints.details import words


def in_chinese(detail: str) -> bool:
    """Say whether a stored sentence is shown in Chinese to whoever reads Chinese, and unchanged in English."""
    shown = words(detail)
    return re.search("[一-鿿]", shown.zh) is not None and shown.en == detail
