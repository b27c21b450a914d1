"""Removes characters from typed text that would harm the text around it. Pure.

Others see a person's text between words of ours. Characters of Unicode's categories Cc (controls), Zl and
Zp (line and paragraph separators) break a line or a terminal; those with its property Bidi_Control reorder
the words around them. Other format characters (Cf) stay: emoji of families and flags are made with them, and
Persian and Indian names need joiners.
"""

from __future__ import annotations

import re
import unicodedata

# From Unicode's PropList.txt, which Python lacks: ALM, LRM, RLM, embeddings, overrides and isolates.
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAK = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")


def one_line(text: str) -> str:
    """Return one line: breaks and tabs become spaces; other controls and outer spaces are removed."""
    return _without_controls(_BREAK.sub(" ", text).replace("\t", " ")).strip()


def lines(text: str) -> str:
    """Return several lines: breaks become newlines, tabs stay, other controls are removed."""
    return "\n".join(
        "\t".join(map(_without_controls, line.split("\t"))) for line in _BREAK.split(text)
    )


def _without_controls(text: str) -> str:
    if text.isascii() and text.isprintable():  # most texts are
        return text
    return "".join(
        character
        for character in text
        if character not in BIDI_CONTROLS and unicodedata.category(character) not in ("Cc", "Zl", "Zp")
    )
