"""`bills`, by out_bill_no: each pays a prize by a transfer of WeChat's. Its lifecycle is `rules/bill.py`."""

from typing import Literal, NotRequired, TypeAlias

from server.cash.rules.bill import bill as lifecycle
from server.cash.store.payments import Payment, Payments
from server.store.documents import index
from server.store.due import DUE_INDEX

BillState: TypeAlias = Literal["asked", "waiting", "given", "failed"]


class Bill(Payment):
    """`body` is sent to WeChat byte for byte, each time.

    `package_info` is "" until WeChat gives it. `remote` is the state that WeChat named last, "" if it has
    named none: then WeChat may not have the bill. `remote_since` is since when it names that state.
    `refused_at` is when WeChat first refused a call about the bill, `made_at` when WeChat made the bill, as
    it says once the winner can confirm it. `sent_at` is when the bill was last sent, 0 for never, and
    `asked_at` when its winner last had WeChat asked about it. If `unsendable` is there, the bill is not sent
    any more.
    """

    prize: str
    attempt: int
    person_id: str
    body: bytes
    state: BillState
    package_info: str
    remote: str
    fail_reason: str
    sent_at: int
    asked_at: int
    unsendable: NotRequired[int]
    remote_since: NotRequired[int]
    refused_at: NotRequired[int]
    made_at: NotRequired[int]


class Bills(Payments[Bill]):
    """Reads and writes of `bills`. Its changes are the rows of `rules/bill.py`."""

    NAME = "bills"
    TABLE = lifecycle
    INDEXES = (
        index("of_prize", "prize"),
        index("of_task", "code"),
        index("newest_of_winner", "person_id -created_at"),
        index("alarm", "alarm", only={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    )

    async def number_with(self, alarm: str, before_ms: int) -> int:
        """Return how many bills from before a time (unix ms) have this alarm."""
        return await self.rows.count_documents({"alarm": alarm, "created_at": {"$lt": before_ms}})

    async def of_winner(self, person_id: str, limit: int) -> list[Bill]:
        """Return a person's newest bills."""
        return await self.in_order({"person_id": person_id}, "-created_at", limit)
