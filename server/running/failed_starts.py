"""Alarms about starts: a process cannot be started or refuses the database, or several workers ended.

The supervisor sends these alarms to the webhook itself, since perhaps no worker runs. The workers raise all
other alarms (`server/operation/monitor.py`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from server.settings import Settings
from server.store.alarms import AlarmRow, new_alarm

if TYPE_CHECKING:
    from server.operation.alarms import Kind
    from server.operation.webhook import Webhook

# More often than every 3 s would be too much for a group's robot (`server/operation/webhook.py`).
PAUSE_SECONDS = 3.5

log = logging.getLogger("wabao.supervisor")


class FailedStarts:
    """One per supervisor. Remembers the last failure of each kind until the webhook knows that it is over."""

    def __init__(self, settings: Settings) -> None:
        self._webhook: Webhook | None = None
        if settings.alarm_webhook:
            from server.operation.webhook import Webhook  # takes 20 MB; mostly not needed

            self._webhook = Webhook(settings)
        self._alarms: dict[str, AlarmRow] = {}
        self._changed = asyncio.Event()

    def begin(self, name: str, kind: Kind = "start") -> None:
        """Note that the process of this name could not be started, or ended before it served.

        With another `kind`: note that this alarm began.
        """
        key = f"{kind}::{name}"
        lasting = self._alarms.get(key)
        if self._webhook is not None and (lasting is None or lasting["end_at"]):
            self._alarms[key] = new_alarm(key, kind, "", name, [], _now_ms())
            self._changed.set()

    def end(self, name: str, kind: Kind = "start") -> None:
        """Note that the process was started (a worker: that it serves) or, with another `kind`, that the
        alarm is over."""
        lasting = self._alarms.get(f"{kind}::{name}")
        if lasting is not None and not lasting["end_at"]:
            lasting["end_at"] = _now_ms()
            self._changed.set()

    def note(self, name: str, fails: bool) -> None:
        """Note that work of the supervisor failed, or succeeded."""
        if fails:
            self.begin(name)
        else:
            self.end(name)

    async def tell(self) -> None:
        """Tell the webhook of the next begins and ends. Raises what went wrong; these are then told again."""
        await self._changed.wait()
        self._changed.clear()
        try:
            await self._tell()
        except Exception:
            self._changed.set()
            raise

    async def _tell(self) -> None:
        assert self._webhook is not None  # noqa: S101  (else nothing changes)
        webhook = self._webhook
        untold = [(record, bool(record["end_at"])) for record in self._alarms.values()]
        events = [event for record, _ in untold for event in webhook.untold(record)]
        if events:
            await webhook.tell(events)
        for record, ended in untold:  # an alarm may have ended, or begun anew, meanwhile
            record["told"] = 1
            if ended and self._alarms.get(record["key"]) is record:
                del self._alarms[record["key"]]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
