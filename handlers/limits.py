"""The limits of a request: it counts against its person and its address."""

from __future__ import annotations

from collections.abc import Mapping

from tornado.httputil import HTTPServerRequest

from server.addresses import client_address, counted_address
from server.context import Context
from server.realtime.limits import Count
from server.settings.limits import Limited


def address_of(context: Context, request: HTTPServerRequest) -> str:
    """Return the address that a request is from, as far as trusted proxies say it."""
    return client_address(
        request.remote_ip or "",
        request.headers.get("X-Forwarded-For"),
        context.settings.trusted_networks,
    )


async def limit(
    context: Context, request: HTTPServerRequest, person: str, asked: Mapping[Limited, int]
) -> list[Count]:
    """Count what is asked for, and return the counts. Raises TooOften; then nothing is counted.

    `person` is `Caller.counted`: "" while the caller is unknown.
    """
    address = ""
    if context.settings.knows_addresses:
        address = counted_address(
            request.remote_ip or "",
            request.headers.get("X-Forwarded-For"),
            context.settings.trusted_networks,
        )
    counts = [
        count for what, by in asked.items() for count in context.limits.counts(what, person, address, by)
    ]
    await context.limits.take(counts)
    return counts
