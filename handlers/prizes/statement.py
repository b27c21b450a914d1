"""What became of your task: its people, its shares, its prizes and its money, as numbers."""

from collections import Counter

from handlers.base import Interface, Reply
from handlers.parameters import TaskRequest
from server.game.prize import GIVEN


class GetStatementReply(Reply, kw_only=True):
    """Numbers of a task. `opened`: people who opened its page. `brought`: people who came by a share. Of
    both, 10,000 are counted at most.

    `sharers` people made these shares. `prizes_given` counts prizes that were claimed; `prizes_sent` of them
    went by mail, and `prizes_received` of these arrived. `held_fen` = `paid_fen` − `given_fen` −
    `refunded_fen`; all are 0 for goods.
    """

    participants: int
    digs: int
    max_depth: int
    opened: int
    sharers: int
    brought: int
    prize_num: int
    prizes_won: int
    prizes_given: int
    prizes_sent: int
    prizes_received: int
    paid_fen: int
    given_fen: int
    refunded_fen: int
    held_fen: int


class GetStatement(Interface, path="/getStatement", needs_token=True):
    """The statement of your task."""

    async def answer(self, request: TaskRequest) -> GetStatementReply:
        """Raises NoSuchTask, and NotYours unless the caller published the task."""
        publisher = await self.person()
        store = self.context.store
        task = await store.tasks.get_own(request.code, publisher["_id"])
        fen = Counter[str]()
        if store.books is not None:
            fen.update(await store.books.ledger.task_fen(request.code))
        shares = await store.visits.brought_numbers(request.code)
        states = Counter(await store.prizes.states(request.code))
        return GetStatementReply(
            participants=task["participants"],
            digs=task["now_depth"],
            max_depth=task["max_depth"],
            opened=await store.visits.opened_number(request.code),
            sharers=shares["sharers"],
            brought=shares["brought"],
            prize_num=task["prize_num"],
            prizes_won=task["prize_num"] - task["prizes_left"],
            prizes_given=sum(states[state] for state in GIVEN),
            prizes_sent=states["sent"] + states["received"],
            prizes_received=states["received"],
            paid_fen=fen["paid"],
            given_fen=fen["given"],
            refunded_fen=fen["refunded"],
            held_fen=fen["paid"] - fen["given"] - fen["refunded"],
        )
