"""The HTTP edge: identity, replies. With `push.py` and `websocket.py` it turns refusals into replies."""

import asyncio
import functools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType, NoneType
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

import msgspec
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler, stream_request_body

from handlers.bodies import (
    BODY_BYTES,
    STRANGERS_BYTES,
    THROWN_AWAY_BYTES,
    length_of,
)
from handlers.parameters import FORMS, kind_of_body, parse, read_parameters
from server.actions.people.account import check_ban, check_session, read_caller
from server.context import Context
from server.errors import (
    BadRequest,
    BadToken,
    BodyTooLarge,
    Internal,
    NoSuchTask,
    NotLoggedIn,
    Obstacle,
    OutcomeUnknown,
    Refusal,
    TokenRequired,
    Unavailable,
)
from server.runtime.deadline import TookTooLong, within
from server.store import is_unavailable
from server.store.people.people import Person
from server.telemetry import metrics

# The limit from the end of the request to the reply. It stands still during waits for pictures and WeChat,
# which have limits of their own.
ANSWER_SECONDS = 5.0
HTTPS_ONLY = "max-age=31536000"  # no includeSubDomains: subdomains may belong to others
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Reply(msgspec.Struct, kw_only=True):
    """What every reply begins with. `status` 0 means success; `msg` is then empty."""

    status: int = 0
    msg: str = ""


def of_document(kind: type[_Struct], document: Mapping[str, Any], **others: object) -> _Struct:
    """Return a struct with the document's fields of the same names, and with `others`.

    Not for a Reply if the document has `status`, as a task has: that of a reply is the call's.
    """
    return msgspec.convert({**document, **others}, kind)


class RefusalReply(Reply, kw_only=True):
    """The reply to a refused request. `cooling_down` has `is_cd`, `time`, `cd_until` and, if a random order
    decided, `pressed`; `payout_waits` has `claim_from`, `cannot_leave` has `obstacles`, and a reached limit
    has `retry_after`."""

    status: int = 1
    error: str
    trace_id: str
    param: str | msgspec.UnsetType = msgspec.UNSET
    retry_after: int | msgspec.UnsetType = msgspec.UNSET
    is_cd: int | msgspec.UnsetType = msgspec.UNSET
    time: int | msgspec.UnsetType = msgspec.UNSET
    cd_until: int | msgspec.UnsetType = msgspec.UNSET
    pressed: int | msgspec.UnsetType = msgspec.UNSET
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


class BaseHandler(RequestHandler):
    """A handler that answers in JSON, errors too."""

    context: Context
    method: ClassVar[str] = "GET"
    refused = ""  # the code of the refusal, once there is one
    _etag: str | None = None

    def initialize(self, context: Context | None = None) -> None:
        """Take the context from the route table. A handler that answers before the stores answer gets no
        context."""
        if context is not None:
            self.context = context
        self.trace_id = secrets.token_hex(8)

    def set_default_headers(self) -> None:
        """Replies are JSON and not cached. If PUBLIC_URL is https, browsers must use only https."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        if self.settings.get("only_https"):
            self.set_header("Strict-Transport-Security", HTTPS_ONLY)
        self.clear_header("Server")

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
        # A form that Tornado cannot read is refused like JSON that we cannot read.
        own = isinstance(error, HTTPError) and status_code != 400
        self.finish(self.envelope(refusal, status_code if own else 0))

    def _unanswered(self) -> Refusal:
        """Return the refusal if a store did not answer. A request that writes may have written.

        If the person were told that nothing was written, they would send the request again.
        """
        return Unavailable() if self.request.method in ("GET", "HEAD") else OutcomeUnknown()

    def envelope(self, refusal: Refusal, http_status: int = 0) -> bytes:
        """Count the refusal, set the status of the reply, and return the reply's body.

        An `http_status` replaces the refusal's own status.
        """
        metrics.refusals(refusal.error).inc()
        self.refused = refusal.error
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
            self.context.background.failures.note("a request", error)
            return
        app_log.error("trace_id=%s %s failed", self.trace_id, type(self).__name__, exc_info=error)


def _refusal_of_status(status_code: int) -> Refusal:
    words = {
        400: "请求的表单无法解析，请检查 Content-Type 和内容",
        404: "没有这个地址，请检查接口的路径",
        405: "这个接口不支持这种请求方式，请检查是 GET 还是 POST",
    }
    return Internal() if status_code >= 500 else BadRequest(words.get(status_code))


@stream_request_body
class Refused(BaseHandler):
    """Refuses a request when its headers have come, and throws its body away.

    The reply is sent at once, but the connection goes on until the body is whole. Some clients wait for the
    reply before they send the rest. Others read the reply only after they sent all, and get none if they are
    cut off.
    """

    def initialize(self, refusal: Refusal) -> None:  # type: ignore[override]
        super().initialize()
        self._refusal = refusal

    def prepare(self) -> None:
        """Send the refusal. A client that asked first (`Expect`) need not send the body."""
        envelope = self.envelope(self._refusal)
        self.set_header("Connection", "close")
        self.set_header("Content-Length", str(len(envelope)))
        self.write(envelope)
        if "Expect" in self.request.headers or length_of(self.request.headers) > THROWN_AWAY_BYTES:
            self.finish()
        else:
            self.flush()

    def data_received(self, chunk: bytes) -> None:
        """Throw a piece of the body away."""

    def _end(self) -> None:
        self.finish()

    get = head = post = put = patch = delete = options = _end


class Receiver(BaseHandler):
    """A handler that answers all methods in one place."""

    async def serve(self) -> None:
        """Answer the request."""
        raise NotImplementedError

    async def _serve(self) -> None:
        await self.serve()

    get = head = post = put = patch = delete = options = _serve


def _structs_in(annotation: Any) -> tuple[type[msgspec.Struct], ...]:
    """Return the structs of an annotation such as `GetWinnersReply | bytes`."""
    return tuple(each for each in get_args(annotation) or [annotation] if issubclass(each, msgspec.Struct))


class Interface(Receiver):
    """One REST interface. It declares what it takes and gives; all else follows from that.

        class Logout(Interface, path="/logout", method="POST", needs_token=True):
            async def answer(self, request: OwnRequest) -> None:
                await end_sessions(self.context, await self.person())

    If an interface `locks` (it pays or claims), the server no longer accepts the owner's bare id after a call
    with a token. `takes` has the struct of the request (several if one path serves several interfaces; `pick`
    chooses), `gives` that of the reply. Both are read from the annotations of `answer`. Only an interface
    that replies in encoded bytes says itself what it `gives`. `takes_files` names the fields of a form that
    hold files. `gives_texts` has the content types that a request may ask for in place of JSON. `explained`
    are further paragraphs for the reference. `/openapi.json` is made from all this. A body may have
    `body_limit_bytes` with a good token, and `strangers_bytes` without one.

    `arrived` is when the ANSWER_SECONDS of a request began, in the loop's time.
    """

    path: ClassVar[str] = ""
    takes: ClassVar[tuple[type[msgspec.Struct], ...]]
    takes_files: ClassVar[tuple[str, ...]] = ()
    gives: ClassVar[tuple[type[msgspec.Struct], ...]]
    needs_token: ClassVar[bool] = False
    locks: ClassVar[bool] = False
    gives_texts: ClassVar[tuple[str, ...]] = ()
    explained: ClassVar[Sequence[str]] = ()
    body_limit_bytes: ClassVar[int] = BODY_BYTES
    strangers_bytes: ClassVar[int] = STRANGERS_BYTES
    arrived: float

    def __init_subclass__(
        cls,
        path: str = "",
        method: str = "",
        needs_token: bool = False,
        locks: bool = False,
        gives_texts: tuple[str, ...] = (),
    ) -> None:
        """Take what the head of the class says. From `answer`, take what the interface takes and, unless it
        says so itself, gives."""
        cls.path = path
        cls.method = method or cls.method
        cls.needs_token = needs_token or cls.needs_token
        cls.locks = locks or cls.locks
        cls.gives_texts = gives_texts
        if "answer" in vars(cls):
            hints = get_type_hints(cls.answer)
            cls.takes = _structs_in(hints["request"])
            if "gives" not in vars(cls):
                cls.gives = (Reply,) if hints["return"] is NoneType else _structs_in(hints["return"])

    @classmethod
    def limit_of(cls, headers: HTTPHeaders) -> tuple[int, Refusal]:
        """Return how many bytes the body of these headers may have at most, and the refusal of a larger one.

        Only JSON may be above BODY_BYTES, or only a form if it holds files: other types cost more to read.
        """
        large = FORMS[1] if cls.takes_files else "application/json"
        most = (
            cls.body_limit_bytes if kind_of_body(headers) == large else min(BODY_BYTES, cls.body_limit_bytes)
        )
        return most, cls.too_large(most)

    @classmethod
    def too_large(cls, limit_bytes: int) -> Refusal:
        """Return the refusal of a body above its limit."""
        return BodyTooLarge(f"请求的内容太大，应在 {limit_bytes >> 10} KB 以内")

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

    async def serve(self) -> None:
        """Guard, parse, identify, answer. Another HTTP method is answered 405."""
        if self.request.method != self.method:
            raise HTTPError(405)
        try:
            answered = await self._answered_in_time()
        except Refusal as refused:  # Most digs end here, and this is cheaper than `write_error`.
            # Kept in no local variable: see `server.errors.refuse`.
            self.finish(self.envelope(await self._confirmed(refused)))
            return
        self.write(answered if isinstance(answered, bytes) else msgspec.json.encode(answered or Reply()))

    def on_finish(self) -> None:
        """Give back the place of a large body."""
        self.context.large_bodies.leave(self.request)

    async def _confirmed(self, refusal: Refusal) -> Refusal:
        """Return the refusal. In place of NoSuchTask, return Unavailable if the database may not be ours, or
        was emptied."""
        if isinstance(refusal, NoSuchTask) and not await self.context.database.confirm():
            return Unavailable()
        return refusal

    async def _answered_in_time(self) -> msgspec.Struct | bytes | None:
        self.arrived = asyncio.get_running_loop().time()
        try:
            async with within(ANSWER_SECONDS):
                await self.guard()
                request = self.read()
                self.caller = await self.identify(request)
                return await self.answer(request)
        except TookTooLong:
            app_log.warning("trace_id=%s %s took too long", self.trace_id, type(self).__name__)
            raise self._unanswered() from None

    def read(self) -> Any:
        """Return the request as its struct. Raises BadRequest, TokenRequired, NotLoggedIn."""
        values = read_parameters(self.request, self.takes)
        kind = self.pick(values)
        unnamed = _needs_unionid(kind) and values.get("unionid") in (None, "")
        if unnamed and presented_token(self.request.headers) is None:  # else `parse` refuses the missing id
            raise TokenRequired if self.needs_token or self.context.settings.require_token else NotLoggedIn
        return parse(kind, values)

    async def identify(self, request: Any) -> Caller:
        """Return who the request is from: by its token, else by its `unionid`.

        Raises BadToken, TokenRequired, NotLoggedIn.
        """
        if "unionid" not in request.__struct_fields__:
            return NOBODY  # logging in must work even if an old token is sent along
        unionid: str = request.unionid or ""
        token = presented_token(self.request.headers)
        if token is not None:
            proven = self.context.keys.read_token(token)
            if proven is None or unionid not in ("", proven.unionid):
                raise BadToken
            return Caller(proven.person_id, proven.generation)
        if self.needs_token or self.context.settings.require_token:
            raise TokenRequired
        person_id = await self.context.known_people.id_of(unionid) if unionid else ""
        if unionid and not person_id:
            raise NotLoggedIn
        return Caller(person_id, None)

    async def admit(self, person: Person | None) -> Person:
        """Check the caller by their record as just read; return it. Raises what `check_session` raises."""
        return check_session(self.caller.generation, person)

    async def let_in(self) -> Person:
        """Admit the caller by what this process has cached of them. Raises what `admit` raises."""
        known = self.context.known_people
        return await self.admit(await known.find(self.caller.person_id, self.caller.generation))

    async def person(self) -> Person:
        """Read the caller's whole record, admit them, and return it. Raises what `admit` raises."""
        if self.caller.proven:
            return await self.admit(await read_caller(self.context, self.caller.person_id, lock=self.locks))
        return await self.admit(await self.context.store.people.find(self.caller.person_id))

    async def active_person(self) -> Person:
        """Return the caller's record, as `person` does. Also raises Banned and Leaving."""
        return check_ban(await self.person(), self.context.clock.now_ms())


class ProvenAct(Interface, method="POST", needs_token=True, locks=True):
    """An interface that acts on money, goods, or the caller's own task or account: it needs a token, and
    locks."""


def interfaces_in(*modules: ModuleType) -> list[type[Interface]]:
    """Return the interfaces that these modules declare: their classes that have a path."""
    declared = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    names = {module.__name__ for module in modules}
    own = [each for each in declared if issubclass(each, Interface) and each.__module__ in names]
    return [each for each in own if each.path]
