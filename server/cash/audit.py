"""The audit: every fen, recomputed from orders, prizes, bills and refunds, and compared with the ledger.

It only reads, and repairs nothing. If asked to, it also compares each order, bill and refund with WeChat.
"""

import asyncio
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.cash.pay.answers import Contradiction, PayRefused, PayUnknown
from server.cash.pay.client import DAY_REFUSED, Pay
from server.cash.rules.bill import NEVER_HELD, is_over
from server.cash.rules.order import PAID
from server.cash.rules.refund import OPEN
from server.cash.store import Books
from server.cash.store.bills import Bill
from server.cash.store.ledger import Entry
from server.cash.store.orders import Order
from server.cash.store.refunds import Refund
from server.errors import BadSettings
from server.game.amounts import DAY_MS, FEN_PER_YUAN, total_fen, unwon_fen
from server.game.draw import LEAST_FEN
from server.game.findings import SHIPPING_REFUSED, Finding, PaymentKind, Value, What
from server.game.prize import AWAITING_OPERATOR, GONE, UNSETTLED, is_claiming
from server.game.ranks import is_mailed
from server.game.task import Task
from server.store import Store
from server.store.prizes.prizes import Prize

# Payments move while they are read: a difference counts only if it is still there after some more looks.
LOOKS = 3
LOOKS_APART_SECONDS = 1.0
# WeChat answers queries about a bill for this long.
ASKED_MS = 30 * DAY_MS
# WeChat puts a bill off until tomorrow if the day's limit is reached. If it has done so for this long, the
# limit is reached on many days, and the operator is needed.
OVERDUE_MS = 7 * DAY_MS

SUMS = ("paid_fen", "given_fen", "refunded_fen", "held_fen", "owed_fen", "withheld_fen")
_IN = PAID.split()
_OWED = (*UNSETTLED, "expiring")


@dataclass(frozen=True, slots=True)
class TaskMoney:
    """All records about the money of one task. `task` is None if it was deleted."""

    code: str
    task: Task | None
    orders: list[Order]
    prizes: list[Prize]
    bills: list[Bill]
    refunds: list[Refund]
    entries: list[Entry]
    winning_depths: set[int]

    @property
    def paid_fen(self) -> int:
        """What the publisher paid."""
        return sum(order["amount_fen"] for order in self.orders if order["state"] in _IN)

    @property
    def given_fen(self) -> int:
        """What winners have received."""
        return sum(bill["amount_fen"] for bill in self.bills if bill["state"] == "given")

    @property
    def refunded_fen(self) -> int:
        """What the publisher has got back."""
        return sum(refund["amount_fen"] for refund in self.refunds if refund["state"] == "refunded")

    @property
    def held_fen(self) -> int:
        """What must be in the merchant's accounts on behalf of this task."""
        return self.paid_fen - self.given_fen - self.refunded_fen

    @property
    def owed_fen(self) -> int:
        """The sum of the prizes that can still be claimed, or were not claimed and are not refunded yet."""
        return sum(prize["amount_fen"] for prize in self.prizes if prize["state"] in _OWED)

    @property
    def withheld_fen(self) -> int:
        """The part of `owed_fen` that waits for an operator."""
        return sum(prize["amount_fen"] for prize in self.prizes if prize["state"] in AWAITING_OPERATOR)


@dataclass(slots=True)
class Audit:
    """What an audit found. `fen` has the sums by the names of TaskMoney's properties. `waiting` are payments
    that agree with the ledger but need the operator."""

    tasks: int = 0
    fen: Counter[str] = field(default_factory=Counter)
    differences: list[Finding] = field(default_factory=list)
    waiting: list[Finding] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The sums, in one line."""
        said = "in fen: paid {}, given {}, refunded {}, held {}, of which owed {} and withheld {}"
        return f"{self.tasks} tasks, {said.format(*(self.fen[name] for name in SUMS))}"


async def audit(store: Store, pay: Pay | None = None) -> Audit:
    """Audit every task in the ledger; with `pay`, also ask WeChat about every order, bill and refund."""
    audited = Audit()
    now_ms = await store.now_ms()
    async for code in books_of(store).ledger.codes():
        money, found = await audit_task(store, code, pay)
        audited.tasks += 1
        audited.fen.update({name: getattr(money, name) for name in SUMS})
        audited.differences += found
        audited.waiting += waiting(money, now_ms)
    audited.waiting = list(dict.fromkeys(audited.waiting))
    return audited


async def audit_task(store: Store, code: str, pay: Pay | None = None) -> tuple[TaskMoney, list[Finding]]:
    """Return a task's records, and where they still do not agree after some looks."""
    for look in range(LOOKS):
        money = await read_money(store, code)
        found = differences(money)
        if pay is not None and not found:
            found = await remote_differences(money, pay, await store.now_ms())
        if not found:
            break
        if look < LOOKS - 1:
            await asyncio.sleep(LOOKS_APART_SECONDS)
    return money, found


def books_of(store: Store) -> Books:
    """Return the books of a store. Raises BadSettings if it keeps none."""
    if store.books is None:
        raise BadSettings("CASH=0: there are no red packets, and so nothing to audit")
    return store.books


async def read_money(store: Store, code: str) -> TaskMoney:
    """Read all records about the money of one task."""
    books = books_of(store)
    task = await store.tasks.find(code)
    return TaskMoney(
        code,
        task,
        await books.orders.of_task(code),
        await store.prizes.of_task(code),
        await books.bills.of_task(code),
        await books.refunds.of_task(code),
        await books.ledger.of_task(code),
        set(await store.digs.won_depths(code)),
    )


def waiting(money: TaskMoney, now_ms: int) -> list[Finding]:
    """Return the payments of one task that need the operator, with what WeChat Pay said of each.

    A refusal of WeChat that concerns the whole mini-program is one finding, without a task. A bill that
    WeChat has put off for a long time needs a decision: its winner claimed in time, so it is sent again and
    again until an operator ends the task.
    """
    documents: list[tuple[PaymentKind, Mapping[str, Any]]] = [
        *(("order", order) for order in money.orders),
        *(("bill", bill) for bill in money.bills),
        *(("refund", refund) for refund in money.refunds),
    ]
    return [
        _waits(kind, document, money.code, now_ms) for kind, document in documents if document.get("alarm")
    ]


def _waits(kind: PaymentKind, document: Mapping[str, Any], code: str, now_ms: int) -> Finding:
    number = document["_id"]
    alarm = document["alarm"]
    if alarm == SHIPPING_REFUSED:
        return Finding("order", "", "shipping")
    if alarm == DAY_REFUSED and document["created_at"] < now_ms - OVERDUE_MS:
        return Finding(kind, code, "overdue", (number,))
    return Finding(kind, code, "waits", (number, alarm))


def differences(money: TaskMoney) -> list[Finding]:
    """Return where the records of one task do not agree; [] when every fen is where it should be."""
    found = _ledger_differences(money) + _order_differences(money) + _prize_differences(money)
    found += _refund_differences(money)
    if not money.held_fen >= money.owed_fen >= 0:
        found.append(_difference(money, "held", money.held_fen, money.owed_fen))
    return found + _end_differences(money)


def _difference(money: TaskMoney, what: What, *values: Value) -> Finding:
    return Finding("books", money.code, what, values)


def _ledger_differences(money: TaskMoney) -> list[Finding]:
    expected = {f"paid:{o['_id']}": o["amount_fen"] for o in money.orders if o["state"] in _IN}
    expected |= {f"owed:{p['_id']}": p["amount_fen"] for p in money.prizes if p["amount_fen"]}
    expected |= {f"given:{b['_id']}": b["amount_fen"] for b in money.bills if b["state"] == "given"}
    expected |= {f"refunded:{r['_id']}": r["amount_fen"] for r in money.refunds if r["state"] == "refunded"}
    entered = {entry["_id"]: entry["amount_fen"] for entry in money.entries}
    return [
        _difference(money, "ledger", entered.get(key), key, expected.get(key))
        for key in sorted(expected.keys() | entered.keys())
        if expected.get(key) != entered.get(key)
    ]


def _order_differences(money: TaskMoney) -> list[Finding]:
    found = []
    task = money.task
    opened = {order["_id"] for order in money.orders if order["state"] == "spent"}
    paid_by = task.get("paid_by") if task is not None else None
    if opened != ({paid_by} if paid_by else set()):
        found.append(_difference(money, "opened_by", paid_by, tuple(sorted(opened))))
    if task is not None and total_fen(task) and task["open"] and not paid_by:
        found.append(_difference(money, "unpaid"))
    if task is not None:
        found += [
            _difference(money, "order_amount", order["_id"], order["amount_fen"], total_fen(task))
            for order in money.orders
            if order["amount_fen"] != total_fen(task)
        ]
    return found


def _prize_differences(money: TaskMoney) -> list[Finding]:
    found = []
    if money.task is None:
        return [_difference(money, "prize_of_none", prize["_id"]) for prize in money.prizes]
    depths = {prize["depth"] for prize in money.prizes}
    if depths != money.winning_depths:
        won = tuple(sorted(money.winning_depths))
        given_for = tuple(sorted(depths))
        found.append(_difference(money, "prizes_of", won, given_for))
    won_fen = total_fen(money.task) - unwon_fen(money.task)
    written_fen = sum(prize["amount_fen"] for prize in money.prizes)
    if depths == money.winning_depths and won_fen != written_fen:
        found.append(_difference(money, "prizes_sum", won_fen, written_fen))
    for prize in money.prizes:
        bills = [bill for bill in money.bills if bill["prize"] == prize["_id"]]
        given = [bill for bill in bills if bill["state"] == "given"]
        out = [bill for bill in bills if not is_over(bill)]
        red_packet = prize["amount_fen"] > 0
        if prize["amount_fen"] not in _possible_fen(money.task, prize):
            found.append(_difference(money, "prize_amount", prize["_id"], prize["amount_fen"]))
        if len(given) != (red_packet and prize["state"] == "given"):
            found.append(_difference(money, "prize_paid", prize["_id"], prize["state"], len(given)))
        if prize["state"] in ("sent", "received") and not _mailed(prize):
            found.append(_difference(money, "prize_mailed", prize["_id"], prize["state"]))
        if len(out) > is_claiming(prize):
            found.append(_difference(money, "prize_out", prize["_id"], prize["state"], len(out)))
        found += [
            _difference(money, "bill_amount", bill["_id"], bill["amount_fen"])
            for bill in bills
            if bill["amount_fen"] != prize["amount_fen"]
        ]
    known = {prize["_id"] for prize in money.prizes}
    return found + [
        _difference(money, "bill_of_none", bill["_id"]) for bill in money.bills if bill["prize"] not in known
    ]


def _possible_fen(task: Task, prize: Prize) -> Container[int]:
    """Return the amounts that a prize may have. Shares of a sum follow from the seed, which is not read
    here."""
    if "ranks" not in task:
        return (task["money"] * FEN_PER_YUAN,)
    rank = task["ranks"][prize.get("rank", 0) - 1]
    return range(LEAST_FEN, rank["fen"] + 1) if rank["split"] else (rank["fen"],)


def _mailed(prize: Prize) -> bool:
    """Whether a prize may be in the state "sent": it must be goods by mail with the time of sending."""
    return prize["amount_fen"] == 0 and is_mailed(prize) and prize.get("sent_at", 0) > 0


def _refund_differences(money: TaskMoney) -> list[Finding]:
    found = []
    orders = {order["_id"]: order for order in money.orders}
    whole = {refund["out_trade_no"] for refund in money.refunds if refund["kind"] == "whole"}
    unusable = {order["_id"] for order in money.orders if order["state"] == "unusable"}
    if whole != unusable:
        found.append(_difference(money, "refunded_whole", tuple(sorted(unusable)), tuple(sorted(whole))))
    for refund in money.refunds:
        order = orders.get(refund["out_trade_no"])
        should = _refund_fen(money, refund, order)
        if refund["amount_fen"] != should:
            found.append(_difference(money, "refund_amount", refund["_id"], refund["amount_fen"], should))
    partial = [r for r in money.refunds if r["kind"] != "whole"]
    if len(partial) > 2 or len({r["kind"] for r in partial}) < len(partial):
        found.append(_difference(money, "refunds", len(partial)))
    return found


def _refund_fen(money: TaskMoney, refund: Refund, order: Order | None) -> int | None:
    """Return how many fen a refund should be; None if there should be none."""
    if order is None:
        return None
    if refund["kind"] == "whole":
        return order["amount_fen"]
    if money.task is None or not money.task["status"] or money.task.get("paid_by") != order["_id"]:
        return None
    if refund["kind"] == "unwon":
        return unwon_fen(money.task)
    return sum(p["amount_fen"] for p in money.prizes if p["state"] in GONE)


def _end_differences(money: TaskMoney) -> list[Finding]:
    """Return what is wrong at the end: once nothing is due, no money may be held but that of refunds that
    WeChat closed."""
    # If a spent order is due, only its delivery is still to be reported to WeChat.
    orders = [order for order in money.orders if order["state"] != "spent"]
    documents: list[Mapping[str, Any]] = [*orders, *money.prizes, *money.bills, *money.refunds]
    if money.task is not None:
        documents.append(money.task)
    if any("due_at" in document for document in documents):
        return []
    closed_fen = sum(refund["amount_fen"] for refund in money.refunds if refund["state"] == "closed")
    if money.held_fen == closed_fen:
        return []
    return [_difference(money, "left", money.held_fen)]


async def remote_differences(money: TaskMoney, pay: Pay, now_ms: int) -> list[Finding]:
    """Return the orders, bills and refunds about which WeChat and our records disagree."""
    compared: list[tuple[str, str, str, bool]] = []
    for order in money.orders:
        compared.append((order["_id"], order["state"], *await _order_at_wechat(order, pay)))
    for bill in money.bills:
        compared.append((bill["_id"], bill["state"], *await _bill_at_wechat(bill, pay, now_ms)))
    for refund in money.refunds:
        compared.append((refund["_id"], refund["state"], *await _refund_at_wechat(refund, pay)))
    return [
        _difference(money, "at_wechat", number, ours, theirs)
        for number, ours, theirs, agrees in compared
        if not agrees
    ]


async def _order_at_wechat(order: Order, pay: Pay) -> tuple[str, bool]:
    try:
        answer = await pay.query_order(order["_id"])
    except (PayRefused, PayUnknown, Contradiction) as error:
        missing = isinstance(error, PayRefused) and error.not_found
        return str(error), missing and order["state"] in ("asked", "closed")
    said = f"{answer.trade_state}, {answer.amount_fen} fen"
    if order["state"] in _IN:
        return said, answer.paid and answer.amount_fen == order["amount_fen"]
    return said, not answer.paid and (
        order["state"] == "asked" or answer.trade_state in ("CLOSED", "REVOKED")
    )


async def _bill_at_wechat(bill: Bill, pay: Pay, now_ms: int) -> tuple[str, bool]:
    try:
        answer = await pay.query_transfer(bill["_id"])
    except (PayRefused, PayUnknown, Contradiction) as error:
        # WeChat answers for the last 30 days: https://pay.weixin.qq.com/doc/v3/merchant/4012716437
        too_old = is_over(bill) and bill["created_at"] < now_ms - ASKED_MS
        if isinstance(error, PayRefused) and error.not_found and too_old:
            return "too old to ask", True
        never_held = bill["remote"] == NEVER_HELD or (bill["state"], bill["remote"]) == ("asked", "")
        return str(error), isinstance(error, PayRefused) and error.not_found and never_held
    said = f"{answer.state}, {answer.amount_fen} fen"
    if not answer.fits(bill["amount_fen"], bytes(bill["body"])):
        return f"{said}, or to another person", False
    final = {"SUCCESS": "given", "FAIL": "failed", "CANCELLED": "failed"}.get(answer.state)
    return said, final == bill["state"] if final else not is_over(bill)


async def _refund_at_wechat(refund: Refund, pay: Pay) -> tuple[str, bool]:
    try:
        answer = await pay.query_refund(refund["_id"], refund["out_trade_no"])
    except (PayRefused, PayUnknown, Contradiction) as error:
        return str(error), isinstance(error, PayRefused) and error.not_found and refund["state"] == "asked"
    said = f"{answer.status}, {answer.amount.refund} fen"
    final = {"SUCCESS": "refunded", "CLOSED": "closed"}.get(answer.status)
    return said, answer.amount.refund == refund["amount_fen"] and (
        final == refund["state"] if final else refund["state"] in OPEN.split()
    )
