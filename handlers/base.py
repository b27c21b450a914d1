"""The HTTP edge: parameters in, envelope out, identity. One of the two places that translate refusals."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler, stream_request_body

from handlers.parameters import parse, read_parameters
from server import metrics
from server.actions.people import check_session, remember_token
from server.context import Context
from server.errors import (
    BadRequest,
    BadToken,
    BodyStopped,
    BodyTooLarge,
    Internal,
    OutcomeUnknown,
    Refusal,
    TokenRequired,
    Unavailable,
)
from server.store import is_unavailable
from server.store.people import Person

# JSON is parsed on the loop: so much of its worst takes 6 ms, a megabyte 120.
BODY_BYTES = 128 << 10
# How much of a body that was refused for its size is still read, so that its sender gets to read the reply.
THROWN_AWAY_BYTES = 64 << 20
_LENGTH = re.compile("[0-9]{1,18}")


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
    """Who a request says it is from, and the generation of the token that proved it; None without one."""

    unionid: str
    generation: int | None

    @property
    def proven(self) -> bool:
        """Whether a valid token proved it. That token may have been ended: `Interface.admit` checks."""
        return self.generation is not None


@stream_request_body
class BaseHandler(RequestHandler):
    """Anything that answers in JSON: errors become the envelope, never HTML. It takes no body."""

    context: Context
    method: ClassVar[str] = "GET"

    def initialize(self, context: Context) -> None:
        """Take what the route table hands over."""
        self.context = context
        self.trace_id = secrets.token_hex(8)

    def set_default_headers(self) -> None:
        """Replies are JSON, and for nobody but the caller. Under https, browsers come by nothing else."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        if self.settings.get("only_https"):
            # Only this host: others under its name are not ours to decide for.
            self.set_header("Strict-Transport-Security", "max-age=31536000")
        self.clear_header("Server")

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Throw away what nobody asked for."""

    def compute_etag(self) -> str | None:
        """Return none: a reply is never `304`, which has no body to read `status` from."""
        return None

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode a part of the path; one that is no text names nothing."""
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise HTTPError(404) from None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Turn whatever was raised into an envelope. Tornado calls this for what nobody caught."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            refusal = error
        elif is_unavailable(error):
            # What writes may have written; a person who is told that it did not would do it twice.
            refusal = Unavailable() if self.request.method in ("GET", "HEAD") else OutcomeUnknown()
        else:
            refusal = _refusal_of_status(status_code)
        self.set_status(status_code if isinstance(error, HTTPError) else refusal.http_status)
        self._say_when_to_retry(refusal)
        if status_code == 405:
            self.set_header("Allow", self.method)
        self.finish(self._envelope(refusal))

    def _say_when_to_retry(self, refusal: Refusal) -> None:
        if self.get_status() in (429, 503):
            self.set_header("Retry-After", str(refusal.retry_after_seconds))

    def _envelope(self, refusal: Refusal) -> bytes:
        """Count a refusal and return the reply that says it."""
        metrics.REFUSALS.labels(refusal.error).inc()
        envelope = {
            "status": 1,
            "msg": refusal.msg,
            "error": refusal.error,
            "trace_id": self.trace_id,
            **refusal.extra,
        }
        return msgspec.json.encode(envelope)

    def log_exception(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Log bugs whole, under the trace_id that the client is told; a refusal is no error."""
        if isinstance(error, Refusal | HTTPError | StreamClosedError):  # the last: the client hung up
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


class Receiver(BaseHandler):
    """What takes a request's body: as it comes, and no more of it than `body_limit_bytes`.

    A body that stops coming for `silence_seconds` is refused, and so is one that takes `body_seconds` in all.
    """

    body_limit_bytes: ClassVar[int] = BODY_BYTES
    silence_seconds: ClassVar[float] = 20
    # Below the server's own limit (`server/running/worker.py`), which closes the connection without a word.
    body_seconds: ClassVar[float] = 110
    _silence: asyncio.TimerHandle | None = None

    async def serve(self, body: bytes) -> None:
        """Answer the request, whatever its method."""
        raise NotImplementedError

    def too_large(self) -> Refusal:
        """Return the refusal of a body above `body_limit_bytes`."""
        return BodyTooLarge(f"请求的内容太大，应在 {self.body_limit_bytes >> 10} KB 以内")

    def prepare(self) -> Awaitable[None] | None:
        """Refuse a body that says it is too large before it comes."""
        self._body = bytearray()
        self._thrown_away_bytes = 0
        self._refused = False
        self._begun = False
        self._ends_at = asyncio.get_running_loop().time() + self.body_seconds
        # Tornado answers a body above its own limit with a bare 400; ours is answered in JSON.
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(1 << 62)
        if self.expected_bytes() > self.body_limit_bytes:
            self.refuse_body(self.too_large())
        if self.expected_bytes() or "Transfer-Encoding" in self.request.headers:
            self.expect_more()
        return None

    def expected_bytes(self) -> int:
        """Return how long the body says it is; 0 where it does not say."""
        length = self.request.headers.get("Content-Length", "0")
        return int(length) if _LENGTH.fullmatch(length) else 0

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Collect the body; what comes of one that was refused is thrown away."""
        self._begun = True
        if self._refused:
            self.throw_away(chunk)
        else:
            self._body += chunk
            if len(self._body) > self.body_limit_bytes:
                self._body.clear()
                self.refuse_body(self.too_large())
        self.expect_more()
        return None

    def throw_away(self, chunk: bytes) -> None:
        """Keep nothing of what comes; end what goes on for too long."""
        self._thrown_away_bytes += len(chunk)
        if self._thrown_away_bytes > THROWN_AWAY_BYTES:
            self.finish()

    def refuse_body(self, refusal: Refusal) -> None:
        """Reply at once, and end the connection only when the body is over.

        A client may wait for a reply before it sends the rest, or read none before it has sent it all; one
        that is cut off while it sends reads none at all. One that asked before it sends need send nothing.
        """
        self._refused = True
        envelope = self._envelope(refusal)
        self.set_status(refusal.http_status)
        self._say_when_to_retry(refusal)
        self.set_header("Connection", "close")
        self.set_header("Content-Length", str(len(envelope)))
        self.write(envelope)
        if self.request.headers.get("Expect") == "100-continue" and not self._begun:
            self.finish()
        else:
            self.flush()

    def expect_more(self) -> None:
        """Wait for the next of the body, but not for ever."""
        self.expect_nothing()
        loop = asyncio.get_running_loop()
        ends_at = min(loop.time() + self.silence_seconds, self._ends_at)
        self._silence = loop.call_at(ends_at, self._stopped)

    def expect_nothing(self) -> None:
        """Wait for nothing more: the body is over, or it is our turn."""
        if self._silence is not None:
            self._silence.cancel()

    def _stopped(self) -> None:
        if not self._finished:
            if not self._refused:
                self.refuse_body(BodyStopped())
            self.finish()

    def on_connection_close(self) -> None:
        """Stop waiting for whoever hung up."""
        super().on_connection_close()
        self.expect_nothing()

    async def _serve(self) -> None:
        self.expect_nothing()
        if self._refused:
            self.finish()
            return
        body = bytes(self._body)
        self._body.clear()
        await self.serve(body)

    get = head = post = put = patch = delete = options = _serve


class NotFound(Receiver):
    """Every path that no route knows."""

    async def serve(self, body: bytes) -> None:
        """Refuse."""
        raise HTTPError(404)


class Interface(Receiver):
    """One REST interface: what it takes and gives is declared, the rest follows from that.

    `takes` is the request's struct (several where one path serves several interfaces; `pick` chooses),
    `gives` the reply's; `takes_files` are the fields of a form that hold files. `/openapi.json` is
    generated from the same attributes. One that `gives_etag` answers a matching If-None-Match with 304.
    """

    path: ClassVar[str]
    takes: ClassVar[tuple[type[msgspec.Struct], ...]]
    takes_files: ClassVar[tuple[str, ...]] = ()
    gives: ClassVar[tuple[type[msgspec.Struct], ...]] = (Reply,)
    needs_token: ClassVar[bool] = False
    needs_operator: ClassVar[bool] = False
    gives_etag: ClassVar[bool] = False

    async def answer(self, request: Any) -> msgspec.Struct | bytes | None:
        """Do what the interface is for. Refusals are raised; bytes are sent as they are.

        None says that it has sent its reply itself.
        """
        raise NotImplementedError

    def pick(self, values: dict[str, object]) -> type[msgspec.Struct]:
        """Return which of `takes` the parameters are of."""
        return self.takes[0]

    async def guard(self) -> None:
        """Refuse before any parameter is read; whoever is not let in learns nothing of the parameters."""

    async def serve(self, body: bytes) -> None:
        """Guard, parse, identify, answer."""
        if self.request.method != self.method:
            raise HTTPError(405)
        try:
            await self.guard()
            request = self.read(body)
            answered = await self.answer(request)
        except Refusal as refusal:  # as most digs end; write_error would make the reply twice
            self.set_status(refusal.http_status)
            self._say_when_to_retry(refusal)
            self.finish(self._envelope(refusal))
            return
        if answered is not None:
            self.write(answered if isinstance(answered, bytes) else msgspec.json.encode(answered))

    def read(self, body: bytes) -> Any:
        """Return the request that the parameters make, and note whom it is from."""
        values = read_parameters(self.request, body)
        request = parse(self.pick(values), values)
        self.caller = self._identify(request)
        return request

    def _identify(self, request: msgspec.Struct) -> Caller:
        """Return whom the request is from. Where it names nobody, the token does."""
        if "unionid" not in request.__struct_fields__:
            return Caller("", None)  # logging in must work with whatever token is still sent along
        unionid: str = getattr(request, "unionid", None) or ""
        scheme, _, token = self.request.headers.get("Authorization", "").strip().partition(" ")
        if token or scheme.lower() not in ("", "bearer"):
            proven = self.context.keys.read_token(token.strip()) if scheme.lower() == "bearer" else None
            if proven is None or unionid not in ("", proven.unionid):
                raise BadToken
            return Caller(*proven)
        if self.needs_token or self.context.settings.require_token:
            raise TokenRequired
        return Caller(unionid, None)

    async def admit(self, person: Person | None) -> Person:
        """Return the caller's record, which an interface that read it anyway hands in.

        Raises what `check_session` raises.
        """
        admitted = check_session(self.caller.generation, person)
        if self.caller.proven and not admitted.get("token_seen"):
            await remember_token(self.context, self.caller.unionid)
        return admitted

    async def let_in(self) -> None:
        """Admit the caller by what this process knows of them; their whole record is not read for it."""
        await self.admit(await self.context.people.find(self.caller.unionid, self.caller.generation))

    async def person(self) -> Person:
        """Read the caller's record and admit it."""
        if self.caller.proven:
            return await self.admit(await self.context.people.read_whole(self.caller.unionid))
        return await self.admit(await self.context.store.people.find(self.caller.unionid))
