"""The application: the only route table."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler

from handlers import asyncapi, health, openapi, pages, push, texts, unready, websocket
from handlers.base import NOBODY, Interface, Refused, interfaces_in, presented_token
from handlers.bodies import STRANGERS_BYTES, Allowed, BoundedBody, is_small, length_of
from handlers.digging import (
    commitment,
    daily,
    details,
    digs,
    ending,
    lists,
    post_task,
    proof,
    publishers,
    story,
)
from handlers.languages import Language
from handlers.limits import address_of
from handlers.messages import consents
from handlers.ops import screen
from handlers.people import account, book
from handlers.pictures import files, operators, uploads
from handlers.prizes import prizes, shipping, statement, thanks
from handlers.reviews import message_push, reporting
from server import __version__
from server.context import Context
from server.errors import BadToken, BodyTooLarge, Refusal, TokenRequired, Unavailable
from server.memory.large_bodies import LargeBodies
from server.security.addresses import counted_address
from server.settings import Settings
from server.telemetry import metrics
from server.telemetry.logs import shown_path

CALLER_CHARACTERS = 12
# All that these modules declare is served.
INTERFACES = [
    *interfaces_in(account, book, publishers),
    *interfaces_in(lists, daily, details, digs, commitment, post_task, ending, proof, story),
    *interfaces_in(prizes, shipping, statement, thanks),
    *interfaces_in(files, uploads, texts),
    *interfaces_in(consents, reporting),
]

# Paths that ask no store, or that report themselves that a store does not answer.
_NEEDS_NO_DATABASE = re.compile(
    r"/(|healthz|readyz|metrics|openapi\.json|asyncapi\.json|ops/?|docs/?|static/.*)\Z", re.DOTALL
)

log = logging.getLogger("wabao.access")

_site = functools.cache(pages.Site)


def needs_database(path: str) -> bool:
    """Whether the handler of a path asks the database."""
    return _NEEDS_NO_DATABASE.match(path) is None


def make_app(context: Context) -> Guarded:
    """Return the application; it serves until its context is closed."""
    given = {"context": context}
    interfaces = (*INTERFACES, *screen.OPS_INTERFACES)
    notices: list[URLSpec] = []
    if context.cash is not None:
        from handlers.cash import routes as cash

        interfaces += cash.INTERFACES
        notices.append(URLSpec(cash.NOTICES, cash.Notified, given))
    url = context.settings.public_url
    takes_cash = bool(context.settings.cash)

    @functools.cache
    def reference(language: Language) -> pages.StaticFile:
        document = openapi.document(interfaces, __version__, language, cash=takes_cash)
        if context.sandbox is not None:
            played = context.sandbox.described(language)
            document = openapi.with_sandbox(document, played, cash=takes_cash)
        return pages.static_file("openapi.json", msgspec.json.encode(document | {"servers": [{"url": url}]}))

    @functools.cache
    def channel(language: Language) -> pages.StaticFile:
        document = asyncapi.document(__version__, language, cash=takes_cash)
        document = document | {"servers": asyncapi.servers(url)}
        return pages.static_file("asyncapi.json", msgspec.json.encode(document))

    routes = [
        URLSpec(r"/healthz", health.Health, given),
        URLSpec(r"/readyz", health.Ready, given),
        URLSpec(r"/metrics", health.Metrics, given),
        URLSpec(r"/openapi\.json", pages.Description, {"described": reference}),
        URLSpec(r"/asyncapi\.json", pages.Description, {"described": channel}),
        URLSpec(r"/files/(.+)", files.File, given),
        URLSpec(r"/miniProgramCode", files.MiniProgramCode, given),
        URLSpec(r"/ws", push.Push, given),
        URLSpec(r"/ops/feed", screen.OpsFeed, given),
        URLSpec(r"/ops/files/(.+)", operators.OpsFile, given),
        URLSpec(r"/wxPush", message_push.Pushed, given),
        *notices,
    ]
    routes += page_routes(context.settings)
    if context.sandbox is not None:
        routes += context.sandbox.routes(context)
    settings: dict[str, Any] = {
        "default_handler_class": pages.NotFound,
        "default_handler_args": given,
        "log_function": log_request,
        "only_https": context.settings.public_url.startswith("https://"),
        "websocket_max_message_size": websocket.READ_BYTES,
        "websocket_ping_interval": websocket.PING_SECONDS,
        "websocket_ping_timeout": websocket.PONG_SECONDS,
    }
    return Guarded(context, interfaces, routes, **settings)


class Careful(Application):
    """An application that takes no large body from a stranger."""

    large = LargeBodies()

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:  # type: ignore[override]
        """Find what answers a request, or refuses its body."""
        answers = self.answers(request)
        if is_small(request.headers):
            return answers
        refuse = partial(self._refuse, request)
        return BoundedBody(request, answers, self.allowed(request), self.large, refuse)

    def answers(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        """Return what answers a request if its body is not too large."""
        return super().find_handler(request)

    def allowed(self, request: HTTPServerRequest) -> Allowed:
        """Return how large a request's body may be, while nothing can be served."""
        return Allowed(STRANGERS_BYTES, "", Unavailable())

    def _refuse(self, request: HTTPServerRequest, refusal: Refusal) -> HTTPMessageDelegate:
        return self.get_handler_delegate(request, Refused, {"refusal": refusal})


class Guarded(Careful):
    """The application. It answers nothing from a database that is not ours: see `OwnDatabase`."""

    def __init__(
        self, context: Context, interfaces: Iterable[type[Interface]], routes: list[URLSpec], **settings: Any
    ) -> None:
        super().__init__(routes, **settings)
        self._context = context
        self.large = context.large_bodies
        # Tornado would try the expressions of all routes, one after the other.
        self.interfaces = {interface.path: interface for interface in interfaces}
        self._given = {"context": context}

    def answers(self, request: HTTPServerRequest) -> HTTPMessageDelegate:
        """Return what answers a request if its body is not too large."""
        interface = self.interfaces.get(request.path)
        if interface is not None or needs_database(request.path):
            self._context.hub.activity.note()
            if self._context.database.wrong is not None:
                refusing = unready.UnreadySocket if request.path == "/ws" else unready.Unready
                return self.get_handler_delegate(request, refusing)
        if interface is not None:
            return self.get_handler_delegate(request, interface, self._given)
        return super().answers(request)

    def allowed(self, request: HTTPServerRequest) -> Allowed:
        """Return how large a request's body may be: more with a good token, where tokens are for."""
        interface = self.interfaces.get(request.path)
        if self._context.database.wrong is not None:
            return super().allowed(request)
        if interface is None:
            words = f"请求的内容太大，应在 {STRANGERS_BYTES >> 10} KB 以内"
            return Allowed(STRANGERS_BYTES, "", BodyTooLarge(words))
        token = presented_token(request.headers)
        proven = self._context.keys.read_token(token) if token else None
        most, refusal = interface.limit_of(request.headers)
        if proven is not None:
            return Allowed(most, proven.person_id, refusal)
        limit_bytes = STRANGERS_BYTES
        if token is None and not self._context.settings.require_token:
            limit_bytes = min(most, interface.strangers_bytes)
        if limit_bytes == most or length_of(request.headers) > most:
            return Allowed(limit_bytes, "", refusal)
        return Allowed(limit_bytes, "", TokenRequired() if token is None else BadToken())


def unready_app(settings: Settings, why: Callable[[], str]) -> Careful:
    """Return the application of a process that may not serve yet; `why` says why, for `/readyz`.

    It serves the pages, and refuses all requests that the pages make; the pages then ask again.
    """
    routes = [
        URLSpec(r"/healthz", health.Health),
        URLSpec(r"/readyz", health.NotReady, {"why": why}),
        URLSpec(r"/ws", unready.UnreadySocket),
        *page_routes(settings),
    ]
    # Requests are counted, not logged: their lines would bury the line that says why this process does not
    # serve yet.
    return Careful(
        routes,
        default_handler_class=unready.Unready,
        log_function=count_request,
        only_https=settings.public_url.startswith("https://"),
    )


def page_routes(settings: Settings) -> list[URLSpec]:
    """Return the routes of the pages and files in `static/`."""
    app = _site("app", "miniprogram/shared")
    ops = _site("ops")
    docs = _site("docs")
    sites = {site.name: site for site in (app, ops, docs)}
    reference = docs.page({"app": app.root})
    desk = ops.page({"cash": str(settings.cash)})
    url = settings.public_url
    values = {
        "login": "sandbox" if settings.sandboxed else "wechat",
        "most_yuan": str(settings.max_red_packet_yuan),
        "cooldown_seconds": str(settings.cooldown_seconds),
        "fair_start_ms": str(settings.fair_start_ms),
        "cash": str(int(settings.takes_cash)),
        "cash_cd": str(settings.cash_least_cd_seconds),
        "cash_gap": str(settings.cash_least_gap),
        "cash_diggers": str(settings.cash_least_diggers),
        "cash_private": str(settings.cash_private_day_yuan),
        "cash_newcomer": str(settings.cash_newcomer_day_yuan),
        "cash_credit": str(1 - settings.cash_no_credit),
        "task_days": str(settings.task_days),
        "messages": str(int(bool(settings.templates))),
    }
    return [
        URLSpec(r"/", pages.Page, {"page": app.page(values), "headers": pages.security_headers(url, True)}),
        URLSpec(r"/ops/?", pages.Page, {"page": desk, "headers": pages.security_headers(url, False)}),
        URLSpec(r"/docs/?", pages.Page, {"page": reference, "headers": pages.security_headers(url, False)}),
        URLSpec(r"/static/([a-z]+)/([0-9a-f]+)/(.+)", pages.Static, {"sites": sites}),
    ]


def count_request(handler: RequestHandler) -> float:
    """Count a request; return how many seconds it took."""
    seconds = handler.request.request_time()
    metrics.request_seconds(type(handler).__name__, handler.get_status()).observe(seconds)
    return seconds


def log_request(handler: RequestHandler) -> None:
    """Log method, path, status, milliseconds and trace_id, but not the query: it carries ids and tokens.

    The line of a refused request ends with the error's code and the caller's key.
    """
    seconds = count_request(handler)
    status = handler.get_status()
    level = logging.WARNING if status >= 500 else logging.INFO
    request = handler.request
    trace_id = getattr(handler, "trace_id", "-")
    path = shown_path(request.path)
    refused = getattr(handler, "refused", "")
    why = f" {refused} {_caller_key(handler)}" if refused else ""
    log.log(level, "%s %s %d %.1f ms %s%s", request.method, path, status, seconds * 1000, trace_id, why)


def _caller_key(handler: RequestHandler) -> str:
    """Return what stands for a caller in the log: a keyed hash of the person or, if nobody is known, of the
    address. It finds the other lines of this caller, and does not say who that is."""
    context: Context | None = getattr(handler, "context", None)
    if context is None:  # a page
        return "-"
    known = getattr(handler, "caller", NOBODY).counted
    who = known or address_of(context, handler.request, counted_address)
    return context.keys.limit_name(who)[:CALLER_CHARACTERS]
