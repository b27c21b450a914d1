"""What each field of the interfaces and frames means, for those who write clients.

`glossary.json` has each meaning in Chinese and in English and, if a field can have only a few values, the
name of their list. A field means the same in all structs. A field that means something else in one struct,
and in those that derive from it, is named "Struct.field". `/openapi.json` and `/asyncapi.json` take their
descriptions from here, and a test checks that no description is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from handlers.languages import ENGLISH, Language, say
from server.decoding import decode
from server.errors import REFUSALS

GLOSSARY = Path(__file__).with_name("glossary.json")
# A value, and what it means in Chinese and in English.
Value: TypeAlias = tuple[int | str, str, str]


class Meaning(NamedTuple):
    """What a field means, with its unit; `values` is the name of a list in VALUES."""

    chinese: str
    english: str
    values: str = ""

    def sentence(self, must_be: str, language: Language) -> str:
        """Return meaning and values as one text. `must_be` is the condition that a refusal names."""
        comma, colon, empty = (", ", ": ", "empty") if language == "en" else ("，", "：", "空")
        values = comma.join(
            f"{empty if value == '' else value} {english if language == 'en' else chinese}"
            for value, chinese, english in VALUES.get(self.values, ())
        )
        if not values and self.chinese in must_be:
            return say(must_be, language)
        parts = (self.english if language == "en" else self.chinese, values or say(must_be, language))
        return colon.join(part for part in parts if part)


class _Glossary(msgspec.Struct):
    values: dict[str, list[Value]]
    fields: dict[str, Meaning]


_read = decode(GLOSSARY.read_bytes(), _Glossary)
MEANINGS, VALUES = _read.fields, _read.values
_refusals = {error: refusal.default_msg for error, refusal in REFUSALS.items()}
VALUES["refusals"] = [(value, text, ENGLISH[text]) for value, text in _refusals.items()]
