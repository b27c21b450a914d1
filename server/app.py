"""The application: the only route table."""

from __future__ import annotations

import functools
import logging
from typing import Any

from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler

from handlers import asyncapi, openapi
from handlers.base import Interface
from handlers.commitment import GetCommitment
from handlers.details import GetTaskDetails, GetTaskUser
from handlers.digging import PostTask
from handlers.digs import GetDigs
from handlers.ending import EndTask
from handlers.files import File, GetSharePic, MiniProgramCode
from handlers.health import AsyncApi, Health, Metrics, OpenApi, Ready
from handlers.lists import GetMyPartake, GetMyPrize, GetMyRelease, GetTaskList
from handlers.message_push import Pushed
from handlers.messages import GetTemplates, Remind, Subscribed
from handlers.money import Notified, PayTask
from handlers.ops.pictures import OpsFile
from handlers.ops.screen import OPS_INTERFACES, OpsFeed
from handlers.pages import NotFound, Page, Site, Static
from handlers.people import GetMyInfo, Logout, SetProfile, UserLogin
from handlers.prizes import ConfirmDraw, DrawPrize, GetWinners
from handlers.proof import GetProof
from handlers.push import Push
from handlers.reporting import ReportTask
from handlers.shipping import ReceivePrize, ShipPrize
from handlers.statement import GetStatement
from handlers.uploads import UploadFile
from handlers.websocket import PING_SECONDS, PONG_SECONDS, READ_BYTES
from server import __version__, metrics
from server.context import Context
from server.logs import shown_path
from server.sandbox import sandbox_routes

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
    GetMyPrize,
    SetProfile,
    Logout,
    GetProof,
    PayTask,
    DrawPrize,
    ConfirmDraw,
    ShipPrize,
    ReceivePrize,
    EndTask,
    GetWinners,
    GetStatement,
    GetTemplates,
    Subscribed,
    Remind,
    ReportTask,
]

log = logging.getLogger("wabao.access")

_site = functools.cache(Site)


def make_app(context: Context) -> Application:
    """Return the application; it serves until its context is closed."""
    given = {"context": context}
    interfaces = (*INTERFACES, *OPS_INTERFACES)
    routes = [URLSpec(interface.path, interface, given) for interface in interfaces]
    described = openapi.describe(interfaces, __version__)
    routes += [
        URLSpec(r"/healthz", Health, given),
        URLSpec(r"/readyz", Ready, given),
        URLSpec(r"/metrics", Metrics, given),
        URLSpec(r"/openapi\.json", OpenApi, {**given, "document": described}),
        URLSpec(r"/asyncapi\.json", AsyncApi, {**given, "document": asyncapi.describe(__version__)}),
        URLSpec(r"/files/(.+)", File, given),
        URLSpec(r"/miniProgramCode", MiniProgramCode, given),
        URLSpec(r"/ws", Push, given),
        URLSpec(r"/ops/feed", OpsFeed, given),
        URLSpec(r"/ops/files/(.+)", OpsFile, given),
        URLSpec(r"/(?:pay|refund|transfer)Notify", Notified, given),
        URLSpec(r"/wxPush", Pushed, given),
    ]
    routes += page_routes(context)
    if context.settings.sandboxed:
        routes += sandbox_routes(context)
    settings: dict[str, Any] = {
        "default_handler_class": NotFound,
        "default_handler_args": given,
        "log_function": log_request,
        "only_https": context.settings.public_url.startswith("https://"),
        "websocket_max_message_size": READ_BYTES,
        "websocket_ping_interval": PING_SECONDS,
        "websocket_ping_timeout": PONG_SECONDS,
    }
    return Application(routes, **settings)


def page_routes(context: Context) -> list[URLSpec]:
    """Return the routes of the pages and files in `static/`."""
    given = {"context": context}
    app, ops = _site("app", "miniprogram/shared"), _site("ops")
    settings = context.settings
    values = {
        "login": "sandbox" if settings.sandboxed else "wechat",
        "most_yuan": str(settings.max_red_packet_yuan),
        "cooldown_seconds": str(settings.cooldown_seconds),
        "messages": str(int(bool(settings.templates))),
    }
    return [
        URLSpec(r"/", Page, {**given, "page": app.page(values), "foreign_pictures": True}),
        URLSpec(r"/ops/?", Page, {**given, "page": ops.page({}), "foreign_pictures": False}),
        URLSpec(r"/static/([a-z]+)/([0-9a-f]+)/(.+)", Static, {**given, "sites": {"app": app, "ops": ops}}),
    ]


def log_request(handler: RequestHandler) -> None:
    """Log method, path, status, milliseconds and trace_id. Never the query, which carries ids and tokens."""
    seconds = handler.request.request_time()
    status = handler.get_status()
    metrics.REQUESTS.labels(type(handler).__name__, str(status)).observe(seconds)
    level = logging.WARNING if status >= 500 else logging.INFO
    request, trace_id = handler.request, getattr(handler, "trace_id", "-")
    path = shown_path(request.path)
    log.log(level, "%s %s %d %.1f ms %s", request.method, path, status, seconds * 1000, trace_id)
