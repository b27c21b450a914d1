"""The operator's interfaces, behind OPS_TOKEN: the feed, search, a task's page, and acts that are logged.

Nothing here shows a seed, a depth that wins, or anybody's id.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from tornado.web import HTTPError

from handlers.base import Interface, Reply
from handlers.parameters import Code, Flag
from handlers.push import Socket
from server.actions.operate import disconnect_watchers, end_task, hide_task
from server.context import Context
from server.errors import BadToken, NoSuchTask, TokenRequired, TooMany
from server.feed import BoardTask, board_task
from server.store.audit_log import Act

COOKIE = "wabao_operator"
TRIES, TRIES_SECONDS = 10, 60
FOUND_TASKS = 50
SHOWN_DIGS = 100
SHOWN_ACTS = 200

Reason = Annotated[str, Meta(min_length=1, max_length=200, description=" 1 到 200 个字的理由")]


class _LocalTries:
    """Counts tries in this process, for when Redis cannot."""

    count = 0
    window = -1


class OpsLoginRequest(msgspec.Struct):
    """`name` is what the audit log shows."""

    name: Annotated[str, Meta(min_length=1, max_length=32, description=" 1 到 32 个字的操作人姓名")]
    token: Annotated[str, Meta(min_length=1, max_length=256, description=" OPS_TOKEN 的值")]


class OpsLogin(Interface):
    """Let an operator in, for 12 hours; ten tries a minute, over all processes."""

    path = "/ops/login"
    method = "POST"
    takes = (OpsLoginRequest,)

    async def answer(self, request: OpsLoginRequest) -> Reply:
        """Compare the token in constant time and set a cookie that scripts cannot read."""
        await self._limit()
        if not hmac.compare_digest(request.token.encode(), self.context.operator_token.encode()):
            raise BadToken("口令不对，请检查 OPS_TOKEN")
        self.set_cookie(
            COOKIE,
            self.context.keys.sign_operator(request.name),
            path="/ops",
            httponly=True,
            samesite="Strict",
            secure=self.context.settings.public_url.startswith("https://"),
        )
        return Reply()

    async def _limit(self) -> None:
        tries = await self.context.hub.bus.tries(TRIES_SECONDS)
        if tries is None:
            window = self.context.cooldowns.now_ms() // (TRIES_SECONDS * 1000)
            if window != _LocalTries.window:
                _LocalTries.window, _LocalTries.count = window, 0
            _LocalTries.count += 1
            tries = _LocalTries.count
        if tries > TRIES:
            raise TooMany("尝试次数太多，请一分钟后再试")


class OperatorInterface(Interface):
    """An interface for whoever has an operator's cookie; a page of another site cannot send it along."""

    async def answer(self, request: Any) -> msgspec.Struct:
        """Check the cookie first."""
        self.operator = operator_of(self)
        return await self.operate(request)

    async def operate(self, request: Any) -> msgspec.Struct:
        """Do what the interface is for."""
        raise NotImplementedError


def operator_of(handler: Interface | OpsFeed) -> str:
    """Return the name in the request's cookie; raise TokenRequired without a valid one."""
    name = handler.context.keys.read_operator(handler.get_cookie(COOKIE, "") or "")
    if name is None:
        raise TokenRequired("请先用 OPS_TOKEN 登录")
    return name


class OpsLogoutRequest(msgspec.Struct):
    """Nothing is asked."""


class OpsLogout(OperatorInterface):
    """Forget the operator's cookie."""

    path = "/ops/logout"
    method = "POST"
    takes = (OpsLogoutRequest,)

    async def operate(self, request: OpsLogoutRequest) -> Reply:
        """Clear it."""
        self.clear_cookie(COOKIE, path="/ops")
        return Reply()


class OpsTasksRequest(msgspec.Struct):
    """A task's code, or a publisher's signature as the task shows it."""

    query: Annotated[str, Meta(min_length=1, max_length=64, description="宝贝编号或发布者署名")]


class OpsTasksReply(Reply, kw_only=True):
    """The newest 50."""

    data: list[BoardTask]


class OpsTasks(OperatorInterface):
    """Search by code or publisher."""

    path = "/ops/tasks"
    takes = (OpsTasksRequest,)
    gives = (OpsTasksReply,)

    async def operate(self, request: OpsTasksRequest) -> OpsTasksReply:
        """Look them up."""
        found = await self.context.store.tasks.search(request.query, FOUND_TASKS)
        watchers = [await self.context.hub.watchers(task["_id"]) for task in found]
        return OpsTasksReply(data=[board_task(*pair) for pair in zip(found, watchers, strict=True)])


class OpsTaskRequest(msgspec.Struct):
    """Which task."""

    code: Code


class OpsDig(msgspec.Struct):
    """A dig as an operator sees it."""

    depth: int
    wxname: str
    is_prize: int
    no: int
    at: int


class Shares(msgspec.Struct):
    """How many opened it; how many were brought, by how many, and how many by the one who brought most."""

    opened: int
    sharers: int
    brought: int
    most: int


class OpsTaskReply(Reply, kw_only=True):
    """A task with its newest digs and who brought whom, as numbers."""

    task: BoardTask
    synopsis: str
    commitment: str
    created_at: int
    opened_at: int
    expires_at: int
    ended_at: int
    shares: Shares
    digs: list[OpsDig]


class OpsTask(OperatorInterface):
    """A task's page."""

    path = "/ops/task"
    takes = (OpsTaskRequest,)
    gives = (OpsTaskReply,)

    async def operate(self, request: OpsTaskRequest) -> OpsTaskReply:
        """Read it."""
        store = self.context.store
        task = await store.tasks.find(request.code)
        if task is None:
            raise NoSuchTask
        digs = await store.digs.newest(request.code, SHOWN_DIGS)
        return OpsTaskReply(
            task=board_task(task, await self.context.hub.watchers(request.code)),
            synopsis=task["synopsis"],
            commitment=task["commitment"],
            created_at=task["created_at"],
            opened_at=task["opened_at"],
            expires_at=task["expires_at"],
            ended_at=task["ended_at"],
            shares=msgspec.convert(await store.visits.share_numbers(request.code), Shares),
            digs=[OpsDig(d["depth"], d["wxname"], d["is_prize"], d["no"], d["at"]) for d in digs],
        )


class OpsEndRequest(msgspec.Struct):
    """The reason is shown to everybody."""

    code: Code
    reason: Reason


class OpsEnd(OperatorInterface):
    """End a task."""

    path = "/ops/end"
    method = "POST"
    takes = (OpsEndRequest,)

    async def operate(self, request: OpsEndRequest) -> Reply:
        """Log it and do it."""
        await end_task(self.context, self.operator, request.code, request.reason)
        return Reply()


class OpsHideRequest(msgspec.Struct):
    """`hidden` 1 takes the task out of the square, 0 puts it back."""

    code: Code
    hidden: Flag
    reason: Reason


class OpsHide(OperatorInterface):
    """Hide a task from the square, or show it."""

    path = "/ops/hide"
    method = "POST"
    takes = (OpsHideRequest,)

    async def operate(self, request: OpsHideRequest) -> Reply:
        """Log it and do it."""
        await hide_task(
            self.context, self.operator, request.code, request.reason, hidden=bool(request.hidden)
        )
        return Reply()


class OpsDisconnectRequest(msgspec.Struct):
    """`process` as the feed names it."""

    process: Annotated[str, Meta(pattern=r"\A[0-9a-f]{12}\Z", description=" 12 位的进程标识")]
    reason: Reason


class OpsDisconnect(OperatorInterface):
    """Send a process's watchers to the others."""

    path = "/ops/disconnect"
    method = "POST"
    takes = (OpsDisconnectRequest,)

    async def operate(self, request: OpsDisconnectRequest) -> Reply:
        """Log it and tell the process."""
        await disconnect_watchers(self.context, self.operator, request.process, request.reason)
        return Reply()


class OpsLogRequest(msgspec.Struct):
    """Nothing is asked."""


class OpsLogReply(Reply, kw_only=True):
    """The newest 200 acts."""

    data: list[dict[str, str | int]]


class OpsLog(OperatorInterface):
    """What operators did."""

    path = "/ops/log"
    takes = (OpsLogRequest,)
    gives = (OpsLogReply,)

    async def operate(self, request: OpsLogRequest) -> OpsLogReply:
        """Read them."""
        acts: list[Act] = await self.context.store.audit_log.newest(SHOWN_ACTS)
        return OpsLogReply(data=[dict(act) for act in acts])  # type: ignore[arg-type]


class OpsFeed(Socket):
    """`/ops/feed`: the websocket of an operator's screen."""

    def initialize(self, context: Context) -> None:  # type: ignore[override]
        """Take what the route table hands over."""
        super().initialize()
        self.context = context

    def check_origin(self, origin: str) -> bool:
        """Only our own page: here it is a cookie that lets in."""
        return origin.partition("://")[2] == self.request.host

    def prepare(self) -> None:
        """Refuse whoever has no operator's cookie before the handshake."""
        super().prepare()
        if not self._finished:
            try:
                operator_of(self)
            except TokenRequired:
                raise HTTPError(403) from None

    async def open(self, *args: str, **kwargs: str) -> None:
        """Show the history and what follows."""
        await super().open()
        await self.context.feed.show(self)

    def on_message(self, message: str | bytes) -> None:
        """An operator's screen says nothing."""

    def on_close(self) -> None:
        """Stop showing."""
        super().on_close()
        self.context.feed.leave(self)


OPS_INTERFACES: list[type[Interface]] = [
    OpsLogin,
    OpsLogout,
    OpsTasks,
    OpsTask,
    OpsEnd,
    OpsHide,
    OpsDisconnect,
    OpsLog,
]
