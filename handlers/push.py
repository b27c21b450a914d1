"""`/ws`: what clients send, who they are, and the refusals that they get.

A client identifies itself in the head of its request (`Authorization`) or in its first message (`hello`).
Older clients do so in the query, which every proxy may write into a log.

`server/realtime/hub.py` decides what is sent and when; `websocket.py` sends it.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta
from tornado.log import app_log

from handlers.base import Caller, presented_token
from handlers.limits import limit
from handlers.parameters import Code, Unionid, parse
from handlers.websocket import (
    GOING_AWAY,
    IDENTITY_REFUSED,
    MISBEHAVED,
    NO_SUCH_TASK,
    REPLACED,
    TOO_MANY,
    TOO_SLOW,
    Socket,
)
from server.actions.people.account import check_session
from server.context import Context
from server.decoding import decode, named
from server.errors import (
    BadRequest,
    BadToken,
    Internal,
    NoSuchTask,
    NotLoggedIn,
    NotShown,
    Refusal,
    TokenRequired,
    TooMany,
    TooOften,
    Unavailable,
)
from server.realtime.frames import Error, Pong, Sign, encode
from server.store import is_unavailable
from server.telemetry import metrics

SUBSCRIPTIONS = 100
MESSAGE_BYTES = 4096
MESSAGES_A_SECOND = 20
# A client says within this time who it is.
HELLO_SECONDS = 10.0

# What a client does about each code that `/ws` closes with.
CLOSES = {
    GOING_AWAY: "服务器要停了，或数据库没有响应：随机等 0 到 5 秒再连",
    IDENTITY_REFUSED: "身份被拒绝，或已在别处退出登录：重新登录后再连",
    NO_SUCH_TASK: "查询参数中的宝贝不存在：不要再连",
    TOO_SLOW: "收得太慢，或 10 秒内没有说是谁：带上 since 再连",
    MISBEHAVED: "一条消息超过 4 KB、一秒超过 20 条，或查询参数、第一条消息读不懂：不要再连",
    TOO_MANY: "新连接太频繁，或没有说是谁的连接太多：按 error 帧的 retry_after 等这么多秒再连",
    REPLACED: "同一个人打开了更多页面，最早的连接被关闭：不要自动再连",
}

# The close code if a client is refused as it connects.
_CLOSED_WITH: dict[type[Refusal], int] = {
    BadToken: IDENTITY_REFUSED,
    TokenRequired: IDENTITY_REFUSED,
    NotLoggedIn: IDENTITY_REFUSED,
    BadRequest: MISBEHAVED,
    NoSuchTask: NO_SUCH_TASK,
    TooOften: TOO_MANY,
    Unavailable: GOING_AWAY,
}

Sequence = Annotated[int, named("序号", "0 以上的整数", ge=0, le=1 << 53)]


class ConnectRequest(msgspec.Struct):
    """The query of `/ws`. With `code`, the client is subscribed as soon as it is known who connects.

    `unionid` and `token` are for older clients: every proxy on the way may log an address.
    """

    unionid: Unionid | None = None
    code: Annotated[str, Meta(max_length=64, title="宝贝编号")] | None = (
        None  # not `Code`: a malformed code is NoSuchTask
    )
    token: Annotated[str, Meta(title="登录凭证")] | None = None
    since: Sequence | None = None
    ticks: Annotated[int, named("倒数", "0 或 1", ge=0, le=1)] = 1


class Hello(msgspec.Struct, tag="hello", tag_field="action"):
    """Say who connects: the first message, if neither the request's head nor its query said so."""

    token: Annotated[str, Meta(title="登录凭证")]


class Subscribe(msgspec.Struct, tag="subscribe", tag_field="action"):
    """Watch a task. `since` is the `seq` of the last dig that the client has."""

    code: Code
    since: Sequence | None = None
    ticks: bool = True


class Unsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="action"):
    """Stop watching a task."""

    code: Code


class Cheer(msgspec.Struct, tag="cheer", tag_field="action"):
    """Cheer at a task that this socket watches; each person at most once a second."""

    code: Code
    sign: Annotated[Sign, Meta(title="喝彩")]


class Ping(msgspec.Struct, tag="ping", tag_field="action"):
    """Ask for a `pong`."""


Message: TypeAlias = Hello | Subscribe | Unsubscribe | Cheer | Ping


class Push(Socket):
    """`/ws`: one client, which watches up to 100 tasks."""

    def initialize(self, context: Context | None = None) -> None:
        super().initialize(context)
        self.person_id = ""
        self.generation: int | None = None
        # The query of a client that has not identified itself yet, and the timer that closes it.
        self._awaits_hello: ConnectRequest | None = None
        self._hello_timer: asyncio.TimerHandle | None = None
        self._watched: set[str] = set()
        self._second = 0
        self._messages = 0

    async def open(self, *args: str, **kwargs: str) -> None:
        """Let the client in by its head or query; if these do not say who it is, wait for `hello`."""
        await super().open()
        hub = self.context.hub
        if hub.draining:
            self.say_goodbye()
            return
        hub.connections.add(self)
        metrics.CONNECTIONS.inc()
        try:
            query = {name: found[-1].decode() for name, found in self.request.query_arguments.items()}
            asked = parse(ConnectRequest, query)
            token = presented_token(self.request.headers)
            if token is None:
                token = asked.token
            if token is None and asked.unionid is None:
                self._await_hello(asked)
            else:
                await self._let_in(asked, token)
        except Exception as error:  # noqa: BLE001  (raised again, unless it is a refusal or a store that is down)
            self._refuse_entry(error)
        # Query and head hold a token and an id: drop them, since a connection may stay open for days.
        self.request.query_arguments.clear()
        self.request.arguments.clear()
        self.request.headers.pop("Authorization", None)

    def _await_hello(self, asked: ConnectRequest) -> None:
        """Let a client that has not said who it is do so in its first message."""
        self._awaits_hello = asked
        refusal = NotLoggedIn(f"连接后 {HELLO_SECONDS:.0f} 秒内没有收到 hello，请重新连接")
        self._hello_timer = asyncio.get_running_loop().call_later(
            HELLO_SECONDS, self.no_hello, refusal, TOO_SLOW
        )
        oldest = self.context.hellos.add("", self)
        if oldest is not None:
            oldest.no_hello(TooMany("等着说 hello 的连接太多，请重新连接"), TOO_MANY)

    def no_hello(self, refusal: Refusal, code: int) -> None:
        """Close because the client has not said who it is, with a code after which clients come back.

        The client's token may be valid all the same, so the client need not log in again. The browser may
        have suspended its page, or strangers' sockets may have displaced this one.
        """
        self._refuse(refusal, "")
        self.leave(code, refusal.error)

    async def _take_hello(self, asked: ConnectRequest, message: str | bytes) -> None:
        """Let a client in by its first message, or say why not and close."""
        self._end_waiting()
        try:
            hello = _decode_message(message)
            if not isinstance(hello, Hello):
                raise NotLoggedIn('第一条消息应为 {"action":"hello","token":"…"}')  # noqa: TRY301
            await self._let_in(asked, hello.token)
        except Exception as error:  # noqa: BLE001  (as in `open`)
            self._refuse_entry(error)

    def _end_waiting(self) -> None:
        if self._awaits_hello is None:  # a request that is no websocket's has no stream here
            return
        self._awaits_hello = None
        if self._hello_timer is not None:
            self._hello_timer.cancel()
            self._hello_timer = None
            self.context.hellos.remove("", self)

    async def _let_in(self, asked: ConnectRequest, token: str | None) -> None:
        """Check who connects, and subscribe to the query's task, if any."""
        proven = None if token is None else self.context.keys.read_token(token)
        if token is not None and (proven is None or asked.unionid not in (None, proven.unionid)):
            raise BadToken
        if proven is None and self.context.settings.require_token:
            raise TokenRequired
        # Set before the record is read: if the token is ended after that, this connection is closed.
        known = self.context.known_people
        if proven is not None:
            self.person_id = proven.person_id
            self.generation = proven.generation
        elif asked.unionid:
            self.person_id = await known.id_of(asked.unionid)
        check_session(self.generation, await known.find(self.person_id, self.generation))
        await limit(self.context, self.request, self._caller, {"new_sockets": 1})
        self._enter()
        if asked.code is not None:
            await self._watch(Subscribe(asked.code, asked.since, bool(asked.ticks)))

    def _refuse_entry(self, error: Exception) -> None:
        """Say why a client is not let in, and close. Raises an error that is no refusal, and does not say
        that a store is silent."""
        if isinstance(error, UnicodeDecodeError):
            error = BadRequest("查询参数不是 UTF-8 文字")
        elif isinstance(error, Unavailable) or is_unavailable(error):
            error = Unavailable()
        code = next((code for kind, code in _CLOSED_WITH.items() if isinstance(error, kind)), None)
        if not isinstance(error, Refusal) or code is None:
            raise error
        if error.param == "unionid":  # a login gives a client its id, so coming back helps
            code = IDENTITY_REFUSED
        self._refuse(error, "")
        self.leave(code, error.error)

    @property
    def _caller(self) -> Caller:
        return Caller(self.person_id, self.generation)

    def _enter(self) -> None:
        """Count this connection as one of the person's. If there are too many, the oldest is closed.

        Connections with only a bare id are counted separately, so that they close none of the owner's.
        """
        if self.iostream.closed():  # it closed while the person was read, and `on_close` has run
            return
        if self.context.outages.silent:
            self.send(encode([self.context.outages.frame()]))
        oldest = self.context.sockets.add(self._caller.counted, self)
        if oldest is not None:
            oldest.make_way()

    def make_way(self) -> None:
        """Close because the same person opened a newer page."""
        metrics.TURNED_AWAY.labels("person").inc()
        most = self.context.settings.sockets_a_person
        self._refuse(TooMany(f"同时打开的页面最多 {most} 个，最早的一个已断开"), "")
        self._unwatch_all()
        self.leave(REPLACED, TooMany.error)

    async def _watch(self, asked: Subscribe) -> None:
        if asked.code not in self._watched and len(self._watched) >= SUBSCRIPTIONS:
            raise TooMany(f"一个连接最多关注 {SUBSCRIPTIONS} 个宝贝")
        try:
            await self.context.hub.watch(self, asked.code, asked.since, asked.ticks)
        except NotShown:
            self._note_watched(asked.code)
            raise
        except NoSuchTask:
            if not await self.context.database.confirm():  # the task may well exist in our database
                raise Unavailable from None
            raise
        self._note_watched(asked.code)

    def _note_watched(self, code: str) -> None:
        """Note what the hub has to forget of this connection when it ends."""
        self._watched.add(code)
        if self.iostream.closed():  # it closed while the task was read, and `on_close` has run
            self._unwatch_all()

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Do what a client asks, or answer with an `error` frame. A client that sends too much is closed.

        Only the parts that wait are coroutines, since Tornado makes a task of each.
        """
        if len(message if isinstance(message, bytes) else message.encode()) > MESSAGE_BYTES or self._floods():
            self.leave(MISBEHAVED, "too much")
            return None
        if self._awaits_hello is not None:
            return self._take_hello(self._awaits_hello, message)
        code = ""
        try:
            asked = _decode_message(message)
            if isinstance(asked, Hello):
                raise BadRequest("hello 只能是没有说过是谁的连接的第一条消息")  # noqa: TRY301
            if isinstance(asked, Subscribe):
                return self._subscribe(asked)
            if isinstance(asked, Ping):
                self.send(encode([Pong(server_time=self.context.clock.now_ms())]))
                return None
            code = asked.code
            if isinstance(asked, Cheer):
                self.context.hub.cheer(self, code, asked.sign)
            else:
                self.context.hub.unwatch(self, code)
                self._watched.discard(code)
        except Exception as error:  # noqa: BLE001  (an edge: logged, and answered as `internal`)
            self._tell_failure(error, code)
        return None

    async def _subscribe(self, asked: Subscribe) -> None:
        try:
            await self._watch(asked)
        except Exception as error:  # noqa: BLE001  (an edge: logged, and answered as `internal`)
            self._tell_failure(error, asked.code)

    def _tell_failure(self, error: Exception, code: str) -> None:
        if isinstance(error, Refusal):
            self._refuse(error, code)
        elif is_unavailable(error):
            self._refuse(Unavailable(), code)
        else:
            app_log.error("a websocket message failed", exc_info=error)
            self._refuse(Internal(), code)

    def on_ping(self, data: bytes) -> None:
        """Count a client's own pings among its messages."""
        if self._floods():
            self.leave(MISBEHAVED, "too much")

    on_pong = on_ping

    def _floods(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._messages = 0
        self._messages += 1
        return self._messages > MESSAGES_A_SECOND

    def _refuse(self, refusal: Refusal, code: str) -> None:
        metrics.REFUSALS.labels(refusal.error).inc()
        again = refusal.extra.get("retry_after", 0)
        frame = Error(error=refusal.error, msg=refusal.msg, code=code, param=refusal.param, retry_after=again)
        self.send(encode([frame]))

    def on_queued(self) -> None:
        """Let the hub check this connection once a second with `cut_if_stuck`."""
        self.context.hub.congested.add(self)

    def leave(self, code: int, reason: str) -> None:
        """Close with one of our codes."""
        self._end_waiting()
        super().leave(code, reason)

    def say_goodbye(self) -> None:
        """Close because the server stops."""
        self.leave(GOING_AWAY, "the server is stopping")

    def end_session(self) -> None:
        """Close because the person's tokens were ended."""
        self.leave(IDENTITY_REFUSED, BadToken.error)

    def _unwatch_all(self) -> None:
        for code in self._watched:
            self.context.hub.unwatch(self, code)
        self._watched.clear()

    def on_close(self) -> None:
        super().on_close()
        if self in self.context.hub.connections:
            self.context.hub.connections.discard(self)
            metrics.CONNECTIONS.dec()
        self._end_waiting()
        self.context.sockets.remove(self._caller.counted, self)
        self._unwatch_all()


def _decode_message(message: str | bytes) -> Message:
    """Return the message. Raises BadRequest, which says what the message should have been."""
    if isinstance(message, bytes):
        raise BadRequest("应为 JSON 文字消息，不能用二进制")
    try:
        found: Message = decode(message, Message)
    except ValueError:
        raise BadRequest(
            '应为 {"action":"subscribe"或"unsubscribe","code":"…","since":整数?,"ticks":真假?}、'
            '{"action":"cheer","code":"…","sign":"heart"等六种} 或 {"action":"ping"}，'
            '没有说过是谁时先发 {"action":"hello","token":"…"}'
        ) from None
    return found
