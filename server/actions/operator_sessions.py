"""Operators' sessions. They begin with OPS_TOKEN and end by logout, after 12 hours, or if OPS_TOKEN changes.

Only the browser has a session's id. The store has its hash under a key made with OPS_TOKEN: once that
changes, no old record is found.
"""

from __future__ import annotations

import re
import secrets

from server.context import Context
from server.store.operator_sessions import OperatorSession

_ID = re.compile(r"[0-9A-Za-z_-]{43}")  # what token_urlsafe(32) makes


def hashed(context: Context, value: str) -> str:
    """Return the hash under which the store keeps a session's id or an address."""
    return context.keys.operator_hash(value, context.operator_token)


async def begin_session(context: Context, name: str, address: str) -> str:
    """Return a new session's id. `address` is `hashed`, and counts as known for a week."""
    session_id = secrets.token_urlsafe(32)
    key, now_ms = hashed(context, session_id), context.clock.now_ms()
    await context.store.operator_sessions.begin(key, name, address, now_ms)
    return session_id


async def find_session(context: Context, session_id: str) -> OperatorSession | None:
    """Return the session of this id; None if it is malformed, unknown or over."""
    if not _ID.fullmatch(session_id):
        return None
    key = hashed(context, session_id)
    return await context.store.operator_sessions.find(key, context.clock.now_ms())


async def end_session(context: Context, session: OperatorSession) -> None:
    """End a session. Its open feeds close a few seconds later, in all processes."""
    await context.store.operator_sessions.end(session["_id"], context.clock.now_ms())


async def is_known(context: Context, address: str) -> bool:
    """Whether an operator logged in from this `hashed` address in the last week, with today's OPS_TOKEN."""
    return await context.store.operator_sessions.knows(address, context.clock.now_ms())
