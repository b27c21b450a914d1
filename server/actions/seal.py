"""Noting under which secret this process seals, so that no rotation leaves out the values that it will
seal."""

from __future__ import annotations

from server.realtime.own_database import OwnDatabase
from server.security.keys import Keys
from server.store import Store

# How long the note lasts, and after how long it is written anew.
SEALING_MS, SEALING_SECONDS = 15_000, 5.0


async def note_sealing(store: Store, database: OwnDatabase, keys: Keys) -> None:
    """Note for the next SEALING_MS that this process seals under its first secret.

    Called before the process serves, so that a fingerprint is noted before any value carries it.
    """
    if database.wrong is None:
        await store.meta.note_sealing(database.identity, keys.fingerprint, SEALING_MS)
