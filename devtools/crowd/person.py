"""One person of a crowd: opens a task's page, watches it, digs at human pace, goes on to another.

A person holds one websocket. After a close they come back, or not, as the close code says.
"""

import asyncio
import secrets
import time
from collections import deque
from urllib.parse import urlencode

import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from devtools.crowd.client import Client, Login, Reply, Unanswered
from devtools.crowd.frame_check import FrameCheck
from devtools.crowd.square import Square
from devtools.crowd.tally import Tally
from server.realtime.frames import (
    Cd,
    Claim,
    End,
    Error,
    Frame,
    Join,
    Pong,
    Prize,
    Review,
    Service,
    Snapshot,
    Start,
    Tick,
    Watchers,
)

CONNECT_SECONDS = 10
PING_SECONDS = 20  # a half-open connection shows itself only by a missing pong
PONG_SECONDS = 10
LONGEST_DELAY_SECONDS = 10.0
DIG_ATTEMPTS = 5
# What a person may do after seeing a dig: go to another page with probability MOVES (CURIOUS while some task
# has no watcher), or put the phone away for a while with probability LEAVES.
CURIOUS = 0.3
MOVES = 0.03
LEAVES = 0.01
QUICK_PEOPLE = 0.2

SERVER_STOPS = 1001
IDENTITY_REFUSED = 4001
NO_SUCH_TASK = 4004
TOO_SLOW = 4008
MISBEHAVED = 4009
REPLACED = 4010

_CHARACTERS = [
    "爱笑的", "早起的", "路过的", "不服输的", "爱喝茶的",
    "戴草帽的", "眼尖的", "慢悠悠的", "胆大的", "隔壁的",
]
_FIGURES = [
    "小熊", "阿花", "老王", "橘猫", "土拨鼠", "小满", "阿福",
    "石头", "豆豆", "穿山甲", "麻雀", "鲤鱼", "七七",
]

_chance = secrets.SystemRandom()
_OfATask = Snapshot | Cd | Tick | Join | Prize | Claim | Review | Start | End | Watchers
_decoder: msgspec.json.Decoder[_OfATask | Service | Error | Pong] = msgspec.json.Decoder(
    _OfATask | Service | Error | Pong
)


class Person:
    """One person of a crowd. The same `number` is the same person in every run."""

    login: Login

    def __init__(self, number: int, client: Client, square: Square, tally: Tally) -> None:
        self._user = f"crowd-{number:04}"
        turn, character = divmod(number, len(_CHARACTERS))
        again, _ = divmod(turn, len(_FIGURES))
        figure = (turn + character) % len(_FIGURES)
        self._nickname = f"{_CHARACTERS[character]}{_FIGURES[figure]}{again or ''}"
        self._quick = _chance.random() < QUICK_PEOPLE
        self._client = client
        self._square = square
        self._tally = tally
        self._code = ""
        self._may_dig = False
        self._checks: dict[str, FrameCheck] = {}
        self._connection: WebSocketClientConnection | None = None
        # Tasks unsubscribed from. A ping follows each; their frames may come until its `pong`.
        self._left: deque[str] = deque()
        self._went_away = False
        self._failed = 0
        self._next_dig: asyncio.TimerHandle | None = None
        self._next_move: asyncio.TimerHandle | None = None
        self._doing = asyncio.TaskGroup()  # digs and moves

    # ---- coming, staying, coming back

    async def live(self, logins: asyncio.Semaphore, publishes: bool) -> None:
        """Log in and take part, until cancelled or until the server says not to come back."""
        async with self._doing:
            await self._log_in(logins)
            self._tally.logged_in += 1
            while publishes and not await self._became_publisher():
                await self._pause()
            while await self._visit(logins):
                pass

    async def _log_in(self, logins: asyncio.Semaphore) -> None:
        while True:
            try:
                async with logins:
                    self.login = await self._client.log_in(self._user, self._nickname)
                return
            except Unanswered:
                await self._pause()

    async def _became_publisher(self) -> bool:
        try:
            await self._square.admit(self)
        except Unanswered:
            return False
        return True

    async def _pause(self) -> None:
        """Wait: longer after each failure, and at random, so that not all come back together."""
        self._failed += 1
        longest = min(LONGEST_DELAY_SECONDS, 0.5 * 2 ** min(self._failed, 10))
        await asyncio.sleep(_chance.uniform(0.1, longest))

    async def _visit(self, logins: asyncio.Semaphore) -> bool:
        """Watch tasks over one connection until it ends; return whether to come back."""
        try:
            if self._code not in self._square.running:
                code = await self._square.choose({self._code})
                self._open_page(code, await self._details(code))
            ended_with = await self._watch()
        except (OSError, HTTPClientError, StreamClosedError, WebSocketError, Unanswered) as error:
            if not isinstance(error, Unanswered):
                self._tally.closes[f"no connection, {type(error).__name__}"] += 1
            await self._pause()
            return True
        finally:
            self._cancel_plans()
        if self._went_away:
            self._tally.closes["went away for a while"] += 1
            self._went_away = False
            await asyncio.sleep(_chance.uniform(1, 5))
            return True
        self._tally.closes[str(ended_with or "1006")] += 1
        return await self._comes_back(ended_with, logins)

    async def _comes_back(self, code: int | None, logins: asyncio.Semaphore) -> bool:
        """Act on a close code as its documentation says; return whether to come back."""
        if code == MISBEHAVED:
            self._tally.violations["the server says that a person sent too much"] += 1
            return False
        if code == REPLACED:
            return False
        if code == SERVER_STOPS:
            await asyncio.sleep(_chance.uniform(0, 5))
        elif code == IDENTITY_REFUSED:
            await self._pause()
            await self._log_in(logins)
        elif code == NO_SUCH_TASK:
            self._square.forget(self._code)
        elif code == TOO_SLOW:
            await asyncio.sleep(_chance.uniform(0, 0.5))
        else:
            await self._pause()
        return True

    async def _details(self, code: str) -> Reply:
        """Read a task's details. Raises Unanswered, even for a refusal."""
        details = await self._client.get("/getTaskDetails", self.login, code=code)
        if details.get("status") != 0:
            self._square.forget(code)
            raise Unanswered
        return details

    def _open_page(self, code: str, details: Reply) -> None:
        self._cancel_plans()
        self._square.moved(self._code, code)
        self._code = code
        self._may_dig = details["why"] in ("", "cooling_down")
        kept = {code, *self._left, *self._square.running}
        self._checks = {code: check for code, check in self._checks.items() if code in kept}

    async def _watch(self) -> int | None:
        """Connect, subscribe to the page's task, and take frames until the end; return the close code."""
        query: dict[str, str | int] = {"code": self._code}
        since = self._subscription(self._code)
        if since is not None:
            query["since"] = since
        url = f"{self._client.socket_url}?{urlencode(query)}"
        connection = await websocket_connect(
            HTTPRequest(url, headers=self.login.headers, connect_timeout=CONNECT_SECONDS),
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
        )
        self._connection = connection
        self._tally.watching += 1
        try:
            while (message := await connection.read_message()) is not None:
                self._receive(message)
        finally:
            self._tally.watching -= 1
            self._connection = None
            self._left.clear()
            connection.close()
        return connection.close_code

    def _subscription(self, code: str) -> int | None:
        return self._checks.setdefault(code, FrameCheck()).subscribe()

    def _cancel_plans(self) -> None:
        """Cancel the planned dig and the planned move."""
        for timer in (self._next_dig, self._next_move):
            if timer is not None:
                timer.cancel()
        self._next_dig = self._next_move = None

    # ---- frames

    def _receive(self, message: str | bytes) -> None:
        now = time.monotonic()
        try:
            frame = _decoder.decode(message)
        except msgspec.MsgspecError as error:
            self._tally.violations[f"a frame cannot be read: {error}"] += 1
            return
        self._tally.frames[type(frame).__name__.lower()] += 1
        if isinstance(frame, Error):
            self._take_error(frame)
            return
        self._failed = 0
        if isinstance(frame, Service):
            return
        if isinstance(frame, Pong):
            self._left.popleft()
            return
        check = self._checks.get(frame.code)
        if check is None or frame.code not in (self._code, *self._left):
            self._tally.violations["a frame came of a task that is not watched"] += 1
            return
        wrong = check.take(frame)
        if wrong:
            self._tally.violations[f"task {frame.code}: {wrong}"] += 1
        if isinstance(frame, Cd) and check.live:
            self._tally.frame_seen((frame.code, frame.seq), now)
            self._square.saw_dig(frame.code)
        if isinstance(frame, End) or (isinstance(frame, Snapshot) and frame.status):
            self._square.saw_end(frame.code)
        if frame.code == self._code and check.live:
            self._consider(frame)

    def _take_error(self, error: Error) -> None:
        """React to an error frame. If it names no task, a close follows, whose close code says what to do."""
        if not error.code:
            return
        if error.error == "no_such_task":
            self._square.forget(error.code)
            self._plan_move(1)
        elif error.error == "unavailable" and error.code == self._code and self._connection is not None:
            self._connection.close()  # a store is down; connect again after a while
            self._failed += 1
        else:
            self._tally.violations[f"the server refused a message: {error.error}"] += 1

    def _consider(self, frame: Frame) -> None:
        """Decide what to do after a frame of the page's task."""
        if isinstance(frame, End) or (isinstance(frame, Snapshot) and frame.status):
            self._cancel_plans()
            self._plan_move(_chance.uniform(1, 4))
        elif isinstance(frame, Cd | Snapshot):
            self._plan_dig((frame.cd_until - frame.server_time) / 1000)
            if not self._may_dig and self._next_move is None:
                self._plan_move(_chance.uniform(2, 6))
            elif isinstance(frame, Cd) and _chance.random() < (CURIOUS if self._square.deserted else MOVES):
                self._plan_move(_chance.uniform(0, 2))
            elif isinstance(frame, Cd) and _chance.random() < LEAVES and self._connection is not None:
                self._went_away = True
                self._connection.close(1000)

    # ---- digging

    def _plan_dig(self, left_seconds: float) -> None:
        """Plan a dig after the cooldown: quick people have a finger on the button, others react later."""
        if self._next_dig is not None:
            self._next_dig.cancel()
            self._next_dig = None
        if not self._may_dig:
            return
        reaction = _chance.uniform(0.02, 0.3) if self._quick else 0.2 + _chance.lognormvariate(0.2, 0.8)
        self._next_dig = asyncio.get_running_loop().call_later(max(0.0, left_seconds) + reaction, self._press)

    def _press(self) -> None:
        self._next_dig = None
        self._doing.create_task(self._dig(self._code))

    async def _dig(self, code: str) -> None:
        """Dig once. If no answer comes, ask again with the same `dig_id`, so that it is the same dig."""
        dig_id = secrets.token_hex(8)
        for attempt in range(DIG_ATTEMPTS):
            try:
                reply, written_at = await self._client.post_timed(
                    "/postTask", self.login, code=code, dig_id=dig_id
                )
            except Unanswered:
                await self._pause()
                continue
            self._take_reply(code, reply, written_at, again=attempt > 0)
            return
        self._tally.digs["no answer"] += 1
        self._dig_later(code, _chance.uniform(2, 6))

    def _take_reply(self, code: str, reply: Reply, written_at: float, again: bool) -> None:
        if reply.get("status") == 0:
            mine = again or not reply["repeated"]
            self._tally.digs[("won" if reply["is_prize"] else "dug") if mine else "repeated"] += 1
            self._tally.dug((code, reply["seq"]), self._user, written_at, again or not mine)
            if reply["is_prize"]:
                self._give_up(code)
            return
        refused = str(reply.get("error"))
        self._tally.digs[refused] += 1
        if refused in ("already_won", "own_task"):
            self._give_up(code)
        elif refused == "cooling_down":
            self._dig_later(code, reply["time"])
        elif refused != "ended":
            self._tally.violations[f"a dig was refused with {refused}"] += 1

    def _give_up(self, code: str) -> None:
        if code != self._code:
            return
        self._may_dig = False
        self._cancel_plans()
        self._plan_move(_chance.uniform(2, 6))

    def _dig_later(self, code: str, left_seconds: float) -> None:
        """Plan the next dig, unless a frame has led to a plan meanwhile."""
        if code == self._code and self._next_dig is None and self._connection is not None:
            self._plan_dig(left_seconds)

    # ---- going to another page

    def _plan_move(self, seconds: float) -> None:
        if self._next_move is None:
            self._next_move = asyncio.get_running_loop().call_later(seconds, self._set_out)

    def _set_out(self) -> None:
        self._next_move = None
        self._doing.create_task(self._move())

    async def _move(self) -> None:
        """Watch another task over the same connection. If the connection ends meanwhile, stay on the page."""
        connection = self._connection
        old = self._code
        new = await self._square.choose({old, *self._left})
        if new == old or new in self._left:
            return
        try:
            details = await self._details(new)
        except Unanswered:
            self._plan_move(_chance.uniform(2, 6))
            return
        if connection is None or connection is not self._connection or old != self._code:
            return
        self._left.append(old)
        self._open_page(new, details)
        messages = (
            {"action": "unsubscribe", "code": old},
            {"action": "ping"},
            {"action": "subscribe", "code": new, "since": self._subscription(new)},
        )
        try:
            for message in messages:
                await connection.write_message(msgspec.json.encode(message).decode())
        except (WebSocketError, StreamClosedError):
            return  # the connection ends, which `_watch` notices
