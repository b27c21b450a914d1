"""The leader: one process, which holds a lease, does the work that any process could do for all.

It sweeps what is due, tidies, and notices alarms. If it ends, it gives the lease back and tells the others
through Redis; if it is killed or stands still, the lease ends, and another process takes it within LEASE_MS
and the time of one query.

Two leaders do no harm. A leader that stood still may go on beside its successor. But each of its changes is
conditional: either the leader first leases the document, by an update that requires that the document is due
(`server/store/due.py`), or the change requires that it was not made yet. So correctness rests on these
conditions; the leader's lease only saves queries.
"""

import asyncio
import time
from collections.abc import Callable

from server.operation.own_database import OwnDatabase
from server.realtime.bus import Bus
from server.runtime.background import Background
from server.runtime.deadline import happened
from server.store import Store, is_unavailable

LEASE_MS = 8_000
RENEW_SECONDS = 3.0
LEAST_SECONDS = 0.25
AGAIN_SECONDS = 1.0  # the wait after MongoDB did not answer
CLOSE_SECONDS = 1.0
LEASE = "leader"
# The name under which Redis tells that the lease is free.
NEWS = "leader"


class Leader:
    """One per process. It asks for the lease from `begin` on."""

    def __init__(
        self, store: Store, bus: Bus, database: OwnDatabase, process: str, now_ms: Callable[[], int]
    ) -> None:
        """`process` is the name to lease under."""
        self._store = store
        self._bus = bus
        self._database = database
        self._process = process
        self._now_ms = now_ms
        self.has_lease = False
        self._until = float("-inf")  # by the monotonic clock, which goes on while the process stands still
        self._wait_seconds = AGAIN_SECONDS
        self._taken = asyncio.Event()
        self._free = asyncio.Event()
        bus.on_name(NEWS, self._hear)

    @property
    def leads(self) -> bool:
        """Whether this process is the leader now. `has_lease`: whether it was the leader when it last
        asked."""
        return time.monotonic() < self._until

    async def lead(self) -> None:
        """Return once this process is the leader."""
        while not self.leads:
            self._taken.clear()
            await self._taken.wait()

    def begin(self, working: Background) -> None:
        """Take the lease as soon as it is free, and renew it, until `working` ends."""
        working.repeat(self._database.while_ours(self.ask), self._rest, at_once=True)

    async def _rest(self) -> None:
        """Wait until the lease may be free, or has to be renewed."""
        wait_seconds = self._wait_seconds
        self._wait_seconds = AGAIN_SECONDS
        await happened(self._free, wait_seconds)
        self._free.clear()

    async def ask(self) -> None:
        """Take or renew the lease, unless another process has it. Raises the driver's error if MongoDB does
        not answer."""
        asked_at = time.monotonic()
        leases = self._store.leases
        lease = await leases.renew(LEASE, self._process, LEASE_MS) if self.has_lease else None
        lease = lease or await leases.acquire(LEASE, self._process, LEASE_MS)
        self.has_lease = lease["holder"] == self._process
        if self.has_lease:
            self._until = asked_at + LEASE_MS / 1000
            self._wait_seconds = RENEW_SECONDS
            self._taken.set()
            return
        self._until = float("-inf")
        # The lease ends within LEASE_MS. So we ask in time even if our estimate of MongoDB's clock is wrong.
        self._wait_seconds = max(LEAST_SECONDS, min(lease["until"] - self._now_ms(), LEASE_MS) / 1000)

    def _hear(self, payload: bytes) -> None:
        """Ask at once: the lease is free, or may have become free while Redis was away."""
        self._free.set()

    async def close(self) -> None:
        """Give the lease back, and tell the others. Call it once this process has ended all its work as the
        leader."""
        if not self.has_lease:
            return
        self.has_lease = False
        self._until = float("-inf")
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._store.leases.release(LEASE, self._process)
                await self._bus.publish(NEWS, b"free")
        except TimeoutError:
            return  # the lease ends by itself
        except Exception as error:
            if not is_unavailable(error):
                raise
