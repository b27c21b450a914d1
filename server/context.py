"""What handlers and actions work with: the settings, the stores, WeChat. One per process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from cachetools import LRUCache, TTLCache
from tornado.routing import URLSpec

from server.clock import Clock
from server.errors import BadSettings
from server.game.amounts import DAY_MS
from server.game.task import Task
from server.leading.leader import Leader
from server.memory.digging import Digging
from server.memory.fair_start import FairStart
from server.memory.known_people import KnownPeople
from server.memory.large_bodies import LargeBodies
from server.memory.limits import Limits
from server.memory.square import Square
from server.memory.visiting import Visiting
from server.operation.alarms import TABLE, Row
from server.operation.counting import METRICS
from server.operation.feed import Feed
from server.operation.heartbeats import Heartbeats
from server.operation.monitor import Monitor
from server.operation.outages import Outages
from server.operation.own_database import OwnDatabase
from server.operation.scrape import Scrape
from server.pictures.process import PicturePool
from server.realtime.bus import Bus
from server.realtime.hub import Hub
from server.realtime.sockets import HELLOS, Sockets
from server.runtime.background import Background
from server.runtime.disk import Disk
from server.runtime.page_reads import PageReads
from server.runtime.single_flight import SingleFlight
from server.security.keys import Keys
from server.settings import Settings, secrets_of
from server.settings.merchant import Merchant
from server.settings.operators import Operator
from server.store import Store
from server.store.gauges import Counted
from server.telemetry import metrics
from server.wechat import WeChat
from server.wechat.message_push import MessagePush

if TYPE_CHECKING:
    from server.cash.seam import Cash

STORIES = 128  # of 60 KB at most
STORY_SECONDS = 10.0  # thanks and new names show after this time
DAILIES = 4
DAILY_SECONDS = 1.0
PROOF_PAGES_BYTES = 8 << 20
DOUBTED_AT_ONCE = 8


class Sandbox(Protocol):
    """What plays WeChat in development. `server/__main__.py` finds the one in `devtools/sandbox`."""

    async def merchant(self) -> Merchant:
        """Return the merchant for whom it plays WeChat Pay."""

    def routes(self, context: Context) -> list[URLSpec]:
        """Return the routes that answer as WeChat does, under `/sandbox`."""

    def described(self, language: Literal["zh", "en"]) -> dict[str, Any]:
        """Return what the sandbox adds to the OpenAPI document: a `tag`, `paths` and `schemas`."""

    async def send_notices(self, context: Context) -> None:
        """Send the notices to the merchant and the mini-program that are due."""


@dataclass
class Context:
    """Opened once at start and closed once at the end."""

    ALARMS: ClassVar[tuple[Row, ...]] = TABLE
    METRICS: ClassVar[Mapping[str, str]] = METRICS

    settings: Settings
    keys: Keys
    store: Store
    # None if WeChat is configured.
    sandbox: Sandbox | None
    wechat: WeChat
    bus: Bus
    hub: Hub
    clock: Clock
    database: OwnDatabase
    # None where only goods are given.
    cash: Cash | None = field(init=False, default=None)
    background: Background = field(default_factory=Background)

    def __post_init__(self) -> None:
        """Make what needs other fields."""
        settings = self.settings
        store = self.store
        now_ms = self.clock.now_ms
        self.background.failures = self.bus.failures
        self.outages = Outages(self.database, self.bus, self.hub.connections, self.hub.activity)
        self.heartbeats = Heartbeats(self.hub, self.bus, self.outages, now_ms)
        self.leader = Leader(store, self.bus, self.database, self.bus.process, now_ms)
        self.scrape = Scrape(self.bus, self.background)
        self.limits = Limits(settings, self.keys, self.bus)
        # Alarms, and the operators' screens.
        self.disk = Disk(settings.data_dir, settings.disk_free_mb)
        self.monitor = Monitor(
            store, self.outages, self.disk, self.leader, self.scrape, now_ms, settings,
            self.ALARMS, self.also_count,
        )
        self.feed = Feed(self.bus, store, self.outages, self.clock, self.hub.audience)
        # What this process remembers between requests.
        self.known_people = KnownPeople(store, lambda: self.bus.connection, self.hub.sessions.valid)
        self.digging = Digging(store, self.keys)
        self.fair_start = FairStart(
            settings.fair_start_ms, self.hub, self.clock, self.background, self.bus.enter_places
        )
        self.visiting = Visiting(store, self.keys, now_ms)
        self.square = Square(store, now_ms, settings.task_days * DAY_MS, lambda: self.database.featured)
        # Pages of proofs, by task and number, as replies: they never change. A page is large: it keeps
        # MongoDB as busy as ten digs do.
        self.proof_pages = LRUCache[tuple[str, int], bytes](PROOF_PAGES_BYTES, len)
        self.proof_reads = PageReads(at_once=1)
        # What was read lately: stories by task, since all who watch it ask for its story at its end; daily
        # tasks by the first day asked for.
        self.stories: TTLCache[str, Any] = TTLCache(STORIES, STORY_SECONDS)
        self.story_reads = PageReads(at_once=1)
        self.dailies: TTLCache[str, list[Task]] = TTLCache(DAILIES, DAILY_SECONDS)
        # The processes that make pictures; the posters and codes that are being drawn: their paths, by name.
        self.pictures = PicturePool()
        self.drawing = SingleFlight[str, str]()
        # The websockets of each person, and those that have not said yet who they are.
        self.sockets = Sockets[Any](settings.sockets_a_person)
        self.hellos = Sockets[Any](HELLOS)
        self.large_bodies = LargeBodies()
        # The turns of logins from addresses with many wrong codes: only some may ask WeChat at once.
        self.doubted_logins = asyncio.Semaphore(DOUBTED_AT_ONCE)
        # None if WeChat's message push is not set up.
        self.message_push: MessagePush | None = None
        if settings.wechat_push_token:
            self.message_push = MessagePush(
                settings.wechat_push_token, settings.wechat_encoding_aes_key, settings.appid
            )

    async def also_count(self, counted: Counted) -> Counted:
        """Return what the leader counted; a context that takes red packets adds what concerns money."""
        return counted

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The people who may operate. Without OPS_TOKENS and OPS_TOKEN there is one operator, whose token is
        derived from our secret."""
        return self.settings.operators or (Operator("", "money", self.keys.operator_token()),)

    @classmethod
    async def open(
        cls,
        settings: Settings,
        sandbox: Callable[[Store], Sandbox] | None = None,
        *,
        identity: str = "",
        store: Store | None = None,
    ) -> Context:
        """Connect to the stores. `server/store/schema.py` must have prepared the database.

        `sandbox` opens what plays WeChat (`devtools.sandbox.Sandbox`). Settings without WECHAT_APPID need it.
        `identity` is that of our database; without it, the first database that is found counts as ours.
        `store` replaces the store of the settings; the context closes it.
        """
        if settings.sandboxed and sandbox is None:
            raise BadSettings("WECHAT_APPID is not set, and no sandbox plays WeChat")
        store = store or Store(settings.mongodb_uri, cash=bool(settings.cash))
        clock = Clock(count_step=metrics.CLOCK_STEPS.inc)
        keys = Keys(*secrets_of(settings))
        bus = Bus(settings, store.database.name, keys, clock)
        hub = Hub(store, bus, settings.public_url, clock)
        played = sandbox(store) if sandbox is not None and settings.sandboxed else None
        wechat = WeChat(settings.appid, settings.app_secret, settings.wechat_api, store.leases)
        database = OwnDatabase(store, keys, identity, clock.see)
        held = (settings, keys, store, played, wechat, bus, hub, clock, database)
        if not settings.cash:
            hub.start()
            return cls(*held)
        from server.cash.context import CashContext, pay_of

        pay = await pay_of(settings, played, clock.now_ms)
        # Nothing is awaited after this: what the context hears of the bus is subscribed as it connects.
        hub.start()
        return CashContext(*held, pay=pay)

    async def close(self) -> None:
        """Finish the work in the background and close all connections."""
        await self.leader.close()  # first, so that another process leads meanwhile
        await self.background.finish()
        await self.feed.close()
        await self.visiting.close()
        await self.known_people.close()
        self.pictures.close()
        await self.hub.close()
        await self.bus.close()
        await self.wechat.aclose()
        await self.store.close()
