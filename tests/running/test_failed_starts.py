"""No process or descriptor is free: a child that cannot start is started later, and the others stay."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from server.operation.alarms import TABLE
from server.running.supervisor import LOST_KEPT
from server.runtime.children import ended, start_child
from support import SOURCE
from support.servers import Running, a_server, is_ready

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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("failing")
    full = directory / "full"
    ending = directory / "ending"
    (directory / "sitecustomize.py").write_text(NO_PROCESSES.format(path=str(full), ending=str(ending)))
    with a_server(directory / "data", PYTHONPATH=f"{directory}:{SOURCE}") as running:
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


def test_a_worker_that_is_killed_as_soon_as_it_serves_is_in_the_metric_that_the_alarm_compares(server):
    lost = server.metric("wabao_workers_lost")
    os.kill(server.children()["worker"][0], signal.SIGKILL)
    server.wait_for("wabao.worker serving")
    assert server.metric("wabao_workers_lost") == min(lost + 1, LOST_KEPT)
    assert next(row for row in TABLE if row.kind == "ended").metric == "wabao_workers_lost"


def test_a_worker_that_cannot_be_forked_is_started_once_it_can(server):
    full = server.data_dir.with_name("full")
    (worker,) = server.children()["worker"]
    full.touch()
    os.kill(worker, signal.SIGKILL)
    server.wait_for(r"worker 1 failed: \[Errno 11\]")
    full.unlink()
    server.wait_for("wabao.worker serving")
    assert is_ready(server.address)


def test_workers_that_end_before_they_serve_do_not_end_the_server(server):
    """Neither if they fail, nor if they say that they may not serve."""
    ending = server.data_dir.with_name("ending")
    (worker,) = server.children()["worker"]
    for code in (1, 2):
        ending.write_text(str(code))
        if code == 1:
            os.kill(worker, signal.SIGKILL)
        server.wait_for(rf"worker 1 \(pid \d+\) ended with {code}; starting it again")
    ending.unlink()
    server.wait_for("wabao.worker serving")
    assert is_ready(server.address)


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
