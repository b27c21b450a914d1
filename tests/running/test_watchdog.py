"""A worker that hangs or is frozen is replaced, and no other worker is ended."""

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from server.running.watchdog import ABORT_SECONDS, STARTING, Heart, Watchdog
from server.runtime.children import start_child
from support import SOURCE
from support.servers import Running, assert_all_end, clean_environment, pidfds_of, until

ENDED_SECONDS = 40  # 15 where the machine is not busy
TURN_SECONDS = 0.05

# As sitecustomize.py on PYTHONPATH, Python runs this when it starts.
SPIN_ON_SIGUSR1 = """
import signal, sys

if sys.orig_argv[-2:] == ["-m", "server"]:  # on a busy machine a stack takes longer to write
    from server.running import watchdog
    watchdog.ABORT_SECONDS = 10.0

def spin(*_):
    while True:
        pass

signal.signal(signal.SIGUSR1, spin)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with three workers, each of which can be made to spin."""
    spinning = tmp_path_factory.mktemp("spinning")
    (spinning / "sitecustomize.py").write_text(SPIN_ON_SIGUSR1)
    data_dir = tmp_path_factory.mktemp("watched") / "data"
    running = Running(data_dir, WEB_CONCURRENCY="3", PYTHONPATH=f"{spinning}:{SOURCE}")
    for _ in range(3):
        running.wait_for("wabao.worker serving")
    yield running
    running.kill()


def test_spinning_and_frozen_workers_are_replaced_and_no_other(server):
    workers = server.children()["worker"]
    spinning, frozen, _ = workers
    before = server.metric('wabao_workers_ended_total{how="hung"')
    said_before = len(server.said)
    deaths = pidfds_of([spinning, frozen])
    began = time.monotonic()
    os.kill(spinning, signal.SIGUSR1)
    os.kill(frozen, signal.SIGSTOP)
    assert_all_end(deaths)
    assert time.monotonic() - began <= ENDED_SECONDS
    for _ in (spinning, frozen):
        server.wait_for("wabao.worker serving")
    said = "".join(server.said[said_before:])
    assert set(re.findall(r"pid (\d+)\) stands still", said)) == {str(spinning), str(frozen)}
    # A log line of the third worker may come in the middle of a line of a stack, but not within a name.
    assert said.count("/sitecustomize.py") == 1
    assert said.count("run_forever") == 2  # the frozen worker's stack is there too
    assert len(set(server.children()["worker"]) - set(workers)) == 2
    until(lambda: server.metric('wabao_workers_ended_total{how="hung"') == before + 2)


def test_a_worker_sends_heartbeats_while_it_waits_for_a_store_at_its_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as listener:
        port = silent.getsockname()[1]
        reader, writer = os.pipe()
        worker = start_child(
            [
                *(sys.executable, "-m", "server", "worker"),
                *("--listener", str(listener.fileno()), "--heartbeats", str(writer)),
            ],
            environment=clean_environment(
                MONGODB_URI=f"mongodb://127.0.0.1:{port}",
                REDIS_URL=f"redis://127.0.0.1:{port}/0",
                DATA_DIR=str(tmp_path),
                SECRET_KEY="a secret that only the tests know, 32+",
            ),
            pass_fds=(listener.fileno(), writer),
        )
        os.close(writer)
        assert os.read(reader, 1) + os.read(reader, 1) == STARTING + STARTING
        worker.kill()
        worker.wait()
        os.close(reader)


@contextmanager
def a_child(program: str, watchdog: Watchdog) -> Iterator[asyncio.Task[int]]:
    """Run a program under a watchdog; it may use `os`, `signal`, `time` and the descriptor `pipe`."""
    program = f"import os, signal, sys, time; pipe = int(sys.argv[1]); {program}"
    pipe = watchdog.worker_end
    child = start_child([sys.executable, "-c", program, str(pipe)], pass_fds=(pipe,))
    try:
        yield asyncio.get_running_loop().create_task(watchdog.ended(child, "worker 1"))
    finally:
        child.kill()
        child.wait()


def outcome(program: str, **turns: int) -> tuple[int, Watchdog, float]:
    """Run a program under a watchdog; return its exit code, the watchdog, and the turns that it took."""

    async def watched() -> tuple[int, Watchdog, float]:
        began = time.monotonic()
        watchdog = Watchdog(turn_seconds=TURN_SECONDS, **turns)
        with a_child(program, watchdog) as end:
            async with asyncio.timeout(30):
                return await end, watchdog, (time.monotonic() - began) / TURN_SECONDS

    return asyncio.run(watched())


DEAF = "signal.signal(signal.SIGABRT, signal.SIG_IGN); os.write(pipe, b'1'); time.sleep(60)"


def test_a_worker_has_longer_for_its_first_heartbeat_but_not_for_ever():
    code, watchdog, turns = outcome("time.sleep(60)", missed_turns=1, starting_turns=20)
    assert (code, watchdog.stood_still, watchdog.served) == (-signal.SIGABRT, True, False)
    assert turns >= 20


@pytest.mark.parametrize(
    ("program", "missed_turns", "ended"),
    [
        ("os.write(pipe, b'1'); time.sleep(60)", 2, (-signal.SIGABRT, True, True)),
        (DEAF, 4, (-signal.SIGKILL, True, True)),
        # On a busy machine, its end takes many turns.
        ("os.write(pipe, b'0'); sys.exit(3)", 10_000, (3, False, False)),
    ],
    ids=["after a heartbeat", "SIGABRT does not end it", "it ends by itself"],
)
def test_a_worker_that_has_begun_has_only_the_missed_turns(program, missed_turns, ended):
    code, watchdog, _ = outcome(program, missed_turns=missed_turns, starting_turns=10_000)
    assert (code, watchdog.stood_still, watchdog.served) == ended


def test_workers_that_stand_still_at_once_are_ended_one_after_another(caplog):
    async def scene() -> None:
        aborting = asyncio.Lock()
        with ExitStack() as children:
            async with asyncio.timeout(30):
                await asyncio.gather(
                    *(
                        children.enter_context(a_child(DEAF, Watchdog(TURN_SECONDS, 4, aborting=aborting)))
                        for _ in range(2)
                    )
                )

    asyncio.run(scene())
    first, second = (record.created for record in caplog.records)
    assert second - first > ABORT_SECONDS / 2


def test_late_turns_of_the_supervisor_do_not_count():
    async def scene() -> tuple[bool, int]:
        watchdog = Watchdog(turn_seconds=TURN_SECONDS, missed_turns=4, starting_turns=4)
        with a_child("time.sleep(60)", watchdog) as end:
            for _ in range(20):
                await asyncio.sleep(0)
                time.sleep(2 * TURN_SECONDS)  # noqa: ASYNC251  (this is what makes the turns late)
            late = end.done() or watchdog.stood_still
            return late, await end

    assert asyncio.run(scene()) == (False, -signal.SIGABRT)


def test_a_worker_goes_on_if_its_heartbeats_are_not_read():
    reader, writer = os.pipe()
    fill(writer)
    asyncio.run(Heart(writer).beat())
    os.close(reader)
    asyncio.run(Heart(writer).beat())
    os.close(writer)


def fill(descriptor: int) -> None:
    os.set_blocking(descriptor, False)
    try:
        while os.write(descriptor, STARTING):
            pass
    except BlockingIOError:
        pass
