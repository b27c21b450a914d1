"""What the sandbox's WeChat Pay remembers: `sandbox_orders` with their refunds, and `sandbox_bills`.

Each change is one conditional update of one document. Amounts are in fen, times int64 unix milliseconds that
the caller gives.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, NotRequired, TypedDict

from pymongo import IndexModel, ReturnDocument

from server.store.documents import Documents
from server.store.driver import Database, aggregate

REFUNDS_AN_ORDER = 50
# WeChat closes a bill some time after its 24 hours; until then a query says WAIT_USER_CONFIRM.
# https://developers.weixin.qq.com/community/personal/oCJUsw91cWOK8UC3ni9XohdBL4dU/question
LATE_MS = 3_600_000
# A delivery can be reported once, and once more as a correction.
DELIVERIES_AN_ORDER = 2


class SandboxRefund(TypedDict):
    """A refund of the order it is kept in. `status` is what a query answers."""

    out_refund_no: str
    refund_id: str
    amount_fen: int
    reason: str
    status: str
    notify_url: str
    created_at_ms: int


class SandboxOrder(TypedDict):
    """`_id` is the out_trade_no; `asked` the request's body, which a repetition must equal.

    `refundable_fen` is what can still be refunded: refunds under way are already subtracted. `bank_type` says
    what card or account paid it, "" if the sandbox is not to say. `coupon_fen` of it were paid by a coupon.
    `shipped` has the reports of its delivery.
    """

    _id: str
    asked: str
    openid: str
    total_fen: int
    notify_url: str
    prepay_id: str
    transaction_id: str
    trade_state: str
    expires_at_ms: int
    paid_at_ms: int
    bank_type: str
    coupon_fen: int
    refundable_fen: int
    refunds: list[SandboxRefund]
    refunded_at_ms: NotRequired[int]
    shipped: NotRequired[list[str]]


class SandboxBill(TypedDict):
    """`_id` is the out_bill_no; `asked` the request's body, which a repetition must equal.

    Each `package_info` works until `expires_at_ms`; the bill fails LATE_MS later.
    """

    _id: str
    asked: str
    openid: str
    amount_fen: int
    remark: str
    notify_url: str
    transfer_bill_no: str
    package_info: list[str]
    state: str
    fail_reason: str
    created_at_ms: int
    updated_at_ms: int
    expires_at_ms: int


class Transferred(NamedTuple):
    """Fen of bills that have not failed: one person's, and all."""

    person: int
    merchant: int


class _Orders(Documents[SandboxOrder]):
    NAME = "sandbox_orders"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel("prepay_id", unique=True),
        IndexModel("refunds.out_refund_no"),
        IndexModel("transaction_id"),
    ]


class _Bills(Documents[SandboxBill]):
    NAME = "sandbox_bills"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel("package_info", unique=True),
        IndexModel("created_at_ms"),
    ]


class SandboxPay:
    """The orders and bills of the sandbox's only merchant."""

    def __init__(self, database: Database) -> None:
        self._orders = _Orders(database)
        self._bills = _Bills(database)
        self.orders = self._orders.collection
        self.bills = self._bills.collection

    def indexes(self) -> dict[str, Sequence[IndexModel]]:
        """Return the indexes of both collections."""
        return {each.NAME: each.INDEXES for each in (self._orders, self._bills)}

    # -- orders

    async def add_order(self, order: SandboxOrder) -> SandboxOrder:
        """Store `order` unless its number is taken; return the one that has the number."""
        return await self._orders.add_or_read(order)

    async def find_order(self, out_trade_no: str) -> SandboxOrder | None:
        """Return an order. An expired one can no longer be paid, but is not closed."""
        return await self.orders.find_one({"_id": out_trade_no})

    async def close_order(self, out_trade_no: str) -> bool:
        """Close an unpaid order; return whether this call did."""
        closed = await self.orders.update_one(
            {"_id": out_trade_no, "trade_state": "NOTPAY"},
            {"$set": {"trade_state": "CLOSED"}},
        )
        return closed.modified_count == 1

    async def pay_order(
        self, prepay_id: str, bank_type: str, coupon_fen: int, now_ms: int
    ) -> SandboxOrder | None:
        """Pay an order, once; None if it cannot be paid."""
        paid = {"trade_state": "SUCCESS", "paid_at_ms": now_ms, "bank_type": bank_type}
        return await self.orders.find_one_and_update(
            {
                "prepay_id": prepay_id,
                "trade_state": "NOTPAY",
                "expires_at_ms": {"$gt": now_ms},
                "total_fen": {"$gte": coupon_fen},
            },
            {"$set": {**paid, "coupon_fen": coupon_fen}},
            return_document=ReturnDocument.AFTER,
        )

    async def expire_order(self, out_trade_no: str, now_ms: int) -> bool:
        """Let an order expire now; return whether it exists."""
        changed = await self.orders.update_one({"_id": out_trade_no}, {"$set": {"expires_at_ms": now_ms}})
        return changed.matched_count == 1

    async def order_of_transaction(self, transaction_id: str) -> SandboxOrder | None:
        """Return the order that WeChat knows by this transaction_id."""
        return await self.orders.find_one({"transaction_id": transaction_id})

    async def ship_order(self, out_trade_no: str, info: str) -> bool:
        """Note what was delivered; False if it was noted too often."""
        changed = await self.orders.update_one(
            {"_id": out_trade_no, f"shipped.{DELIVERIES_AN_ORDER - 1}": {"$exists": False}},
            {"$push": {"shipped": info}},
        )
        return changed.modified_count == 1

    # -- refunds

    async def add_refund(
        self, out_trade_no: str, refund: SandboxRefund, taken_fen: int, since_ms: int
    ) -> bool:
        """Refund a part of what is left of a paid order; False if WeChat's rules forbid it.

        `taken_fen` is subtracted from what is left: the amount, or 0 for a refund that WeChat closes at once.
        The last refund must be older than `since_ms`.
        """
        changed = await self.orders.update_one(
            {
                "_id": out_trade_no,
                "trade_state": {"$in": ["SUCCESS", "REFUND"]},
                "refundable_fen": {"$gte": refund["amount_fen"]},
                "refunds.out_refund_no": {"$ne": refund["out_refund_no"]},
                f"refunds.{REFUNDS_AN_ORDER - 1}": {"$exists": False},
                "$or": [{"refunded_at_ms": {"$exists": False}}, {"refunded_at_ms": {"$lte": since_ms}}],
            },
            {
                "$push": {"refunds": refund},
                "$inc": {"refundable_fen": -taken_fen},
                "$set": {"trade_state": "REFUND", "refunded_at_ms": refund["created_at_ms"]},
            },
        )
        return changed.modified_count == 1

    async def find_refund(self, out_refund_no: str) -> tuple[SandboxOrder, SandboxRefund] | None:
        """Return the order of a refund, and the refund."""
        order = await self.orders.find_one({"refunds.out_refund_no": out_refund_no})
        if order is None:
            return None
        return order, next(r for r in order["refunds"] if r["out_refund_no"] == out_refund_no)

    async def end_refund(self, out_refund_no: str, status: str, given_back_fen: int) -> bool:
        """End a refund that is PROCESSING; `given_back_fen` may then be refunded again."""
        changed = await self.orders.update_one(
            {"refunds": {"$elemMatch": {"out_refund_no": out_refund_no, "status": "PROCESSING"}}},
            {"$set": {"refunds.$.status": status}, "$inc": {"refundable_fen": given_back_fen}},
        )
        return changed.modified_count == 1

    # -- bills

    async def add_bill(self, bill: SandboxBill) -> SandboxBill:
        """Store `bill` unless its number is taken; return the one that has the number."""
        return await self._bills.add_or_read(bill)

    async def find_bill(self, out_bill_no: str) -> SandboxBill | None:
        """Return a bill."""
        return await self.bills.find_one({"_id": out_bill_no})

    async def transferred_fen(self, openid: str, since_ms: int) -> Transferred:
        """Return what was transferred since a time, or may still be."""
        theirs = {"$cond": [{"$eq": ["$openid", {"$literal": openid}]}, "$amount_fen", 0]}
        pipeline: list[dict[str, Any]] = [
            {"$match": {"created_at_ms": {"$gte": since_ms}, "state": {"$nin": ["FAIL", "CANCELLED"]}}},
            {"$group": {"_id": None, "person": {"$sum": theirs}, "all": {"$sum": "$amount_fen"}}},
        ]
        for row in await aggregate(self._bills.rows, pipeline, 1):
            return Transferred(row["person"], row["all"])
        return Transferred(0, 0)

    async def add_package(self, out_bill_no: str, package_info: str) -> None:
        """Let a person also be shown a bill for `package_info`."""
        await self.bills.update_one({"_id": out_bill_no}, {"$push": {"package_info": package_info}})

    async def bill_of_package(self, package_info: str) -> SandboxBill | None:
        """Return the bill that a person is shown for `package_info`."""
        return await self.bills.find_one({"package_info": package_info})

    async def move_bill(
        self,
        out_bill_no: str,
        states: tuple[str, ...],
        state: str,
        now_ms: int,
        fail_reason: str = "",
        expired: bool = False,
    ) -> SandboxBill | None:
        """Move a bill from one of `states` to `state`; None if it is in none of them.

        With `expired`, it is moved only LATE_MS after it expired.
        """
        where = {"expires_at_ms": {"$lte": now_ms - LATE_MS}} if expired else {}
        return await self.bills.find_one_and_update(
            {"_id": out_bill_no, "state": {"$in": list(states)}, **where},
            {"$set": {"state": state, "fail_reason": fail_reason, "updated_at_ms": now_ms}},
            return_document=ReturnDocument.AFTER,
        )

    async def expire_bill(self, out_bill_no: str, now_ms: int) -> bool:
        """Let a bill expire so that it fails now; return whether it exists."""
        expires = {"expires_at_ms": now_ms - LATE_MS}
        changed = await self.bills.update_one({"_id": out_bill_no}, {"$set": expires})
        return changed.matched_count == 1
