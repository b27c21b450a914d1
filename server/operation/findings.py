"""Findings for people: a line of English for the command line; for a screen, values that the screen puts into
words."""

from server.game.findings import Finding, Value, What

SENTENCES: dict[What, str] = {
    "depth": "now_depth is {}, but {} digs are recorded down to {}",
    "wins": "{} prizes are gone, but {} wins are recorded",
    "participants": "participants is {}, but {} people are recorded",
    "seed": "the sealed seed does not open",
    "draw": "depths {} won, and the commitment says otherwise",
    "ledger": "the ledger says {} fen for {}, and the documents {}",
    "opened_by": "it was opened by {}, and orders that opened it are {}",
    "unpaid": "it is open and nobody paid",
    "order_amount": "order {} is for {} fen instead of {}",
    "prize_of_none": "prize {} is of no task",
    "prizes_of": "depths {} won, and there are prizes of {}",
    "prizes_sum": "prizes of {} fen were won, and those written are of {}",
    "prize_amount": "prize {} is of {} fen",
    "prize_paid": "prize {} is {}, and {} bills paid it",
    "prize_out": "prize {} is {}, and {} bills are out for it",
    "prize_mailed": "prize {} is {}, and was not sent by mail",
    "bill_amount": "bill {} is of {} fen",
    "bill_of_none": "bill {} pays no prize",
    "refunded_whole": "orders {} could not be used, and refunded whole are {}",
    "refund_amount": "refund {} is for {} fen instead of {}",
    "refunds": "it has {} refunds besides those of whole orders",
    "held": "{} fen are held and {} owed",
    "left": "nothing is left to do, and {} fen are still held",
    "at_wechat": "{} is {} here, and WeChat says {}",
    "waits": "{} waits: {}",
    "overdue": "{} waits for over a week, now at WeChat's limit for a day: raise that, or return the prize",
    "shipping": "this mini-program may report no delivery: open 发货信息管理 in its console",
}


def line_of(finding: Finding) -> str:
    """Return a finding as one line of English. It begins with the task's code, if it concerns one."""
    values = [list(value) if isinstance(value, tuple) else value for value in finding.values]
    about = f"{finding.code}: " if finding.code else ""
    return about + SENTENCES[finding.what].format(*values)


def texts_of(finding: Finding) -> tuple[str, ...]:
    """Return the values as texts. A tuple is joined by commas; None and () become ""."""
    return tuple(map(_text, finding.values))


def _text(value: Value) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
