"""The alarms that hold, and what the webhook was told of them: `alarms`, one document, which the leader
writes."""

from typing import TypedDict

from server.store.documents import Documents

_ID = "now"


class AlarmRow(TypedDict):
    """An alarm since `begin_at`, and until `end_at` (unix ms), which is 0 while it holds.

    `key` says what it is about. `told` is 1 once the webhook knows that it began. An alarm that is over is
    kept until the webhook knows that too.
    """

    key: str
    kind: str
    code: str
    what: str
    values: list[str]
    begin_at: int
    end_at: int
    told: int


def new_alarm(key: str, kind: str, code: str, what: str, values: list[str], begin_at: int) -> AlarmRow:
    """Return an alarm that begins at this time (unix ms), and of which the webhook does not know."""
    return AlarmRow(
        key=key, kind=kind, code=code, what=what, values=values, begin_at=begin_at, end_at=0, told=0
    )


class _Kept(TypedDict):
    _id: str
    rows: list[AlarmRow]


class Alarms(Documents[_Kept]):
    """Reads and writes of `alarms`."""

    NAME = "alarms"

    async def find(self) -> list[AlarmRow]:
        """Return the alarms, the oldest first."""
        found = await self.collection.find_one({"_id": _ID})
        return found["rows"] if found is not None else []

    async def save(self, rows: list[AlarmRow]) -> None:
        """Replace the alarms."""
        await self.rows.update_one({"_id": _ID}, {"$set": {"rows": rows}}, upsert=True)

    async def add(self, row: AlarmRow) -> None:
        """Add an alarm, unless it is there: it held while MongoDB could not be asked."""
        await self.upserts({"_id": _ID, "rows.key": {"$ne": row["key"]}}, {"$push": {"rows": row}})
