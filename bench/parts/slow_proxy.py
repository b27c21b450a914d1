"""A proxy before WeChat's sandbox, in a process of its own, which can delay the answers.

As with WeChat itself, the delay takes no CPU of the server. If the sandbox delayed its answers, it would note
each of them in the server's own MongoDB.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

# The delayed calls, for which no person waits: contents, risks and messages. All other calls are fast.
LATE = ("msg_sec_check", "media_check_async", "getuserriskrank", "subscribe/send")
FORWARD_SECONDS = 20


class Forward(RequestHandler):
    """Forwards each request to the sandbox; delays some of the answers once `slow` is set."""

    def initialize(self, behind: str, slow: Any, seconds: float, http: httpx.AsyncClient) -> None:
        """Take the sandbox's address and the delay from the route table."""
        self._behind = behind
        self._slow = slow
        self._seconds = seconds
        self._http = http

    async def get(self) -> None:
        """Forward."""
        await self._forward()

    async def post(self) -> None:
        """Forward."""
        await self._forward()

    async def _forward(self) -> None:
        request = self.request
        if self._slow.is_set() and any(name in request.path for name in LATE):
            await asyncio.sleep(self._seconds)
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        url = f"{self._behind}{request.uri}"
        answer = await self._http.request(request.method or "", url, content=request.body, headers=headers)
        self.set_status(answer.status_code)
        self.set_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.finish(answer.content)


def _serve(port: int, behind: str, slow: Any, seconds: float, listening: Any) -> None:
    async def serve() -> None:
        async with httpx.AsyncClient(timeout=FORWARD_SECONDS, trust_env=False) as http:
            given = {"behind": behind, "slow": slow, "seconds": seconds, "http": http}
            HTTPServer(Application([(r"/.*", Forward, given)])).listen(port, "127.0.0.1")
            listening.set()
            await asyncio.Event().wait()  # forever: the parent ends this process

    asyncio.run(serve())


@contextmanager
def before(behind: str, port: int, seconds: float) -> Iterator[Any]:
    """Forward from `port` to the sandbox at `behind`; yield the event that delays answers by `seconds`."""
    spawn = multiprocessing.get_context("spawn")
    slow = spawn.Event()
    listening = spawn.Event()
    process = spawn.Process(target=_serve, args=(port, behind, slow, seconds, listening), daemon=True)
    process.start()
    try:
        if not listening.wait(FORWARD_SECONDS):
            raise SystemExit("the proxy before the sandbox does not begin")
        yield slow
    finally:
        process.kill()
        process.join()
