"""What a message shows, in the forms that WeChat takes. Pure.

https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
(参数值内容限制说明). A value that breaks a rule there makes WeChat refuse the whole message with 47003.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from server.settings.messages import Template

THING_CHARACTERS = 20
CHINA = timezone(timedelta(hours=8))
# A thing cannot be empty, and nothing may be left of a name of emoji.
NO_TEXT = "宝贝"

Values = Mapping[str, str | int]


def data_of(template: Template, values: Values) -> dict[str, dict[str, str]]:
    """Return the `data` of a message. In `values`, texts are as they are, times unix ms, amounts fen."""
    return {field: {"value": _shaped(field, shown, values[shown])} for field, shown in template.fields}


def _shaped(field: str, shown: str, value: str | int) -> str:
    if isinstance(value, str):
        return thing(value) if field.startswith("thing") else value
    return yuan(value) if shown == "refund" else moment(value)


def thing(text: str) -> str:
    """Return a text for a `thing`: at most 20 characters, none of which WeChat refuses."""
    kept = "".join(filter(_is_common, text)).strip()
    kept = kept if len(kept) <= THING_CHARACTERS else kept[: THING_CHARACTERS - 1] + "…"
    return kept or NO_TEXT


def moment(at_ms: int) -> str:
    """Return a time in China as `time` and `date` take it, to the minute."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CHINA)
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"


def yuan(amount_fen: int) -> str:
    """Return an amount as `amount` takes it, such as 12.00元."""
    return f"{amount_fen // 100}.{amount_fen % 100:02}元"


def _is_common(character: str) -> bool:
    """Whether it is a letter, a digit, a space or a common symbol: no control, and nothing of an emoji."""
    category = unicodedata.category(character)
    return category[0] not in "CM" and category not in ("So", "Sk", "Zl", "Zp")
