"""The money of all tasks, for operators."""

from handlers.base import Reply
from handlers.ops.operators import OperatorInterface
from handlers.parameters import NoParameters
from server.cash.counting import sums_fen


class OpsMoneyReply(Reply, kw_only=True):
    """The ledger of all tasks in fen, as added up at `at` (unix ms): about a minute ago, 0 if never.

    `today_fen` is what winners have received today.
    """

    at: int
    paid_fen: int
    given_fen: int
    refunded_fen: int
    held_fen: int
    withheld_fen: int
    today_fen: int


class OpsMoney(OperatorInterface, path="/ops/money"):
    """The money of all tasks."""

    async def answer(self, request: NoParameters) -> OpsMoneyReply:
        """The sums are those of `/metrics`; the leader adds them up for all."""
        counted = await self.context.store.gauges.find()
        sums = sums_fen(counted)
        return OpsMoneyReply(
            at=counted["at"] if counted else 0,
            paid_fen=sums.get("paid", 0),
            given_fen=sums.get("given", 0),
            refunded_fen=sums.get("refunded", 0),
            held_fen=sums.get("held", 0),
            withheld_fen=sums.get("withheld", 0),
            today_fen=sums.get("given_today", 0),
        )
