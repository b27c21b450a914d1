"""What a message shows, in the forms that WeChat takes. Pure.

https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
(参数值内容限制说明). A value that breaks a rule there makes WeChat refuse the whole message with 47003.
"""

import unicodedata
from collections.abc import Mapping

from server.game.amounts import beijing
from server.settings.messages import Template

THING_CHARACTERS = 20
# The most characters of a name with any Chinese in it. A name that has only letters may have twice as many.
NAME_CHARACTERS = 10
# A `thing` cannot be empty. This replaces a name that has only emoji, which are all left out.
NO_TEXT = "宝贝"

Values = Mapping[str, str | int]


def data_of(template: Template, values: Values) -> dict[str, dict[str, str]]:
    """Return the `data` of a message. In `values`, texts are as they are, times unix ms, amounts fen."""
    return {
        field: {"value": shown[1:] if shown[0] == ":" else _shaped(field, shown, values[shown])}
        for field, shown in template.fields
    }


def _shaped(field: str, shown: str, value: str | int) -> str:
    sort = field.rstrip("0123456789")
    if isinstance(value, str):
        return thing(value) if sort == "thing" else person_name(value) if sort == "name" else value
    if shown == "refund":
        return yuan(value).removesuffix("元" if sort in ("number", "character_string") else "")
    return plain_moment(value) if sort == "character_string" else moment(value)


def person_name(text: str) -> str:
    """Return a text for a `name`: 10 Chinese characters and letters, or 20 letters."""
    kept = "".join(character for character in text if _is_chinese(character) or _is_letter(character))
    most = NAME_CHARACTERS if any(map(_is_chinese, kept)) else 2 * NAME_CHARACTERS
    return kept[:most] or NO_TEXT


def thing(text: str) -> str:
    """Return a text for a `thing`: at most 20 characters, none of which WeChat refuses."""
    kept = "".join(filter(_is_common, text)).strip()
    kept = kept if len(kept) <= THING_CHARACTERS else kept[: THING_CHARACTERS - 1] + "…"
    return kept or NO_TEXT


def moment(at_ms: int) -> str:
    """Return a time in China as `time` and `date` take it, to the minute."""
    at = beijing(at_ms)
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"


def plain_moment(at_ms: int) -> str:
    """Return a time in China as `character_string` takes it, to the minute: 32 digits and symbols at most."""
    return f"{beijing(at_ms):%Y-%m-%d_%H:%M}"


def yuan(amount_fen: int) -> str:
    """Return an amount as `amount` takes it, such as 12.00元."""
    return f"{amount_fen // 100}.{amount_fen % 100:02}元"


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _is_common(character: str) -> bool:
    """Whether a character is a letter, a digit, a space or a common symbol: no control, no part of an
    emoji."""
    category = unicodedata.category(character)
    if "\U0001f000" <= character <= "\U0001ffff":  # emoji, and numbers drawn like them, as 🄀
        return False
    return category[0] not in "CM" and category not in ("So", "Sk", "Zl", "Zp")
