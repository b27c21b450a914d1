"""What operators' tools read: liveness, readiness, metrics, and the description of the interfaces."""

import asyncio
import hmac
import ipaddress
from collections.abc import Callable

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from tornado.httputil import HTTPServerRequest

from handlers.base import BaseHandler, Reply
from server.errors import BadToken
from server.operation.counting import families_of
from server.operation.scrape import exposition
from server.store import is_unavailable

READY_SECONDS = 2.0


class Health(BaseHandler):
    """`/healthz`: the process is alive and its loop runs. Asks no store."""

    def get(self) -> None:
        self.finish(msgspec.json.encode(Reply()))


class NotReady(BaseHandler):
    """`/readyz` of a process that may not serve yet: 503, and why."""

    def initialize(self, why: Callable[[], str]) -> None:  # type: ignore[override]
        super().initialize()
        self._why = why

    def get(self) -> None:
        _say_not_ready(self, ["mongodb"], self._why())


class Ready(BaseHandler):
    """`/readyz`: 200 if the stores answer, else 503 with the names of the stores that do not.

    A database that is not ours, or that is sealed under a secret that we lack, does not count as answering.
    """

    async def get(self) -> None:
        """Ask both stores. Each gets READY_SECONDS."""
        silent = [] if await self._mongodb() else ["mongodb"]
        if not await self.context.bus.ping():
            silent.append("redis")
        wrong = self.context.database.wrong
        if silent:
            _say_not_ready(self, silent, wrong.msg if wrong else "")
        else:
            self.finish(msgspec.json.encode(Reply()))

    async def _mongodb(self) -> bool:
        try:
            async with asyncio.timeout(READY_SECONDS):
                return await self.context.database.answers()
        except TimeoutError:
            return False


def _say_not_ready(handler: BaseHandler, silent: list[str], why: str) -> None:
    """Answer 503 with the stores that cannot be served from, and why, if that is known."""
    answer = {
        "status": 1,
        "msg": f"还不能服务：{why}" if why else f"没有响应：{'、'.join(silent)}",
        "error": "unavailable",
        "silent": silent,
        "trace_id": handler.trace_id,
    }
    handler.set_status(503)
    handler.finish(msgspec.json.encode(answer))


class Metrics(BaseHandler):
    """`/metrics`, in Prometheus' format, for all processes of all machines. It shows turnover: not public."""

    async def get(self) -> None:
        """Answer the metrics of all processes and what is counted in the database. 401 without a token."""
        if not self._admitted():
            self.set_header("WWW-Authenticate", "Bearer")
            refusal = BadToken("口令不对，请用 METRICS_TOKEN 或 OPS_TOKEN 作 Bearer 令牌")
            self.finish(self.envelope(refusal, 401))
            return
        families = await self.context.scrape.gather()
        try:  # a gap in the series says that the database could not be asked
            async with asyncio.timeout(READY_SECONDS):
                counted = await self.context.store.gauges.find()
                alarms = await self.context.store.alarms.find()
            now_ms = self.context.clock.now_ms()
            families += families_of(counted, alarms, now_ms, self.context.METRICS)
        except Exception as error:
            if not isinstance(error, TimeoutError) and not is_unavailable(error):
                raise
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(await asyncio.to_thread(exposition, families))

    def _admitted(self) -> bool:
        """Whether the request has METRICS_TOKEN or OPS_TOKEN. In development, requests from this machine need
        neither."""
        authorization = self.request.headers.get("Authorization", "").strip()
        if not authorization:
            return not self.context.settings.guarded and is_local(self.request)
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("latin-1")  # the bytes as they were sent
        shared = [operator.token for operator in self.context.operators if not operator.name]
        tokens = [*shared, self.context.settings.metrics_token]
        equal = [hmac.compare_digest(given, known.encode()) for known in tokens if known]
        return scheme.lower() == "bearer" and any(equal)


def is_local(request: HTTPServerRequest) -> bool:
    """Whether a request was made on this machine, and not by a proxy."""
    if any(name in request.headers for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via")):
        return False
    try:
        return ipaddress.ip_address(request.remote_ip or "").is_loopback
    except ValueError:  # a Unix socket has no IP address
        return False
