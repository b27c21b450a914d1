"""Noticing alarms, keeping them, and telling the webhook. One process does it for all, by a lease.

An alarm is written before the webhook is told, and what was told is written after. So a kill loses nothing:
at worst the webhook is told the same event twice, under the same id. Only the begin of MongoDB's silence is
told from memory. If the process dies during that silence, its end is not told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from server.background import Background
from server.disk import Disk
from server.operation.alarms import (
    BOOKS_SECONDS,
    INVARIANTS_SECONDS,
    MESSAGES_SECONDS,
    QUEUES_SECONDS,
    REVIEWS_SECONDS,
    Alarm,
    Check,
    check_books,
    check_invariants,
    check_messages,
    check_queues,
    check_reviews,
    silence,
)
from server.operation.patterns import PATTERNS_SECONDS, check_patterns
from server.operation.webhook import PAUSE_SECONDS, Event, NotTold, Webhook
from server.realtime.outages import Outages
from server.store import Store, is_unavailable
from server.store.alarms import AlarmRecord

TURN_SECONDS = 1.0
LOOK_SECONDS = 0.5
LEASE_MS = 10_000
RENEWED_MS = 3_000
CHECKED_TASKS = 20
FIRST_RETRY_MS, LONGEST_RETRY_MS = 5_000, 600_000
GIVEN_UP_MS = 24 * 3_600_000
CLOSE_SECONDS = 1.0
_DUTY = "alarms"
_PAYMENTS = ("order", "bill", "refund")

log = logging.getLogger("wabao.alarms")


def key_of(alarm: Alarm) -> str:
    """Return what an alarm is about. At most one alarm per key lasts; it has the newest values."""
    about = [alarm.kind, alarm.code, alarm.what, *(alarm.values[:1] if alarm.kind in _PAYMENTS else ())]
    return ":".join(about)


class Monitor:
    """One per process. It does nothing until `run` runs, and writes only while it has the lease."""

    def __init__(
        self,
        store: Store,
        outages: Outages,
        disk: Disk,
        webhook: Webhook,
        process: str,
        now_ms: Callable[[], int],
        *,
        messages: bool = False,
        reviews: bool = False,
    ) -> None:
        """`messages`: there are messages to people who left. `reviews`: WeChat checks contents."""
        self._store, self._outages, self._webhook = store, outages, webhook
        self._disk, self._process, self._now_ms = disk, process, now_ms
        self._leased_until = 0  # unix ms; 0 if another process has the lease
        self._asked_at = float("-inf")
        self._silent_since = 0  # since when MongoDB is silent, or not ours, unix ms; 0 if it answers
        self._silent_why = Alarm("mongodb")
        self._silences: list[AlarmRecord] = []  # earlier ones, for other reasons, that are not written yet
        self._silence_told = False
        self._told_at = float("-inf")
        self._checks = (
            Check("statements", self._check_invariants, INVARIANTS_SECONDS),
            Check("books", lambda: check_books(store), BOOKS_SECONDS),
            *(
                [Check("messages", lambda: check_messages(store, now_ms()), MESSAGES_SECONDS)]
                if messages
                else []
            ),
            *([Check("reviews", lambda: check_reviews(store, now_ms()), REVIEWS_SECONDS)] if reviews else []),
            Check("queues", lambda: check_queues(store, now_ms()), QUEUES_SECONDS),
            Check("patterns", lambda: check_patterns(store, now_ms()), PATTERNS_SECONDS),
        )

    async def _check_invariants(self) -> list[Alarm]:
        return await check_invariants(self._store, await self._store.tasks.matter_now([], CHECKED_TASKS))

    async def run(self) -> None:
        """Monitor, until cancelled."""
        working = Background()
        working.repeat(self._look, LOOK_SECONDS, at_once=True)
        working.repeat(self._turn, TURN_SECONDS, at_once=True)
        if self._webhook.wanted:
            working.repeat(self._tell_due, TURN_SECONDS)
        for check in self._checks:
            working.repeat(partial(self._run_check, check), TURN_SECONDS)
        try:
            await asyncio.Event().wait()
        finally:
            await working.end()

    async def close(self) -> None:
        """Give the lease back, so that another process need not wait for its end."""
        if not self._leased_until:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._store.leases.release(_DUTY, self._process)
        except TimeoutError:
            return  # it ends by itself
        except Exception as error:
            if not is_unavailable(error):
                raise

    @property
    def _has_lease(self) -> bool:
        return self._now_ms() < self._leased_until

    async def _look(self) -> None:
        """Notice MongoDB's silence, while all others may be waiting for its answer. Asks no store."""
        silent = "mongodb" in self._outages.silent
        for check in self._checks:
            check.pass_time(able=not silent)
        if silent:
            await self._note_silence()

    async def _turn(self) -> None:
        """Write what began and what ended."""
        if "mongodb" in self._outages.silent:
            return
        if self._silent_since:  # even if another process has the lease by now: only we know of it
            await self._write_silence()
        if await self._acquire():
            await self._reconcile()

    async def _acquire(self) -> bool:
        """Whether we have the lease. It is renewed long before it ends; another's is asked for as often."""
        now_ms = self._now_ms()
        if now_ms < self._leased_until - LEASE_MS + RENEWED_MS:
            return True
        if not self._leased_until and time.monotonic() - self._asked_at < RENEWED_MS / 1000:
            return False
        had = self._leased_until
        self._asked_at = time.monotonic()
        acquired = await self._store.leases.acquire(_DUTY, self._process, now_ms, now_ms + LEASE_MS)
        self._leased_until = now_ms + LEASE_MS if acquired else 0
        if acquired and not had:
            for check in self._checks:
                check.begin()
        return acquired

    async def _note_silence(self) -> None:
        """If we held the last lease, tell of MongoDB's silence: while it lasts, nobody else gets a lease.

        A database that is not ours is told of as another alarm, also if MongoDB was silent before.
        """
        if not self._leased_until:
            return
        why = silence(self._outages.database)
        if self._silent_since and why != self._silent_why:
            self._silences.append(self._silence(self._now_ms()))
            self._silent_since, self._silence_told = 0, False
        self._silent_why = why
        self._silent_since = self._silent_since or self._now_ms()
        if self._webhook.wanted and not self._silence_told and self._may_tell():
            self._silence_told = await self._told([self._webhook.begin(self._silence(0))])

    def _silence(self, end_at: int) -> AlarmRecord:
        since, told = self._silent_since, int(self._silence_told)
        record = self._record(self._silent_why, since)
        return {**record, "end_at": end_at, "told": told}

    async def _write_silence(self) -> None:
        """Write the silence that is over, from its begin to its end."""
        for record in (*self._silences, self._silence(self._now_ms())):
            await self._store.alarms.begin(record)
        self._silences.clear()
        self._silent_since, self._silence_told = 0, False

    def _record(self, alarm: Alarm, begin_at: int) -> AlarmRecord:
        record = AlarmRecord(
            _id=f"{key_of(alarm)}@{begin_at}",
            key=key_of(alarm),
            kind=alarm.kind,
            code=alarm.code,
            what=alarm.what,
            values=list(alarm.values),
            begin_at=begin_at,
            end_at=0,
            told=0,
            tries=0,
        )
        return {**record, "due_at": begin_at} if self._webhook.wanted else record

    async def _reconcile(self) -> None:
        """Make the alarms that last those that are found. What was not checked again yet is left alone."""
        alarms = self._store.alarms
        found = {key_of(alarm): alarm for alarm in self._found()}
        unknown = {check.name for check in self._checks if not check.ran}
        lasting = {record["key"]: record for record in await alarms.lasting()}
        now_ms = self._now_ms()
        for key in [key for key in found if key not in lasting]:  # in the order they were found
            await alarms.begin(self._record(found[key], now_ms))
            await alarms.delete_old()
        for key in found.keys() & lasting.keys():
            if list(found[key].values) != lasting[key]["values"]:
                await alarms.change(lasting[key]["_id"], list(found[key].values))
        for key in lasting.keys() - found.keys():
            if _checked_by(lasting[key]["kind"]) not in unknown:
                await alarms.end(lasting[key]["_id"], now_ms, tell=self._webhook.wanted)

    def _found(self) -> list[Alarm]:
        found = [Alarm("redis")] if "redis" in self._outages.silent else []
        if self._disk.low:
            found.append(Alarm("disk", "", "free", (str(self._disk.free_mb), str(self._disk.least_mb))))
        found += [alarm for check in self._checks for alarm in check.late()]
        return found + [alarm for check in self._checks for alarm in check.found]

    async def _run_check(self, check: Check) -> None:
        if self._has_lease and "mongodb" not in self._outages.silent:
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

    def _untold(self, record: AlarmRecord) -> list[Event]:
        events = [] if record["told"] else [self._webhook.begin(record)]
        return [*events, self._webhook.end(record)] if record["end_at"] else events

    async def _tell_due(self) -> None:
        """Tell the webhook all that is due, in one message."""
        if not self._has_lease or "mongodb" in self._outages.silent or not self._may_tell():
            return
        records = [record async for record in self._store.alarms.lease_due(self._now_ms)]
        if not records:
            return
        events = sorted((event for record in records for event in self._untold(record)), key=lambda e: e.at)
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
            await self._store.alarms.give_up(record)
            return
        wait_ms = min(FIRST_RETRY_MS * 2 ** min(record["tries"], 10), LONGEST_RETRY_MS)
        await self._store.alarms.try_later(record, now_ms + wait_ms)


def _checked_by(kind: str) -> str:
    """Return the check that finds alarms of this kind; "" if that is seen at once."""
    own = {
        "statement": "statements", "message": "messages", "review": "reviews",
        "pattern": "patterns", "held": "patterns",
    }
    return own.get(kind, "books" if kind in ("books", *_PAYMENTS) else "")
