"""What a process holds that takes red packets."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from server.cash.counting import ALARMS, METRICS, count_money
from server.cash.pay.client import Pay
from server.cash.risk_looks import RiskLooks
from server.cash.store import Books
from server.context import Context, Sandbox
from server.settings import Settings
from server.store.gauges import Counted


async def pay_of(settings: Settings, sandbox: Sandbox | None, now_ms: Callable[[], int]) -> Pay:
    """Return WeChat Pay's client, for the operator's merchant or the sandbox's."""
    merchant = settings.merchant if sandbox is None else await sandbox.merchant()
    return Pay(
        merchant,
        settings.appid,
        settings.wechat_pay_api,
        settings.notify_url,
        now_ms,
        spare_url=settings.wechat_pay_spare_api,
    )


@dataclass(slots=True)
class Notices:
    """What follows from WeChat Pay's notices after their answer. `turn` lets one notice at a time go on."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    paid_orders: list[str] = field(default_factory=list)  # numbers of orders still to be followed up


@dataclass
class CashContext(Context):
    """A context with WeChat Pay's client and the books of its store."""

    ALARMS = (*Context.ALARMS, *ALARMS)
    METRICS: ClassVar[Mapping[str, str]] = {**Context.METRICS, **METRICS}

    pay: Pay = field(kw_only=True)

    def __post_init__(self) -> None:
        """Make what needs other fields."""
        from server.cash.seam import Cash

        super().__post_init__()
        self.books = Books(self.store.database)
        self.notices = Notices()
        self.risk_looks = RiskLooks()
        self.cash = Cash(self)

    async def also_count(self, counted: Counted) -> Counted:
        """Add what concerns money to what the leader counted."""
        return await count_money(self.store, counted)

    async def close(self) -> None:
        """Finish the work in the background and close all connections."""
        await super().close()
        await self.pay.aclose()
