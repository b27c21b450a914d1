"""The money of all tasks, for operators."""

from handlers.base import Reply, of_document
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
        at = counted["at"] if counted else 0
        fen = {f"{name}_fen": sums.get(name, 0) for name in ("paid", "given", "refunded", "held", "withheld")}
        return of_document(OpsMoneyReply, fen, at=at, today_fen=sums.get("given_today", 0))
