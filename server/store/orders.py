"""What publishers pay: `orders`, by WeChat's out_trade_no. One document, one state.

asked → paid → spent (it opened its task) | unusable (it is refunded whole) · asked → closed.
If WeChat says that a closed order was paid after all: closed → paid.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

from pymongo import IndexModel

from server.game.amounts import FOLLOWED_MS
from server.game.order import order as lifecycle
from server.game.order import unanswered
from server.store.due import DUE_INDEX
from server.store.payments import CLEAR_UNKNOWN, Payments
from server.store.pipelines import NOW_MS

_Document = dict[str, Any]

OrderState: TypeAlias = Literal["asked", "paid", "spent", "unusable", "closed"]


class Order(TypedDict):
    """Times are unix milliseconds. `live` is there until the task may get another order.

    `no_credit` is 1 if no credit card may pay it. `bank_type` is what WeChat says paid it, "" if it does not
    say. `prepay_id` is "" until WeChat gives one; `expires_at` is
    when WeChat stops taking the payment. `alarm` says why the operator has to look at it, "" for nothing;
    `unknown_since` is there while WeChat does not answer.
    """

    _id: str
    code: str
    publisher: str
    openid: str
    description: str
    amount_fen: int
    state: OrderState
    prepay_id: str
    transaction_id: str
    created_at: int
    expires_at: int
    asked_at: int
    paid_at: int
    alarm: str
    no_credit: NotRequired[int]
    bank_type: NotRequired[str]
    live: NotRequired[int]
    unknown_since: NotRequired[int]
    due_at: NotRequired[int]
    then: NotRequired[dict[str, int]]


class Orders(Payments[Order]):
    """Reads and writes of `orders`. Each change is one update, conditional on the state before it."""

    NAME = "orders"
    TABLE = lifecycle
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("code", 1)], name="of_task"),
        IndexModel([("publisher", 1)], name="of_publisher"),
        IndexModel([("code", 1)], name="live_once", unique=True, partialFilterExpression={"live": 1}),
        IndexModel([("alarm", 1)], name="alarm", partialFilterExpression={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    ]

    async def find_all(self, out_trade_nos: list[str]) -> list[Order]:
        """Return those of these orders that exist."""
        return await self.collection.find({"_id": {"$in": out_trade_nos}}).to_list(None)

    async def find_live(self, code: str) -> Order | None:
        """Return the order of a task that is paid or may still be."""
        return await self.collection.find_one({"code": code, "live": 1})

    async def ordered_fen(self, publisher: str, since_ms: int, lately_ms: int) -> tuple[int, int]:
        """Return what a person has paid or may still pay, of orders made since each of these times.

        Closed orders do not count, nor those that were refunded whole.
        """
        lately = {"$cond": [{"$gte": ["$created_at", lately_ms]}, "$amount_fen", 0]}
        pipeline: list[_Document] = [
            {
                "$match": {
                    "publisher": publisher,
                    "created_at": {"$gte": since_ms},
                    "state": {"$in": ["asked", "paid", "spent"]},
                }
            },
            {"$group": {"_id": None, "since": {"$sum": "$amount_fen"}, "lately": {"$sum": lately}}},
        ]
        for row in await self.rows.aggregate(pipeline).to_list(1):
            return row["since"], row["lately"]
        return 0, 0

    async def paid_fen(self, publisher: str) -> int:
        """Return what a person has paid in all; what was refunded whole does not count."""
        pipeline: list[_Document] = [
            {"$match": {"publisher": publisher, "state": {"$in": ["paid", "spent"]}}},
            {"$group": {"_id": None, "paid": {"$sum": "$amount_fen"}}},
        ]
        found = await self.rows.aggregate(pipeline).to_list(1)
        return int(found[0]["paid"]) if found else 0

    async def save_prepay(self, out_trade_no: str, prepay_id: str) -> None:
        """Keep the prepay_id that WeChat gave for the payment."""
        await self.collection.update_one(
            {"_id": out_trade_no, "state": "asked"}, {"$set": {"prepay_id": prepay_id}}
        )

    async def begin_asking(self, out_trade_no: str, now_ms: int, apart_ms: int) -> bool:
        """Note that WeChat is asked about an order; False if somebody asked less than `apart_ms` ago."""
        found = await self.collection.update_one(
            {"_id": out_trade_no, "state": "asked", "asked_at": {"$lte": now_ms - apart_ms}},
            {"$set": {"asked_at": now_ms}},
        )
        return found.modified_count == 1

    async def note_unknown(self, order: Order, now_ms: int) -> None:
        """Note that WeChat does not say what became of an order; after an hour of that, raise an alarm."""
        await self.move(order["_id"], unanswered(now_ms))

    async def finish(self, order: Order) -> None:
        """Note that nothing is left to do, unless the order's state has changed since."""
        await self.collection.update_one(
            {"_id": order["_id"], "state": order["state"]}, {"$unset": {"due_at": ""}}
        )

    async def mark_paid(
        self, out_trade_no: str, amount_fen: int, transaction_id: str, bank_type: str, now_ms: int
    ) -> bool:
        """Note that WeChat has the money; False if that is known already or no order of this amount matches.

        A closed order is marked too if WeChat says so: its money has to go somewhere. The order is not
        returned, since WeChat's notice waits for this and a findAndModify takes longer.
        """
        found = await self.collection.update_one(
            {"_id": out_trade_no, "amount_fen": amount_fen, "state": {"$in": ["asked", "closed"]}},
            {
                "$set": {
                    "state": "paid",
                    "transaction_id": transaction_id,
                    "bank_type": bank_type,
                    "paid_at": now_ms,
                    "alarm": "",
                    "due_at": now_ms + FOLLOWED_MS,
                },
                "$unset": CLEAR_UNKNOWN,
            },
        )
        return found.modified_count == 1

    async def mark_spent(self, out_trade_nos: list[str]) -> None:
        """Note that paid orders opened their tasks: nothing is left to do."""
        await self.collection.update_many(
            {"_id": {"$in": out_trade_nos}, "state": "paid"},
            {"$set": {"state": "spent", "alarm": ""}, "$unset": {"due_at": ""}},
        )

    async def mark_unusable(self, out_trade_no: str) -> None:
        """Note that a paid order cannot open its task; its refund is written already."""
        await self.collection.update_one(
            {"_id": out_trade_no, "state": "paid"},
            {"$set": {"state": "unusable", "alarm": ""}, "$unset": {"due_at": "", "live": ""}},
        )

    async def mark_closed(self, out_trade_no: str) -> None:
        """Note that WeChat takes no payment for this order any more; its task may get a new one."""
        await self.collection.update_one(
            {"_id": out_trade_no, "state": "asked"},
            {"$set": {"state": "closed", "alarm": ""}, "$unset": {"due_at": "", "live": "", **CLEAR_UNKNOWN}},
        )

    async def close_expired(self, out_trade_no: str) -> None:
        """Close an order that WeChat never got, if it has expired by MongoDB's clock."""
        changes = {
            "state": "closed",
            "alarm": "",
            **dict.fromkeys(("due_at", "live", *CLEAR_UNKNOWN), "$$REMOVE"),
        }
        over = {"$gt": [NOW_MS, "$expires_at"]}
        await self.collection.update_one(
            {"_id": out_trade_no, "state": "asked"},
            [{"$set": {field: {"$cond": [over, new, f"${field}"]} for field, new in changes.items()}}],
        )

    async def wake(self, field: Literal["code", "publisher"], values: list[str]) -> None:
        """Ask WeChat soon about the unpaid orders of tasks or of publishers: they may have to be closed."""
        await self.collection.update_many(
            {field: {"$in": values}, "state": "asked"}, [{"$set": {"due_at": NOW_MS}}]
        )

    async def postpone(self, order: Order, due_at_ms: int) -> None:
        """Note that WeChat calls an order unpaid; ask about it again at `due_at_ms`.

        Not if its `due_at` has changed since it was read: `wake` is not undone.
        """
        await self.collection.update_one(
            {"_id": order["_id"], "state": "asked", "due_at": order.get("due_at")},
            {"$set": {"due_at": due_at_ms, "alarm": ""}, "$unset": CLEAR_UNKNOWN},
        )
