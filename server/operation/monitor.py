"""Counting what is wrong, comparing it with the table of alarms, and telling the webhook.

The leader does this for all (`leader.py`). It saves which alarms hold before it tells the webhook, and
afterwards that the webhook knows. So a kill loses nothing: at worst the webhook is told the same event twice,
under the same id. While MongoDB is silent, the process that led last tells of that from memory. If it dies
then, nobody tells the webhook that MongoDB answers again.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from server.leading.leader import Leader
from server.operation.alarms import COMPARED, Alarm, Comparison, Row, silence
from server.operation.counting import Also, count, gauges_of
from server.operation.outages import Outages
from server.operation.scrape import Scrape
from server.operation.webhook import NotTold, Webhook
from server.runtime.background import Background
from server.runtime.disk import Disk
from server.settings import Settings
from server.store import Store
from server.store.alarms import AlarmRow, new_alarm
from server.telemetry import metrics

COUNT_SECONDS = 60.0
# After counting, the store is left to others for so many times as long as it took.
REST_FACTOR = 20
COMPARE_SECONDS = 30.0
AGAIN_SECONDS = 1.0
DISK_SECONDS = 10.0

log = logging.getLogger("wabao.alarms")


class Monitor:
    """One per process. It does nothing until `begin`, and counts and compares only while this process
    leads."""

    def __init__(
        self,
        store: Store,
        outages: Outages,
        disk: Disk,
        leader: Leader,
        scrape: Scrape,
        now_ms: Callable[[], int],
        settings: Settings,
        table: tuple[Row, ...],
        also: Also,
    ) -> None:
        self._store = store
        self._outages = outages
        self._disk = disk
        self._leader = leader
        self._scrape = scrape
        self._now_ms = now_ms
        self._webhook = Webhook(settings, table)
        self._also = also
        self._table = table
        self._comparison = Comparison(table)
        self._rest_seconds = COUNT_SECONDS
        self._silences: dict[str, AlarmRow] = {}  # not saved yet, by key

    def begin(self, working: Background) -> None:
        """Monitor, until `working` ends."""
        working.repeat(self.look_at_disk, DISK_SECONDS, at_once=True)
        working.repeat(self.count, self._rest, at_once=True)
        working.repeat(self.compare, COMPARE_SECONDS)

    async def look_at_disk(self) -> None:
        """Note how much room is left on the disk of this machine."""
        metrics.DISK_FREE.set(self._disk.free_mb << 20)
        metrics.DISK_LOW.set(self._disk.low)

    async def _rest(self) -> None:
        """Wait until it is time to count again. Whoever becomes the leader begins at once."""
        await asyncio.sleep(self._rest_seconds)
        await self._leader.lead()

    async def count(self) -> None:
        """Count what `/metrics` and the alarms need of the database, if this process leads."""
        began = time.monotonic()
        self._rest_seconds = COUNT_SECONDS
        if not self._leader.leads or "mongodb" in self._outages.silent:
            self._rest_seconds = AGAIN_SECONDS
            return
        counted = await count(self._store, self._now_ms(), self._also)
        await self._store.gauges.save(counted)
        self._rest_seconds = max(COUNT_SECONDS, REST_FACTOR * (time.monotonic() - began))

    async def compare(self) -> None:
        """Find out which alarms hold; save them, and tell the webhook what is new."""
        if "mongodb" in self._outages.silent:
            if self._leader.has_lease:  # nobody else can get the lease now
                await self._tell_silence()
            return
        for key in list(self._silences):  # even if another process leads by now: only this one knows of them
            await self._store.alarms.add(self._silences[key])
            del self._silences[key]
        if not self._leader.leads:
            self._comparison = Comparison(self._table)
            return
        found = await self._found()
        rows = await self._store.alarms.find()
        now = self._changed(rows, found)
        if now != rows:
            await self._store.alarms.save(now)
        told = await self._told(now)
        if told != now:
            await self._store.alarms.save(told)

    async def _found(self) -> list[Alarm]:
        families = await self._scrape.gather(COMPARED)
        counted = await self._store.gauges.find()
        return self._comparison.alarms(families, gauges_of(counted, self._now_ms()), time.monotonic())

    def _changed(self, rows: list[AlarmRow], found: list[Alarm]) -> list[AlarmRow]:
        """Return what is to be kept: the alarms that hold, and ends of which the webhook does not know."""
        now_ms = self._now_ms()
        holding = {alarm.key: alarm for alarm in found}
        kept: list[AlarmRow] = []
        for row in rows:
            alarm = holding.pop(row["key"], None)
            if alarm is not None:
                kept.append({**row, "code": alarm.code, "values": [*alarm.values], "end_at": 0})
            elif row["told"] and self._webhook.wanted:
                kept.append({**row, "end_at": row["end_at"] or now_ms})
        return kept + [_row(alarm, now_ms) for alarm in holding.values()]

    async def _told(self, rows: list[AlarmRow]) -> list[AlarmRow]:
        """Tell the webhook what it does not know; return the rows as they are afterwards."""
        events = [event for row in rows for event in self._webhook.untold(row)]
        if not events:
            return rows
        try:
            await self._webhook.tell(events)
        except NotTold as error:  # told with the next comparison
            log.warning("the webhook did not take %d events: %s", len(events), error)
            return rows
        return [{**row, "told": 1} for row in rows if not row["end_at"]]

    async def _tell_silence(self) -> None:
        why = silence(self._outages.database)
        row = self._silences.setdefault(why.key, _row(why, self._now_ms()))
        [self._silences[why.key]] = await self._told([row])


def _row(alarm: Alarm, begin_at_ms: int) -> AlarmRow:
    return new_alarm(alarm.key, alarm.kind, alarm.code, alarm.what, [*alarm.values], begin_at_ms)
