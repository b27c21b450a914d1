"""Who may operate: a token of OPS_TOKENS or OPS_TOKEN lets an operator in, under a name for the audit log.

What operators see and do is in `screen.py`.
"""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from tornado.httputil import HTTPServerRequest

from handlers.base import Interface, Reply
from handlers.bodies import STRANGERS_BYTES
from handlers.limits import address_of
from handlers.parameters import NoParameters
from server.actions.operator_sessions import (
    Session,
    begin_session,
    find_session,
    operator_of,
)
from server.context import Context
from server.decoding import named
from server.errors import BadRequest, BadToken, NotAllowed, TokenRequired
from server.memory.limits import Count
from server.security.plain_text import ONE_LINE
from server.settings import Settings
from server.settings.operators import NAME_CHARACTERS, Role

COOKIE = "wabao_operator"
TRIES_SECONDS = 60
# Failed logins of an address per minute, across processes. Behind an unknown proxy all have its address.
TRIES = 10


class OpsLoginRequest(msgspec.Struct):
    """`name` says who uses OPS_TOKEN, which several people may share. Each token of OPS_TOKENS has a name of
    its own."""

    token: Annotated[str, named("口令", "运营口令", min_length=1, max_length=256)]
    name: Annotated[str, named("操作人姓名", "最长 32 个字", max_length=NAME_CHARACTERS, extra=ONE_LINE)] = ""


class OpsLogin(Interface, path="/ops/login", method="POST"):
    """Log an operator in, for 12 hours. Per minute and address: 10 failed logins."""

    body_limit_bytes = STRANGERS_BYTES

    async def guard(self) -> None:
        """Refuse other sites' pages. Refuse any query too: it may hold a token, and proxies log queries."""
        refuse_other_sites(self.request)
        refuse_queries(self.request)

    async def answer(self, request: OpsLoginRequest) -> None:
        """Set an HttpOnly cookie. Raises BadToken, TooMany, and BadRequest if a name is needed.

        A correct token is accepted whatever others guess: no token can be guessed, and its owner must get in
        while strangers try.
        """
        operator = operator_of(self.context, request.token)
        if operator is None:
            # The address is hashed, so that Redis does not get it.
            whose = self.context.keys.operator_hash(address_of(self.context, self.request), "")
            await self.context.limits.take([Count("operators", whose, TRIES, TRIES_SECONDS)])
            raise BadToken("口令不对，请检查后再试")
        if not (operator.name or request.name.strip()):
            raise BadRequest("用共用的口令登录时，请填写自己的姓名", param="name")
        self.set_cookie(
            COOKIE,
            begin_session(self.context, operator, request.name.strip()),
            path="/ops",
            httponly=True,
            samesite="Strict",
            secure=self.context.settings.public_url.startswith("https://"),
        )


def refuse_other_sites(request: HTTPServerRequest) -> None:
    """Raise TokenRequired for requests from another site's page. Cookies alone do not tell ports apart."""
    origin = request.headers.get("Origin")
    if origin and origin.partition("://")[2] != request.host:
        raise TokenRequired("请从本站的页面操作")


def refuse_queries(request: HTTPServerRequest) -> None:
    """Raise BadRequest if there is a query: it would be kept in histories and proxies' logs."""
    if request.query:
        raise BadRequest("参数应放在请求的内容里，不能放在地址里")


class OperatorInterface(Interface):
    """An interface for operators, who are known by a cookie. A page of another site cannot use it."""

    body_limit_bytes = STRANGERS_BYTES
    role: ClassVar[Role] = "look"
    session: Session

    def __init_subclass__(cls, role: Role | None = None, **head: Any) -> None:
        """Take also the `role` that an operator needs."""
        super().__init_subclass__(**head)
        cls.role = role or cls.role

    async def guard(self) -> None:
        """Check the cookie and the role before all else. A POST must have its parameters in the body."""
        if self.method == "POST":
            refuse_other_sites(self.request)
        self.session = session_of(self.context, self.get_cookie(COOKIE))
        self.actor = self.session.actor
        self.need(self.role)
        if self.method == "POST":
            refuse_queries(self.request)

    def need(self, role: Role) -> None:
        """Raise NotAllowed unless the operator may do what `role` may."""
        if not self.session.operator.may(role):
            raise NotAllowed


class OperatorAct(OperatorInterface, method="POST", role="act"):
    """An interface with which operators change something. If it moves money, its role is `money`.

        class OpsEnd(OperatorAct, path="/ops/end"):
            async def answer(self, request: OpsEndRequest) -> None:
                await end_task(self.context, self.actor, request.code, request.reason)
    """


def session_of(context: Context, cookie: str | None) -> Session:
    """Return the session of an operator's cookie. Raises TokenRequired if there is none or it is over."""
    session = find_session(context, cookie or "")
    if session is None:
        raise TokenRequired("请先用口令登录")
    return session


class OpsLogout(OperatorInterface, path="/ops/logout", method="POST"):
    """Let the browser forget the operator's session. A copy of its cookie is valid until the session ends."""

    async def answer(self, request: NoParameters) -> None:
        self.clear_cookie(COOKIE, path="/ops")


class OpsMeReply(Reply, kw_only=True):
    """The name under which this operator's acts are logged, and the role; "" if nobody is logged in.

    `shared` is 1 if the name was typed beside OPS_TOKEN. `off`: what this server is not set up for.
    """

    name: str
    role: Role | Literal[""]
    shared: int
    off: list[Literal["messages", "checks"]]


class OpsMe(Interface, path="/ops/me"):
    """The operator who is logged in."""

    async def answer(self, request: NoParameters) -> OpsMeReply:
        """It is no error if nobody is logged in."""
        session = find_session(self.context, self.get_cookie(COOKIE) or "")
        if session is None:
            return OpsMeReply(name="", role="", shared=0, off=[])
        return OpsMeReply(
            name=session.actor.name,
            role=session.operator.role,
            shared=int(session.actor.shared),
            off=_off(self.context.settings),
        )


def _off(settings: Settings) -> list[Literal["messages", "checks"]]:
    off: list[Literal["messages", "checks"]] = [] if settings.templates else ["messages"]
    return [*off, "checks"] if settings.shows_unchecked else off
