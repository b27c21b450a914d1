"""The strict wire as a process, so that it takes no CPU time of the tests' process: `StrictWire` starts it.

    python -m support.wire.strict_process STORE_PORT FILE USES

It writes into FILE: first its port, then a line for each command that is not in the list. Such a command is
sent on like any other: its line makes the test fail, so there is no need to stop it. USES gets lines about
which connection uses which database (`uses.py`).
"""

import os
import socket
import sys
import time
from pathlib import Path
from typing import IO

from bson.errors import BSONError

from server.runtime.children import start_child
from support import SOURCE
from support.wire.messages import Stream, command_of, is_command, message_of
from support.wire.proxy import Link, Wire
from support.wire.strict import objections, shape
from support.wire.uses import Told, Uses

START_SECONDS = 20.0


class _Strict(Wire):
    """Writes a line for each command that is not in the list."""

    def __init__(self, port: int, found: IO[str], told: Told) -> None:
        super().__init__("127.0.0.1", port)
        self._found = found
        self._told = told

    def connected(self, client: socket.socket) -> None:
        self._told.begin(client)

    def gone(self, client: socket.socket) -> None:
        self._told.end(client)

    def exchange(self, link: Link, request: bytes) -> None:
        """Check, then forward."""
        if is_command(request):
            try:
                command = command_of(request, leave_out="documents")
                self._told.use(link.client.socket, command)
                objected = objections(command)
            except (BSONError, LookupError, TypeError, ValueError, AttributeError) as error:
                objected = [f"a command of a form that cannot be read: {error!r}"]
                command = {}
            for objection in objected:
                self._found.write(f"{objection} in {shape(command)}\n")
                self._found.flush()
        super().exchange(link, request)


class StrictWire:
    """A process between the tests and the embedded MongoDB on `port`."""

    def __init__(self, port: int, directory: Path) -> None:
        file = directory / "wire"
        uses = directory / "uses"
        file.touch()
        uses.touch()
        self._found = file.open()
        self.uses = Uses(uses)
        command = [sys.executable, "-m", "support.wire.strict_process", str(port), str(file), str(uses)]
        path = f"{SOURCE}{os.pathsep}{SOURCE / 'tests'}"
        self._process = start_child(command, environment=os.environ | {"PYTHONPATH": path})
        self.port = self._read_port()

    def _read_port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while not (line := self._found.readline()).endswith("\n"):
            if line:
                self._found.seek(0)
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the strict wire did not start")
            time.sleep(0.005)
        return int(line)

    def take(self) -> list[str]:
        """Return the objections since the last call."""
        return list(dict.fromkeys(self._found.read().splitlines()))

    def answer(self) -> None:
        """Wait for an answer of the process: then `uses` has the lines of all earlier connections."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(message_of({"ping": 1, "$db": "admin"}))
            Stream(connection).read()

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._found.close()
        self.uses.close()


def main() -> None:
    """Serve until killed."""
    with Path(sys.argv[2]).open("a") as found:
        wire = _Strict(int(sys.argv[1]), found, Told(Path(sys.argv[3])))
        found.write(f"{wire.port}\n")
        found.flush()
        wire.serve()


if __name__ == "__main__":
    main()
