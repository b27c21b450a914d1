"""The settings of messages to people who left: one template per kind. Checked before anything starts. Pure.

A setting is the template's id and its fields, each with what it shows: `TEMPLATE_ID thing1=name time2=until`.
A fixed text stands behind a colon. It is for a field that the template has and for which we have no value:
`enum3=:已中奖`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from server.errors import BadSettings

MessageKind: TypeAlias = Literal["won", "claim_ends", "ended", "refused", "cooldown_over", "announced"]
Sort: TypeAlias = Literal["text", "phrase", "time", "amount", "code"]

# What a message of any kind can show. `_OWN` has what only one kind can show. `code` is the treasure's.
_ALWAYS: dict[str, Sort] = {"name": "text", "status": "phrase", "note": "text", "code": "code"}
_OWN: dict[MessageKind, dict[str, Sort]] = {
    "won": {"prize": "text", "until": "time"},
    "claim_ends": {"prize": "text", "until": "time"},
    "ended": {"how": "text", "at": "time", "refund": "amount"},
    "refused": {"why": "text", "at": "time"},
    "cooldown_over": {"at": "time"},
    "announced": {"who": "text", "at": "time"},
}
SHOWN: dict[MessageKind, dict[str, Sort]] = {kind: {**_ALWAYS, **own} for kind, own in _OWN.items()}
NAMES: dict[MessageKind, str] = {kind: f"message_{kind}" for kind in SHOWN}
# Which fields of a template can hold what. WeChat names a field by its type and a number.
_TAKES: dict[str, tuple[Sort, ...]] = {
    "thing": ("text", "phrase", "time", "amount", "code"),
    "phrase": ("phrase",),
    "time": ("time",),
    "date": ("time",),
    "amount": ("amount",),
    "name": ("text", "phrase"),
    "number": ("amount",),
    "character_string": ("code", "time", "amount"),
    "enum": ("phrase",),
    "letter": (),
}
# The fixed texts that a field of each sort may have (参数值内容限制说明, as in `server/wechat/messages.py`).
_FIXED = {
    "thing": re.compile(".{1,20}"),
    "phrase": re.compile("[\u4e00-\u9fff]{1,5}"),
    "name": re.compile("[\u4e00-\u9fff]{1,10}|[A-Za-z]{1,20}"),
    "number": re.compile(r"[0-9]{1,30}(\.[0-9])?"),
    "character_string": re.compile("[!-~]{1,32}"),
    "enum": re.compile(".{1,20}"),
    "letter": re.compile("[A-Za-z]{1,32}"),
}
# The settings of a demonstration, in which the sandbox plays WeChat.
DEMO: dict[str, str] = {
    NAMES[kind].upper(): " ".join(
        [f"demo_template_{kind}_0123456789", *(f"thing{n}={shows}" for n, shows in enumerate(shown, 1))]
    )
    for kind, shown in SHOWN.items()
}
_TEMPLATE_ID = re.compile(r"[0-9A-Za-z_-]{20,64}")


class Template(msgspec.Struct, frozen=True):
    """A template: `fields` are WeChat's names with what each shows."""

    template_id: str
    fields: tuple[tuple[str, str], ...]


Templates: TypeAlias = Mapping[MessageKind, Template]


@lru_cache(maxsize=16)
def read_templates(given: tuple[tuple[MessageKind, str], ...]) -> Templates:
    """Return the templates that are set. Raises BadSettings with one line that names the variable."""
    return {kind: _read(kind, text) for kind, text in given if text}


def _read(kind: MessageKind, text: str) -> Template:
    name = NAMES[kind].upper()
    template_id, *fields = text.replace(",", " ").split()
    if not _TEMPLATE_ID.fullmatch(template_id):
        raise BadSettings(f"{name} must begin with the template's id, as WeChat's console shows it")
    if not fields:
        raise BadSettings(f"{name} must also name the template's fields, as in thing1=name")
    found = tuple(_read_field(kind, field) for field in fields)
    if len({field for field, _ in found}) < len(found):
        raise BadSettings(f"{name} names a field twice")
    return Template(template_id, found)


def _read_field(kind: MessageKind, text: str) -> tuple[str, str]:
    name = NAMES[kind].upper()
    shown = SHOWN[kind]
    field, _, value = text.partition("=")
    sort = field.rstrip("0123456789")
    if not (sort and field != sort and value):
        raise BadSettings(f"{name}: {text!r} is no field, such as thing1=name")
    if value.startswith(":"):
        if sort not in _FIXED or not _FIXED[sort].fullmatch(value[1:]):
            raise BadSettings(f"{name}: {value[1:]!r} can never be shown by a field of type {sort}")
        return field, value
    if value not in shown:
        raise BadSettings(f"{name}: {text!r} must show one of {', '.join(shown)}")
    if shown[value] not in _TAKES.get(sort, ()):
        able = [each for each, sorts in _TAKES.items() if shown[value] in sorts]
        raise BadSettings(f"{name}: {value} can only be shown by a field of type {' or '.join(able)}")
    return field, value
