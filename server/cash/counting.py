"""What the leader counts about red packets each minute. It only reads, and repairs nothing."""

import time
from collections.abc import AsyncIterator
from typing import Any

from server.cash.audit import OVERDUE_MS, audit_task, books_of, differences, read_money
from server.cash.pay.client import DAY_REFUSED
from server.cash.store.payments import Payments
from server.game.amounts import begins_at, day_of
from server.game.findings import Finding, PaymentKind
from server.operation.alarms import Row
from server.operation.counting import findings_gauge, gauge
from server.store import Store
from server.store.gauges import Counted, Gauge

METRICS = {
    "wabao_money_fen": "The ledger in fen, over all tasks, and what left today",
    "wabao_money_alarms": "Orders, bills and refunds that need the operator, by what WeChat Pay said",
}
# The alarms that only red packets have.
ALARMS = (
    Row("books", "账目不平", "wabao_findings", where={"kind": "books"}),
    Row("order", "付款等你处理", "wabao_money_alarms", by="alarm", where={"kind": "order"}),
    Row("bill", "转账等你处理", "wabao_money_alarms", by="alarm", where={"kind": "bill"}),
    Row("refund", "退款等你处理", "wabao_money_alarms", by="alarm", where={"kind": "refund"}),
)
LEDGER_RUN_SECONDS = 2.5
MOST_DIFFER = 100


async def count_money(store: Store, counted: Counted) -> Counted:
    """Add what concerns money to the numbers that were counted.

    The ledger is compared with some tasks at a time, so that a run does not get longer with each task that
    ever was. A task that differs is looked at in each run until it does not.
    """
    before = await store.gauges.find()
    gauges = [*counted["gauges"], *[each async for each in _numbers(store, counted["at"])]]
    found, after = await check_ledger(store, before)
    gauges.append(findings_gauge("books", found))
    differ = list(dict.fromkeys(finding.code for finding in found))[:MOST_DIFFER]
    return {**counted, "gauges": gauges, "after": after, "differ": differ}


async def _numbers(store: Store, now_ms: int) -> AsyncIterator[Gauge]:
    books = books_of(store)
    _, withheld_fen = await store.prizes.waiting_fen()
    sums = await books.ledger.sums_fen(now_ms)
    sums_fen = {str(kind): fen for kind, fen in sums.items()}
    sums_fen |= {
        "held": sums["paid"] - sums["given"] - sums["refunded"],
        "withheld": withheld_fen,
        "given_today": await books.ledger.given_since_fen(begins_at(day_of(now_ms))),
    }
    for name, fen in sums_fen.items():
        yield gauge("wabao_money_fen", fen, sum=name)
    payments: dict[PaymentKind, Payments[Any]] = {
        "order": books.orders,
        "bill": books.bills,
        "refund": books.refunds,
    }
    for kind, collection in payments.items():
        for alarm, number in sorted((await collection.alarms()).items()):
            code = await collection.code_with(alarm)
            yield gauge("wabao_money_alarms", number, code, kind=kind, alarm=alarm)
    overdue = await books.bills.number_with(DAY_REFUSED, now_ms - OVERDUE_MS)
    if overdue:
        yield gauge("wabao_money_alarms", overdue, kind="bill", alarm="OVERDUE")


async def check_ledger(store: Store, before: Counted | None = None) -> tuple[list[Finding], str]:
    """Compare tasks with the ledger for LEDGER_RUN_SECONDS, after those of the run before.

    Return where they differ, and the code after which to go on, "" to begin again.
    """
    until = time.monotonic() + LEDGER_RUN_SECONDS
    differ = set(before["differ"]) if before else set()
    found = [each for code in sorted(differ) for each in differences(await read_money(store, code))]
    async for code in books_of(store).ledger.codes(before["after"] if before else ""):
        if code not in differ:
            found += (await audit_task(store, code))[1]
        if time.monotonic() > until:
            return found, code
    return found, ""


def sums_fen(counted: Counted | None) -> dict[str, int]:
    """Return the sums of the ledger by name, {} if nothing was counted."""
    gauges = counted["gauges"] if counted else []
    return {each["labels"]["sum"]: int(each["value"]) for each in gauges if each["name"] == "wabao_money_fen"}
