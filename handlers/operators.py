"""Who may operate: OPS_TOKEN lets in, under a name that the audit log shows.

What operators see and do is `ops.py`'s.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from handlers.base import Interface, Reply
from server.errors import BadToken, TokenRequired, TooMany
from server.keys import Keys

COOKIE = "wabao_operator"
TRIES, TRIES_SECONDS = 10, 60


class _LocalTries:
    """Counts tries in this process, for when Redis cannot."""

    count = 0
    window = -1


class OpsLoginRequest(msgspec.Struct):
    """`name` is what the audit log shows."""

    name: Annotated[str, Meta(min_length=1, max_length=32, description="1 到 32 个字的操作人姓名")]
    token: Annotated[str, Meta(min_length=1, max_length=256, description="OPS_TOKEN 的值")]


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

    needs_operator = True

    async def answer(self, request: Any) -> msgspec.Struct:
        """Check the cookie first, and that a write comes from our own page: another port is the same site."""
        origin = self.request.headers.get("Origin")
        if self.method == "POST" and origin and origin.partition("://")[2] != self.request.host:
            raise TokenRequired("请从本站的页面操作")
        self.operator = operator_of(self.context.keys, self.get_cookie(COOKIE))
        return await self.operate(request)

    async def operate(self, request: Any) -> msgspec.Struct:
        """Do what the interface is for."""
        raise NotImplementedError


def operator_of(keys: Keys, cookie: str | None) -> str:
    """Return the name in an operator's cookie; raise TokenRequired without a valid one."""
    name = keys.read_operator(cookie or "")
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


class OpsMeRequest(msgspec.Struct):
    """Nothing is asked."""


class OpsMeReply(Reply, kw_only=True):
    """The name under which this operator's acts are written down; "" where nobody is logged in."""

    name: str


class OpsMe(Interface):
    """Who is logged in."""

    path = "/ops/me"
    takes = (OpsMeRequest,)
    gives = (OpsMeReply,)

    async def answer(self, request: OpsMeRequest) -> OpsMeReply:
        """Say it; that nobody is logged in yet is no error."""
        return OpsMeReply(name=self.context.keys.read_operator(self.get_cookie(COOKIE, "") or "") or "")
