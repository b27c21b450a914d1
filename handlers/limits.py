"""What a request counts against in the limits: the person whose token it carries, otherwise its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable
from urllib.parse import parse_qs

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from handlers.base import Caller, presented_token
from server.context import Context
from server.realtime.limits import Count
from server.security.addresses import Network, client_address, counted_address
from server.security.keys import Keys
from server.settings.limits import Limited

# The query of `/ws` has five parameters.
QUERY_FIELDS = 10
ReadAddress: TypeAlias = Callable[[str, str | None, Sequence[Network]], str]


def address_of(context: Context, request: HTTPServerRequest, read: ReadAddress = client_address) -> str:
    """Return the address that a request is from, as far as trusted proxies say it.

    `read` is one of the functions of `server/security/addresses.py`.
    """
    forwarded_for = request.headers.get("X-Forwarded-For")
    return read(request.remote_ip or "", forwarded_for, context.settings.trusted_networks)


def person_of(keys: Keys, target: str, headers: HTTPHeaders) -> str:
    """Return the owner of a request's valid token, "" without one. Whether the token was ended is checked
    later.

    `target` is its path and query.
    """
    token = presented_token(headers)
    if token is None and target.startswith("/ws?"):
        token = _token_of_query(target.partition("?")[2])
    proven = keys.read_token(token) if token else None
    return "" if proven is None else proven.person_id


def _token_of_query(query: str) -> str:
    """Return the token that an old client put into its query; "" if there is none.

    A query with more than QUERY_FIELDS fields is not parsed: that would take long, and `/ws` has no such
    query.
    """
    try:
        return parse_qs(query, max_num_fields=QUERY_FIELDS).get("token", [""])[-1]
    except ValueError:
        return ""


@runtime_checkable
class Placed(Protocol):
    """A stream whose request occupies one of the limited places (`server/running/listening.py`).

    While it `awaits` the identity of its client, it may be closed to make room for another request.
    """

    awaits: bool

    def leave_place(self) -> None:
        """Give the place up."""


def leave_place(request: HTTPServerRequest) -> None:
    """Give up the place of a request that only waits."""
    stream = getattr(request.connection, "stream", None)
    if isinstance(stream, Placed):
        stream.leave_place()


async def limit(
    context: Context, request: HTTPServerRequest, caller: Caller, asked: Mapping[Limited, int]
) -> list[Count]:
    """Count what is asked for, and return the counts. Raises TooOften; then nothing is counted.

        await limit(self.context, self.request, self.caller, {"uploads": 1, "upload_kb": len(body) >> 10})

    A request with a valid token counts for its person alone, because thousands of people may share an
    address.
    """
    address = ""
    if context.settings.knows_addresses and not caller.proven:
        address = address_of(context, request, counted_address)
    counts = [
        count
        for what, by in asked.items()
        for count in context.limits.counts(what, caller.counted, address, by)
    ]
    await context.limits.take(counts)
    return counts
