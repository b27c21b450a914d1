"""Standard output and standard error of a server's process. Writing to them never waits for their reader.

A pipe whose reader stopped takes 64 KB, and then blocks each write for ever. So a thread writes what stands
in a bounded queue. What finds the queue full is counted and dropped. All that Python itself prints, such as
tracebacks and warnings, goes the same way.
"""

import atexit
import io
import os
import select
import sys
import threading
import time
from queue import SimpleQueue

from server.telemetry import metrics

# A worker that answers 1,000 requests a second fills the queue in 4 s. A line has some 100 bytes; tracebacks
# are longer, but there are few.
PIECES_KEPT = 4096
FINISH_SECONDS = 1.0
# To wake the thread for each piece would cost each request a switch of threads. So after a piece it lets
# others gather.
GATHER_SECONDS = 0.02


class QueuedStream(io.TextIOBase):
    """Text for a descriptor, written by a thread of its own."""

    def __init__(self, name: str, descriptor: int, kept: int = PIECES_KEPT) -> None:
        """`name` is the label of what is dropped; `kept` is how many pieces may wait to be written."""
        self._dropped = metrics.OUTPUT_DROPPED.labels(name)
        self._descriptor = descriptor
        self._kept = kept
        self._waiting = SimpleQueue[bytes | threading.Event]()
        threading.Thread(target=self._keep_writing, name=name, daemon=True).start()

    def writable(self) -> bool:
        """Text can be written."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, for what writes without us, such as faulthandler."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Let the thread write this piece, or drop all of it if the queue is full. Never blocks."""
        if self._waiting.qsize() < self._kept:
            self._waiting.put(text.encode(errors="backslashreplace"))
        else:
            self._dropped.inc()
        return len(text)

    def finish(self, seconds: float = FINISH_SECONDS) -> bool:
        """Wait until all that was printed so far is written, at most `seconds`. Return whether it is."""
        written = threading.Event()
        self._waiting.put(written)
        return written.wait(seconds)

    def _keep_writing(self) -> None:
        while True:
            piece = self._waiting.get()
            if isinstance(piece, threading.Event):
                piece.set()
                continue
            try:
                self._write(piece)
            except OSError:  # the reader is gone, or the disk full: there is nowhere left to say so
                self._dropped.inc()
            if self._waiting.empty():
                time.sleep(GATHER_SECONDS)

    def _write(self, piece: bytes) -> None:
        while piece:
            try:
                piece = piece[os.write(self._descriptor, piece) :]
            except BlockingIOError:  # another program, which shares the stream, made it non-blocking
                select.select([], [self._descriptor], [])


def open_closed_streams() -> None:
    """Open /dev/null in place of each standard stream with which we were started closed.

    Otherwise the next file or socket would get the stream's number, and be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
            os.set_inheritable(number, True)


def queue_streams() -> None:
    """Let all that this process prints from now on wait in queues."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = QueuedStream(name, descriptor)
        atexit.register(stream.finish)
        setattr(sys, name, stream)
