"""What handlers and actions work with: the settings, the stores, WeChat. One per process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tornado.routing import URLSpec

from server.clock import Clock
from server.errors import BadSettings
from server.game.amounts import DAY_MS
from server.memory.digging import Digging
from server.memory.fair_start import FairStart
from server.memory.known_people import KnownPeople
from server.memory.known_proofs import KnownProofs
from server.memory.risk_looks import RiskLooks
from server.memory.square import Square
from server.memory.visiting import Visiting
from server.operation.feed import Feed
from server.operation.heartbeats import Heartbeats
from server.operation.leader import Leader
from server.operation.monitor import Monitor
from server.operation.webhook import Webhook
from server.pictures.process import PicturePool
from server.pictures.uploads import Uploads
from server.realtime.bus import Bus
from server.realtime.cooldowns import Cooldowns
from server.realtime.hub import Hub
from server.realtime.limits import Limits
from server.realtime.outages import Outages
from server.realtime.own_database import OwnDatabase
from server.realtime.shared_order import SharedOrder
from server.realtime.sockets import HELLOS, Sockets
from server.runtime.background import Background
from server.runtime.disk import Disk
from server.runtime.single_flight import SingleFlight
from server.security.keys import Keys
from server.settings import Settings, secrets_of
from server.settings.merchant import Merchant
from server.settings.operators import Operator
from server.store import Store
from server.wechat import WeChat
from server.wechat.message_push import MessagePush
from server.wechat.pay import Pay

DOUBTED_AT_ONCE = 8


class Sandbox(Protocol):
    """What plays WeChat in development. `devtools/sandbox` is one, which `server/__main__.py` finds."""

    async def merchant(self) -> Merchant:
        """Return the merchant for whom it plays WeChat Pay."""

    def routes(self, context: Context) -> list[URLSpec]:
        """Return what answers as WeChat does, under `/sandbox`."""

    async def send_notices(self, context: Context) -> None:
        """Send what it has to tell the merchant and the mini-program now."""


@dataclass(slots=True)
class Notices:
    """What follows from WeChat Pay's notices after their answer. `turn` lets one at a time run."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    paid_orders: list[str] = field(default_factory=list)  # numbers of orders still to be followed up


@dataclass(slots=True)
class Context:
    """Opened once at start and closed once at the end."""

    settings: Settings
    keys: Keys
    store: Store
    # None if WeChat is configured.
    sandbox: Sandbox | None
    wechat: WeChat
    pay: Pay
    # Reads WeChat's message push; None if it is not set up.
    message_push: MessagePush | None
    bus: Bus
    hub: Hub
    clock: Clock
    cooldowns: Cooldowns
    database: OwnDatabase
    outages: Outages = field(init=False)
    heartbeats: Heartbeats = field(init=False)
    leader: Leader = field(init=False)
    monitor: Monitor = field(init=False)
    feed: Feed = field(init=False)
    digging: Digging = field(init=False)
    fair_start: FairStart = field(init=False)
    limits: Limits = field(init=False)
    sockets: Sockets[Any] = field(init=False)
    # Websockets that have not said yet who they are.
    hellos: Sockets[Any] = field(default_factory=lambda: Sockets(HELLOS))
    people: KnownPeople = field(init=False)
    visiting: Visiting = field(init=False)
    square: Square = field(init=False)
    proofs: KnownProofs = field(default_factory=KnownProofs)
    uploads: Uploads = field(init=False)
    disk: Disk = field(init=False)
    pictures: PicturePool = field(default_factory=PicturePool)
    # Posters and codes that are being drawn: their paths, by name.
    drawing: SingleFlight[str, str] = field(default_factory=SingleFlight)
    risk_looks: RiskLooks = field(default_factory=RiskLooks)
    # Logins from addresses with many wrong codes, of which WeChat is asked so many at once.
    doubted_logins: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DOUBTED_AT_ONCE))
    notices: Notices = field(default_factory=Notices)
    background: Background = field(default_factory=Background)

    def __post_init__(self) -> None:
        """Make the fields that need other fields."""
        self.disk = Disk(self.settings.data_dir, self.settings.disk_free_mb)
        self.outages = Outages(self.database, self.bus, self.hub.connections, self.hub.activity)
        self.heartbeats = Heartbeats(self.hub, self.bus, self.outages, self.clock.now_ms)
        self.leader = Leader(self.store, self.bus, self.database, self.bus.process, self.clock.now_ms)
        self.monitor = Monitor(
            self.store,
            self.outages,
            self.disk,
            Webhook(self.settings),
            self.leader,
            self.clock.now_ms,
            messages=bool(self.settings.templates),
            reviews=self.settings.checks_content,
        )
        self.feed = Feed(self.bus, self.store, self.outages, self.clock)
        self.digging = Digging(self.store, self.keys, self.clock)
        self.fair_start = FairStart(
            self.settings.fair_start_ms,
            self.cooldowns,
            self.clock,
            self.background,
            SharedOrder(self.bus, self.hub, self.keys),
        )
        self.limits = Limits(self.settings, self.keys, self.bus, self.background)
        self.sockets = Sockets(self.settings.sockets_a_person)
        self.people = KnownPeople(self.store, lambda: self.bus.connection, self.hub.sessions.valid)
        self.visiting = Visiting(self.store, self.keys, self.clock.now_ms)
        self.square = Square(self.store, self.clock.now_ms, self.settings.task_days * DAY_MS)
        self.uploads = Uploads(self.settings.upload_memory_mb << 20)

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Those who may operate. Without settings: one operator, whose token is derived from our secret."""
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
        """Connect to the stores, whose database `server/store/schema.py` has prepared.

        `sandbox` opens what plays WeChat, as settings without WECHAT_APPID need (`devtools.sandbox.Sandbox`).
        `identity` is the database's; without it, the first that is found is ours. `store` is one that is
        connected otherwise than by the settings; the context closes it.
        """
        if settings.sandboxed and sandbox is None:
            raise BadSettings("WECHAT_APPID is not set, and no sandbox plays WeChat")
        store = store or Store(settings.mongodb_uri)
        clock = Clock()
        cooldowns = Cooldowns()
        bus = Bus.of(settings, f"wabao:{store.database.name}")
        hub = Hub(store, bus, settings.public_url, clock, cooldowns)
        played = sandbox(store) if sandbox is not None and settings.sandboxed else None
        keys = Keys(*secrets_of(settings))
        wechat = WeChat(settings.appid, settings.app_secret, settings.wechat_api, store.access_tokens, keys)
        merchant = await played.merchant() if played else settings.merchant
        pay = Pay(merchant, settings.appid, settings.wechat_pay_api, settings.notify_url)
        message_push = None
        if settings.checks_content:
            message_push = MessagePush(
                settings.wechat_push_token, settings.wechat_encoding_aes_key, settings.appid
            )
        hub.start()
        database = OwnDatabase(store, keys, identity, clock.see)
        return cls(
            settings, keys, store, played, wechat, pay, message_push, bus, hub, clock, cooldowns, database
        )

    async def close(self) -> None:
        """Finish the work in the background and close all connections."""
        await self.background.finish()
        await self.feed.close()
        await self.leader.close()
        await self.visiting.close()
        await self.people.close()
        await self.hub.close()
        await self.bus.close()
        await self.pictures.close()
        self.uploads.close()
        await self.wechat.aclose()
        await self.pay.aclose()
        self.store.close()
