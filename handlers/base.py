"""The HTTP edge: parameters in, envelope out, identity. One of the two places that translate refusals."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler, stream_request_body

from handlers.parameters import parse, read_parameters
from server import metrics
from server.actions.people import remember_token
from server.context import Context
from server.errors import (
    BadRequest,
    BadToken,
    BodyTooLarge,
    Internal,
    NotLoggedIn,
    Refusal,
    TokenRequired,
    Unavailable,
)
from server.store import is_unavailable
from server.store.people import Person

BODY_BYTES = 1 << 20
THROWN_AWAY_BYTES = 64 << 20


class Reply(msgspec.Struct, kw_only=True):
    """What every reply begins with. `status` 0 is fine; `msg` is then empty."""

    status: int = 0
    msg: str = ""


class RefusalReply(Reply, kw_only=True):
    """What a refused request gets; `error` is a code of the table."""

    status: int = 1
    error: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request says it is from, and whether a valid token proved it."""

    unionid: str
    proven: bool


class BaseHandler(RequestHandler):
    """Anything that answers in JSON: errors become the envelope, never HTML."""

    context: Context

    def initialize(self, context: Context) -> None:
        """Take what the route table hands over."""
        self.context = context
        self.trace_id = secrets.token_hex(8)

    def set_default_headers(self) -> None:
        """Replies are JSON, and nobody's business but the caller's."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Turn whatever was raised into an envelope. Tornado calls this for what nobody caught."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            refusal = error
        elif is_unavailable(error):
            refusal = Unavailable()
        else:
            refusal = _refusal_of_status(status_code)
        self.set_status(status_code if isinstance(error, HTTPError) else refusal.http_status)
        metrics.REFUSALS.labels(refusal.error).inc()
        envelope = {
            "status": 1,
            "msg": refusal.msg,
            "error": refusal.error,
            "trace_id": self.trace_id,
            **refusal.extra,
        }
        self.finish(msgspec.json.encode(envelope))

    def log_exception(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Log bugs whole, under the trace_id that the client is told; a refusal is no error."""
        if isinstance(error, Refusal | HTTPError):
            return
        if is_unavailable(error):
            app_log.warning("trace_id=%s a store does not answer: %s", self.trace_id, error)
            return
        app_log.error("trace_id=%s %s failed", self.trace_id, type(self).__name__, exc_info=error)


def _refusal_of_status(status_code: int) -> Refusal:
    if status_code == 404:
        return BadRequest("没有这个地址，请检查接口的路径")
    if status_code == 405:
        return BadRequest("这个接口不支持这种请求方式，请检查是 GET 还是 POST")
    if status_code >= 500:
        return Internal()
    return BadRequest()


class NotFound(BaseHandler):
    """Every path that no route knows."""

    def prepare(self) -> None:
        """Refuse, whatever the method."""
        raise HTTPError(404)


@stream_request_body
class Interface(BaseHandler):
    """One REST interface: what it takes and gives is declared, the rest follows from that.

    `takes` is the request's struct (several where one path serves several interfaces; `pick` chooses),
    `gives` the reply's. `/openapi.json` is generated from the same attributes.
    """

    path: ClassVar[str]
    method: ClassVar[str] = "GET"
    takes: ClassVar[tuple[type[msgspec.Struct], ...]]
    gives: ClassVar[tuple[type[msgspec.Struct], ...]] = (Reply,)
    needs_token: ClassVar[bool] = False
    body_limit_bytes: ClassVar[int] = BODY_BYTES

    async def answer(self, request: Any) -> msgspec.Struct:
        """Do what the interface is for. Refusals are raised."""
        raise NotImplementedError

    def pick(self, values: dict[str, object]) -> type[msgspec.Struct]:
        """Return which of `takes` the parameters are of."""
        return self.takes[0]

    def prepare(self) -> None:
        """Refuse a body that says it is far too large before it is read."""
        self._body = bytearray()
        # Tornado answers a body above its own limit with a bare 400; ours is answered in JSON, after what
        # is above it was thrown away as it came: a client that is cut off while it sends reads no reply.
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(1 << 62)
        length = self.request.headers.get("Content-Length", "0")
        if length.isdigit() and int(length) > THROWN_AWAY_BYTES:
            raise self.too_large()

    def data_received(self, chunk: bytes) -> None:
        """Collect the body, up to one byte more than it may have."""
        room = self.body_limit_bytes + 1 - len(self._body)
        self._body += chunk[:room]

    def too_large(self) -> Refusal:
        """Return the refusal of a body above `body_limit_bytes`."""
        return BodyTooLarge(f"请求的内容太大，应在 {self.body_limit_bytes >> 10} KB 以内")

    async def get(self) -> None:
        """Serve a GET interface."""
        await self._serve("GET")

    async def post(self) -> None:
        """Serve a POST interface."""
        await self._serve("POST")

    async def _serve(self, method: str) -> None:
        if method != self.method:
            raise HTTPError(405)
        if len(self._body) > self.body_limit_bytes:
            raise self.too_large()
        body = bytes(self._body)
        self._body.clear()
        values = read_parameters(self.request, body)
        request = parse(self.pick(values), values)
        self.caller = self._identify(getattr(request, "unionid", ""))
        self.write(msgspec.json.encode(await self.answer(request)))

    def _identify(self, unionid: str) -> Caller:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if token:
            if (
                scheme.lower() != "bearer"
                or not unionid
                or self.context.keys.read_token(token.strip()) != unionid
            ):
                raise BadToken
            return Caller(unionid, proven=True)
        if unionid and (self.needs_token or self.context.settings.require_token):
            raise TokenRequired
        return Caller(unionid, proven=False)

    async def admit(self, person: Person | None) -> Person:
        """Return the caller's record, which an interface that read it anyway hands in.

        Raises NotLoggedIn where there is none, and TokenRequired for a bare unionid whose owner has ever
        presented a token.
        """
        if person is None:
            raise NotLoggedIn
        if self.caller.proven:
            if not person.get("token_seen"):
                await remember_token(self.context, self.caller.unionid)
        elif person.get("token_seen"):
            raise TokenRequired
        return person

    async def person(self) -> Person:
        """Read the caller's record and admit it."""
        return await self.admit(await self.context.store.people.find(self.caller.unionid))
