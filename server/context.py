"""What handlers and actions work with: the settings, the stores, WeChat. One per process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from tornado.routing import URLSpec

from server.clock import Clock
from server.errors import BadSettings
from server.leading.leader import Leader
from server.memory.limits import Limits
from server.operation.heartbeats import Heartbeats
from server.operation.outages import Outages
from server.operation.own_database import OwnDatabase
from server.operation.scrape import Scrape
from server.realtime.bus import Bus
from server.realtime.hub import Hub
from server.runtime.background import Background
from server.security.keys import Keys
from server.settings import Settings, secrets_of
from server.settings.merchant import Merchant
from server.settings.operators import Operator
from server.store import Store
from server.telemetry import metrics
from server.wechat import WeChat

if TYPE_CHECKING:
    from server.cash.seam import Cash

T = TypeVar("T")


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


@dataclass(slots=True)
class Context:
    """Opened once at start and closed once at the end."""

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
    outages: Outages = field(init=False)
    heartbeats: Heartbeats = field(init=False)
    leader: Leader = field(init=False)
    scrape: Scrape = field(init=False)
    limits: Limits = field(init=False)
    background: Background = field(default_factory=Background)
    # What the functions under `per_context` have made, and how each is closed.
    made: dict[Callable[[Context], Any], Any] = field(default_factory=dict)
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        """Make the fields that need other fields."""
        self.background.failures = self.bus.failures
        self.outages = Outages(self.database, self.bus, self.hub.connections, self.hub.activity)
        self.heartbeats = Heartbeats(self.hub, self.bus, self.outages, self.clock.now_ms)
        self.leader = Leader(self.store, self.bus, self.database, self.bus.process, self.clock.now_ms)
        self.scrape = Scrape(self.bus, self.background)
        self.limits = Limits(self.settings, self.keys, self.bus)

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
        bus = Bus(settings, f"wabao:{store.database.name}", keys, clock)
        hub = Hub(store, bus, settings.public_url, clock)
        played = sandbox(store) if sandbox is not None and settings.sandboxed else None
        wechat = WeChat(settings.appid, settings.app_secret, settings.wechat_api, store.leases)
        database = OwnDatabase(store, keys, identity, clock.see)
        held = (settings, keys, store, played, wechat, bus, hub, clock, database)
        if not settings.cash:
            hub.start()
            return cls(*held)
        from server.cash.context import CashContext, pay_of

        pay = await pay_of(settings, played)
        # Nothing is awaited after this: what the context hears of the bus is subscribed as it connects.
        hub.start()
        return CashContext(*held, pay=pay)

    async def close(self) -> None:
        """Finish the work in the background and close all connections."""
        await self.leader.close()  # first, so that another process leads meanwhile
        await self.background.finish()
        await self.closing.aclose()
        await self.hub.close()
        await self.bus.close()
        await self.wechat.aclose()
        self.store.close()


def per_context(make: Callable[[Context], T]) -> Callable[[Context], T]:
    """Decorate a function that makes an object of a context: once for each context, when first asked for it.

    So an object that only some actions need is made beside these actions:

        @per_context
        def pictures_of(context: Context) -> PicturePool:
            pool = PicturePool()
            context.closing.push_async_callback(pool.close)
            return pool
    """

    @wraps(make)
    def made(context: Context) -> T:
        if made not in context.made:
            context.made[made] = make(context)
        return cast("T", context.made[made])

    return made
