"""The parent process: starts missing stores and the workers, restarts those that die, stops them at the end.

It owns the listening sockets, so that a new connection is not refused while a worker restarts, but waits. It
serves no request itself.
"""

import asyncio
import errno
import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from server.errors import BadSettings
from server.running.notify import feed_watchdog, tell
from server.running.stores import (
    EmbeddedMongoDB,
    EmbeddedStore,
    lock_directory,
    missing_stores,
    remembered_identity,
    server_file,
    start_stores,
)
from server.running.watchdog import Watchdog
from server.runtime.background import Background, CannotYet
from server.runtime.children import GIVES_MEMORY_BACK, ended, start_child, stop_child
from server.security.keys import Keys
from server.settings import Settings, secrets_of
from server.settings.operators import ROLES

BACKLOG = 4096
WORKERS_SECONDS = 25.0
PORT_SECONDS = 2.0
STEADY_SECONDS = 10.0
# So many ends of workers are remembered; three within ten minutes are an alarm.
LOST_KEPT = 10
# How a worker ended, by the sign of its exit code.
HOW_ENDED = {0: "drained", 1: "failed", -1: "killed"}
BAD_SETTINGS_EXIT = 2
ANSWER_SECONDS = 5.0
LONGEST_READY_PAUSE_SECONDS = 1.0
ASKED_SECONDS = 5.0
ASKED_TIMES = 3
_POLL_SECONDS = 0.02

log = logging.getLogger("wabao.supervisor")


class Supervisor:
    """Everything that runs for one `python -m server`."""

    def __init__(self, settings: Settings, *, demo: bool = False) -> None:
        """Lock the directory and take the port. Raises BadSettings if another program has one of them.

        With `demo`, a crowd plays on this server. It logs in through the sandbox.
        """
        if demo and not settings.sandboxed:
            raise BadSettings("--demo needs the sandbox, so WECHAT_APPID must not be set")
        self._settings = settings
        self._demo = demo
        self._crowd: subprocess.Popen[bytes] | None = None
        self._stopping = asyncio.Event()
        self._exit_code = 0
        self._served = False
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self._aborting = asyncio.Lock()
        self._stores: list[EmbeddedStore] = []
        self._keepers = Background()
        self._hung_up = asyncio.Event()
        self._serves: dict[str, asyncio.Event] = {}  # set while the worker of this name serves
        self._uncounted = Counter[str]()  # how workers ended that no worker has counted yet
        self._lost = deque[float](maxlen=LOST_KEPT)  # when the last ones ended unasked, unix seconds
        directory = Path(settings.data_dir).absolute()
        self._lock = lock_directory(directory)
        # The identity of the database, once it is known. DATA_DIR has it too, but may be deleted while we
        # run.
        self._identity = remembered_identity(settings)
        self._listeners = listen(settings.port, settings.web_concurrency)

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code. Raises BadSettings.

        SIGHUP replaces the workers. Other signals for which programs have their own use change nothing.
        """
        loop = asyncio.get_running_loop()
        for asked in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(asked, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up.set)
        for unused in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            loop.add_signal_handler(unused, log.warning, "%s means nothing here", unused.name)
        # A process starts with a far lower limit of descriptors than the system allows.
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._warn()
        secrets = secrets_of(self._settings, makes=True)  # workers make none
        self._stores = missing_stores(self._settings, self._lock)
        try:
            self._keepers.persist(partial(self._start, Keys(*secrets)), "starting")
            feed_watchdog(self._keepers)
            tell("READY=1")
            await self._stopping.wait()
            tell("STOPPING=1")
        finally:
            await self._keepers.end()
            await self._stop()
        return self._exit_code

    async def _start(self, keys: Keys) -> None:
        """Start the missing stores. Once they answer, begin to keep them, the workers and all else."""
        start_stores(self._stores)
        # The workers' environment is ours, with the URIs of the embedded stores.
        environment = {**os.environ, **GIVES_MEMORY_BACK}
        for store in self._stores:
            environment[store.setting] = store.uri
            self._keep_store(store)
        for number, listener in enumerate(self._listeners, 1):
            self._keep_worker(f"worker {number}", listener, environment)
        self._keepers.repeat(self._replace_workers, 0.0)
        self._keepers.persist(partial(self._announce, keys), "announcing")

    def _warn(self) -> None:
        """Log each setting that may be intended, but lets strangers do more than most operators want."""
        settings = self._settings
        if settings.guarded and not settings.trusted_proxies:
            log.warning("TRUSTED_PROXIES is empty: all people behind a proxy count as one address")
        if off := settings.rules_off:
            log.warning("a real mini-program without these of production's rules: %s", ", ".join(off))
        if not settings.takes_cash:
            off_by = "RED_PACKETS" if settings.cash else "CASH"
            log.warning("goods only: red packets are off, since %s=0", off_by)
        for question in settings.questions:
            log.warning("CASH=1, settle first (docs/launch.md#先问清楚再开红包): %s", question)
        if missing := settings.texts_unfinished:
            log.warning("WeChat's review will miss what TEXTS_DIR or CONTACT lacks: %s", ", ".join(missing))
        if settings.shows_unchecked:
            log.warning("content checks are off: people see texts and pictures that nobody has checked")

    def _keep(self, name: str, live: Callable[[], Awaitable[tuple[subprocess.Popen[bytes], int]]]) -> None:
        """Run a child again and again: `live` starts it, waits for its end, and returns it and its exit code.

        A start that fails (no process, descriptor or memory is left), and a child that ends soon, end neither
        us nor the other children.
        """

        async def turn() -> None:
            began = time.monotonic()
            child, code = await live()
            if self._stopping.is_set():
                return
            level = logging.ERROR if code else logging.INFO
            log.log(level, "%s (pid %d) ended with %d; starting it again", name, child.pid, code)
            if code and time.monotonic() - began < STEADY_SECONDS:
                raise CannotYet(f"it ended with {code} {time.monotonic() - began:.1f} s after its start")

        self._keepers.repeat(turn, 0.0, at_once=True, name=name)

    def _keep_store(self, store: EmbeddedStore) -> None:
        first = store.process  # `start_stores` started it

        async def live() -> tuple[subprocess.Popen[bytes], int]:
            nonlocal first
            child = first or store.launch()
            first = None
            looking = Background(self._keepers.failures)
            look = partial(_end_if_silent, store, child, deque[bool](maxlen=ASKED_TIMES))
            looking.repeat(look, ASKED_SECONDS, name=f"asking {store.name}")
            with _killed_unwatched(child, self._stopping):
                try:
                    return child, await ended(child)
                finally:
                    await looking.end()

        self._keep(store.name, live)

    def _keep_worker(self, name: str, listener: socket.socket, environment: dict[str, str]) -> None:
        descriptor = listener.fileno()
        command = [sys.executable, "-m", "server", "worker", "--listener", str(descriptor)]
        if any(isinstance(store, EmbeddedMongoDB) for store in self._stores):
            command.append("--prepare")
        serves = self._serves[name] = asyncio.Event()

        async def live() -> tuple[subprocess.Popen[bytes], int]:
            watchdog = Watchdog(serves=partial(self._note_serving, name), aborting=self._aborting)
            heartbeats = watchdog.worker_end
            known = ("--database", self._identity)
            counts = self._uncounted
            self._uncounted = Counter()
            try:
                child = start_child(
                    [
                        *command,
                        *known,
                        "--heartbeats", str(heartbeats),
                        "--ended", json.dumps(counts),
                        "--lost", json.dumps([*self._lost]),
                    ],
                    environment=environment,
                    pass_fds=(descriptor, heartbeats),
                )
            except BaseException:
                self._uncounted += counts
                watchdog.close()
                raise
            self._workers[name] = child
            with _killed_unwatched(child, self._stopping):
                code = await watchdog.ended(child, name)
            serves.clear()
            self._note_end("hung" if watchdog.stood_still else HOW_ENDED[(code > 0) - (code < 0)])
            if not watchdog.served:
                self._uncounted += counts
            if code == BAD_SETTINGS_EXIT and not self._served:  # it said why; a restart would not help
                self._exit_code = code
                self._stopping.set()
            return child, code

        self._keep(name, live)

    def _note_end(self, how: str) -> None:
        """Count the end of a worker. We have no /metrics, so the next worker that serves shows the counts.

        It may end too before anybody looks, so each worker is told when the last ones ended unasked.
        """
        self._uncounted[how] += 1
        if how != "drained":
            self._lost.append(time.time())

    async def _replace_workers(self) -> None:
        """After SIGHUP, end the workers one by one: each drains, and the next is ended once its successor
        serves."""
        await self._hung_up.wait()
        self._hung_up.clear()
        log.info("SIGHUP: replacing the workers one by one")
        for name, worker in list(self._workers.items()):
            worker.terminate()
            await ended(worker)
            while self._workers[name] is worker or not self._serves[name].is_set():
                self._serves[name].clear()  # while it drained, it said that it serves
                await self._serves[name].wait()

    def _note_serving(self, name: str) -> None:
        """Note that a worker serves. Once one did, what another refuses no longer ends the server."""
        self._served = True
        self._serves[name].set()

    async def _announce(self, keys: Keys) -> None:
        """Once the server is ready, print its address and, in development, the operators' token."""
        settings = self._settings
        server_file(settings).write_text(f"http://127.0.0.1:{settings.port}", encoding="ascii")
        pause = _POLL_SECONDS
        while not await _answers(settings.port, "/readyz"):
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_READY_PAUSE_SECONDS)
        self._identity = self._identity or remembered_identity(settings)
        lines = [f"Wabao is ready at {settings.public_url} (stop it with Ctrl-C)"]
        if not settings.operators:  # only in development: we made the token ourselves
            lines.append(
                f"Operators look at {settings.public_url}/ops with the token {keys.operator_token()}"
            )
        if self._demo:
            lines.append(f"A crowd plays there and writes to {self._crowd_log}")
        sys.stdout.write("".join(line + "\n" for line in lines))
        if self._demo:
            self._keep_crowd(keys)

    @property
    def _crowd_log(self) -> Path:
        return Path(self._settings.data_dir).absolute() / "crowd.log"

    def _keep_crowd(self, keys: Keys) -> None:
        """Let a crowd play. As an operator it also finds what newcomers publish for their group alone."""
        command = [sys.executable, "-m", "server", "crowd"]
        address = f"http://127.0.0.1:{self._settings.port}"
        least = min(self._settings.operators, key=lambda each: ROLES.index(each.role), default=None)
        environment = {**os.environ, "CROWD_OPERATOR": least.token if least else keys.operator_token()}

        async def live() -> tuple[subprocess.Popen[bytes], int]:
            with self._crowd_log.open("ab") as output:
                self._crowd = start_child(
                    [*command, "--url", address], environment=environment, output=output
                )
            return self._crowd, await ended(self._crowd)

        self._keep("the crowd", live)

    async def _stop(self) -> None:
        """Stop the workers first, because they need the stores while they drain; then stop the stores.

        A crowd has nothing to lose, and would only keep the workers busy: it is killed before everything
        else.
        """
        if self._crowd is not None:
            stop_child(self._crowd, 0)
        for listener in self._listeners:
            listener.close()
        workers = list(self._workers.values())
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()
        try:
            async with asyncio.timeout(WORKERS_SECONDS):
                await asyncio.gather(*(ended(worker) for worker in workers))
        except TimeoutError:
            log.warning("killing the workers that did not stop within %.0f s", WORKERS_SECONDS)
            for worker in workers:
                stop_child(worker, 0)
        for store in self._stores:
            store.stop()


@contextmanager
def _killed_unwatched(child: subprocess.Popen[bytes], stopping: asyncio.Event) -> Iterator[None]:
    """Kill the child if watching it fails: otherwise it would live unwatched, and another would be
    started."""
    try:
        yield
    finally:
        if child.poll() is None and not stopping.is_set():
            child.kill()
            child.wait()


async def _end_if_silent(store: EmbeddedStore, child: subprocess.Popen[bytes], answered: deque[bool]) -> None:
    """Kill a store that lives but does not answer, such as SecantusDB on a full disk.

    `answered` has the latest answers, at most ASKED_TIMES. Raises OSError or RuntimeError if we have no
    descriptor or no thread left to ask it.
    """
    answered.append(await store.answers())
    if len(answered) == ASKED_TIMES and not any(answered):
        log.error("%s (pid %d) does not answer any more: ending it", store.name, child.pid)
        child.kill()


def listen(port: int, count: int) -> list[socket.socket]:
    """Return `count` sockets that share the port. The kernel spreads connections over them.

    Raises BadSettings if another program listens there; SO_REUSEPORT alone would not notice that. Waits up to
    PORT_SECONDS for the workers of a killed server to be gone.
    """
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            with socket.socket() as attempt:
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                attempt.bind(("0.0.0.0", port))  # noqa: S104  (it serves all interfaces)
            return [
                socket.create_server(("0.0.0.0", port), backlog=BACKLOG, reuse_port=True)  # noqa: S104
                for _ in range(count)
            ]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise BadSettings(f"PORT={port}: {error.strerror}") from None
            if time.monotonic() > deadline:
                raise BadSettings(f"PORT={port} is in use by another program") from None
        time.sleep(_POLL_SECONDS)


async def _answers(port: int, path: str) -> bool:
    """Whether a GET to ourselves is answered with 200."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status_line.split()[1:2] == [b"200"]
