"""Operators' sessions: they begin by a login with a token, and end by logout, after 12 hours, or when the
token changes.

Only the browser has a session's id. The store has its hash under a key made with the token: once the token
changes, no old record is found. Name and role come from the settings, so they change at the next start.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass

from server.context import Context
from server.settings.operators import Operator
from server.store.audit_log import Actor

_ID = re.compile(r"[0-9A-Za-z_-]{43}")  # what token_urlsafe(32) makes


@dataclass(frozen=True, slots=True)
class Session:
    """A valid session, whose it is, and until when (unix ms). `key` is the key of its record."""

    key: str
    ends_at: int
    operator: Operator
    actor: Actor


def operator_of(context: Context, token: str) -> Operator | None:
    """Return whose token this is. The comparison takes the same time, however much of a token is right."""
    found = [one for one in context.operators if hmac.compare_digest(one.token.encode(), token.encode())]
    return found[0] if found else None


def _hashed(context: Context, session_id: str, operator: Operator) -> str:
    """Return the hash under which the store keeps a session's id."""
    return context.keys.operator_hash(session_id, operator.token)


async def begin_session(context: Context, operator: Operator, name: str) -> str:
    """Return a new session's id. `name` is what was typed."""
    session_id = secrets.token_urlsafe(32)
    key, now_ms = _hashed(context, session_id, operator), context.clock.now_ms()
    await context.store.operator_sessions.begin(key, operator.name or name, now_ms)
    return session_id


async def find_session(context: Context, session_id: str) -> Session | None:
    """Return the session of this id; None if it is malformed, unknown or over."""
    if not _ID.fullmatch(session_id):
        return None
    keys = {_hashed(context, session_id, operator): operator for operator in context.operators}
    record = await context.store.operator_sessions.find(list(keys), context.clock.now_ms())
    if record is None:
        return None
    operator = keys[record["_id"]]
    actor = Actor(operator.name or record["name"], shared=not operator.name)
    return Session(record["_id"], record["ends_at"], operator, actor)


async def end_session(context: Context, session: Session) -> None:
    """End a session. Its open feeds close a few seconds later, in all processes."""
    await context.store.operator_sessions.end(session.key, context.clock.now_ms())
