"""Alarms, the lasting ones and the newest that are over: `alarms`. One process at a time writes them.

An alarm is due while the webhook has to be told that it began or ended.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from server.store.documents import index
from server.store.due import DUE_INDEX, DueDocuments

KEPT_ALARMS = 100


class AlarmRecord(TypedDict):
    """An alarm, and when it began and ended (unix ms); `end_at` is 0 while it lasts.

    `key` says what it is about; at most one alarm per key lasts. `told` is 1 once the webhook was told that
    it began, 2 once it was told of the end too. `tries` counts the tries that have failed since then.
    """

    _id: str
    key: str
    kind: str
    code: str
    what: str
    values: list[str]
    begin_at: int
    end_at: int
    told: int
    tries: int
    due_at: NotRequired[int]


def new_alarm(key: str, kind: str, code: str, what: str, values: list[str], begin_at: int) -> AlarmRecord:
    """Return an alarm that begins at this time (unix ms)."""
    return AlarmRecord(
        _id=f"{key}@{begin_at}",
        key=key,
        kind=kind,
        code=code,
        what=what,
        values=values,
        begin_at=begin_at,
        end_at=0,
        told=0,
        tries=0,
    )


class Alarms(DueDocuments[AlarmRecord]):
    """Reads and writes of `alarms`."""

    NAME = "alarms"
    INDEXES = (
        index("newest", "-begin_at"),
        index("lasting", "end_at begin_at"),
        DUE_INDEX,
    )

    async def lasting(self) -> list[AlarmRecord]:
        """Return the alarms that are not over, the oldest first."""
        return await self.in_order({"end_at": 0}, "begin_at")

    async def newest(self, limit: int = KEPT_ALARMS) -> list[AlarmRecord]:
        """Return the newest alarms, the last one first."""
        return await self.in_order({}, "-begin_at", limit)

    async def change(self, alarm_id: str, values: list[str]) -> None:
        """Note that an alarm has other values now."""
        await self.collection.update_one({"_id": alarm_id}, {"$set": {"values": values}})

    async def end(self, alarm_id: str, end_at_ms: int, *, tell: bool) -> None:
        """Note that an alarm is over; with `tell`, the webhook is to be told."""
        changes = {"end_at": end_at_ms, **({"due_at": end_at_ms, "tries": 0} if tell else {})}
        await self.collection.update_one({"_id": alarm_id, "end_at": 0}, {"$set": changes})

    async def note_told(self, alarm: AlarmRecord) -> None:
        """Note that the webhook was told what `alarm` says. If the alarm ended meanwhile, it stays due."""
        same = {"$eq": ["$end_at", alarm["end_at"]]}
        told = {"told": 2 if alarm["end_at"] else 1, "due_at": {"$cond": [same, "$$REMOVE", "$due_at"]}}
        await self.collection.update_one({"_id": alarm["_id"]}, [{"$set": {**told, "tries": 0}}])

    async def try_later(self, alarm: AlarmRecord, due_at_ms: int) -> None:
        """Note that the webhook could not be told."""
        await self.collection.update_one(
            {"_id": alarm["_id"]}, {"$set": {"due_at": due_at_ms}, "$inc": {"tries": 1}}
        )

    async def delete_old(self) -> None:
        """Delete all but the newest KEPT_ALARMS. Alarms that last, or must still be told, stay."""
        for oldest in await self.in_order({}, "-begin_at", 1, {"begin_at": 1}, KEPT_ALARMS):
            await self.collection.delete_many(
                {"begin_at": {"$lte": oldest["begin_at"]}, "end_at": {"$gt": 0}, "due_at": {"$exists": False}}
            )
