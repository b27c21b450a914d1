"""Who may operate: OPS_TOKEN lets in, under a name that the audit log shows.

What operators see and do is `ops.py`'s.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections import Counter
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta
from tornado.httputil import HTTPServerRequest

from handlers.base import Interface, Reply
from server.context import Context
from server.errors import BadToken, TokenRequired, TooMany

COOKIE = "wabao_operator"
TRIES_SECONDS = 60
# Of one address, so that whoever guesses shuts out nobody else; and of all together, which bounds the guesses
# of whoever has many addresses.
TRIES_OF_ONE, TRIES_OF_ALL = 10, 300
# One household or machine is given a whole network of IPv6.
IPV6_BITS = 64


class _LocalTries:
    """Counts tries in this process, for when Redis cannot."""

    counted: ClassVar[Counter[str]] = Counter()
    window = -1

    @classmethod
    def count(cls, name: str, by: int, window: int) -> int:
        if window != cls.window:
            cls.window = window
            cls.counted.clear()
        cls.counted[name] += by
        return cls.counted[name]


class OpsLoginRequest(msgspec.Struct):
    """`name` is what the audit log shows."""

    name: Annotated[str, Meta(min_length=1, max_length=32, description="1 到 32 个字的操作人姓名")]
    token: Annotated[str, Meta(min_length=1, max_length=256, description="OPS_TOKEN 的值")]


class OpsLogin(Interface):
    """Let an operator in, for 12 hours; in a minute, ten wrong tries of one address and 300 of all."""

    path = "/ops/login"
    method = "POST"
    takes = (OpsLoginRequest,)

    async def answer(self, request: OpsLoginRequest) -> Reply:
        """Compare the token in constant time and set a cookie that scripts cannot read."""
        token = self.context.operator_token
        window = self.context.cooldowns.now_ms() // (TRIES_SECONDS * 1000)
        address = address_of(self.request, self.context.settings.public_url)
        # Counted before it is compared, so that many tries at once are no way around, and taken back where
        # it is right. One address that goes on and on adds nothing to the sum of all.
        for name, most in ((address, TRIES_OF_ONE), ("all", TRIES_OF_ALL)):
            if await self._count(name, 1, window) > most:
                raise TooMany("尝试次数太多，请一分钟后再试")
        if not hmac.compare_digest(request.token.encode(), token.encode()):
            raise BadToken("口令不对，请检查 OPS_TOKEN")
        for name in (address, "all"):
            await self._count(name, -1, window)
        self.set_cookie(
            COOKIE,
            self.context.keys.sign_operator(request.name, token),
            path="/ops",
            httponly=True,
            samesite="Strict",
            secure=self.context.settings.public_url.startswith("https://"),
        )
        return Reply()

    async def _count(self, name: str, by: int, window: int) -> int:
        """Count a try, or take it back; return how many this minute had of that name."""
        counted = await self.context.hub.bus.count(f"tries:{window}:{name}", by, TRIES_SECONDS)
        return _LocalTries.count(name, by, window) if counted is None else counted


def address_of(request: HTTPServerRequest, public_url: str) -> str:
    """Return whom a try counts against: an IPv4 address, or the network of an IPv6 one.

    Where PUBLIC_URL is https a proxy stands before us, for TLS ends there: then it is the last address of
    X-Forwarded-For, which the proxy itself wrote. What comes before that is anybody's claim, and so is the
    whole header where no proxy is.
    """
    address = request.remote_ip or ""
    if public_url.startswith("https://"):
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2].strip()
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a socket file, or a proxy that writes something else
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), IPV6_BITS), strict=False))


class OperatorInterface(Interface):
    """An interface for whoever has an operator's cookie; a page of another site cannot send it along."""

    needs_operator = True

    async def answer(self, request: Any) -> msgspec.Struct:
        """Check the cookie first, and that a write comes from our own page: another port is the same site."""
        origin = self.request.headers.get("Origin")
        if self.method == "POST" and origin and origin.partition("://")[2] != self.request.host:
            raise TokenRequired("请从本站的页面操作")
        self.operator = operator_of(self.context, self.get_cookie(COOKIE))
        return await self.operate(request)

    async def operate(self, request: Any) -> msgspec.Struct:
        """Do what the interface is for."""
        raise NotImplementedError


def operator_of(context: Context, cookie: str | None) -> str:
    """Return the name in an operator's cookie; raise TokenRequired without a valid one.

    One is valid for 12 hours, and no longer than the OPS_TOKEN that let its owner in.
    """
    name = context.keys.read_operator(cookie or "", context.operator_token)
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
        cookie = self.get_cookie(COOKIE, "") or ""
        return OpsMeReply(name=self.context.keys.read_operator(cookie, self.context.operator_token) or "")
