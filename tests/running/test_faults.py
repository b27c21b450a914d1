"""What the system refuses a server, and signals: the parent lives, and all is well soon after."""

import errno
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.running.stores import free_port
from support import SOURCE
from support.servers import Running, assert_all_end, is_ready, pidfds_of, until

WELL_SECONDS = 60  # 5 where the machine is not busy
# Python runs this at its start, as sitecustomize.py on PYTHONPATH. While the file at `fault` exists, what
# processes open, make, link or rename fails. The file says with which error, and below which path.
FAULTS = """
import builtins, io, os

def failing(do):
    def do_or_fail(path, *arguments, **named):
        try:
            fault = os.readlink({fault!r})
        except OSError:
            return do(path, *arguments, **named)
        number, _, below = fault.partition(":")
        if isinstance(path, (str, os.PathLike)) and os.path.abspath(path).startswith(below):
            raise OSError(int(number), os.strerror(int(number)), str(path))
        return do(path, *arguments, **named)
    return do_or_fail

io.open = builtins.open = failing(io.open)
for name in ("open", "mkdir", "link", "rename", "replace", "unlink", "listdir", "stat", "statvfs"):
    setattr(os, name, failing(getattr(os, name)))
"""


DATA_DIR_MOVED = "DATA_DIR moved"
AT_START = ("EMFILE in /", "EPERM in {data}", DATA_DIR_MOVED)
ALL = (*AT_START, "ENOSPC in {data}", "ENOSPC in /dev/shm", "ENOENT in /proc")
FAULT_SECONDS = 2.0


def begin(fault: str, directory: Path) -> None:
    """Let the system refuse the server something, such as "EPERM in {data}", where `data` is DATA_DIR."""
    name, _, below = fault.format(data=directory / "data").partition(" in ")
    if fault == DATA_DIR_MOVED:
        (directory / "data").rename(directory / "moved")
    else:
        (directory / "fault").symlink_to(f"{getattr(errno, name)}:{below}")


def end(fault: str, directory: Path) -> None:
    """End what `begin` began."""
    if fault == DATA_DIR_MOVED:
        (directory / "moved").rename(directory / "data")
    else:
        (directory / "fault").unlink()


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """A server with one worker, or as many as a test's parameter says."""
    workers = str(getattr(request, "param", 1))
    (tmp_path / "sitecustomize.py").write_text(FAULTS.format(fault=str(tmp_path / "fault")))
    running = Running(
        tmp_path / "data", free_port(), PYTHONPATH=f"{tmp_path}:{SOURCE}", WEB_CONCURRENCY=workers
    )
    yield running
    running.kill()


def is_well(server: Running, workers: int = 1) -> bool:
    return is_ready(server.address) and sum(map(len, server.children().values())) == 2 + workers


def last(fault: str, server: Running, directory: Path) -> None:
    """Let a fault last for FAULT_SECONDS. The parent lives, and all is well within WELL_SECONDS after it."""
    ends = time.monotonic() + FAULT_SECONDS
    until(lambda: server.process.poll() is not None or time.monotonic() > ends)
    assert server.process.poll() is None, fault
    end(fault, directory)
    ended = time.monotonic()
    until(lambda: is_well(server))
    assert time.monotonic() - ended < WELL_SECONDS, fault


@pytest.mark.parametrize("fault", AT_START)
def test_a_fault_from_the_start_on_does_not_end_the_parent(fault, server, tmp_path):
    # The parent has read its secret by then. A store whose directory was moved away would make it anew.
    sign = "secret_key" if fault == DATA_DIR_MOVED else "secantusdb.uri"
    while not (server.data_dir / sign).exists():  # `until` would see it when the stores make files
        assert server.process.poll() is None
    begin(fault, tmp_path)
    last(fault, server, tmp_path)
    assert server.end() == 0


def test_a_worker_that_cannot_read_the_secret_before_the_first_one_serves_does_not_end_the_server(
    server, tmp_path
):
    fault = "ENOTDIR in {data}/secret_key"
    until(lambda: server.children().get("Valkey"))  # the parent has read the secret
    begin(fault, tmp_path)
    server.wait_for(r"worker \d \(pid \d+\) ended with 1; starting it again")
    end(fault, tmp_path)
    server.wait_for("Wabao is ready at ")
    assert any(str(server.data_dir / "secret_key") in line for line in server.said)
    assert server.end() == 0


def test_a_fault_during_which_a_worker_and_the_stores_are_killed_does_not_end_the_parent(server, tmp_path):
    server.wait_for("Wabao is ready at ")
    for fault in ALL:
        begin(fault, tmp_path)
        for pids in server.children().values():
            os.kill(pids[0], signal.SIGKILL)
        last(fault, server, tmp_path)
    assert server.end() == 0


def test_a_server_without_proc_serves(server, tmp_path):
    begin("ENOENT in /proc", tmp_path)
    server.wait_for("Wabao is ready at ")
    assert is_well(server)
    assert not [line for line in server.said if "failed" in line]


@pytest.mark.parametrize("server", [2], indirect=True)
def test_signals_of_other_programs_change_nothing_and_sighup_replaces_the_workers_one_by_one(server):
    server.wait_for("Wabao is ready at ")
    before = server.children()
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        server.process.send_signal(number)
        server.wait_for(f"{number.name} means nothing here")
    assert server.children() == before
    deaths = pidfds_of(before["worker"])
    server.process.send_signal(signal.SIGHUP)
    until(lambda: is_ready(server.address) and not set(before["worker"]) & set(server.children()["worker"]))
    assert_all_end(deaths)
    until(lambda: is_well(server, workers=2))
    server.wait_for("worker 2 .* ended with 0")
    said = "".join(server.said)
    assert said.index("worker 1 (pid") < said.rindex("wabao.worker serving") < said.index("worker 2 (pid")
    assert server.end() == 0
