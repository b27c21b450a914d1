"""What the descriptions of the interfaces say in the other language.

The texts of refusals, close codes and conditions of parameters stand in the code, in Chinese;
`languages.json` has the English of each text, as in gettext. Interfaces and frames are described by the first
lines of their classes, in English; `languages.json` has the Chinese for each class. What fields mean is in
`glossary.json`, in both languages. A test checks that no text is missing and no text is left over.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from server.decoding import decode

Language: TypeAlias = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

CATALOGUE = Path(__file__).with_name("languages.json")
_TEXTS: dict[str, dict[str, str]] = decode(CATALOGUE.read_bytes(), dict[str, dict[str, str]])
SUMMARIES = _TEXTS["summaries"]
CHINESE = _TEXTS["chinese"]
ENGLISH = _TEXTS["english"]
_LINE_END = re.compile(r"\n(?!- )\s*")  # but not before an item of a list


def say(text: str, language: Language) -> str:
    """Return a text of the descriptions in a language."""
    return (ENGLISH if language == "en" else CHINESE).get(text, text)


def summary(described: type, language: Language) -> str:
    """Return what an interface, message or frame is, in a line without Markdown."""
    english = (described.__doc__ or "").split("\n")[0].replace("`", "")
    return english if language == "en" else SUMMARIES.get(described.__name__, english)


def say_paragraphs(paragraphs: Iterable[str], language: Language) -> str:
    """Return paragraphs and lists in a language, each paragraph and item on one line."""
    return "\n\n".join(say(_LINE_END.sub(" ", each.strip()), language) for each in paragraphs)
