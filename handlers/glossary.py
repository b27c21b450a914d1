"""What each field of the interfaces and frames means, for those who write clients.

`glossary.json` has each meaning in Chinese and in English and, if a field can have only a few values, the
name of their list. A field means the same in all structs. A field that means something else in one struct,
and in those that derive from it, is named "Struct.field". `/openapi.json` and `/asyncapi.json` take their
descriptions from here, and a test checks that no description is missing.

Where there are goods only, a meaning goes without its clauses about red packets, which a semicolon parts from
the others. A field or a value of which nothing is left is not described.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from handlers.languages import ENGLISH, LANGUAGES, Language, say, summary
from server.decoding import decode
from server.errors import REFUSALS

GLOSSARY = Path(__file__).with_name("glossary.json")
# A value, and what it means in Chinese and in English.
Value: TypeAlias = tuple[int | str, str, str]


# What red packets, or what is done with their money, are called.
CASH = re.compile(
    "红包|拼手气|微信支付|现金|退款|零钱|转账|收款|付的钱"
    "|red[ _]packet|lucky draw|WeChat Pay|cash|refund|transfer|whole payment",
    re.IGNORECASE,
)
_CLAUSE_ENDS = re.compile("(?<=[；;])")


def without_cash(text: str) -> str:
    """Return a text without its lines and clauses about red packets; "" if nothing is left."""
    lines = []
    for line in text.split("\n"):
        clauses = _CLAUSE_ENDS.split(line)
        kept = "".join(clause for clause in clauses if not CASH.search(clause)).strip("；; ")
        if kept or not line:
            lines.append(kept)
    return "\n".join(lines)


class Meaning(NamedTuple):
    """What a field means, with its unit; `values` is the name of a list in VALUES."""

    chinese: str
    english: str
    values: str = ""

    def sentence(self, must_be: str, values: Iterable[Value], language: Language) -> str:
        """Return meaning and values as one text. `must_be` is the condition that a refusal names."""
        comma, colon, empty = (", ", ": ", "empty") if language == "en" else ("，", "：", "空")
        listed = comma.join(
            f"{empty if value == '' else value} {english if language == 'en' else chinese}"
            for value, chinese, english in values
        )
        if not listed and self.chinese in must_be:
            return say(must_be, language)
        parts = (self.english if language == "en" else self.chinese, listed or say(must_be, language))
        return colon.join(part for part in parts if part)


class Glossary(msgspec.Struct):
    """The meanings of fields, None for one that is not described; and the lists of values."""

    values: dict[str, list[Value]]
    fields: Mapping[str, Meaning | None]

    @property
    def undescribed(self) -> set[str]:
        """The names of fields that are described in no struct."""
        shown = {key.rpartition(".")[2] for key, meaning in self.fields.items() if meaning}
        return {key.rpartition(".")[2] for key in self.fields} - shown

    def without_cash(self) -> Glossary:
        """Return the glossary of a server for goods only."""
        values = {
            name: [
                (value, without_cash(chinese), without_cash(english))
                for value, chinese, english in listed
                if without_cash(f"{value}") and without_cash(chinese) and without_cash(english)
            ]
            for name, listed in self.values.items()
        }
        fields = {key: of and _without_cash(key, of) for key, of in self.fields.items()}
        return Glossary(values, fields)


def _without_cash(key: str, meaning: Meaning) -> Meaning | None:
    chinese = without_cash(meaning.chinese)
    english = without_cash(meaning.english)
    return Meaning(chinese, english, meaning.values) if without_cash(key) and chinese and english else None


_read = decode(GLOSSARY.read_bytes(), Glossary)
MEANINGS: dict[str, Meaning] = {key: meaning for key, meaning in _read.fields.items() if meaning}
VALUES = _read.values
_refusals = {error: refusal.default_msg for error, refusal in REFUSALS.items()}
VALUES["refusals"] = [(value, text, ENGLISH[text]) for value, text in _refusals.items()]
# By whether there are red packets.
GLOSSARIES = {True: Glossary(VALUES, MEANINGS), False: Glossary(VALUES, MEANINGS).without_cash()}


def summary_of(described: type, language: Language, *, cash: bool) -> str:
    """Return what an interface, message or frame is; "" if that is about red packets and there are none."""
    text = summary(described, language)
    if cash:
        return text
    return without_cash(text) if all(without_cash(summary(described, each)) for each in LANGUAGES) else ""
