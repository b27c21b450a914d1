"""Lists of tasks for operators (hidden, unpaid, featured, with money), and the sums of all money."""

from typing import Annotated, Literal

import msgspec

from handlers.base import Reply
from handlers.ops.operators import OperatorInterface
from server.context import Context
from server.decoding import named
from server.game.task import Task
from server.operation.feed import BoardTask, board_task

LISTED_TASKS = 50


def board_tasks(context: Context, tasks: list[Task]) -> list[BoardTask]:
    """Return tasks as the board shows them, with their watchers over all processes."""
    return [board_task(task, context.hub.watchers(task["_id"])) for task in tasks]


class OpsListRequest(msgspec.Struct):
    """`hidden`: only publisher and winners see them. `unpaid`: red packets that nobody paid.

    `held`: tasks whose money we hold. `featured`: those on top of the square, even if nobody can see them
    now.
    """

    of: Annotated[
        Literal["hidden", "unpaid", "held", "featured"], named("种类", "隐藏、未支付、有钱或精选四种之一")
    ]


class OpsListReply(Reply, kw_only=True):
    """At most 50 tasks: the newest or, for `held`, the tasks that are due next. `held_fen` has an amount per
    task code."""

    data: list[BoardTask]
    held_fen: dict[str, int]


class OpsList(OperatorInterface, path="/ops/list"):
    """The tasks that are hidden, unpaid, featured, or hold money."""

    async def answer(self, request: OpsListRequest) -> OpsListReply:
        store = self.context.store
        held_fen = dict[str, int]()
        if request.of == "held":
            paid = await store.task_lists.with_money(LISTED_TASKS)
            if store.books is not None:
                held_fen = await store.books.ledger.held_fen([task["_id"] for task in paid])
            found = [task for task in paid if held_fen.get(task["_id"])]
        elif request.of == "hidden":
            found = await store.task_lists.hidden(LISTED_TASKS)
        elif request.of == "featured":
            featured = await store.tasks.find_many(self.context.database.featured)
            found = [task for task in featured if not task["status"]]
        else:
            found = await store.task_lists.unpaid(LISTED_TASKS)
        return OpsListReply(data=board_tasks(self.context, found), held_fen=held_fen)
