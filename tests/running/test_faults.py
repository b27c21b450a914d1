"""What the system refuses a server: the parent lives, and all is well soon after."""

import errno
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import SOURCE
from support.servers import Running, is_ready, until

WELL_SECONDS = 60  # 5 where the machine is not busy
# Python runs this at its start, as sitecustomize.py on PYTHONPATH. While the link at `fault` exists, what
# processes open, make, link or rename fails. The link says with which errors, and below which paths.
FAULTS = """
import builtins, io, os

def failing(do):
    def do_or_fail(path, *arguments, **named):
        try:
            faults = os.readlink({fault!r}).split(";")
        except OSError:
            faults = []
        for fault in faults:
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
FAULT_SECONDS = 2.0


def begin(fault: str, directory: Path) -> None:
    """Let the system refuse the server something, such as "EPERM in {data}", where `data` is DATA_DIR.

    Several faults at once are joined by "; ".
    """
    if fault == DATA_DIR_MOVED:
        (directory / "data").rename(directory / "moved")
        return
    each = (one.partition(" in ") for one in fault.format(data=directory / "data").split("; "))
    (directory / "fault").symlink_to(";".join(f"{getattr(errno, name)}:{below}" for name, _, below in each))


def end(fault: str, directory: Path) -> None:
    """End what `begin` began."""
    if fault == DATA_DIR_MOVED:
        (directory / "moved").rename(directory / "data")
    else:
        (directory / "fault").unlink()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server with one worker, which may not be ready yet."""
    (tmp_path / "sitecustomize.py").write_text(FAULTS.format(fault=str(tmp_path / "fault")))
    running = Running(tmp_path / "data", PYTHONPATH=f"{tmp_path}:{SOURCE}", WEB_CONCURRENCY="1")
    yield running
    running.kill()


def is_well(server: Running) -> bool:
    return is_ready(server.address) and sum(map(len, server.children().values())) == 3


def last(fault: str, server: Running, directory: Path) -> None:
    """Let a fault last for FAULT_SECONDS. The parent lives, and all is well within WELL_SECONDS after it."""
    ends = time.monotonic() + FAULT_SECONDS
    until(lambda: server.process.poll() is not None or time.monotonic() > ends)
    assert server.process.poll() is None, fault
    end(fault, directory)
    ended = time.monotonic()
    until(lambda: is_well(server))
    assert time.monotonic() - ended < WELL_SECONDS, fault


def kill_children(server: Running) -> None:
    """Kill the worker and both stores."""
    for pids in server.children().values():
        os.kill(pids[0], signal.SIGKILL)


def test_faults_from_the_start_on_and_while_children_are_killed_do_not_end_the_parent(server, tmp_path):
    # The parent has read its secret by then; `until` would see this file when the stores make theirs.
    while not (server.data_dir / "secantusdb.uri").exists():
        assert server.process.poll() is None
    begin("EMFILE in /", tmp_path)
    last("EMFILE in /", server, tmp_path)
    for fault in ("EMFILE in /", "EPERM in {data}", DATA_DIR_MOVED):
        begin(fault, tmp_path)
        kill_children(server)
        last(fault, server, tmp_path)
    assert server.end() == 0


def test_a_server_serves_without_proc_though_its_first_worker_could_not_read_the_secret(server, tmp_path):
    without_proc = "ENOENT in /proc"
    unread = "ENOTDIR in {data}/secret_key"
    begin(without_proc, tmp_path)
    until(lambda: server.children().get("Valkey"))  # the parent has read the secret
    end(without_proc, tmp_path)
    begin(f"{without_proc}; {unread}", tmp_path)
    server.wait_for(r"worker \d \(pid \d+\) ended with 1; starting it again")
    end(unread, tmp_path)
    begin(without_proc, tmp_path)
    server.wait_for("Wabao is ready at ")
    assert is_well(server)
    assert any(str(server.data_dir / "secret_key") in line for line in server.said)
    assert not [line for line in server.said if "failed" in line and "ended with 1" not in line]
    kill_children(server)
    last(without_proc, server, tmp_path)
    assert server.end() == 0
