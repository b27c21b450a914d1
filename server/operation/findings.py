"""What the statements and the audit say in English, as a key and values: a screen says it in its language.

Pure. A sentence that is not in the table is no error: it is shown as it is.
"""

from __future__ import annotations

import msgspec

# Word for word what `statements.py` and `audit.py` write; `{}` is a value.
SENTENCES = {
    "depth": "now_depth is {}, but {} digs are recorded down to {}",
    "wins": "{} prizes are gone, but {} wins are recorded",
    "participants": "participants is {}, but {} people are recorded",
    "ledger": "the books say {} fen for {}, and the documents {}",
    "opened_by": "it was opened by {}, and orders that opened it are {}",
    "unpaid": "it is open and nobody paid",
    "order_amount": "order {} is of {} fen in place of {}",
    "prize_of_none": "prize {} is of no task",
    "prizes_of": "depths {} won, and there are prizes of {}",
    "prize_amount": "prize {} is of {} fen",
    "prize_paid": "prize {} is {}, and {} bills paid it",
    "prize_out": "prize {} is {}, and {} bills are out for it",
    "bill_amount": "bill {} is of {} fen",
    "bill_of_none": "bill {} pays no prize",
    "refunded_whole": "orders {} could not be used, and refunded whole are {}",
    "refund_amount": "refund {} is of {} fen in place of {}",
    "refunds": "it has {} refunds besides those of whole orders",
    "held": "{} fen are held and {} owed",
    "left": "nothing is left to do, and {} fen are still held",
    "waits": "{} waits: {}",
}
_PIECES = {what: sentence.split("{}") for what, sentence in SENTENCES.items()}


class Saying(msgspec.Struct, frozen=True):
    """`what` is a key of `SENTENCES`, or "other" with the sentence itself; an absent value is ""."""

    what: str
    values: tuple[str, ...] = ()


def said(sentence: str) -> Saying:
    """Return a sentence as what it says."""
    for what, pieces in _PIECES.items():
        values = _values(pieces, sentence)
        if values is not None:
            return Saying(what, tuple(map(_value, values)))
    return Saying("other", (sentence,))


def _values(pieces: list[str], sentence: str) -> list[str] | None:
    """Return what stands between the pieces, each found as early as it can be; None where one is missing.

    Values may come from WeChat and be long: a regular expression would try every place of every piece.
    """
    first, *others = pieces
    if not sentence.startswith(first):
        return None
    if not others:
        return [] if sentence == first else None
    values, start = [], len(first)
    for piece in others[:-1]:
        end = sentence.find(piece, start)
        if end < 0:
            return None
        values.append(sentence[start:end])
        start = end + len(piece)
    end = len(sentence) - len(others[-1])
    if end < start or not sentence.endswith(others[-1]):
        return None
    return [*values, sentence[start:end]]


def _value(text: str) -> str:
    """Return a value without what Python puts around lists and texts."""
    return "" if text == "None" else text.strip("[]").replace("'", "")
