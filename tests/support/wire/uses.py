"""The file in which the strict wire reports which connection uses which database, and what changes there.

A line has a connection's number, and then `began`, `ended`, or a database and what a command does there. A
command's line is written before the command is sent on. `ended` is written when no command of the connection
is on the way to the store any more.
"""

import itertools
import os
import socket
from collections import defaultdict
from pathlib import Path

from support.wire.messages import Document

_LISTS = {"listCollections", "listIndexes"}
# Without killCursors: SecantusDB once let a delete wait for over 10 s after a cursor of its collection was
# killed, so such a database is not emptied for the next test.
_READS = {"aggregate", "count", "distinct", "find", "getMore"} | _LISTS
_WRITES = {"delete", "findAndModify", "insert", "update"}
READ = "$read"
OTHER = "$other"


def use_of(command: Document) -> tuple[str, str]:
    """Return the database and what the command does there: the collection that it writes, READ or OTHER."""
    name = next(iter(command), "")
    what = command[name] if name in _WRITES else READ if name in _READS else OTHER
    return command.get("$db", ""), what


class Told:
    """Writes the connections' lines, each line once."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND)
        self._numbers = itertools.count()
        self._told: dict[socket.socket, tuple[int, set[tuple[str, str]]]] = {}

    def begin(self, connection: socket.socket) -> None:
        """Write that a connection began."""
        number = next(self._numbers)
        self._told[connection] = number, set()
        self._write(number, "began")

    def use(self, connection: socket.socket, command: Document) -> None:
        """Write what a command uses."""
        use = use_of(command)
        (number, told) = self._told[connection]
        if use not in told:
            told.add(use)
            self._write(number, *use)

    def end(self, connection: socket.socket) -> None:
        """Write that a connection ended."""
        number, _ = self._told.pop(connection)
        self._write(number, "ended")

    def _write(self, *words: object) -> None:
        line = "\t".join(map(str, words)) + "\n"
        os.write(self._file, line.encode())  # in one write, because other processes write too


class Uses:
    """Reads the lines."""

    def __init__(self, file: Path) -> None:
        self._file = file.open()
        self._rest = ""
        # The databases that each open connection has used, and the changes in each database.
        self.open: dict[str, set[str]] = {}
        self.changed: defaultdict[str, set[str]] = defaultdict(set)

    def read(self) -> None:
        """Read the new lines."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            match line.split("\t"):
                case [connection, "began"]:
                    self.open[connection] = set()
                case [connection, "ended"]:
                    del self.open[connection]
                case [connection, database, what]:
                    self.open[connection].add(database)
                    if what != READ:
                        self.changed[database].add(what)

    def users(self, database: str) -> set[str]:
        """Return the open connections that have used this database, or no database yet."""
        return {connection for connection, used in self.open.items() if database in used or used <= {"admin"}}

    def close(self) -> None:
        """Close the file."""
        self._file.close()
