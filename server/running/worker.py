"""One serving process: open the context, make the app, serve on the given socket, drain.

No process is started here, and no route is declared here.
"""

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from server.app import make_app, unready_app
from server.check import log_failures
from server.context import Context, Sandbox
from server.errors import BadSettings
from server.leading.work import Leading
from server.operation.own_database import OwnDatabase
from server.realtime.bus import redis_facts, unfit
from server.running.port import Port
from server.running.stores import remember_identity, remembered_identity
from server.running.watchdog import Heart
from server.runtime.background import Background, end_tasks
from server.runtime.deadline import happened
from server.runtime.single_flight import retrieve
from server.security.keys import Keys
from server.settings import Settings, secrets_of
from server.store import Store, is_denied, is_unavailable, said_by
from server.store.schema import is_noted, prepare, require_prepared
from server.telemetry import metrics

# The supervisor kills a worker 25 s after SIGTERM. CONTEXT_SECONDS and the times in `port.py` add up to
# less.
CONTEXT_SECONDS = 4
AGAIN_SECONDS = 1.0
# How long connections wait for a process to serve: while MongoDB has not answered, and once it has.
WAIT_SECONDS = 0.6
LONGER_WAIT_SECONDS = 4.0
LOOK_SECONDS = 0.05
LOST_SECONDS = 600.0
# With 2,000 open pages a full garbage collection takes 240 ms, in which nobody is served. By default it runs
# several times while these pages are opened; with these thresholds it runs once per million new objects.
GC_THRESHOLDS = 10_000, 10, 10

log = logging.getLogger("wabao.worker")


async def look_at_data(
    settings: Settings, identity: str = "", *, prepares: bool, answers: Callable[[], None] = lambda: None
) -> OwnDatabase:
    """Look at the database and return it. If it may not be served from, its `wrong` says why.

    With `prepares`, prepare it. `identity` is the one that the database should have, if that is known. Raises
    BadSettings. Notes in the database under which secret this server seals, before any value carries it.
    `answers` is called once MongoDB answers.

    In development a new database is prepared too, perhaps by several workers at once.
    """
    store = Store(settings.mongodb_uri, limited=not prepares, cash=bool(settings.cash))
    keys = Keys(*secrets_of(settings, makes=prepares))
    database = OwnDatabase(store, keys, identity)
    try:
        await store.reach()
        answers()
        if identity:
            await database.look()
        if not settings.cash and (code := await store.task_lists.red_packet()):
            raise BadSettings(f"CASH=0, but this database has red packets, as in treasure {code}: set CASH=1")
        if database.wrong is None:
            await _prepare(store, settings, prepares=prepares)
            await database.look_through()
        if database.wrong is None:
            await store.meta.note_sealing(database.identity, keys.fingerprint)
    finally:
        await store.close()
    return database


async def _prepare(store: Store, settings: Settings, *, prepares: bool) -> None:
    indexes = store.indexes()
    if prepares:
        await prepare(store.database, indexes, log.info)
        return
    if not settings.guarded and not await is_noted(store.database):
        log.info("preparing the database, which is empty")
        await prepare(store.database, indexes, log.debug)  # the database is empty, so this is quick
        return
    await require_prepared(store.database, indexes)


async def look_at_redis(settings: Settings) -> None:
    """Raise BadSettings if Redis is not what REDIS_URL says. A Redis that does not answer is no reason."""
    facts = await redis_facts(settings)
    if facts is not None and (why := unfit(settings, facts)):
        raise BadSettings(why)


class Waiting:
    """A worker that may not serve yet. `why` says why, "" while it only waits for MongoDB.

    `serves_soon`: MongoDB answered, and nothing so far forbids serving from it.
    """

    def __init__(self) -> None:
        self.why = ""
        self.serves_soon = False

    def _answers(self) -> None:
        self.serves_soon = True

    async def wait_for_data(
        self, settings: Settings, asked_to_stop: asyncio.Event, identity: str, *, prepares: bool
    ) -> str:
        """Look at the data until this worker may serve from it; return its identity, "" if asked to stop
        first.

        A worker that ended instead would be started again and again.
        """
        while not asked_to_stop.is_set():
            try:
                self.why = self.why or ("正在准备数据库" if prepares else "")
                found = await look_at_data(settings, identity, prepares=prepares, answers=self._answers)
                if found.wrong is None:
                    return found.identity
                self.serves_soon = False
                if found.wrong.msg != self.why:
                    log.error("not ready: %s", found.wrong.text)
                self.why = found.wrong.msg
            except Exception as error:
                if is_denied(error) or not is_unavailable(error):
                    raise
                self.why = ""
                self.serves_soon = False
                log.warning("MongoDB does not answer; trying again: %s", said_by(error))
            await happened(asked_to_stop, AGAIN_SECONDS)
        return ""


async def accept_soon(
    server: Port, listener: socket.socket, waiting: Waiting, serving: asyncio.Event
) -> None:
    """Accept connections once this process serves, or has waited long enough for that.

    Until then they wait in the kernel's queue. Usually the stores answer, and the process serves a moment
    later, or a few moments later on a busy machine.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < (LONGER_WAIT_SECONDS if waiting.serves_soon else WAIT_SECONDS):
        if await happened(serving, LOOK_SECONDS):
            break
    server.add_socket(listener)


def begin_repeated(context: Context) -> Background:
    """Begin what this process does again and again while it serves; only the leader does what is due."""
    repeated = Background(context.bus.failures)
    context.leader.begin(repeated)
    Leading(context, repeated).begin()
    context.outages.begin(repeated)
    context.monitor.begin(repeated)
    context.heartbeats.begin(repeated)
    return repeated


async def serve(
    settings: Settings,
    listener: socket.socket,
    heart: Heart,
    counts: Mapping[str, int],
    lost: Sequence[float],
    identity: str,
    sandbox: Callable[[Store], Sandbox] | None,
    *,
    prepares: bool,
) -> None:
    """Serve on `listener` until SIGTERM or SIGINT, then drain and return, within 25 s of the signal.

    `counts` are the ends of earlier workers by how they ended; this one counts them in its metrics. `lost`
    says when the last ones ended unasked (unix seconds).
    `identity` is that of the database, if an earlier worker served from one. `prepares` is true for a
    database that the server has started itself.
    """
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    loop.add_signal_handler(signal.SIGINT, asked_to_stop.set)
    living = Background()
    heart.begin(living)
    waiting = Waiting()
    unready = unready_app(settings, lambda: waiting.why)
    server = Port(unready)
    listener.setblocking(False)
    serving = asyncio.Event()
    accepting = loop.create_task(accept_soon(server, listener, waiting, serving))
    looking = loop.create_task(look_at_redis(settings))  # in the background: Redis may not answer
    looking.add_done_callback(retrieve)
    identity = identity or remembered_identity(settings)
    identity = await waiting.wait_for_data(settings, asked_to_stop, identity, prepares=prepares)
    if not identity:
        accepting.cancel()
        await server.drain()
        await end_tasks([looking])
        await living.end()
        return
    remember_identity(settings, identity)
    await looking
    context = await Context.open(settings, sandbox, identity=identity)
    # This look also tells the clock MongoDB's time, so that nothing begins by this machine's own clock.
    await context.database.answers()
    gc.freeze()  # what is loaded now stays, so that the collector need not look through it
    gc.set_threshold(*GC_THRESHOLDS)
    repeated = begin_repeated(context)
    app = make_app(context)
    server.request_callback = app  # which answers from the next request on
    serving.set()
    await accepting  # raises if it could not accept
    for how, number in counts.items():
        metrics.WORKERS_ENDED.labels(how).inc(number)
    metrics.WORKERS_LOST.set_function(lambda: sum(at > time.time() - LOST_SECONDS for at in lost))
    heart.serving()
    log.info("serving")
    repeated.spawn(log_failures(settings, context.store))
    await asked_to_stop.wait()
    await asyncio.gather(server.drain(), context.hub.drain())
    try:
        async with asyncio.timeout(CONTEXT_SECONDS):
            await repeated.end()
            await context.close()
    except TimeoutError:  # a store stands still; what is left undone, others find
        log.warning("work in the background did not end within %d s", CONTEXT_SECONDS)
    await living.end()
    log.info("drained")
