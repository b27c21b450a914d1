"""What publishers pay: `orders`, by WeChat's out_trade_no. Their lifecycle is `rules/order.py`."""

from typing import Literal, NotRequired, TypeAlias

from server.cash.rules.order import Coupon
from server.cash.rules.order import order as lifecycle
from server.cash.store.payments import Payment, Payments
from server.store.documents import index
from server.store.due import DUE_INDEX

OrderState: TypeAlias = Literal["asked", "paid", "spent", "unusable", "closed"]


class Order(Payment):
    """`live` is there until the task may get another order.

    `no_credit` is 1 if no credit card may pay it. `bank_type` is the kind of account that paid it, "" if
    WeChat does not say. `payer_fen` is what the person paid, and `coupons` paid the rest. `prepay_id` is ""
    until WeChat gives one; `expires_at` is when WeChat stops taking the payment. `refunding` is the number of
    the refund that was sent last, at `refunding_at`. `asked_at` is when WeChat was last asked about it for
    its publisher, and has nothing to do with the state `asked`.
    """

    publisher: str
    openid: str
    description: str
    state: OrderState
    prepay_id: str
    transaction_id: str
    expires_at: int
    asked_at: int
    paid_at: int
    no_credit: NotRequired[int]
    bank_type: NotRequired[str]
    payer_fen: NotRequired[int]
    coupons: NotRequired[list[Coupon]]
    live: NotRequired[int]
    refunding: NotRequired[str]
    refunding_at: NotRequired[int]


class Orders(Payments[Order]):
    """Reads and writes of `orders`. Their changes are the rows of `rules/order.py`."""

    NAME = "orders"
    TABLE = lifecycle
    INDEXES = (
        index("of_task", "code"),
        index("newest_of_publisher", "publisher -created_at"),
        index("paid_by_publisher", "publisher state amount_fen"),
        index("live_once", "code", unique=True, only={"live": 1}),
        index("paid_as", "transaction_id"),
        index("alarm", "alarm", only={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    )

    async def of_publisher(self, person_id: str, limit: int) -> list[Order]:
        """Return a person's newest orders."""
        return await self.in_order({"publisher": person_id}, "-created_at", limit)

    async def find_either(self, number: str) -> Order | None:
        """Return the order with this number: ours, or WeChat's number of its payment."""
        return await self.find(number) or await self.collection.find_one({"transaction_id": number})

    async def find_live(self, code: str) -> Order | None:
        """Return the order that keeps a task from getting another: it is paid, or may still be paid."""
        return await self.collection.find_one({"code": code, "live": 1})

    async def ordered_fen(self, publisher: str, since_ms: int, lately_ms: int) -> tuple[int, int]:
        """Return what a person has paid or may still pay: the sums of the orders since each of these times.

        Closed orders do not count, nor orders that were refunded whole.
        """
        lately = {"$cond": [{"$gte": ["$created_at", lately_ms]}, "$amount_fen", 0]}
        made = {"publisher": publisher, "created_at": {"$gte": since_ms}}
        counted = {**made, "state": {"$in": ["asked", "paid", "spent"]}}
        [found] = await self.sums(counted, since="$amount_fen", lately=lately)
        return found["since"], found["lately"]

    async def paid_fen(self, publisher: str) -> int:
        """Return what a person has paid in all; orders that were refunded whole do not count."""
        paid = {"publisher": publisher, "state": {"$in": ["paid", "spent"]}}
        [found] = await self.sums(paid, fen="$amount_fen")
        return int(found["fen"])
