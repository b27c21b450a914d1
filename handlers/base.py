"""The HTTP edge: bodies, identity, replies. One of the two places that turn refusals into replies."""

from __future__ import annotations

import asyncio
import functools
import re
import secrets
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler, stream_request_body

from handlers.parameters import parse, read_parameters
from server.actions.people.account import check_ban, check_session, known_people_of, read_caller
from server.context import Context, per_context
from server.errors import (
    BadRequest,
    BadToken,
    BodyStopped,
    BodyTooLarge,
    Busy,
    Internal,
    NoSuchTask,
    NotLoggedIn,
    Obstacle,
    OutcomeUnknown,
    Refusal,
    TokenRequired,
    Unavailable,
)
from server.pictures.uploads import Uploads
from server.runtime.deadline import TookTooLong, within
from server.store import is_unavailable, said_by
from server.store.people.people import Person
from server.telemetry import metrics

# JSON is parsed on the loop. In the worst case this much takes 6 ms; a megabyte would take 120 ms.
BODY_BYTES = 128 << 10
# A body up to this size, such as that of a dig, needs no room among the uploads, so that uploads cannot stop
# digs.
SMALL_BYTES = 16 << 10
# The limit from the end of the request to the reply. It stands still during waits for pictures and WeChat,
# which have limits of their own.
ANSWER_SECONDS = 5.0
# How much of a refused body is still read, so that its sender gets to read the reply.
THROWN_AWAY_BYTES = 64 << 20
HTTPS_ONLY = "max-age=31536000"  # no includeSubDomains: subdomains may belong to others
_LENGTH = re.compile("[0-9]{1,18}")
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


@per_context
def uploads_of(context: Context) -> Uploads:
    """The bodies and uploads that come in now."""
    return Uploads(context.settings.upload_memory_mb << 20)


class Reply(msgspec.Struct, kw_only=True):
    """What every reply begins with. `status` 0 means success; `msg` is then empty."""

    status: int = 0
    msg: str = ""


def of_document(kind: type[_Struct], document: Mapping[str, Any], **others: object) -> _Struct:
    """Return a struct with the document's fields of the same names, and with `others`.

    Not for a Reply, which would take the `status` of a task for its own.
    """
    return msgspec.convert({**document, **others}, kind)


class RefusalReply(Reply, kw_only=True):
    """The reply to a refused request. `cooling_down` has `is_cd`, `time` and `cd_until`, `payout_waits` has
    `claim_from`, `cannot_leave` has `obstacles`, and a reached limit has `retry_after`."""

    status: int = 1
    error: str
    trace_id: str
    param: str | msgspec.UnsetType = msgspec.UNSET
    retry_after: int | msgspec.UnsetType = msgspec.UNSET
    is_cd: int | msgspec.UnsetType = msgspec.UNSET
    time: int | msgspec.UnsetType = msgspec.UNSET
    cd_until: int | msgspec.UnsetType = msgspec.UNSET
    claim_from: int | msgspec.UnsetType = msgspec.UNSET
    obstacles: list[Obstacle] | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request, as it claims. `generation` is that of the token that proves the claim; None
    without proof. `person_id` is "" if nobody is known."""

    person_id: str
    generation: int | None

    @property
    def proven(self) -> bool:
        """Whether a valid token proved the claim. The token may have been ended: `Interface.admit` checks
        that."""
        return self.generation is not None

    @property
    def counted(self) -> str:
        """The name under which limits count the caller; "" if nobody is known.

        Requests that have an id but no token are counted separately from those of the id's owner. So others
        who know the id cannot use up the owner's limit. The name of that count has a space in it, and no id
        has a space.
        """
        return self.person_id if self.proven or not self.person_id else f"{self.person_id} unproven"


NOBODY = Caller("", None)


@functools.cache
def _needs_unionid(kind: type[msgspec.Struct]) -> bool:
    """Whether requests of this kind are refused if they do not say who sends them."""
    return any(field.name == "unionid" and field.required for field in msgspec.structs.fields(kind))


def presented_token(headers: HTTPHeaders) -> str | None:
    """Return the token of `Authorization: Bearer …`; None without this header, "" if the header has something
    else."""
    scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
    if not token and scheme.lower() in ("", "bearer"):
        return None
    return token.strip() if scheme.lower() == "bearer" else ""


@stream_request_body
class BaseHandler(RequestHandler):
    """A handler that answers in JSON, errors too. It takes no body."""

    context: Context
    method: ClassVar[str] = "GET"
    _etag: str | None = None

    def initialize(self, context: Context | None = None) -> None:
        """Take the context from the route table. A handler that answers before the stores answer gets no
        context."""
        if context is not None:
            self.context = context
        self.trace_id = secrets.token_hex(8)
        self._body = bytearray()

    def set_default_headers(self) -> None:
        """Replies are JSON and not cached. If PUBLIC_URL is https, browsers must use only https."""
        self._headers["Content-Type"] = "application/json; charset=utf-8"
        self._headers["Cache-Control"] = "no-store"
        self._headers["X-Content-Type-Options"] = "nosniff"
        if self.settings.get("only_https"):
            self.set_header("Strict-Transport-Security", HTTPS_ONLY)
        self.clear_header("Server")

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Ignore a body."""

    def compute_etag(self) -> str | None:
        """Return the ETag of a file. A JSON reply has none: a 304 in its place would lack `status`."""
        return self._etag

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode a part of the path. Raises HTTPError 404 if it is not UTF-8."""
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise HTTPError(404) from None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a refusal in JSON for what was raised. Tornado calls this for uncaught errors."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            refusal = error
        elif is_unavailable(error):
            refusal = self._unanswered()
        else:
            refusal = _refusal_of_status(status_code)
        if status_code == 405:
            self.set_header("Allow", self.method)
        self.finish(self._envelope(refusal, status_code if isinstance(error, HTTPError) else 0))

    def _unanswered(self) -> Refusal:
        """Return the refusal if a store did not answer. A request that writes may have written.

        If the person were told that nothing was written, they would send the request again.
        """
        return Unavailable() if self.request.method in ("GET", "HEAD") else OutcomeUnknown()

    def _envelope(self, refusal: Refusal, http_status: int = 0) -> bytes:
        """Count the refusal, set the status of the reply, and return the reply's body.

        An `http_status` replaces the refusal's own status.
        """
        metrics.refusals(refusal.error).inc()
        self.set_status(http_status or refusal.http_status)
        if self.get_status() in (429, 503):
            self.set_header("Retry-After", str(refusal.retry_after_seconds))
        envelope = {
            "status": 1,
            "msg": refusal.msg,
            "error": refusal.error,
            "trace_id": self.trace_id,
            **({"param": refusal.param} if refusal.param else {}),
            **refusal.extra,
        }
        return msgspec.json.encode(envelope)

    def log_exception(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Log bugs with their traceback, under the trace_id of the reply. A refusal is not logged."""
        # StreamClosedError: the client hung up.
        if isinstance(error, Refusal | HTTPError | StreamClosedError):
            return
        if error is not None and is_unavailable(error):
            app_log.warning("trace_id=%s a store does not answer: %s", self.trace_id, said_by(error))
            return
        app_log.error("trace_id=%s %s failed", self.trace_id, type(self).__name__, exc_info=error)


def _refusal_of_status(status_code: int) -> Refusal:
    words = {404: "没有这个地址，请检查接口的路径", 405: "这个接口不支持这种请求方式，请检查是 GET 还是 POST"}
    return Internal() if status_code >= 500 else BadRequest(words.get(status_code))


class Receiver(BaseHandler):
    """A handler that takes a request's body as it comes, up to `body_limit_bytes`.

    It refuses a body if nothing comes for `silence_seconds`, or if it takes `body_seconds` in all. Each byte
    gives its sender more time, at `least_bytes_a_second`. So a slower sender is refused like one that
    stopped.
    """

    body_limit_bytes: ClassVar[int] = BODY_BYTES
    silence_seconds: ClassVar[float] = 20
    body_seconds: ClassVar[float] = 110
    least_bytes_a_second: ClassVar[int] = 8 << 10  # the speed of the slowest 3G
    _silence: asyncio.TimerHandle | None = None
    hung_up = False  # whether the client closed the connection before its reply
    expected_bytes = 0  # the Content-Length; 0 if there is none
    _refused = _begun = False
    _counted_bytes = _thrown_away_bytes = 0

    async def serve(self, body: bytes) -> None:
        """Answer the request. Called once its body is complete, for every method."""
        raise NotImplementedError

    def too_large(self) -> Refusal:
        """Return the refusal of a body above `body_limit_bytes`."""
        return BodyTooLarge(f"请求的内容太大，应在 {self.body_limit_bytes >> 10} KB 以内")

    def initialize(self, context: Context | None = None) -> None:
        """Take the context. The body may come from now on, even before `prepare`: see `takes_at_once`."""
        super().initialize(context)
        self._ends_at = asyncio.get_running_loop().time() + self.body_seconds
        self._left_seconds = self.silence_seconds
        # Switch Tornado's own limits off: one limit would answer a bare 400, the other starts an asyncio
        # task.
        if isinstance(self.request.connection, HTTP1Connection):
            self.request.connection.set_max_body_size(1 << 62)
            self.request.connection.set_body_timeout(None)  # type: ignore[arg-type]
        length = self.request.headers.get("Content-Length", "0")
        self.expected_bytes = int(length) if _LENGTH.fullmatch(length) else 0

    @property
    def takes_at_once(self) -> bool:
        """Whether the body need not wait for `prepare`, which saves a small request two turns of the loop."""
        return 0 < self.expected_bytes <= SMALL_BYTES

    def prepare(self) -> Awaitable[None] | None:
        """Refuse a body that is too large by its Content-Length, before it comes."""
        if self.expected_bytes > self.body_limit_bytes:
            self.refuse_body(self.too_large())
        if self.expected_bytes > len(self._body) or "Transfer-Encoding" in self.request.headers:
            self.expect_more()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Collect the body. After a refusal, throw it away."""
        self._begun = True
        if self._refused:
            self.throw_away(chunk)
        elif len(self._body) + len(chunk) > self.body_limit_bytes:
            self.refuse_body(self.too_large())
        else:
            self._body += chunk
            try:
                if len(self._body) > SMALL_BYTES:
                    uploads_of(self.context).take("", len(self._body) - self._counted_bytes)
                    self._counted_bytes = len(self._body)
            except Busy as refusal:
                self.refuse_body(refusal)
        if self._refused or len(self._body) != self.expected_bytes:
            self.expect_more(len(chunk))
        return None

    def _drop_body(self) -> None:
        """Forget the body, and give back its part of what all bodies may take."""
        if self._counted_bytes:
            uploads_of(self.context).give_back("", self._counted_bytes)
            self._counted_bytes = 0
        self._body.clear()

    def throw_away(self, chunk: bytes) -> None:
        """Drop a chunk of a refused body. After THROWN_AWAY_BYTES, end the request."""
        self._thrown_away_bytes += len(chunk)
        if self._thrown_away_bytes > THROWN_AWAY_BYTES:
            self.finish()

    def refuse_body(self, refusal: Refusal) -> None:
        """Send the refusal at once, but end the connection only after the body.

        Some clients wait for the reply before they send the rest. Others read the reply only after they sent
        all, and get no reply if they are cut off. A client that asked first (`Expect`) need not send the
        body.
        """
        self._refused = True
        self._drop_body()
        envelope = self._envelope(refusal)
        self.set_header("Connection", "close")
        self.set_header("Content-Length", str(len(envelope)))
        self.write(envelope)
        if self.request.headers.get("Expect") == "100-continue" and not self._begun:
            self.finish()
        else:
            self.flush()

    def expect_more(self, received_bytes: int = 0) -> None:
        """Wait for the next part of the body. What was received gives its sender more time."""
        if self.hung_up:  # perhaps before `prepare`, for which a small body does not wait
            return
        loop = asyncio.get_running_loop()
        self._note_left()
        earned = received_bytes / self.least_bytes_a_second
        self._left_seconds = min(self.silence_seconds, self._left_seconds + earned)
        self._late_at = min(loop.time() + self._left_seconds, self._ends_at)
        if self._silence is None:
            self._silence = loop.call_at(self._late_at, self._stopped)

    def expect_nothing(self) -> None:
        """Stop the timer: the body is complete, or it is now the server that delays it."""
        self._note_left()
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _note_left(self) -> None:
        """Note how much time the sender has left. Does nothing unless the timer runs."""
        if self._silence is not None:
            self._left_seconds = max(0.0, self._late_at - asyncio.get_running_loop().time())

    def _stopped(self) -> None:
        self._silence = None
        loop = asyncio.get_running_loop()
        if loop.time() < self._late_at:  # more came since the timer was started
            self._silence = loop.call_at(self._late_at, self._stopped)
        elif not self._finished:
            if not self._refused:
                self.refuse_body(BodyStopped())
            self.finish()

    def on_connection_close(self) -> None:
        """Stop the timer: the client hung up."""
        super().on_connection_close()
        self.hung_up = True
        self.expect_nothing()
        self._drop_body()

    async def _serve(self) -> None:
        self.expect_nothing()
        if self._refused:
            self.finish()
            return
        try:
            await self.serve(bytes(self._body))
        finally:
            self._drop_body()

    get = head = post = put = patch = delete = options = _serve


def _structs_in(annotation: Any) -> tuple[type[msgspec.Struct], ...]:
    """Return the structs of an annotation such as `GetWinnersReply | bytes`."""
    return tuple(each for each in get_args(annotation) or [annotation] if issubclass(each, msgspec.Struct))


class Interface(Receiver):
    """One REST interface. It declares what it takes and gives; all else follows from these attributes.

        class Logout(Interface):
            path = "/logout"
            method = "POST"
            needs_token = True

            async def answer(self, request: OwnRequest) -> None:
                await end_sessions(self.context, await self.person())

    If an interface `locks` (it pays or claims), the server no longer accepts the owner's bare id after a call
    with a token. `takes` has the struct of the request (several if one path serves several interfaces; `pick`
    chooses), `gives` that of the reply. Both are read from the annotations of `answer`. Only an interface
    that replies in encoded bytes says itself what it `gives`. `takes_files` names the fields of a form that
    hold files. `gives_texts` has the content types that a request may ask for in place of JSON.
    `/openapi.json` is made from these attributes.
    """

    path: ClassVar[str]
    takes: ClassVar[tuple[type[msgspec.Struct], ...]]
    takes_files: ClassVar[tuple[str, ...]] = ()
    gives: ClassVar[tuple[type[msgspec.Struct], ...]]
    needs_token: ClassVar[bool] = False
    locks: ClassVar[bool] = False
    gives_texts: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Take from `answer` what the interface takes and, unless it says so itself, gives."""
        if "answer" in vars(cls):
            hints = get_type_hints(cls.answer)
            cls.takes = _structs_in(hints["request"])
            if "gives" not in vars(cls):
                cls.gives = (Reply,) if hints["return"] is NoneType else _structs_in(hints["return"])

    async def answer(self, request: Any) -> msgspec.Struct | bytes | None:
        """Act, and return the reply: a struct, encoded bytes, or None for a Reply without further fields.

        Refusals are raised.
        """
        raise NotImplementedError

    def pick(self, values: dict[str, object]) -> type[msgspec.Struct]:
        """Return the struct of `takes` for these parameters."""
        return self.takes[0]

    async def guard(self) -> None:
        """Raise a refusal before any parameter is read. By default, raises none."""

    async def serve(self, body: bytes) -> None:
        """Guard, parse, identify, answer. Another HTTP method is answered 405."""
        if self.request.method != self.method:
            raise HTTPError(405)
        try:
            answered = await self._answered_in_time(body)
        except Refusal as refused:  # Most digs end here, and this is cheaper than `write_error`.
            # Kept in no local variable: see `server.errors.refuse`.
            self.finish(self._envelope(await self._confirmed(refused)))
            return
        self.write(answered if isinstance(answered, bytes) else msgspec.json.encode(answered or Reply()))

    async def _confirmed(self, refusal: Refusal) -> Refusal:
        """Return the refusal. In place of NoSuchTask, return Unavailable if the database may not be ours, or
        was emptied."""
        if isinstance(refusal, NoSuchTask) and not await self.context.database.confirm():
            return Unavailable()
        return refusal

    async def _answered_in_time(self, body: bytes) -> msgspec.Struct | bytes | None:
        try:
            async with within(ANSWER_SECONDS):
                await self.guard()
                request = self.read(body)
                self.caller = await self.identify(request)
                return await self.answer(request)
        except TookTooLong:
            app_log.warning("trace_id=%s %s took too long", self.trace_id, type(self).__name__)
            raise self._unanswered() from None

    def read(self, body: bytes) -> Any:
        """Return the request as its struct. Raises BadRequest, TokenRequired, NotLoggedIn."""
        values = read_parameters(self.request, body)
        kind = self.pick(values)
        if _needs_unionid(kind) and values.get("unionid") in (None, ""):
            self._require_some_identity()
        return parse(kind, values)

    def _require_some_identity(self) -> None:
        """Raise TokenRequired or NotLoggedIn if there is no token. If there is a token, `parse` refuses the
        missing id."""
        if presented_token(self.request.headers) is None:
            raise TokenRequired if self.needs_token or self.context.settings.require_token else NotLoggedIn

    async def identify(self, request: Any) -> Caller:
        """Return who the request is from: by its token, else by its `unionid`.

        From here on, the request has their id of ours in place of the unionid. Raises BadToken,
        TokenRequired, NotLoggedIn.
        """
        if "unionid" not in request.__struct_fields__:
            return NOBODY  # logging in must work even if an old token is sent along
        unionid: str = request.unionid or ""
        token = presented_token(self.request.headers)
        if token is not None:
            proven = self.context.keys.read_token(token)
            if proven is None or unionid not in ("", proven.unionid):
                raise BadToken
            request.unionid = proven.person_id
            return Caller(proven.person_id, proven.generation)
        if self.needs_token or self.context.settings.require_token:
            raise TokenRequired
        if unionid:
            request.unionid = await known_people_of(self.context).id_of(unionid)
            if not request.unionid:
                raise NotLoggedIn
        return Caller(request.unionid or "", None)

    async def admit(self, person: Person | None) -> Person:
        """Check the caller by their record as just read; return it. Raises what `check_session` raises."""
        return check_session(self.caller.generation, person)

    async def let_in(self) -> Person:
        """Admit the caller by what this process has cached of them. Raises what `admit` raises."""
        known = known_people_of(self.context)
        return await self.admit(await known.find(self.caller.person_id, self.caller.generation))

    async def person(self) -> Person:
        """Read the caller's whole record, admit them, and return it. Raises what `admit` raises."""
        if self.caller.proven:
            return await self.admit(await read_caller(self.context, self.caller.person_id, lock=self.locks))
        return await self.admit(await self.context.store.people.find(self.caller.person_id))

    async def active_person(self) -> Person:
        """Return the caller's record, as `person` does. Also raises Banned and Leaving."""
        return check_ban(await self.person(), self.context.clock.now_ms())


class ProvenAct(Interface):
    """An interface that acts on money, goods, or the caller's own task or account: it needs a token, and
    locks."""

    method = "POST"
    needs_token = True
    locks = True
