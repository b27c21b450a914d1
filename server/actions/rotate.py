"""Sealing anew, under the first secret, the values that are stored under an older secret. Safe to interrupt
and run again.

Servers may run meanwhile: a value is replaced only if it is still the one that was read.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from server.game.sealed import Sealed
from server.security.keys import Keys
from server.store import Store
from server.store.sealed_values import PLACES


@dataclass(slots=True)
class Rotated:
    """What became of the values of one purpose, by the fingerprint of the secret that they were under.

    `sealed` counts values sealed anew, `left` those still under another secret. `broken` has the ids of
    values that their own secret does not open.
    """

    purpose: str
    sealed: Counter[str] = field(default_factory=Counter)
    left: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class CannotRotate(Exception):
    """No server seals under our first secret. The message is for the terminal; nothing was changed."""


async def rotate(store: Store, keys: Keys) -> list[Rotated]:
    """Seal everything anew that is not under the first secret; return what became of it, per purpose.

    Raises CannotRotate if no server ever served with this first secret: the servers could then open nothing.
    """
    about = await store.meta.find()
    noted = set() if about is None else about["keys"].keys()
    if keys.fingerprint not in noted:
        served = f"under {', '.join(sorted(noted))}" if noted else "nothing"
        raise CannotRotate(
            f"nothing was changed: servers of this database have sealed {served}, and never under the first "
            f"of SECRET_KEYS here, {keys.fingerprint}: start them with these SECRET_KEYS first"
        )
    done = [await _rotate_purpose(store, keys, purpose) for purpose in PLACES]
    needed = {keys.fingerprint}.union(*(rotated.left for rotated in done))
    await store.meta.forget_keys(noted - needed)
    return done


async def _rotate_purpose(store: Store, keys: Keys, purpose: str) -> Rotated:
    values = store.sealed_values
    rotated = Rotated(purpose)
    for old in await values.fingerprints(purpose):
        after: str | None = "" if old in keys.fingerprints and old != keys.fingerprint else None
        while after is not None:
            page, after = await values.page(purpose, old, after)
            changes = await asyncio.to_thread(_sealed_anew, keys, rotated, page)  # sealing takes some 10 ms
            rotated.sealed[old] += await values.replace(purpose, changes)
    for other in await values.fingerprints(purpose):
        if other != keys.fingerprint:
            rotated.left[other] = await values.number(purpose, other)
    return rotated


def _sealed_anew(
    keys: Keys, rotated: Rotated, page: list[tuple[str, Sealed]]
) -> list[tuple[str, Sealed, Sealed]]:
    purpose = rotated.purpose
    changes = []
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
