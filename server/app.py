"""The application: the only route table."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler, _HandlerDelegate

from handlers import asyncapi, openapi
from handlers.base import Interface
from handlers.digging.commitment import GetCommitment
from handlers.digging.details import GetTaskDetails, GetTaskUser
from handlers.digging.digs import GetDigs, GetMyDigs
from handlers.digging.ending import EditTask, EndTask
from handlers.digging.lists import GetMyPartake, GetMyPrize, GetMyRelease, GetTaskList
from handlers.digging.post_task import PostTask
from handlers.digging.proof import GetProof
from handlers.digging.publishers import Follow, GetMyFollows, GetPublisher
from handlers.files import File, GetSharePic, MiniProgramCode
from handlers.health import AsyncApi, Health, Metrics, NotReady, OpenApi, Ready
from handlers.languages import LANGUAGES
from handlers.messages.consents import GetTemplates, Remind, Subscribed
from handlers.money.payments import Notified, PayTask
from handlers.money.prizes import ConfirmDraw, DrawPrize, GetWinners
from handlers.money.shipping import ReceivePrize, ShipPrize, ShipPrizes
from handlers.money.statement import GetStatement
from handlers.ops.pictures import OpsFile
from handlers.ops.screen import OPS_INTERFACES, OpsFeed
from handlers.pages import NotFound, Page, Site, Static, security_headers
from handlers.people.account import DeleteAccount, GetMyInfo, KeepAccount, Logout, SetProfile, UserLogin
from handlers.push import Push
from handlers.reviews.message_push import Pushed
from handlers.reviews.reporting import ReportTask
from handlers.texts import GetRules, GetTexts
from handlers.unready import Unready, UnreadySocket
from handlers.uploads import UploadFile
from handlers.websocket import PING_SECONDS, PONG_SECONDS, READ_BYTES
from server import __version__
from server.context import Context
from server.settings import Settings
from server.telemetry import metrics
from server.telemetry.logs import shown_path

INTERFACES: list[type[Interface]] = [
    UserLogin,
    GetTaskList,
    GetTaskDetails,
    GetCommitment,
    PostTask,
    GetSharePic,
    GetTaskUser,
    GetDigs,
    UploadFile,
    GetMyInfo,
    GetMyRelease,
    GetMyPartake,
    GetMyDigs,
    GetMyPrize,
    SetProfile,
    Logout,
    DeleteAccount,
    KeepAccount,
    GetProof,
    PayTask,
    DrawPrize,
    ConfirmDraw,
    ShipPrize,
    ShipPrizes,
    ReceivePrize,
    EditTask,
    EndTask,
    GetWinners,
    GetStatement,
    GetTemplates,
    Subscribed,
    Remind,
    ReportTask,
    GetTexts,
    GetRules,
    GetPublisher,
    Follow,
    GetMyFollows,
]

# Paths that ask no store, or that report themselves that a store does not answer.
_NEEDS_NO_DATABASE = re.compile(
    r"/(|healthz|readyz|metrics|openapi\.json|asyncapi\.json|ops/?|docs/?|static/.*)\Z", re.DOTALL
)

log = logging.getLogger("wabao.access")

_site = functools.cache(Site)


def needs_database(path: str) -> bool:
    """Whether the handler of a path asks the database."""
    return _NEEDS_NO_DATABASE.match(path) is None


def make_app(context: Context) -> Application:
    """Return the application; it serves until its context is closed."""
    given = {"context": context}
    interfaces = (*INTERFACES, *OPS_INTERFACES)
    routes = [URLSpec(interface.path, interface, given) for interface in interfaces]
    url = context.settings.public_url
    reference = {each: openapi.document(interfaces, __version__, each) for each in LANGUAGES}
    if context.sandbox is not None:
        reference = {
            each: openapi.with_sandbox(document, context.sandbox.described(each))
            for each, document in reference.items()
        }
    channel = {each: asyncapi.document(__version__, each) for each in LANGUAGES}
    routes += [
        URLSpec(r"/healthz", Health, given),
        URLSpec(r"/readyz", Ready, given),
        URLSpec(r"/metrics", Metrics, given),
        URLSpec(r"/openapi\.json", OpenApi, {**given, "documents": reference, "servers": [{"url": url}]}),
        URLSpec(
            r"/asyncapi\.json", AsyncApi, {**given, "documents": channel, "servers": asyncapi.servers(url)}
        ),
        URLSpec(r"/files/(.+)", File, given),
        URLSpec(r"/miniProgramCode", MiniProgramCode, given),
        URLSpec(r"/ws", Push, given),
        URLSpec(r"/ops/feed", OpsFeed, given),
        URLSpec(r"/ops/files/(.+)", OpsFile, given),
        URLSpec(r"/(?:pay|refund|transfer)Notify", Notified, given),
        URLSpec(r"/wxPush", Pushed, given),
    ]
    routes += page_routes(context.settings)
    if context.sandbox is not None:
        routes += context.sandbox.routes(context)
    settings: dict[str, Any] = {
        "default_handler_class": NotFound,
        "default_handler_args": given,
        "log_function": log_request,
        "only_https": context.settings.public_url.startswith("https://"),
        "websocket_max_message_size": READ_BYTES,
        "websocket_ping_interval": PING_SECONDS,
        "websocket_ping_timeout": PONG_SECONDS,
    }
    return Guarded(context, routes, **settings)


class Guarded(Application):
    """The application. It answers nothing from a database that is not ours: see `OwnDatabase`."""

    def __init__(self, context: Context, routes: list[URLSpec], **settings: Any) -> None:
        super().__init__(routes, **settings)
        self._database, self._activity = context.database, context.hub.activity

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> _HandlerDelegate:
        """Find what answers a request."""
        needs = needs_database(request.path)
        if needs:
            self._activity.note()
        if needs and self._database.wrong is not None:
            return self.get_handler_delegate(request, UnreadySocket if request.path == "/ws" else Unready)
        return super().find_handler(request, **kwargs)

    def get_handler_delegate(
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> _HandlerDelegate:
        """Return what gives a request to its handler."""
        return _Delegate(self, request, target_class, target_kwargs, path_args, path_kwargs)


class _Delegate(_HandlerDelegate):
    """Lets a small body come before the handler's `prepare`, where the handler allows it."""

    def execute(self) -> Awaitable[None] | None:
        prepared = super().execute()
        return None if getattr(self.handler, "takes_at_once", False) else prepared


def unready_app(settings: Settings, why: Callable[[], str]) -> Application:
    """Return the application of a process that may not serve yet; `why` says why, for `/readyz`.

    It serves the pages; their requests are refused, and they ask again.
    """
    routes = [
        URLSpec(r"/healthz", Health),
        URLSpec(r"/readyz", NotReady, {"why": why}),
        URLSpec(r"/ws", UnreadySocket),
        *page_routes(settings),
    ]
    # Requests are counted, not logged: a line for each would bury the line that says why no request is
    # served.
    return Application(
        routes,
        default_handler_class=Unready,
        log_function=count_request,
        only_https=settings.public_url.startswith("https://"),
    )


def page_routes(settings: Settings) -> list[URLSpec]:
    """Return the routes of the pages and files in `static/`."""
    app, ops, docs = _site("app", "miniprogram/shared"), _site("ops"), _site("docs")
    sites = {site.name: site for site in (app, ops, docs)}
    reference = docs.page({"app": app.root})
    url = settings.public_url
    values = {
        "login": "sandbox" if settings.sandboxed else "wechat",
        "most_yuan": str(settings.max_red_packet_yuan),
        "cooldown_seconds": str(settings.cooldown_seconds),
        "fair_start_ms": str(settings.fair_start_ms),
        "cash": str(int(settings.takes_cash)),
        "cash_cd": str(settings.cash_least_cd_seconds),
        "cash_gap": str(settings.cash_least_gap),
        "cash_private": str(settings.cash_private_day_yuan),
        "cash_newcomer": str(settings.cash_newcomer_day_yuan),
        "cash_credit": str(1 - settings.cash_no_credit),
        "messages": str(int(bool(settings.templates))),
    }
    return [
        URLSpec(r"/", Page, {"page": app.page(values), "headers": security_headers(url, True)}),
        URLSpec(r"/ops/?", Page, {"page": ops.page({}), "headers": security_headers(url, False)}),
        URLSpec(r"/docs/?", Page, {"page": reference, "headers": security_headers(url, False)}),
        URLSpec(r"/static/([a-z]+)/([0-9a-f]+)/(.+)", Static, {"sites": sites}),
    ]


def count_request(handler: RequestHandler) -> float:
    """Count a request; return how many seconds it took."""
    seconds = handler.request.request_time()
    metrics.request_seconds(type(handler).__name__, handler.get_status()).observe(seconds)
    return seconds


def log_request(handler: RequestHandler) -> None:
    """Log method, path, status, milliseconds and trace_id. Never the query, which carries ids and tokens."""
    seconds, status = count_request(handler), handler.get_status()
    level = logging.WARNING if status >= 500 else logging.INFO
    request, trace_id = handler.request, getattr(handler, "trace_id", "-")
    path = shown_path(request.path)
    log.log(level, "%s %s %d %.1f ms %s", request.method, path, status, seconds * 1000, trace_id)
