"""How SecantusDB's writes get slower once it remembers ten thousand retryable ones.

    python bench/retryable_writes.py [--writes 12000]

It needs nothing but SecantusDB and PyMongo. One client sends updates of one document, with `retryWrites` and
then without, to a fresh store each. Prints what a write took in the first and the last thousand.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from pymongo import MongoClient

SHOWN = 1_000


def time_writes(writes: int, *, retryable: bool) -> list[float]:
    """Return what each write took, in milliseconds."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "secantus", "--port", str(port), "--storage-path", directory]
        store = subprocess.Popen([*command, "--log-level", "WARNING"])
        try:
            uri = f"mongodb://127.0.0.1:{port}/?directConnection=true&retryWrites={str(retryable).lower()}"
            with MongoClient[dict[str, Any]](uri) as client:
                documents = client.test.documents
                documents.insert_one({"_id": 1, "n": 0})
                took = []
                for _ in range(writes):
                    began = time.perf_counter()
                    documents.update_one({"_id": 1}, {"$inc": {"n": 1}})
                    took.append(1000 * (time.perf_counter() - began))
                return took
        finally:
            store.kill()
            store.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--writes", type=int, default=12_000)
    writes = parser.parse_args().writes
    for retryable in (True, False):
        took = time_writes(writes, retryable=retryable)
        first, last = statistics.median(took[:SHOWN]), statistics.median(took[-SHOWN:])
        print(f"retryWrites={retryable!s:<6}{first:6.2f} ms at first{last:8.2f} at last{last / first:6.1f} ×")


if __name__ == "__main__":
    main()
