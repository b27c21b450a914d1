"""A server whose log nobody reads, or whose output is closed or full: it serves, and ends when asked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from server.running.stores import free_port
from server.runtime.children import tie_to
from support import SOURCE
from support.limits import NO_LIMITS
from support.servers import PATIENCE_SECONDS, clean_environment, is_ready, until

REQUESTS = 2_000
CLIENTS = 8
DRAIN_SECONDS = 25


@contextmanager
def a_server(data_dir: Path, outputs: str, **streams: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server that the shell starts with the redirections in `outputs`; it is ready."""
    port = free_port()
    with subprocess.Popen(
        ["/bin/bash", "-c", f'exec "$0" -m server {outputs}', sys.executable],
        cwd=SOURCE,
        env=clean_environment(DATA_DIR=str(data_dir), PORT=str(port), **NO_LIMITS),
        preexec_fn=partial(tie_to, os.getpid()),
        **streams,
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            until(partial(is_ready, address))
            yield process, address
            process.send_signal(signal.SIGTERM)
            assert process.wait(DRAIN_SECONDS) == 0
        finally:
            process.kill()


def test_2000_requests_are_answered_while_nobody_reads_the_log_and_sigterm_ends_the_server(tmp_path):
    with a_server(tmp_path, "", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as (_, address):
        path = f"{address}/no-such-path-{'x' * 200}"  # a long line of the log

        def ask(_: int) -> int:
            with httpx.Client(timeout=PATIENCE_SECONDS) as http:
                return sum(http.get(path).status_code == 404 for _ in range(REQUESTS // CLIENTS))

        with ThreadPoolExecutor(CLIENTS) as clients:
            assert sum(clients.map(ask, range(CLIENTS))) == REQUESTS
        shown = httpx.get(f"{address}/metrics").text.splitlines()
        dropped = [line for line in shown if line.startswith("wabao_output_dropped_total{")]
        assert any('stream="stderr"' in line for line in dropped)


def test_a_server_whose_outputs_are_full_and_closed_serves(tmp_path):
    with a_server(tmp_path, "<&- >/dev/full 2>&-") as (_, address):
        assert is_ready(address)
