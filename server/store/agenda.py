"""The work that is due: one round trip asks all collections whether anything in them is due."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from server.store.documents import Documents
from server.store.driver import aggregate
from server.store.meta import LOOK, AboutDatabase
from server.store.pipelines import Document
from server.store.prizes.prizes import old_address

# - pending: digs that the history may lack.
# - addresses: of goods that arrived long ago.
# - notices: what the sandbox has to tell.
# - leavers: people whose days to keep their account are over.
# - names: first names that what was dug before them may lack.
# - the others: collections whose documents have `due_at`.
Kind: TypeAlias = Literal[
    "pending", "orders", "tasks", "freezes", "prizes", "bills", "refunds", "addresses", "people", "reviews",
    "reports", "messages", "notices", "leavers", "names",
]


class Due(NamedTuple):
    """The kinds of which something is due; the database's identity, and its clock (unix ms)."""

    kinds: frozenset[Kind]
    identity: str
    now_ms: int


class Agenda(Documents[AboutDatabase]):
    """Says what is due, in one aggregation. It starts from the collection `meta`, which is always there."""

    NAME = "meta"

    async def look(self, now_ms: int, kinds: Iterable[Kind], ages_ms: Mapping[Kind, int]) -> Due | None:
        """Return which of these kinds have something due; None in a database that was never prepared.

        `ages_ms` says after how long a kind is due, as "addresses" are. As in `DueDocuments.lease_due`,
        `now_ms` only says where to look.
        """
        asked = [_any_of(kind, now_ms - ages_ms.get(kind, 0)) for kind in kinds]
        rows = await aggregate(self.rows, [*LOOK, *asked], None)
        about = [row for row in rows if "kind" not in row]
        if not about:
            return None
        found = frozenset(row["kind"] for row in rows if "kind" in row)
        return Due(found, about[0]["identity"], about[0]["now"])


def _any_of(kind: Kind, before_ms: int) -> Document:
    """Return the stage that adds a row if anything of a kind was due before that time."""
    collection, due = _query(kind, before_ms)
    found: list[Document] = [
        {"$match": due},
        {"$limit": 1},
        {"$project": {"_id": 0, "kind": {"$literal": kind}}},
    ]
    return {"$unionWith": {"coll": collection, "pipeline": found}}


def _query(kind: Kind, before_ms: int) -> tuple[str, Document]:
    """Return in which collection and by which query a kind is found."""
    due = {"$lte": before_ms}
    others: dict[str, tuple[str, Document]] = {
        "pending": ("tasks", {"pending": 1}),
        "addresses": ("prizes", old_address(before_ms)),
        "leavers": ("people", {"leaving.due_at": due}),
        "names": ("people", {"naming_at": due}),
        # The same query as in `SandboxNotices.lease`, which `server/` must not import.
        "notices": ("sandbox_notices", {"state": "waiting", "due_at_ms": due}),
    }
    return others.get(kind, (kind, {"due_at": due}))
