"""The reply to a request whose first line and headers are longer than Tornado reads: 431.

Tornado would close the connection without a word, inside its stream, before there is a handler.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket

import msgspec
from tornado.iostream import IOStream, UnsatisfiableReadError

from server import metrics
from server.errors import HeadTooLarge

# A client that is cut off while it sends may not get the reply. So we read and drop some of what it sends.
LINGER_SECONDS = 2.0
LINGER_BYTES = 1 << 20

log = logging.getLogger("wabao.access")
_lingering: set[asyncio.Task[None]] = set()


def expect_head(stream: IOStream) -> None:
    """Arm the connection: if the next head is too long, it ends with a reply."""

    def close_fd() -> None:
        note_head(stream)
        if isinstance(stream.error, UnsatisfiableReadError):
            connection, stream.socket = stream.socket, None  # type: ignore[assignment]
            task = asyncio.get_running_loop().create_task(_answer(stream, connection))
            _lingering.add(task)
            task.add_done_callback(_lingering.discard)
        else:
            stream.close_fd()

    stream.close_fd = close_fd  # type: ignore[method-assign]


def note_head(stream: IOStream) -> None:
    """Disarm the connection: the head came."""
    vars(stream).pop("close_fd", None)


async def _answer(stream: IOStream, connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            await loop.sock_sendall(connection, _reply())
            connection.shutdown(socket.SHUT_WR)
            left = LINGER_BYTES
            while left > 0 and (found := await loop.sock_recv(connection, 64 << 10)):
                left -= len(found)
    except (OSError, TimeoutError) as error:
        log.debug("the sender of a long head is gone: %s", error)
    finally:
        stream.socket = connection
        stream.close_fd()  # the descriptor is free only now, and `Connection` reports that


def _reply() -> bytes:
    refusal, trace_id = HeadTooLarge(), secrets.token_hex(8)
    metrics.REFUSALS.labels(refusal.error).inc()
    log.info("- - %d 0.0 ms %s", refusal.http_status, trace_id)
    body = msgspec.json.encode(
        {"status": 1, "msg": refusal.msg, "error": refusal.error, "trace_id": trace_id}
    )
    head = (
        f"HTTP/1.1 {refusal.http_status} Request Header Fields Too Large\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
