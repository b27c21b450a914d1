"""What the leader counted in the database: `gauges`, one document."""

from typing import TypedDict

from server.store.documents import Documents

_ID = "counted"


class Gauge(TypedDict):
    """A number under a metric's name, with its labels. `code` is a task to look at, "" if there is none."""

    name: str
    labels: dict[str, str]
    value: float
    code: str


class Counted(TypedDict):
    """The numbers as of `at` (unix ms).

    The check of the ledger goes on after the task `after`, and looks again at the tasks in `differ`.
    """

    at: int
    gauges: list[Gauge]
    after: str
    differ: list[str]


class Gauges(Documents[Counted]):
    """Reads and writes of `gauges`."""

    NAME = "gauges"

    async def find(self) -> Counted | None:
        """Return what was counted last, None if nothing was yet."""
        return await self.collection.find_one({"_id": _ID}, {"_id": 0})

    async def save(self, counted: Counted) -> None:
        """Replace what was counted before."""
        await self.rows.update_one({"_id": _ID}, {"$set": dict(counted)}, upsert=True)
