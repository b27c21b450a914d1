"""Which bodies this process takes: looked at when a request's headers have come, and as the body comes."""

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)

from server.errors import Refusal
from server.memory.large_bodies import LargeBodies

# Bodies are parsed on the loop: JSON of 128 KB takes 5 ms at worst. A stranger's body may be this long.
STRANGERS_BYTES = 16 << 10
BODY_BYTES = 128 << 10
# The largest body of all: a picture of 10 MB, and the rest of the form around it.
LARGEST_BYTES = (10 << 20) + (64 << 10)
LARGE_BYTES = 64 << 10
# A refused body up to this size is read and thrown away, so that its sender gets to read the reply.
THROWN_AWAY_BYTES = 64 << 20
_LENGTH = re.compile("[0-9]{1,18}")


def is_small(headers: HTTPHeaders) -> bool:
    """Whether a request has a body that may be a stranger's, or none."""
    return "Transfer-Encoding" not in headers and length_of(headers) <= STRANGERS_BYTES


def length_of(headers: HTTPHeaders) -> int:
    """Return a body's length, 0 if the headers do not say it."""
    length = headers.get("Content-Length", "0")
    return int(length) if _LENGTH.fullmatch(length) else 0


class Allowed(NamedTuple):
    """How large a request's body may be, for whom, and the refusal of a larger one."""

    limit_bytes: int
    owner: str
    refusal: Refusal


class BoundedBody(HTTPMessageDelegate):
    """A request whose body may be larger than is allowed: then `refuse` gives what answers it instead."""

    def __init__(
        self,
        request: HTTPServerRequest,
        answers: HTTPMessageDelegate,
        allowed: Allowed,
        large: LargeBodies,
        refuse: Callable[[Refusal], HTTPMessageDelegate],
    ) -> None:
        self._request = request
        self._answers = answers
        self._refuse = refuse
        self._allowed = allowed
        self._large = large
        self._came_bytes = 0
        self._has_place = self._refused = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Refuse a body that says that it is too large; else let the request begin."""
        self._start = start_line, headers
        self._judge(length_of(headers))
        return self._answers.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass a piece on. What comes after a refusal is thrown away."""
        self._came_bytes += len(chunk)
        if not self._refused:
            self._judge(self._came_bytes)
            if self._refused:
                return self._answers.headers_received(*self._start)
        return self._answers.data_received(chunk)

    def _judge(self, size: int) -> None:
        """Have the request refused if a body of at least this size may not come."""
        try:
            if size > self._allowed.limit_bytes:
                raise self._allowed.refusal
            if size > LARGE_BYTES and not self._has_place:
                self._large.take(self._request, self._allowed.owner)
                self._has_place = True
        except Refusal as refusal:
            self._large.leave(self._request)
            self._answers = self._refuse(refusal)
            self._refused = True

    def finish(self) -> None:
        """Let the request be answered: its body is whole."""
        self._answers.finish()
        del self._answers  # which keeps a copy of the body

    def on_connection_close(self) -> None:
        """Forget the body: the client hung up."""
        self._large.leave(self._request)
        self._answers.on_connection_close()
