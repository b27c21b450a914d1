"""Sealing anew, under the first secret, what is stored under an older one. Safe to interrupt and run again.

Servers may run meanwhile: a box is replaced only if it is still the one that was read. What they seal is
under the first secret too, once all of them have it as their first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from server.keys import Keys
from server.store import Store, is_unavailable, said_by
from server.store.boxes import PLACES

# A box that changed meanwhile is read again in the next pass.
PASSES = 10
# A store that is busy or elects a primary is asked again: that must not end a rotation of hours.
TRIES, REST_SECONDS = 20, 2.0

T = TypeVar("T")
log = logging.getLogger("wabao.rotate")


@dataclass(slots=True)
class Rotated:
    """What became of the boxes of one purpose. `left` has the ids of those not under the first secret."""

    purpose: str
    sealed: int = 0
    left: list[str] = field(default_factory=list)


async def rotate(store: Store, keys: Keys) -> list[Rotated]:
    """Seal everything anew that is not under the first secret; return what became of it, per purpose."""
    return [await _rotate_purpose(store, keys, purpose) for purpose in PLACES]


async def _rotate_purpose(store: Store, keys: Keys, purpose: str) -> Rotated:
    rotated = Rotated(purpose)
    for _ in range(PASSES):
        sealed, unopened, changed = await _pass(store, keys, purpose)
        rotated.sealed += sealed
        rotated.left = unopened + changed
        if not changed:
            break
    return rotated


async def _pass(store: Store, keys: Keys, purpose: str) -> tuple[int, list[str], list[str]]:
    """Go through all boxes once; return how many were sealed anew, which did not open, and which changed."""
    sealed, unopened, changed = 0, [], []
    after: str | None = ""
    while after is not None:
        page, after = await _persist(partial(store.boxes.page, purpose, after))
        changes = []
        for key, box in page:
            if not box or keys.is_sealed_first(box):  # before the first access token its box is empty
                continue
            try:
                changes.append((key, box, keys.seal(purpose, keys.open(purpose, box, key), key)))
            except ValueError:
                unopened.append(key)
        replaced = await _persist(partial(store.boxes.replace, purpose, changes))
        sealed += replaced
        if replaced < len(changes):
            changed += [key for key, _, _ in changes]
    return sealed, unopened, changed


async def _persist(asked: Callable[[], Awaitable[T]]) -> T:
    """Ask until the store answers, at most TRIES times. A box that was replaced already is left as it is."""
    for _ in range(TRIES - 1):
        try:
            return await asked()
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("MongoDB does not answer; trying again: %s", said_by(error))
            await asyncio.sleep(REST_SECONDS)
    return await asked()
