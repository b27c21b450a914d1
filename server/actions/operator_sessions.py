"""Operators' sessions: begun with OPS_TOKEN, ended by a logout, after 12 hours, or by another OPS_TOKEN.

Only the browser has a session's id. The store has its hash, under a key that OPS_TOKEN is part of: once that
changes, no record is found any more.
"""

from __future__ import annotations

import re
import secrets

from server.context import Context
from server.store.operator_sessions import OperatorSession

_ID = re.compile(r"[0-9A-Za-z_-]{43}")  # what token_urlsafe(32) makes


def hashed(context: Context, value: str) -> str:
    """Return what stands in the store for a session's id or an address."""
    return context.keys.operator_hash(value, context.operator_token)


async def begin_session(context: Context, name: str, address: str) -> str:
    """Return a new session's id. The `hashed` address it begins from is known for a week."""
    session_id = secrets.token_urlsafe(32)
    key, now_ms = hashed(context, session_id), context.clock.now_ms()
    await context.store.operator_sessions.begin(key, name, address, now_ms)
    return session_id


async def find_session(context: Context, session_id: str) -> OperatorSession | None:
    """Return the session of this id if it is good now."""
    if not _ID.fullmatch(session_id):
        return None
    key = hashed(context, session_id)
    return await context.store.operator_sessions.find(key, context.clock.now_ms())


async def end_session(context: Context, session: OperatorSession) -> None:
    """End a session. Its open feeds close a few seconds later, in all processes."""
    await context.store.operator_sessions.end(session["_id"], context.clock.now_ms())


async def is_known(context: Context, address: str) -> bool:
    """Whether an operator logged in from this `hashed` address within a week, with the present OPS_TOKEN."""
    return await context.store.operator_sessions.knows(address, context.clock.now_ms())
