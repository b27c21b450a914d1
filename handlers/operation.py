"""What operators' tools ask: is it alive, is it ready, its metrics, its interfaces."""

from __future__ import annotations

import asyncio
import os

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import REGISTRY
from prometheus_client.multiprocess import MultiProcessCollector
from tornado.log import app_log

from handlers.base import BaseHandler
from server.store import is_unavailable

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
        return await self.context.hub.bus.ping()


class Metrics(BaseHandler):
    """`/metrics`, in Prometheus' format, over all processes of this machine."""

    async def get(self) -> None:
        """Collect them, and the sums of the books, which every process reads alike."""
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        try:
            async with asyncio.timeout(READY_SECONDS):
                money = await self._money()
        except Exception as error:  # noqa: BLE001  (what a process counts is shown all the same)
            if not isinstance(error, TimeoutError) and not is_unavailable(error):
                app_log.error("the sums of the books cannot be shown", exc_info=error)
            money = b""  # a gap in the books' series says that they could not be read
        self.finish(generate_latest(registry) + money)

    async def _money(self) -> bytes:
        store, registry = self.context.store, CollectorRegistry()
        sums = await store.ledger.sums_fen()
        shown = Gauge("wabao_money_fen", "The books, in fen, over all tasks", ["sum"], registry=registry)
        for name, amount_fen in sums.items():
            shown.labels(name).set(amount_fen)
        shown.labels("held").set(sums["paid"] - sums["given"] - sums["refunded"])
        alarms = Gauge(
            "wabao_money_alarms",
            "Orders, bills and refunds that need the operator, by what WeChat Pay said",
            ["kind", "alarm"],
            registry=registry,
        )
        for kind, found in (("order", store.orders), ("bill", store.bills), ("refund", store.refunds)):
            for alarm, number in (await found.alarms()).items():
                alarms.labels(kind, alarm).set(number)
        return generate_latest(registry)


class OpenApi(BaseHandler):
    """`/openapi.json`, generated from the declarations that parse requests."""

    def initialize(self, context: object, document: bytes) -> None:  # type: ignore[override]
        """Take the finished document."""
        super().initialize(context)  # type: ignore[arg-type]
        self._document = document

    def get(self) -> None:
        """Serve it."""
        self.finish(self._document)
