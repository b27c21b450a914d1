"""What the operators' screen costs: per viewer on the server, and in a browser that shows 15 full minutes.

`python bench/ops.py` starts a server with two workers, and a crowd. Each of three rounds measures 20 s with
0, 1 and 20 viewers. The browser's figure is for all its processes; without Chromium it is left out.

`python bench/ops.py --export ROWS` measures the table of a month's winners instead, without addresses: how
long its download takes, and by how much the memory of the workers grows. Then it hangs up half-way through a
second download.
"""

import argparse
import asyncio
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from pymongo import MongoClient
from redis import Redis
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from parts.serving import Server, cpu_seconds, running
from server.game.amounts import BEIJING
from server.operation.heartbeats import HISTORY_SECONDS, Heartbeat
from server.realtime.bus import FORM
from server.running.stores import running_store
from server.security.keys import Keys
from server.settings import read_settings, secrets_of

VIEWERS = 20
SECONDS = 20
ROUNDS = 3
WORKERS = 2
BATCH = 1_000
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
_chance = random.Random(1)


def a_heartbeat(process: str, second: int) -> Heartbeat:
    """Return the heartbeat of one second of a busy process."""
    digs = _chance.randrange(20)
    buckets = sorted(_chance.randrange(100) for _ in range(14))
    return Heartbeat(
        process=process,
        pid=1,
        second=second,
        since=second * 1000,
        rss_bytes=90 << 20,
        draining=0,
        watchers=500 + _chance.randrange(50),
        largest_unsent_bytes=_chance.randrange(1 << 16),
        lag_ms=_chance.random() * 20,
        redis_up=1,
        counts={
            "digs.dug": digs,
            "digs.won": digs // 9,
            "digs.cooling_down": 10 * digs,
            "digs.already_won": digs // 4,
            "digs.ended": digs // 5,
            "joins": digs // 2,
            "deliveries": 500 * digs,
            "uploads": digs // 8,
            "logins": digs // 3,
            "gaps": digs // 18,
            "resyncs": digs // 19,
            "closes.1001": digs // 7,
            "closes.1006": digs // 9,
            "closes.4008": digs // 19,
            "errors.cooling_down": 10 * digs,
            "errors.already_won": digs // 4,
            "errors.bad_request": digs // 6,
            "errors.ended": digs // 5,
            "errors.too_many": digs // 12,
            "errors.not_a_picture": digs // 15,
        },
        frame=buckets,
        store=buckets[:12],
        digs=[],
        ends=[],
    )


def fill_history(data_dir: Path) -> None:
    """Write 15 minutes of two busy processes into the heartbeats that Redis keeps."""
    redis = Redis.from_url((data_dir / "valkey.uri").read_text())
    keys = Keys(*secrets_of(read_settings({"DATA_DIR": str(data_dir)})))
    key = next(key for key in redis.scan_iter("*:{heartbeats}"))
    now = int(time.time())
    pipeline = redis.pipeline(transaction=False)
    for second in range(now - HISTORY_SECONDS, now - 2):
        for process in ("0" * 12, "1" * 12):
            beat = msgspec.msgpack.encode(a_heartbeat(process, second))
            pipeline.xadd(key, {"heartbeat": keys.sign_message(key.decode(), FORM + beat, now * 1000)})
    pipeline.execute()
    redis.close()


class Operator:
    """A logged-in operator, with any number of open feeds."""

    def __init__(self, server: Server) -> None:
        token = re.search(r"with the token (\S+)", server.log.read_text())
        assert token is not None
        self.token = token[1]
        self.server = server
        self.http = httpx.Client(base_url=server.http.base_url, timeout=30)
        self.http.post("/ops/login", json={"name": "bench", "token": self.token})
        self._cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        self.history_bytes = 0

    async def watch(self, viewers: int, seconds: float) -> int:
        """Keep feeds open for `seconds`; set `cpu_percent`; return the bytes of all but the first frames."""
        host = f"127.0.0.1:{self.server.port}"
        headers = {"Cookie": self._cookie, "Origin": f"http://{host}"}
        feeds = [
            await websocket_connect(HTTPRequest(f"ws://{host}/ops/feed", headers=headers))
            for _ in range(viewers)
        ]
        reading = [asyncio.ensure_future(self._read(feed)) for feed in feeds]
        await asyncio.sleep(2)  # until the histories have come
        before = self._cpu()
        await asyncio.sleep(seconds)
        self.cpu_percent = [100 * (b - a) / seconds for a, b in zip(before, self._cpu(), strict=True)]
        for feed in feeds:
            feed.close()
        return sum(await asyncio.gather(*reading))

    def _cpu(self) -> tuple[float, float]:
        """Return the CPU seconds of the workers, and of the stores."""
        workers = self.server.workers()
        children = Path(f"/proc/{self.server.process.pid}/task/{self.server.process.pid}/children")
        stores = [int(pid) for pid in children.read_text().split() if int(pid) not in workers]
        return sum(map(cpu_seconds, workers)), sum(map(cpu_seconds, stores))

    async def _read(self, feed: WebSocketClientConnection) -> int:
        history = await feed.read_message()
        self.history_bytes = len(history or "")
        size = 0
        while (message := await feed.read_message()) is not None:
            size += len(message)
        return size


@contextmanager
def a_crowd(server: Server) -> Iterator[None]:
    """A crowd that digs at human pace."""
    command = [sys.executable, "-m", "server", "crowd", "--people", "40", "--tasks", "6"]
    crowd = subprocess.Popen(
        [*command, "--url", f"http://127.0.0.1:{server.port}"],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        crowd.terminate()
        crowd.wait(30)


def measure_server(operator: Operator) -> None:
    """Print what viewers cost the server."""
    found: dict[int, list[list[float]]] = {0: [], 1: [], VIEWERS: []}
    size = 0
    for _ in range(ROUNDS):
        for viewers, figures in found.items():
            size = asyncio.run(operator.watch(viewers, SECONDS))
            figures.append(operator.cpu_percent)
    workers, stores = (
        {viewers: statistics.median(figure[k] for figure in figures) for viewers, figures in found.items()}
        for k in (0, 1)
    )
    rate = size / VIEWERS / (SECONDS + 2)
    print(f"history: {operator.history_bytes / 1000:.0f} KB once, then {rate:.0f} bytes/s")
    for viewers in found:
        print(f"{viewers:>3} viewers: workers {workers[viewers]:.2f} %, stores {stores[viewers]:.2f} %")
    print(f"a viewer: {(workers[VIEWERS] - workers[0]) / VIEWERS:.3f} % of a core")


def write_given(server: Server, rows: int) -> None:
    """Write prizes of one treasure that were given today, each to another person."""
    code = server.publish(server.log_in("publisher"), 0)
    uri = running_store(read_settings({"DATA_DIR": str(server.log.parent / "data")}))
    now_ms = int(time.time() * 1000)
    with MongoClient[dict[str, Any]](uri) as mongo:
        prizes = mongo.get_default_database()["prizes"]
        for first in range(0, rows, BATCH):
            prizes.insert_many(
                {"_id": f"{code}:{n}", "code": code, "depth": n, "person_id": f"u{n}", "publisher": "p",
                 "wxname": f"小明{n}", "goods_type": 2, "draw_type": 1, "amount_fen": 0, "state": "given",
                 "attempt": 0, "won_at": now_ms, "claimed_at": now_ms, "given_at": now_ms}
                for n in range(first, min(first + BATCH, rows))
            )  # fmt: skip


def measure_export(operator: Operator, rows: int) -> None:
    """Print how long a download takes and what memory it adds to the workers; hang up on a second one."""
    began = time.perf_counter()
    write_given(operator.server, rows)
    print(f"{rows:,} prizes written in {time.perf_counter() - began:.0f} s", flush=True)
    workers = operator.server.workers()
    asked = {"month": datetime.now(BEIJING).strftime("%Y-%m"), "reason": "bench"}
    before = most = sum(map(resident_bytes, workers))
    began = time.perf_counter()
    size = 0
    for least in (rows + 1, rows // 2):
        lines = 0
        with operator.http.stream("POST", "/ops/winners", json=asked) as reply:
            for part in reply.iter_bytes():
                size = size + len(part)
                lines = lines + part.count(b"\n")
                most = max(most, sum(map(resident_bytes, workers)))
                if lines >= least:
                    break
        if least > rows:
            took = time.perf_counter() - began
            print(f"{lines:,} lines of {size / 1e6:.0f} MB in {took:.0f} s, {rows / took:,.0f} rows a second")
    print(f"workers: {before >> 20} MB before, {most >> 20} MB at most")
    acts = operator.http.get("/ops/log", params={"act": "export_prizes"}).json()["data"]
    print("in the log, the newest first:", ", ".join(act["outcome"] for act in acts))


def resident_bytes(pid: int) -> int:
    """Return how much memory a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in descendants(int(child)))]


def measure_browser(operator: Operator) -> None:
    """Print how much CPU a browser uses while it shows the screen."""
    from playwright.sync_api import sync_playwright

    quiet = ("background-networking", "component-update", "sync", "gpu")
    with sync_playwright() as playwright:
        before = set(descendants(os.getpid()))
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{operator.server.http.base_url}/ops")
        page.locator("#login-name").fill("bench")
        page.locator("#login-token").fill(operator.token)
        page.keyboard.press("Enter")
        page.locator(".status.fresh").wait_for()
        page.wait_for_timeout(4000)
        pids = [pid for pid in descendants(os.getpid()) if pid not in before]
        chromium = {pid: Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids}
        began = {pid: cpu_seconds(pid) for pid in chromium}
        page.wait_for_timeout(SECONDS * 1000)
        spent = {pid: 100 * (cpu_seconds(pid) - began[pid]) / SECONDS for pid in chromium}
        renderers = sum(spent[pid] for pid, command in chromium.items() if "--type=renderer" in command)
        print(f"browser: renderers {renderers:.1f} % of a core, all processes {sum(spent.values()):.1f} %")
        browser.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--export", type=int, default=0, metavar="ROWS")
    rows = parser.parse_args().export
    if rows:
        with running(WORKERS) as server:
            measure_export(Operator(server), rows)
        return
    with running(WORKERS) as server, a_crowd(server):
        operator = Operator(server)
        time.sleep(15)  # until the crowd has logged in
        fill_history(server.log.parent / "data")
        if CHROMIUM is not None:
            measure_browser(operator)
        measure_server(operator)


if __name__ == "__main__":
    main()
