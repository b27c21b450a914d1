"""What a person's text keeps of what was typed. Pure.

Text that others see stands between words of ours. Unicode's categories Cc (controls), Zl and Zp (line and
paragraph separators) break a line or a terminal; the characters with its property Bidi_Control turn the words
around them. The other format characters (Cf) stay: families of emoji are joined by one of them, flags are
spelled with them, and Persian and Indian names need joiners.
"""

from __future__ import annotations

import re
import unicodedata

# Unicode's PropList.txt, which Python does not hold: ALM, LRM, RLM, embeddings, overrides and isolates.
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAK = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")


def one_line(text: str) -> str:
    """Return a name: breaks and tabs are spaces, other controls are gone, and so are spaces at its ends."""
    return _without_controls(_BREAK.sub(" ", text).replace("\t", " ")).strip()


def lines(text: str) -> str:
    """Return a longer text: it keeps its breaks, as newlines, and its tabs."""
    return "\n".join(
        "\t".join(map(_without_controls, line.split("\t"))) for line in _BREAK.split(text)
    )


def _without_controls(text: str) -> str:
    if text.isascii() and text.isprintable():  # as most are
        return text
    return "".join(
        character
        for character in text
        if character not in BIDI_CONTROLS and unicodedata.category(character) not in ("Cc", "Zl", "Zp")
    )
