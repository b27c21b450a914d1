"""Sealing anew, under the first secret, the values that are stored under an older secret. Safe to interrupt
and run again.

Servers may run meanwhile: a value is replaced only if it is still the one that was read. The rotation begins
only once all servers have this first secret as their first, and so seal under it too.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from server.game.sealed import Sealed
from server.realtime.own_database import OwnDatabase
from server.security.keys import Keys
from server.store import Store, is_unavailable, said_by
from server.store.sealed_values import PLACES

# A value that changed meanwhile is read again in the next pass.
PASSES = 10
# A store that is busy or elects a primary is asked again, so that it does not end a rotation that takes
# hours.
TRIES, REST_SECONDS = 20, 2.0
POLL_SECONDS = 0.5
# A server notes under which secret it seals. The note is valid for SEALING_MS, and renewed every
# SEALING_SECONDS.
SEALING_MS, SEALING_SECONDS = 15_000, 5.0


T = TypeVar("T")
log = logging.getLogger("wabao.rotate")


@dataclass(slots=True)
class Rotated:
    """What became of the values of one purpose, by the fingerprint of the secret that they were under.

    `sealed` counts values sealed anew, `left` those still under the old secret. `broken` has the ids of
    values that their own secret does not open.
    """

    purpose: str
    sealed: Counter[str] = field(default_factory=Counter)
    left: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class CannotRotate(Exception):
    """The servers seal under another secret. The message is for the terminal; nothing was changed.

    `said` is the same message as a code and its values.
    """

    def __init__(self, message: str, *said: str) -> None:
        super().__init__(message)
        self.said = list(said)


async def note_sealing(store: Store, database: OwnDatabase, keys: Keys) -> None:
    """Note for the next SEALING_MS that this process seals under its first secret.

    Called before the process serves, so that a fingerprint is noted before any value carries it.
    """
    if database.wrong is None:
        await store.meta.note_sealing(database.identity, keys.fingerprint, SEALING_MS)


async def await_servers(store: Store, keys: Keys, say: Callable[[str], None]) -> None:
    """Return once all servers seal under our first secret. Raises CannotRotate.

    A server that was stopped still counts for SEALING_MS. While no server runs, the one that stopped last
    counts.
    """
    said = False
    deadline = time.monotonic() + SEALING_MS / 1000 + SEALING_SECONDS
    while True:
        about, now_ms = await _persist(store.meta.find), await _persist(store.now_ms)
        until = {} if about is None else about["keys"]
        if not until:
            raise CannotRotate(
                "no server has served from this database yet: nothing is sealed", "unserved"
            )
        running = {each for each, until_ms in until.items() if until_ms > now_ms}
        servers = running or {max(until, key=lambda each: until[each])}
        if keys.fingerprint not in servers:
            raise _other_first(servers, keys)
        if servers == {keys.fingerprint}:
            return
        others = ", ".join(sorted(servers - {keys.fingerprint}))
        if time.monotonic() > deadline:
            raise CannotRotate(
                f"nothing was changed: servers still seal under {others}; restart them with the SECRET_KEYS "
                f"of the others, which begin with {keys.fingerprint}",
                *("still_under", others, keys.fingerprint),
            )
        if not said:
            say(f"waiting for the end of servers that seal under {others}, at most {SEALING_MS // 1000} s")
            said = True
        await asyncio.sleep(POLL_SECONDS)


def _other_first(servers: set[str], keys: Keys) -> CannotRotate:
    under, known = ", ".join(sorted(servers)), ", ".join(sorted(keys.fingerprints))
    why = f"is not among the secrets here, {known}: give the SECRET_KEYS of the servers"
    if servers <= keys.fingerprints:
        why = (
            f"is not the first of SECRET_KEYS here, {keys.fingerprint}: restart them with it first, or put "
            "theirs first here"
        )
    said = f"nothing was changed: the servers seal under {under}, which {why}"
    return CannotRotate(said, "other_first", under, keys.fingerprint)


async def number_under_others(store: Store, keys: Keys) -> int:
    """Return how many stored values are sealed under another secret that is known here."""
    others = keys.fingerprints - {keys.fingerprint}
    asked = [partial(store.sealed_values.number, *each) for each in itertools.product(PLACES, others)]
    return sum([await _persist(each) for each in asked])


async def rotate(
    store: Store, keys: Keys, replaced: Callable[[int], None] = lambda _: None
) -> list[Rotated]:
    """Seal everything anew that is not under the first secret; return what became of it, per purpose.

    `replaced` is called with how many values were sealed anew, as it goes on.
    """
    done = [await _rotate_purpose(store, keys, purpose, replaced) for purpose in PLACES]
    needed = {keys.fingerprint}.union(*(rotated.left for rotated in done))
    about, now_ms = await _persist(store.meta.find), await _persist(store.now_ms)
    for unneeded in () if about is None else about["keys"].keys() - needed:
        await _persist(partial(store.meta.forget_key, unneeded, now_ms))
    return done


async def _rotate_purpose(
    store: Store, keys: Keys, purpose: str, replaced: Callable[[int], None]
) -> Rotated:
    rotated = Rotated(purpose)
    for _ in range(PASSES):
        stored = await _persist(partial(store.sealed_values.fingerprints, purpose))
        rotated.broken.clear()
        older = [each for each in stored if each in keys.fingerprints and each != keys.fingerprint]
        if all([await _pass(store, keys, rotated, each, replaced) for each in older]):
            break
    for each in await _persist(partial(store.sealed_values.fingerprints, purpose)):
        if each != keys.fingerprint:
            rotated.left[each] = await _persist(partial(store.sealed_values.number, purpose, each))
    return rotated


async def _pass(
    store: Store, keys: Keys, rotated: Rotated, fingerprint: str, replaced: Callable[[int], None]
) -> bool:
    """Seal anew all that is under this secret; return whether nothing of it changed meanwhile."""
    purpose, unchanged = rotated.purpose, True
    after: str | None = ""
    while after is not None:
        page, after = await _persist(partial(store.sealed_values.page, purpose, fingerprint, after))
        changes = await asyncio.to_thread(_sealed_anew, keys, rotated, page)  # sealing takes some 10 ms
        number = await _persist(partial(store.sealed_values.replace, purpose, changes))
        rotated.sealed[fingerprint] += number
        replaced(number)
        unchanged = unchanged and number == len(changes)
    return unchanged


def _sealed_anew(
    keys: Keys, rotated: Rotated, page: list[tuple[str, Sealed]]
) -> list[tuple[str, Sealed, Sealed]]:
    purpose, changes = rotated.purpose, []
    for key, sealed in page:
        try:
            plain = keys.open(purpose, sealed, key)
        except ValueError:
            rotated.broken.append(key)
            continue
        is_code = purpose == "pickup"
        anew = keys.seal_pickup(plain.decode(), key) if is_code else keys.seal(purpose, plain, key)
        changes.append((key, sealed, anew))
    return changes


async def _persist(asked: Callable[[], Awaitable[T]]) -> T:
    """Ask until the store answers, at most TRIES times. Values that were replaced stay replaced."""
    for _ in range(TRIES - 1):
        try:
            return await asked()
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("MongoDB does not answer; trying again: %s", said_by(error))
            await asyncio.sleep(REST_SECONDS)
    return await asked()
