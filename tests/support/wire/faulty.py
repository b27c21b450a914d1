"""A replica set of one MongoDB, whose primary steps down, is cut off, stalls and loses replies.

PyMongo sees a replica set at `uri`, so the driver selects a primary and retries as in production. Between
faults the wire passes everything on, one command at a time.

A primary that is cut off is modelled thus: it still serves, but commits nothing. Each write is done but not
answered. A read with `majority` sees none of these writes; any other read sees all of them. When the cut
ends, the writes are undone, and an election follows during which there is no primary. Each waiting write gets
MongoDB's answer: a writeConcernError with 11602, which says that the write may or may not last.

A new primary has all acknowledged writes. Before MongoDB 8 it may not know that a majority has them until it
commits a write of its own (https://jira.mongodb.org/browse/SERVER-53813). Until then its `majority` reads
return older data, and if the other members are slow, no write is answered.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from bson import ObjectId
from pymongo import MongoClient

from server.settings import Settings
from support.wire.manual import HANDSHAKES
from support.wire.messages import (
    Document,
    Gone,
    body_of,
    command_of,
    is_command,
    legacy_reply_of,
    message_of,
    name_of,
    request_id,
)
from support.wire.proxy import Link, Wire
from support.wire.rollback import WRITES, Suffix

SET_NAME = "faulty"
# MongoDB's error_codes.yml: 1 InternalError, 8 UnknownError, 64 WriteConcernTimeout, 91
# ShutdownInProgress, 100 UnsatisfiableWriteConcern, 112 WriteConflict, 189 PrimarySteppedDown, 264
# TooManyFilesOpen, 365 TemporarilyUnavailable, 462 IngressRequestRateLimitExceeded, 10107
# NotWritablePrimary, 11602 InterruptedDueToReplStateChange, 13435 NotPrimaryNoSecondaryOk, 14031
# OutOfDiskSpace. A driver repeats a retryable write after the codes in `_RETRYABLE`.
SAYINGS = {8000: "you are over your space quota, using 512 MB of 512 MB"}  # Atlas's text
_RETRYABLE = (10107, 11602, 91, 189, 13435)
# A primary is cut off for at most this long. No client waits this long for an answer.
LONGEST_SECONDS = 30.0

Fault = Callable[["FaultyWire", Link, bytes], None]


class Done(NamedTuple):
    """MongoDB's reply to a command, whether its write lasts, and whether a majority still lacks the write."""

    reply: bytes
    lasts: bool = True
    waits: bool = False


class FaultyWire(Wire):
    """A replica set at `uri` between `start` and `end`. A fault meets one command, or all for some time."""

    def __init__(self, host: str, port: int, spared: str = "") -> None:
        """No fault meets collections whose names begin with `spared`."""
        super().__init__(host, port)
        self._spared = spared
        client: MongoClient[dict[str, Any]]
        with MongoClient(host, port, directConnection=True) as client:
            self._hello = client.admin.command("hello")
        self._turn = threading.Lock()  # MongoDB gets one command at a time
        self._waiting: list[tuple[str, str, Fault]] = []
        self._ill: tuple[frozenset[str], Fault] | None = None
        self._suffix = Suffix(host, port)
        self._healed = threading.Event()
        self._released = threading.Event()
        self._released.set()
        self.held = threading.Event()  # set once a command waits after `hold` or `fall_behind`
        self._cut_off = False
        self._noting = self._unaware = self._commits = False
        self._aware = threading.Event()
        self.read_older = 0  # reads of a new primary that returned older data
        self._elected_at = 0.0
        self._election = ObjectId()
        self.done: list[str] = []

    def uri(self, database: str, **options: str) -> str:
        """Return the URI that a client connects to."""
        asked = "".join(f"&{name}={value}" for name, value in options.items())
        return f"mongodb://127.0.0.1:{self.port}/{database}?replicaSet={SET_NAME}{asked}"

    def before(self, settings: Settings) -> Settings:
        """Return settings whose MongoDB is behind this wire. The driver retries nothing; the server must."""
        database = urlsplit(settings.mongodb_uri).path.strip("/")
        uri = self.uri(database, retryWrites="false", retryReads="false")
        return msgspec.structs.replace(settings, mongodb_uri=uri)

    def end(self) -> None:
        """Accept no more connections, and cut the open ones."""
        for event in (self._healed, self._released, self._aware):
            event.set()
        super().end()
        self._suffix.close()

    def next(self, command: str, fault: Fault, collection: str = "", times: int = 1) -> None:
        """Let a fault meet the next command of this name; with a collection, the next such command on it."""
        self._waiting += [(command, collection, fault)] * times

    def fall_ill(self, commands: frozenset[str], fault: Fault) -> None:
        """Let a fault meet all these commands, until `calm`."""
        self._ill = commands, fault

    def calm(self) -> None:
        """Forget faults that have met no command yet, and wait for the end of lasting faults."""
        self._waiting.clear()
        self._ill = None
        if self._cut_off:
            self._healed.wait(LONGEST_SECONDS)
        if self._noting or self._unaware:
            self._aware.wait(LONGEST_SECONDS)
        time.sleep(max(0.0, self._elected_at - time.monotonic()))

    def step_down(self, seconds: float) -> None:
        """Have no primary for this long."""
        self._elected_at = time.monotonic() + seconds
        self._election = ObjectId()

    def hold(self) -> None:
        """Let all commands wait from now on, as if the store were frozen."""
        self.held.clear()
        self._released.clear()

    def release(self) -> None:
        """Go on after `hold`."""
        self._released.set()

    def cut_off(self) -> None:
        """Cut the primary off: it serves, but commits nothing. Commands under way are finished first."""
        with self._turn:
            self._healed.clear()
            self._end_unawareness()
            self._suffix.forget()
            self._cut_off = True

    def heal(self, election_seconds: float = 0.0) -> int:
        """Roll back what was written since `cut_off`, then elect; return how many writes were undone."""
        with self._turn:
            undone = len(self._suffix)
            self._suffix.undo()
            self._suffix.forget()
            self._cut_off = False
            self.step_down(election_seconds)
        self._healed.set()
        return undone

    def fall_behind(self) -> None:
        """From now on, let one member miss what a majority has. `elect_unaware` elects this member."""
        with self._turn:
            self._end_unawareness()
            self._suffix.forget()
            for event in (self._aware, self.held):
                event.clear()
            self._noting = True

    def elect_unaware(self, *, commits: bool = True) -> None:
        """Elect the member that fell behind; its `majority` reads return the data from before `fall_behind`.

        They do so until its first write. Without `commits`, they do so until `become_aware`, and no write is
        answered before then. If `become_aware` or `cut_off` came after `fall_behind`, no member is behind.
        """
        with self._turn:
            self._election = ObjectId()
            if self._noting:
                self._noting = False
                self._unaware = True
                self._commits = commits

    def become_aware(self) -> None:
        """Let the new primary know that a majority has all its writes."""
        with self._turn:
            self._end_unawareness()

    def _end_unawareness(self) -> None:
        self._suffix.redo()
        self._noting = self._unaware = False
        self._aware.set()

    @property
    def written(self) -> int:
        """The number of changes to documents since `cut_off` or `fall_behind`."""
        return len(self._suffix)

    def exchange(self, link: Link, request: bytes) -> None:
        """Answer a hello as a replica set does; let a fault meet the request, or pass it on."""
        if not is_command(request):
            link.answer(legacy_reply_of(self._greeting(), request_id(request)))
            return
        name = name_of(request)
        if name in HANDSHAKES:
            link.answer(message_of(self._greeting(), request_id(request)))
            return
        if self._spared and str(body_of(request).get(name)).startswith(self._spared):
            with self._turn:
                link.answer(_forwarded(link, request))
            return
        fault = self._due(name, request)
        if fault is not None:
            fault(self, link, request)
        elif time.monotonic() < self._elected_at and name != "ping":
            refuse(10107 if name in WRITES else 13435)(self, link, request)
        else:
            self.pass_on(link, request)

    def pass_on(self, link: Link, request: bytes) -> None:
        """Let MongoDB carry the request out, and answer; a cut-off primary answers writes after `heal`."""
        if not self._released.is_set():
            self.held.set()
            self._released.wait(LONGEST_SECONDS)
        done = self.carry_out(link, request)
        if done.lasts:
            if done.waits:
                self.held.set()
                self._aware.wait(LONGEST_SECONDS)
            link.answer(done.reply)
        else:
            self._healed.wait(LONGEST_SECONDS)
            link.answer(_uncommitted(done.reply, 11602, request))

    def carry_out(self, link: Link, request: bytes) -> Done:
        """Let MongoDB carry the request out; a cut-off primary's writes do not last."""
        with self._turn:
            if not (self._cut_off or self._noting or self._unaware):
                return Done(_forwarded(link, request))
            command = command_of(request)
            if not self._noting and command.get("readConcern", {}).get("level") == "majority":
                self.read_older += self._unaware and len(self._suffix) > 0
                self._suffix.undo()  # until a command needs the writes: most reads do not need them
                return Done(_forwarded(link, request))
            self._suffix.redo()
            if next(iter(command)) not in WRITES:
                return Done(_forwarded(link, request))
            if self._unaware and self._commits:
                self._unaware = False
                self._aware.set()
                return Done(_forwarded(link, request))
            before = self._suffix.before(command)
            if self._cut_off:
                command.pop("txnNumber", None)  # a retry would meet a primary that lacks this number
                request = message_of(command)
            reply = _forwarded(link, request)
            self._suffix.note(command, before, command_of(reply))
            return Done(reply, lasts=not self._cut_off, waits=self._unaware)

    def _due(self, name: str, request: bytes) -> Fault | None:
        for waiting in list(self._waiting):
            command, collection, fault = waiting
            if command in (name, "") and (not collection or body_of(request).get(name) == collection):
                with suppress(ValueError):  # another connection's command took the fault
                    self._waiting.remove(waiting)
                    self.done.append(name)
                    return fault
        ill = self._ill
        return ill[1] if ill is not None and name in ill[0] else None

    def _greeting(self) -> Document:
        primary = time.monotonic() >= self._elected_at
        address = f"127.0.0.1:{self.port}"
        greeting: dict[str, Any] = {
            name: value
            for name, value in self._hello.items()
            if name not in ("topologyVersion", "$clusterTime")
        }
        return greeting | {
            "setName": SET_NAME,
            "setVersion": 1,
            "hosts": [address],
            "me": address,
            "localTime": datetime.now(UTC),
            "primary": address,
            "electionId": self._election,
            "helloOk": True,
            "ok": 1.0,
            "isWritablePrimary": primary,
            "ismaster": primary,
            "secondary": not primary,
        }


def refuse(code: int, label: str = "", said: str = "") -> Fault:
    """Answer with an error, and do not carry the command out."""

    def fault(_: FaultyWire, link: Link, request: bytes) -> None:
        error: Document = {"ok": 0.0, "errmsg": said or SAYINGS.get(code, "told to fail"), "code": code}
        labels = {"errorLabels": [label]} if label else _labels(code, request)
        link.answer(message_of(error | labels, request_id(request)))

    return fault


def interrupt(code: int) -> Fault:
    """Do the work, then answer with an error: a primary may step down in between."""

    def fault(wire: FaultyWire, link: Link, request: bytes) -> None:
        wire.carry_out(link, request)
        refuse(code)(wire, link, request)

    return fault


def leave_uncommitted(code: int) -> Fault:
    """Do the work, and answer that the write may not last."""

    def fault(wire: FaultyWire, link: Link, request: bytes) -> None:
        link.answer(_uncommitted(wire.carry_out(link, request).reply, code, request))

    return fault


def lose_reply(wire: FaultyWire, link: Link, request: bytes) -> None:
    """Do the work, and cut the connection in place of the reply."""
    wire.carry_out(link, request)
    raise Gone


def cut_in_reply(wire: FaultyWire, link: Link, request: bytes) -> None:
    """Do the work, and cut the connection in the middle of the reply."""
    reply = wire.carry_out(link, request).reply
    link.answer(reply[: len(reply) // 2])
    raise Gone


def lose_request(_: FaultyWire, __: Link, ___: bytes) -> None:
    """Cut the connection before anything is done."""
    raise Gone


def delay(seconds: float) -> Fault:
    """Do the work late."""

    def fault(wire: FaultyWire, link: Link, request: bytes) -> None:
        time.sleep(seconds)
        wire.pass_on(link, request)

    return fault


def _forwarded(link: Link, request: bytes) -> bytes:
    reply = link.forward(request)
    assert reply is not None, "a command that wants no reply: this wire knows none"
    return reply


def _labels(code: int, request: bytes) -> Document:
    """Return the label of a retryable write that a driver sends again."""
    retryable = code in _RETRYABLE and "txnNumber" in body_of(request)
    return {"errorLabels": ["RetryableWriteError"]} if retryable else {}


def _uncommitted(reply: bytes, code: int, request: bytes) -> bytes:
    told: Document = {"code": code, "errmsg": "told to fail"}
    if code == 64:
        told["errInfo"] = {"wtimeout": True}
    document = command_of(reply) | {"writeConcernError": told} | _labels(code, request)
    return message_of(document, request_id(request))
