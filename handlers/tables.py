"""Tables for spreadsheets, as CSV in UTF-8."""

import csv
import io
from collections.abc import Iterable, Sequence

from server.game.amounts import beijing
from server.security.plain_text import cell_of

# The beginning of each file. Without it, some programs assume another encoding.
BOM = b"\xef\xbb\xbf"


def csv_rows(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as CSV. Cells that spreadsheets would take for formulas get a `'` in front."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)  # some programs end an unquoted cell at ";"
    for row in rows:
        writer.writerow(map(cell_of, row))
    return text.getvalue().encode()


def moment(at_ms: int) -> str:
    """Return a moment (unix ms) as a cell, in Beijing; "" for 0."""
    return f"{beijing(at_ms):%Y-%m-%d %H:%M:%S}" if at_ms else ""
