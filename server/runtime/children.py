"""Starting, awaiting and ending child processes that cannot outlive us. The callers decide which processes to
start."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

# An environment in which malloc gives large pieces back to the system once they are freed. Otherwise uploads
# that grow side by side, and pictures, leave holes in memory that nothing else fits into.
GIVES_MEMORY_BACK = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.1


def start_child(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process that the kernel kills when we end, for whatever reason.

    Call it from the main thread: the kernel kills the child when the thread that started it ends. What the
    child prints goes to `output` or, if that is not given, where our own output goes. Ctrl-C at the terminal
    reaches only us, so that we decide in which order things stop.
    """
    libc = _libc()
    parent = os.getpid()
    return subprocess.Popen(  # noqa: S603  (the command is ours, no shell)
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=None if environment is None else dict(environment),
        pass_fds=pass_fds,
        preexec_fn=lambda: _tie(libc, parent),
        process_group=0,
    )


def tie_to(parent: int) -> None:
    """Have the kernel kill this process when its parent (process id `parent`) ends.

    A child that was not started by `start_child` calls this first.
    """
    _tie(_libc(), parent)


def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise NotImplementedError("child processes are tied to their parent by prctl, which only Linux has")
    return ctypes.CDLL(None, use_errno=True)


def _tie(libc: ctypes.CDLL, parent: int) -> None:
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before prctl was called, so no signal will come
        os._exit(1)


async def ended(child: subprocess.Popen[bytes]) -> int:
    """Wait until the child has ended; return its exit code (−9 if signal 9 ended it). The loop runs on."""
    if child.poll() is None:
        try:
            descriptor = os.pidfd_open(child.pid)
        except OSError:  # no descriptor is left
            while child.poll() is None:  # noqa: ASYNC110  (a child has no event)
                await asyncio.sleep(_POLL_SECONDS)
            return child.wait()
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        loop.add_reader(descriptor, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
    return child.wait()


def stop_child(child: subprocess.Popen[bytes], patience_seconds: float) -> int:
    """Ask the child to end; kill it if it has not after `patience_seconds`. Blocks; returns its exit code."""
    if child.poll() is None:
        child.terminate()
    try:
        return child.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
