"""What operators see of all tasks. Each list has an index in its order, so that it reads no more than it
returns."""

from server.game.task import Task
from server.store.digging.terms import asked_terms
from server.store.documents import Documents
from server.store.driver import aggregate
from server.store.pipelines import SEEDLESS, Document, summed

COUNTED_TASKS = 200_000


class TaskLists(Documents[Task]):
    """Operators' lists of tasks."""

    NAME = "tasks"

    async def search(self, text: str, limit: int, now_ms: int) -> list[Task]:
        """Return the task with this code, then the tasks with this text in name or signature.

        Of the tasks with this text, running ones come before ended ones. Within both groups the tasks that
        opened last come first.
        """
        coded = await self.collection.find_one({"_id": text}, SEEDLESS)
        tasks = {} if coded is None else {text: coded}
        terms = asked_terms(text)
        for status in (0, 1) if terms else ():
            if len(tasks) < limit:
                found = await self.newest_with(
                    terms, limit - len(tasks), now_ms, "opened_at", {"$unset": "seed_box"}, status=status
                )
                tasks |= {task["_id"]: task for task in found}
        return list(tasks.values())

    async def hidden(self, limit: int) -> list[Task]:
        """Return the newest hidden tasks, without seeds."""
        return await self.in_order({"hidden": 1}, "-created_at", limit, SEEDLESS)

    async def unpaid(self, limit: int) -> list[Task]:
        """Return the newest red packets that wait for their payment, without seeds."""
        # Unopened goods wait for a review instead.
        pays = {"$or": [{"money": {"$gt": 0}}, {"ranks.fen": {"$gt": 0}}]}
        return await self.in_order({"open": 0, "status": 0, **pays}, "-created_at", limit, SEEDLESS)

    async def red_packet(self) -> str:
        """Return a task with red packets that were ordered, or may still be paid for; "" if there is none."""
        order = await self.rows.database["orders"].find_one({}, {"code": 1})
        unpaid = [] if order is not None else await self.unpaid(1)
        return order["code"] if order is not None else "".join(task["_id"] for task in unpaid)

    async def with_money(self, limit: int) -> list[Task]:
        """Return paid red packets that are not settled yet, the next due first, without seeds."""
        unsettled = {"paid_by": {"$exists": True}, "due_at": {"$gt": 0}}
        return await self.in_order(unsettled, "due_at", limit, SEEDLESS)

    async def matter_now(self, watched: list[str], limit: int) -> list[Task]:
        """Return the watched tasks and the tasks dug last, without seeds; at most `limit` of each."""
        found = await self.in_order({}, "-last_dig.at", limit, SEEDLESS)
        dug = {task["_id"] for task in found}
        # Most watched tasks were dug lately; a second read gets the others.
        return found + await self.find_all([code for code in watched[:limit] if code not in dug], SEEDLESS)

    async def stock(self) -> Document:
        """Return how many tasks run (200,000 are counted at most), and how many prizes they still hide."""
        pipeline: list[Document] = [
            {"$match": {"status": 0, "open": 1}},
            {"$limit": COUNTED_TASKS},
            summed(running=1, prizes="$prize_num", prizes_left="$prizes_left"),
            {"$project": {"_id": 0}},
        ]
        found = await aggregate(self.rows, pipeline, 1)
        return found[0] if found else {"running": 0, "prizes": 0, "prizes_left": 0}
