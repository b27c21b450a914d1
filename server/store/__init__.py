"""MongoDB, one file per collection. It decides nothing.

Every operation has a 5 s limit. Reads are from the primary. A primary that is cut off from the other members
goes on serving for a while, and its writes of that time are undone later. All reads and writes use majority
concern, so data that was read or acknowledged stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pymongo
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from bson.int64 import Int64
from pymongo import IndexModel, ReadPreference, WriteConcern
from pymongo.errors import ConfigurationError, PyMongoError
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern

from server.errors import BadSettings
from server.runtime.page_reads import PageReads
from server.store import driver
from server.store.agenda import Agenda
from server.store.alarms import Alarms
from server.store.audit_log import AuditLog
from server.store.cluster import read_clock
from server.store.digging.digs import Digs
from server.store.digging.square import Square
from server.store.digging.task_lists import TaskLists
from server.store.digging.tasks import Tasks
from server.store.digging.visits import Visits
from server.store.documents import Documents
from server.store.driver import Database
from server.store.failures import denials_told, is_denied, is_unavailable, refused_reason, said_by
from server.store.files import Chunks, Files
from server.store.gauges import Gauges
from server.store.leases import Leases
from server.store.messages.messages import Consents, Messages
from server.store.meta import Meta
from server.store.people.erasure import Erasure
from server.store.people.follows import Follows
from server.store.people.people import People
from server.store.prizes.freezes import Freezes
from server.store.prizes.pickups import Pickups
from server.store.prizes.prizes import Prizes
from server.store.reviews.media_checks import MediaChecks
from server.store.reviews.moderation import Moderation
from server.store.reviews.reports import Reports
from server.store.reviews.reviews import Reviews
from server.store.sealed_values import SealedValues
from server.store.timing import CommandSeconds

if TYPE_CHECKING:
    from server.cash.store import Books

__all__ = ("Store", "denials_told", "is_denied", "is_unavailable", "refused_reason", "said_by")

OPERATION_SECONDS = 5
CLOSE_SECONDS = 1.0
DEFAULT_DATABASE = "wabao"


class _PlainInt(TypeDecoder):
    """Turns BSON's 64-bit integers into plain ones, which every encoder knows."""

    bson_type = Int64

    def transform_bson(self, value: int) -> int:
        return int(value)


def _safe(database: Database) -> Database:
    """Return a database whose reads and writes use the concerns that this package promises."""
    return database.with_options(
        codec_options=CodecOptions(tz_aware=True, type_registry=TypeRegistry([_PlainInt()])),
        write_concern=WriteConcern("majority"),
        read_concern=ReadConcern("majority"),
        read_preference=ReadPreference.PRIMARY,
    )


class Store:
    """The connection and its collections; one per process, shared by all handlers."""

    def __init__(
        self,
        uri: str,
        listeners: Sequence[CommandListener] = (),
        *,
        name: str = "",
        limited: bool = True,
        cash: bool = True,
    ) -> None:
        """`listeners` hear of each command, besides the one that feeds `/metrics`.

        `name` is a database other than the URI's. `limited` is false for work that may take hours. Without
        `cash` it has no collection that only red packets need.
        """
        limit_ms = OPERATION_SECONDS * 1000
        # Set whatever the URI says, because with a timeoutMS PyMongo ignores socketTimeoutMS.
        limits = {"timeoutMS": limit_ms} if limited else {"timeoutMS": None, "socketTimeoutMS": None}
        try:
            self.client = driver.connect(
                uri,
                event_listeners=[CommandSeconds(), *listeners],
                serverSelectionTimeoutMS=limit_ms,
                connectTimeoutMS=limit_ms,
                appname="wabao",
                **limits,
            )
        except (PyMongoError, ValueError) as error:
            raise BadSettings(f"MONGODB_URI: {error}") from None
        given = self.client.get_default_database(DEFAULT_DATABASE)
        self.database = _safe(self.client[name or given.name])
        self.page_reads = PageReads()
        # None where only goods are given.
        self.books: Books | None = None
        if cash:
            from server.cash.store import Books

            self.books = Books(self.database)
        self.tasks = Tasks(self.database)
        self.square = Square(self.database)
        self.task_lists = TaskLists(self.database)
        self.moderation = Moderation(self.database)
        self.digs = Digs(self.database)
        self.people = People(self.database)
        self.visits = Visits(self.database)
        self.reports = Reports(self.database)
        self.files = Files(self.database)
        self.chunks = Chunks(self.database)
        self.messages = Messages(self.database)
        self.consents = Consents(self.database)
        self.follows = Follows(self.database)
        self.reviews = Reviews(self.database)
        self.media_checks = MediaChecks(self.database)
        self.prizes = Prizes(self.database)
        self.freezes = Freezes(self.database)
        self.gauges = Gauges(self.database)
        self.pickups = Pickups(self.database)
        self.alarms = Alarms(self.database)
        self.leases = Leases(self.database)
        self.audit_log = AuditLog(self.database)
        self.sealed_values = SealedValues(self.database)
        self.meta = Meta(self.database)
        self.agenda = Agenda(self.database)
        self.erasure = Erasure(self.database)

    @property
    def stores(self) -> list[Documents[Any]]:
        """The parts that keep documents, each in a collection of its own."""
        kept = [store for store in vars(self).values() if isinstance(store, Documents)]
        return kept if self.books is None else [*kept, *self.books.stores]

    def indexes(self) -> dict[str, Sequence[IndexModel]]:
        """Return the indexes of each collection, by its name."""
        return {store.NAME: store.INDEXES for store in self.stores if store.INDEXES}

    async def ping(self) -> None:
        """Wait until MongoDB answers. Raises PyMongoError if it does not."""
        await self.client.admin.command("ping")

    async def reach(self) -> None:
        """Do what `ping` does, in 5 s at most whatever the limit is. Raises BadSettings for a wrong URI."""
        try:
            with pymongo.timeout(OPERATION_SECONDS):
                await self.ping()
        except ConfigurationError as error:
            if is_unavailable(error):
                raise
            raise BadSettings(f"MONGODB_URI: {error}") from None

    async def read_something(self) -> None:
        """Read something from MongoDB, which shows more than a ping. Raises PyMongoError if that fails."""
        await self.database["meta"].find_one({}, {"_id": 1})

    async def try_out(self) -> None:
        """Write something, as the server does, and read it, in 5 s at most. Raises PyMongoError."""
        with pymongo.timeout(OPERATION_SECONDS):
            await self.meta.upserts({"_id": "check"}, {"$inc": {"times": 1}})
            await self.read_something()

    async def now_ms(self) -> int:
        """Return the primary's clock (unix ms)."""
        return int(await read_clock(self.client, ReadPreference.PRIMARY))

    async def close(self) -> None:
        """Close the connections. Blocks for a second at most: the driver ends its sessions."""
        with pymongo.timeout(CLOSE_SECONDS):
            await driver.close(self.client)
