"""No process or descriptor is free: a child that cannot start is started later, and the others stay."""

import asyncio
import errno
import os
import resource
import secrets
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
from pymongo import MongoClient

from server.running.stores import EmbeddedMongoDB, EmbeddedStore, free_port
from server.running.supervisor import ASKED_TIMES, _end_if_silent
from server.running.worker import look_at_data
from server.runtime.children import ended, start_child
from server.settings import read_settings
from support import SOURCE
from support.databases import with_database
from support.servers import Running, until

# Python runs this at its start, as sitecustomize.py on PYTHONPATH. While the file `path` exists, no process
# starts. While the file `ending` exists, workers end at once with the exit code in it.
NO_PROCESSES = """
import errno, os, sys, _posixsubprocess

if "worker" in sys.orig_argv and os.path.exists({ending!r}):
    os._exit(int(open({ending!r}).read()))

fork_exec = _posixsubprocess.fork_exec

def fork_or_fail(*arguments):
    if os.path.exists({path!r}):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork_exec(*arguments)

_posixsubprocess.fork_exec = fork_or_fail
"""
FEWEST = 3  # descriptors: more are open already, so no other can be opened


class Robot:
    """A webhook. `events` has an (event, what) for each alarm that the supervisor sent."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.ended: list[str] = []
        told, ended = self.events, self.ended

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
                told.extend(
                    (each["event"], each["what"])
                    for each in body["events"]
                    if each["kind"] in ("start", "database")
                )
                ended.extend(each["event"] for each in body["events"] if each["kind"] == "ended")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/robot"

    def of(self, what: str) -> list[str]:
        """Return the events about this process."""
        return [event for event, told in self.events if told == what]


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    made = Robot()
    serving = threading.Thread(target=made.server.serve_forever)
    serving.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    serving.join()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file exists, `server` starts no process."""
    return tmp_path_factory.mktemp("full") / "full"


@pytest.fixture(scope="module")
def ending(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file exists, workers end with the exit code in it."""
    return tmp_path_factory.mktemp("ending") / "ending"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, robot: Robot, full: Path, ending: Path
) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("failing")
    (directory / "sitecustomize.py").write_text(NO_PROCESSES.format(path=str(full), ending=str(ending)))
    running = Running(
        directory / "data", free_port(), PYTHONPATH=f"{directory}:{SOURCE}", ALARM_WEBHOOK=robot.url
    )
    running.wait_for("Wabao is ready")
    yield running
    full.unlink(missing_ok=True)
    ending.unlink(missing_ok=True)
    assert running.end() == 0


@contextmanager
def few_descriptors(pid: int) -> Iterator[None]:
    """Forbid a process to open any more descriptors."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEWEST, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def answers(server: Running) -> bool:
    return httpx.get(f"{server.address}/readyz", timeout=30).status_code == 200


def test_a_worker_that_cannot_be_forked_is_started_once_it_can_and_an_alarm_tells(server, robot, full):
    robot.events.clear()
    (worker,) = server.children()["worker"]
    full.touch()
    os.kill(worker, signal.SIGKILL)
    server.wait_for(r"worker 1 failed: \[Errno 11\]")
    until(lambda: robot.of("worker 1") == ["begin"])
    full.unlink()
    server.wait_for("wabao.worker serving")
    assert answers(server)
    until(lambda: robot.of("worker 1") == ["begin", "end"])


@pytest.mark.parametrize("code", [1, 2], ids=["it fails", "it may not serve"])
def test_a_worker_that_ends_before_it_serves_is_an_alarm_and_does_not_end_the_server(
    server, robot, ending, code
):
    until(lambda: robot.of("worker 1") in ([], ["begin", "end"]))
    robot.events.clear()
    ending.write_text(str(code))
    (worker,) = server.children()["worker"]
    os.kill(worker, signal.SIGKILL)
    for _ in range(2):
        server.wait_for(rf"worker 1 \(pid \d+\) ended with {code}; starting it again")
    until(lambda: robot.of("worker 1") == ["begin"])
    ending.unlink()
    server.wait_for("wabao.worker serving")
    assert answers(server)
    until(lambda: robot.of("worker 1") == ["begin", "end"])


def test_three_workers_that_are_killed_as_soon_as_they_serve_are_an_alarm(tmp_path, robot):
    server = Running(tmp_path, free_port(), ALARM_WEBHOOK=robot.url, WEB_CONCURRENCY="1")
    robot.ended.clear()
    for number in range(3):
        server.wait_for("wabao.worker serving")
        assert not robot.ended, number
        os.kill(server.children()["worker"][0], signal.SIGKILL)
    until(lambda: robot.ended == ["begin"])
    assert server.end() == 0


def test_a_store_that_cannot_be_forked_is_started_once_it_can(server, robot, full):
    (store,) = server.children()["Valkey"]
    full.touch()
    os.kill(store, signal.SIGKILL)
    server.wait_for(r"Valkey failed: \[Errno 11\]")
    full.unlink()
    until(lambda: answers(server))
    until(lambda: robot.of("Valkey") == ["begin", "end"])


def test_a_supervisor_without_descriptors_starts_a_worker_once_it_has_some(server, robot):
    robot.events.clear()
    (worker,) = server.children()["worker"]
    pid = server.process.pid
    opened = len(os.listdir(f"/proc/{pid}/fd"))
    with few_descriptors(pid):
        os.kill(worker, signal.SIGKILL)
        server.wait_for(r"worker 1 failed: \[Errno 24\]")
    server.wait_for("wabao.worker serving")
    until(lambda: len(os.listdir(f"/proc/{pid}/fd")) == opened)  # a failed start leaves no descriptor open
    assert answers(server)
    until(lambda: robot.of("worker 1") == ["begin", "end"])


@pytest.fixture
def child() -> Iterator[Any]:
    started = start_child([sys.executable, "-c", "import time; time.sleep(60)"])
    yield started
    started.kill()
    started.wait()


def test_the_end_of_a_child_is_seen_without_a_descriptor_for_it(child):
    async def scene() -> int:
        with few_descriptors(os.getpid()):
            ending = asyncio.create_task(ended(child))
            await asyncio.sleep(0)
            child.kill()
            return await ending

    assert asyncio.run(scene()) == -signal.SIGKILL


def test_a_store_that_nobody_has_the_descriptors_to_ask_is_not_called_silent(tmp_path):
    async def scene() -> None:
        with few_descriptors(os.getpid()):
            await EmbeddedMongoDB(tmp_path).answers()

    with pytest.raises(OSError, match="Too many open files") as raised:
        asyncio.run(scene())
    assert raised.value.errno == errno.EMFILE


def test_a_store_that_cannot_be_asked_is_not_ended(child):
    class Store:
        name = "SecantusDB"

        async def answers(self) -> bool:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    answered = deque([False] * (ASKED_TIMES - 1), maxlen=ASKED_TIMES)
    for _ in range(ASKED_TIMES):
        with pytest.raises(OSError, match="Too many open files"):
            asyncio.run(_end_if_silent(cast(EmbeddedStore, Store()), child, answered))
    assert child.poll() is None


def test_an_alarm_tells_of_a_database_that_is_refused_from_the_start_on(
    tmp_path, robot, mongodb_uri, redis_url
):
    robot.events.clear()
    name = f"test_{secrets.token_hex(6)}"
    stores = {"MONGODB_URI": with_database(mongodb_uri, name), "REDIS_URL": redis_url}
    asyncio.run(look_at_data(read_settings({**stores, "DATA_DIR": str(tmp_path)}), prepares=True))
    (tmp_path / "database").write_text("0123456789abcdef")
    server = Running(tmp_path, free_port(), ALARM_WEBHOOK=robot.url, WEB_CONCURRENCY="2", **stores)
    server.wait_for("not ready: MONGODB_URI: the database of this server is 0123456789abcdef")
    until(lambda: robot.of("") == ["begin"])
    assert httpx.get(f"{server.address}/getTaskList", timeout=30).json()["error"] == "unavailable"
    assert httpx.get(f"{server.address}/readyz", timeout=30).json()["silent"] == ["mongodb"]
    with MongoClient[dict[str, Any]](mongodb_uri) as mongodb:
        ours = {"identity": "0123456789abcdef"}
        mongodb[name]["meta"].update_one({"_id": "database"}, {"$set": ours})
    until(lambda: robot.of("") == ["begin", "end"])
    assert answers(server)
    server.kill()
