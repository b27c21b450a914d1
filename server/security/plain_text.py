"""Removes characters from typed text that would harm the text around it. Pure.

Others see a person's text between words of ours. Characters of Unicode's categories Cc (controls), Zl and
Zp (line and paragraph separators) break a line or a terminal. Characters with Unicode's property Bidi_Control
reorder the words around them. Zero-width spaces and hyphens make two names look alike. More than four
combining marks on one letter, which no script needs, reach into the lines above. Other format characters (Cf)
stay: emoji of families and flags are made with them, and Persian and Indian names need joiners. A name of
invisible characters alone becomes empty.
"""

import re
import unicodedata

# From Unicode's PropList.txt, which Python lacks: ALM, LRM, RLM, embeddings, overrides and isolates.
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Characters that are not drawn: Unicode's Default_Ignorable_Code_Point (which Python lacks too), marks of
# annotations, and the braille pattern without dots.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
ZERO_WIDTH = frozenset("\u00ad\u200b\u2060\u2061\u2062\u2063\u2064\ufeff")
_MOST_MARKS = 4
_INVISIBLE = re.compile(f"[\\s{_UNSEEN}]*")
_NOT_DRAWN = re.compile(f"[{_UNSEEN}]+")
_BREAK = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")


def one_line(text: str) -> str:
    """Return one line: breaks and tabs become spaces; other controls and outer spaces are removed.

    A line without visible characters becomes empty.
    """
    kept = _without_controls(_BREAK.sub(" ", text).replace("\t", " ")).strip()
    return "" if _INVISIBLE.fullmatch(kept) else kept


def seen(text: str) -> str:
    """Return a text as people see it, without characters that are not drawn: these could hide a bad word."""
    return text if text.isascii() else _NOT_DRAWN.sub("", text)


def lines(text: str) -> str:
    """Return several lines: breaks become newlines, tabs stay, other controls are removed."""
    return "\n".join("\t".join(map(_without_controls, line.split("\t"))) for line in _BREAK.split(text))


def _without_controls(text: str) -> str:
    if text.isascii() and text.isprintable():  # as most texts are
        return text
    kept = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if character in BIDI_CONTROLS or character in ZERO_WIDTH or category in ("Cc", "Zl", "Zp"):
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


# Spreadsheets take a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take a cell for a formula."""
    return cell.lstrip(" \ufeff\u200b").startswith(_FORMULA)


def cell_of(text: str) -> str:
    """Return a text as the cell of a table: a `'` in front keeps a spreadsheet from computing it."""
    return f"'{text}" if is_formula(text) else text


def text_of(cell: str) -> str:
    """Return the text of a cell that `cell_of` made."""
    return cell.removeprefix("'")


# What structs say in `msgspec.Meta` of texts that other people will see: how such a text is cleaned before it
# is checked (`extra`), and that it is not blank (`pattern`).
ONE_LINE: dict[str, object] = {"keeps": one_line}
LINES: dict[str, object] = {"keeps": lines}
NOT_BLANK = r"\S"
