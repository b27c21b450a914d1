"""What operators' tools ask: is it alive, is it ready, its metrics, its interfaces."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import os
from collections.abc import Iterator

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import REGISTRY, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from tornado.httputil import HTTPServerRequest
from tornado.log import app_log

from handlers.base import BaseHandler
from server.actions.gauges import money_gauges
from server.errors import BadToken
from server.store import is_unavailable
from server.store.gauges import MoneyGauges

READY_SECONDS = 2.0


class Health(BaseHandler):
    """`/healthz`: the process is alive and its loop turns. Asks no store."""

    def get(self) -> None:
        """Say so."""
        self.finish(msgspec.json.encode({"status": 0, "msg": ""}))


class Ready(BaseHandler):
    """`/readyz`: the stores answer; 503 says which does not."""

    async def get(self) -> None:
        """Ask them."""
        silent = [
            name
            for name, answers in (("mongodb", self._mongodb), ("redis", self._redis))
            if not await answers()
        ]
        if silent:
            self.set_status(503)
            msg = f"没有响应：{'、'.join(silent)}"
            self.finish(
                msgspec.json.encode(
                    {
                        "status": 1,
                        "msg": msg,
                        "error": "unavailable",
                        "silent": silent,
                        "trace_id": self.trace_id,
                    }
                )
            )
            return
        self.finish(msgspec.json.encode({"status": 0, "msg": ""}))

    async def _mongodb(self) -> bool:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.context.store.ping()
        except TimeoutError:
            return False
        except Exception as error:
            if not is_unavailable(error):
                raise
            return False
        return True

    async def _redis(self) -> bool:
        return await self.context.bus.ping()


class Metrics(BaseHandler):
    """`/metrics`, in Prometheus' format, over all processes of this machine. Shows turnover: not public."""

    async def get(self) -> None:
        """Collect what all processes counted, and the gauges of the database."""
        if not self._admitted():
            self.set_status(401)
            self.set_header("WWW-Authenticate", "Bearer")
            self.finish(self._envelope(BadToken("口令不对，请用 METRICS_TOKEN 或 OPS_TOKEN 作 Bearer 令牌")))
            return
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        money = b""  # a gap in the books' series says that they could not be read
        try:
            async with asyncio.timeout(2 * READY_SECONDS):
                gauges = await money_gauges(self.context, READY_SECONDS)
            if gauges is not None:
                money = generate_latest(_Money(gauges))
        except Exception as error:  # noqa: BLE001  (what a process counts is shown all the same)
            if not isinstance(error, TimeoutError) and not is_unavailable(error):
                app_log.error("the gauges of the database cannot be shown", exc_info=error)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(registry) + money)

    def _admitted(self) -> bool:
        """Whether the request bears METRICS_TOKEN or OPS_TOKEN; in development this machine needs neither."""
        authorization = self.request.headers.get("Authorization", "").strip()
        if not authorization:
            return self.context.settings.app_env == "development" and is_local(self.request)
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("latin-1")  # the bytes that came
        tokens = [self.context.operator_token, self.context.settings.metrics_token]
        equal = [hmac.compare_digest(given, known.encode()) for known in tokens if known]
        return scheme.lower() == "bearer" and any(equal)


def is_local(request: HTTPServerRequest) -> bool:
    """Whether a request was made on this machine, and by no proxy for somebody else."""
    if any(name in request.headers for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via")):
        return False
    try:
        return ipaddress.ip_address(request.remote_ip or "").is_loopback
    except ValueError:  # a socket file
        return False


class _Money(Collector):
    """The gauges of the database as metrics.

    They are no `Gauge`: that would keep each value in a file of this process, where several processes run,
    and the next scrape would show it once more, for ever.
    """

    def __init__(self, gauges: MoneyGauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        sums = GaugeMetricFamily("wabao_money_fen", "The books, in fen, over all tasks", labels=["sum"])
        for name, amount_fen in self._gauges["sums_fen"].items():
            sums.add_metric([name], amount_fen)
        yield sums
        alarms = GaugeMetricFamily(
            "wabao_money_alarms",
            "Orders, bills and refunds that need the operator, by what WeChat Pay said",
            labels=["kind", "alarm"],
        )
        for row in self._gauges["alarms"]:
            alarms.add_metric([row["kind"], row["alarm"]], row["number"])
        yield alarms


class OpenApi(BaseHandler):
    """`/openapi.json`, generated from the declarations that parse requests."""

    def initialize(self, context: object, document: bytes) -> None:  # type: ignore[override]
        """Take the finished document."""
        super().initialize(context)  # type: ignore[arg-type]
        self._document = document

    def get(self) -> None:
        """Serve it."""
        self.finish(self._document)
