"""Doing something in one process at a time, whether an operator's run or the command line started it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.runtime.background import Background
from server.store import Store, is_unavailable

# A process that is killed leaves its lease behind. Another process waits until the lease ends, and looks
# every AGAIN_SECONDS.
LEASE_MS, RENEW_SECONDS, AGAIN_SECONDS = 10_000, 2.0, 0.5


class Busy(Exception):
    """Another process does the same work, or took it over while this process stood still. The message is one
    line."""


def erasure_of(unionid: str) -> str:
    """Return the name of a person's erasure, which does not name the person."""
    return f"forget {hashlib.sha256(unionid.encode()).hexdigest()[:24]}"


@asynccontextmanager
async def alone(store: Store, name: str) -> AsyncIterator[None]:
    """Run the body of the `with` statement under a lease, which is renewed meanwhile. Raises Busy if another
    process keeps renewing the lease.

    If MongoDB is silent for longer than the lease lasts, another process may begin. This process stops as
    soon as it learns that another one has begun. Until then both work, so the work must be safe to do twice
    at the same time.
    """
    holder, lease = secrets.token_hex(8), f"run:{name}"
    first = taken = await store.leases.acquire(lease, holder, LEASE_MS)
    while taken["holder"] != holder:
        if taken["until"] != first["until"]:
            raise Busy(f"{name.split()[0]} runs at this moment, started here or at /ops: wait for its end")
        await asyncio.sleep(AGAIN_SECONDS)
        taken = await store.leases.acquire(lease, holder, LEASE_MS)
    working = asyncio.current_task()
    assert working is not None  # noqa: S101  (a coroutine runs in a task)
    lost = False

    async def renew() -> None:
        nonlocal lost
        if not lost:
            renewed = await store.leases.renew(lease, holder, LEASE_MS)
            lost = renewed is None or renewed["holder"] != holder
            if lost:
                working.cancel()

    renewing = Background()
    renewing.repeat(renew, RENEW_SECONDS)
    try:
        yield
    except asyncio.CancelledError:
        if not lost:
            raise
        working.uncancel()
        raise Busy(f"{name.split()[0]}: another process has taken it over") from None
    finally:
        await renewing.end()
        await _release(store, lease, holder)


async def _release(store: Store, lease: str, holder: str) -> None:
    try:
        await store.leases.release(lease, holder)
    except Exception as error:
        if not is_unavailable(error):
            raise  # if MongoDB is silent, the lease ends by itself
