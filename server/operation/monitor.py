"""Noticing alarms, keeping them, and telling the webhook. The leader does it for all (`leader.py`).

An alarm is written before the webhook is told, and it is noted as told afterwards. So a kill loses nothing:
at worst the webhook is told the same event twice, under the same id. Only the beginning of MongoDB's silence
is reported from memory. If the process dies during that silence, the end of the silence is not told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from server.game.findings import PaymentKind
from server.operation.alarms import (
    LEDGER_SECONDS,
    Alarm,
    Check,
    FailedWork,
    Progress,
    check_invariants,
    check_ledger,
    check_messages,
    check_payouts,
    check_queues,
    check_reviews,
    silence,
)
from server.operation.leader import Leader
from server.operation.patterns import PATTERNS_SECONDS, check_patterns
from server.operation.webhook import PAUSE_SECONDS, Event, NotTold, Webhook
from server.realtime.outages import Outages
from server.runtime.background import Background
from server.runtime.disk import Disk
from server.settings import Settings
from server.store import Store
from server.store.alarms import AlarmRecord, new_alarm

TURN_SECONDS = 1.0
LOOK_SECONDS = 0.5
# How often findings that stay the same are compared with the alarms that are stored.
COMPARED_SECONDS = 10.0
# How often to look for alarms of which the webhook must still be told, if no alarm was written since.
LOOKED_SECONDS = 5.0
CHECKED_TASKS = 20
FIRST_RETRY_MS, LONGEST_RETRY_MS = 5_000, 600_000
GIVEN_UP_MS = 24 * 3_600_000
_PAYMENTS: tuple[PaymentKind, ...] = ("order", "bill", "refund")

log = logging.getLogger("wabao.alarms")


def key_of(alarm: Alarm) -> str:
    """Return what an alarm is about. At most one alarm per key lasts; it has the newest values."""
    about = [alarm.kind, alarm.code, alarm.what, *(alarm.values[:1] if alarm.kind in _PAYMENTS else ())]
    return ":".join(about)


class Monitor:
    """One per process. It does nothing until `begin`, and writes only while this process leads."""

    def __init__(
        self,
        store: Store,
        outages: Outages,
        disk: Disk,
        leader: Leader,
        now_ms: Callable[[], int],
        settings: Settings,
    ) -> None:
        self._store, self._outages, self._webhook = store, outages, Webhook(settings)
        self._disk, self._leader, self._now_ms = disk, leader, now_ms
        self._led = False
        self._compared: tuple[dict[str, Alarm], set[str]] | None = None  # what the last comparison found
        self._compared_at = self._looked_at = float("-inf")
        self._silent_since = 0  # since when MongoDB is silent, or not ours, unix ms; 0 if it answers
        self._silent_why = Alarm("mongodb")
        self._silences: list[AlarmRecord] = []  # earlier silences for other reasons, not written yet
        self._silence_told = False
        self._told_at = float("-inf")
        self._failed_work = FailedWork()
        progress = Progress()
        self._checks = [
            Check("invariants", ["invariant"], self._check_invariants),
            Check("books", ["books", *_PAYMENTS], lambda: check_ledger(store, progress), LEDGER_SECONDS),
            Check("queues", ["queue"], lambda: check_queues(store, now_ms())),
            Check("payouts", ["payouts"], lambda: check_payouts(store, settings.payout_day_yuan, now_ms())),
            Check("patterns", ["pattern", "held"], lambda: check_patterns(store, now_ms()), PATTERNS_SECONDS),
        ]
        if settings.templates:
            self._checks.append(Check("messages", ["message"], lambda: check_messages(store, now_ms())))
        if settings.checks_content:
            self._checks.append(Check("reviews", ["review"], lambda: check_reviews(store, now_ms())))

    async def _check_invariants(self) -> list[Alarm]:
        return await check_invariants(self._store, await self._store.tasks.matter_now([], CHECKED_TASKS))

    def begin(self, working: Background) -> None:
        """Monitor, until `working` ends."""
        working.repeat(self._look, LOOK_SECONDS, at_once=True)
        working.repeat(self._turn, TURN_SECONDS, at_once=True)
        if self._webhook.wanted:
            working.repeat(self._tell_due, TURN_SECONDS)
        for check in self._checks:
            working.repeat(partial(self._run_check, check), TURN_SECONDS)

    async def _look(self) -> None:
        """Notice MongoDB's silence, even while all other checks wait for its answer. Asks no store."""
        silent = "mongodb" in self._outages.silent
        for check in self._checks:
            check.pass_time(able=not silent)
        if silent:
            await self._note_silence()

    async def _turn(self) -> None:
        """Write what began and what ended."""
        if "mongodb" in self._outages.silent:
            return
        if self._silent_since:  # even if another process leads by now: only this process knows of the silence
            await self._write_silence()
        if self._leader.has_lease and not self._led:
            self._compared = None
            for check in self._checks:
                check.begin()
        self._led = self._leader.has_lease
        if self._leader.leads:
            await self._reconcile()

    async def _note_silence(self) -> None:
        """If we were the last to lead, tell of MongoDB's silence: while the silence lasts, nobody else can
        get the lease.

        A database that is not ours raises an alarm of its own, even if MongoDB was silent before.
        """
        if not self._leader.has_lease:
            return
        why = silence(self._outages.database)
        if self._silent_since and why != self._silent_why:
            self._silences.append(self._silence(self._now_ms()))
            self._silent_since, self._silence_told = 0, False
        self._silent_why = why
        self._silent_since = self._silent_since or self._now_ms()
        if self._webhook.wanted and not self._silence_told and self._may_tell():
            self._silence_told = await self._told(self._webhook.untold(self._silence(0)))

    def _silence(self, end_at: int) -> AlarmRecord:
        since, told = self._silent_since, int(self._silence_told)
        record = self._record(self._silent_why, since)
        return {**record, "end_at": end_at, "told": told}

    async def _write_silence(self) -> None:
        """Write the silence that is over, from its begin to its end."""
        for record in (*self._silences, self._silence(self._now_ms())):
            await self._store.alarms.insert(record)
        self._silences.clear()
        self._looked_at = float("-inf")
        self._silent_since, self._silence_told = 0, False

    def _record(self, alarm: Alarm, begin_at: int) -> AlarmRecord:
        record = new_alarm(key_of(alarm), alarm.kind, alarm.code, alarm.what, [*alarm.values], begin_at)
        return {**record, "due_at": begin_at} if self._webhook.wanted else record

    async def _reconcile(self) -> None:
        """Begin and end alarms, so that the alarms that last are exactly those that were found. Alarms that
        were not checked again yet stay as they are."""
        alarms, began = self._store.alarms, time.monotonic()
        found = {key_of(alarm): alarm for alarm in self._found()}
        unknown: set[str] = {kind for check in self._checks if not check.ran for kind in check.kinds}
        if (found, unknown) == self._compared and began - self._compared_at < COMPARED_SECONDS:
            return
        self._compared = None
        lasting = {record["key"]: record for record in await alarms.lasting()}
        now_ms = self._now_ms()
        for key in [key for key in found if key not in lasting]:  # in the order they were found
            await alarms.insert(self._record(found[key], now_ms))
            await alarms.delete_old()
        for key in found.keys() & lasting.keys():
            if list(found[key].values) != lasting[key]["values"]:
                await alarms.change(lasting[key]["_id"], list(found[key].values))
        for key in lasting.keys() - found.keys():
            if lasting[key]["kind"] not in unknown:
                await alarms.end(lasting[key]["_id"], now_ms, tell=self._webhook.wanted)
        self._compared, self._compared_at = (found, unknown), began
        self._looked_at = float("-inf")

    def _found(self) -> list[Alarm]:
        found = [Alarm("redis")] if "redis" in self._outages.silent else []
        if self._disk.low:
            found.append(Alarm("disk", "", "free", (str(self._disk.free_mb), str(self._disk.least_mb))))
        found += [Alarm("work", "", name) for name in self._failed_work.names()]
        found += [alarm for check in self._checks for alarm in check.late()]
        return found + [alarm for check in self._checks for alarm in check.found]

    async def _run_check(self, check: Check) -> None:
        if self._leader.leads and "mongodb" not in self._outages.silent:
            await check.run_if_due(self._now_ms)

    # ---- the webhook

    def _may_tell(self) -> bool:
        return time.monotonic() - self._told_at > PAUSE_SECONDS

    async def _told(self, events: list[Event]) -> bool:
        self._told_at = time.monotonic()
        try:
            await self._webhook.tell(events)
        except NotTold as error:
            log.warning("the webhook did not take %d events: %s", len(events), error)
            return False
        return True

    async def _tell_due(self) -> None:
        """Tell the webhook all that is due, in one message."""
        if not self._leader.leads or "mongodb" in self._outages.silent or not self._may_tell():
            return
        if time.monotonic() - self._looked_at < LOOKED_SECONDS:
            return
        records = [record async for record in self._store.alarms.lease_due(self._now_ms)]
        if not records:
            self._looked_at = time.monotonic()
            return
        events = [event for record in records for event in self._webhook.untold(record)]
        events.sort(key=lambda event: event.at)
        if await self._told(events):
            for record in records:
                await self._store.alarms.note_told(record)
            return
        for record in records:
            await self._try_later(record)

    async def _try_later(self, record: AlarmRecord) -> None:
        now_ms = self._now_ms()
        if now_ms - (record["end_at"] or record["begin_at"]) > GIVEN_UP_MS:
            log.error("the webhook took nothing for a day: it will not be told of %s", record["_id"])
            await self._store.alarms.again(record, None)
            return
        wait_ms = min(FIRST_RETRY_MS * 2 ** min(record["tries"], 10), LONGEST_RETRY_MS)
        await self._store.alarms.try_later(record, now_ms + wait_ms)
