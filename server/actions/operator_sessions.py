"""Operators' sessions: they begin by a login with a token, and last 12 hours, or until the token changes.

A session is its cookie: whose it is and when it ends, under a seal that is made with the token and the
server's secret. Nothing is stored. Role and name come from the settings, so they change at the next start.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from server.context import Context
from server.settings.operators import Operator
from server.store.audit_log import Actor

SESSION_MS = 12 * 3_600_000


@dataclass(frozen=True, slots=True)
class Session:
    """A valid session, whose it is, and until when (unix ms)."""

    ends_at: int
    operator: Operator
    actor: Actor


def operator_of(context: Context, token: str) -> Operator | None:
    """Return whose token this is. The comparison takes the same time, however much of a token is right."""
    found = [one for one in context.operators if hmac.compare_digest(one.token.encode(), token.encode())]
    return found[0] if found else None


def begin_session(context: Context, operator: Operator, name: str) -> str:
    """Return the cookie of a new session. `name` is what was typed."""
    ends_at = context.clock.now_ms() + SESSION_MS
    told = f"{ends_at}.{urlsafe_b64encode(name.encode()).decode().rstrip('=')}"
    return f"{told}.{context.keys.operator_hash(told, operator.token)}"


def find_session(context: Context, cookie: str) -> Session | None:
    """Return the session of this cookie; None if it is not one that we made, or if it is over."""
    told, _, seal = cookie.rpartition(".")
    for operator in context.operators:
        right = context.keys.operator_hash(told, operator.token)
        if hmac.compare_digest(seal.encode(errors="replace"), right.encode()):
            ends_at, _, name = told.partition(".")
            typed = urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
            actor = Actor(operator.name or typed, shared=not operator.name)
            good = context.clock.now_ms() < int(ends_at)
            return Session(int(ends_at), operator, actor) if good else None
    return None
