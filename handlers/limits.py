"""What a request counts against in the limits: the person whose token it carries, otherwise its address."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from tornado.httputil import HTTPServerRequest

from handlers.base import Caller
from server.context import Context
from server.memory.limits import Count
from server.security.addresses import Network, client_address, counted_address
from server.settings.limits import Limited

ReadAddress: TypeAlias = Callable[[str, str | None, Sequence[Network]], str]


def address_of(context: Context, request: HTTPServerRequest, read: ReadAddress = client_address) -> str:
    """Return the address that a request is from, as far as trusted proxies say it.

    `read` is one of the functions of `server/security/addresses.py`.
    """
    forwarded_for = request.headers.get("X-Forwarded-For")
    return read(request.remote_ip or "", forwarded_for, context.settings.trusted_networks)


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
