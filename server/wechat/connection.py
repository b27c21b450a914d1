"""Connections to one of WeChat's addresses. Nothing here knows what is asked."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from server.runtime.deadline import paused
from server.security.certificates import trusted
from server.telemetry import metrics

CONNECT_SECONDS = 3.0
FAILURES = 2


@contextmanager
def timed(call: str, refusals: Callable[[Exception], bool]) -> Iterator[None]:
    """Note how long a call took, and its outcome: failed if it raises what is none of WeChat's `refusals`."""
    began = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "ok"
    except Exception as error:
        outcome = "refused" if refusals(error) else "failed"
        raise
    finally:
        metrics.wechat_seconds(call, outcome).observe(time.monotonic() - began)


class Connection:
    """The connections to one base URL, which has no trailing slash. No call takes over `call_seconds`.

    If `spare_url` is given, it changes places with the other after FAILURES connections in a row that failed.
    """

    def __init__(self, base_url: str, call_seconds: float, spare_url: str = "") -> None:
        for chatty in ("httpx", "httpcore"):  # both log addresses and headers, and ours contain secrets
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self._call_seconds = call_seconds
        self._urls = base_url, spare_url
        self._failed = 0
        self._http = httpx.AsyncClient(
            base_url=base_url,
            verify=trusted(),
            timeout=httpx.Timeout(call_seconds, connect=min(CONNECT_SECONDS, call_seconds)),
            mounts={"all://127.0.0.1": None},  # no proxy on the way to the sandbox
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        """Return the answer. Raises httpx.HTTPError, and TimeoutError."""
        with paused():
            async with asyncio.timeout(self._call_seconds):  # httpx limits each read, not their sum
                try:
                    answer = await self._http.request(method, path, **what)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    self._note_failure()
                    raise
                self._failed = 0
                return answer

    def _note_failure(self) -> None:
        self._failed += 1
        current, spare = self._urls
        if spare and self._failed >= FAILURES:
            logging.getLogger(__name__).warning("%s cannot be reached: going on at %s", current, spare)
            self._urls = spare, current
            self._http.base_url = httpx.URL(spare)
            self._failed = 0
