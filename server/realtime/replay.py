"""The frames of a task's newest digs, as they were sent, for clients that come back. Pure.

Frames are much like each other, so older ones are kept compressed, in a tenth of the memory.
"""

import zlib
from functools import lru_cache

import msgspec

# How many missed digs are replayed; a client that missed more digs gets only the task's state.
REPLAYED_DIGS = 300
PACKED_DIGS = 50


class Replay:
    """The frames of digs that follow each other without a gap."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []  # each has PACKED_DIGS digs
        self._newest: list[bytes] = []
        self.last = 0  # the newest dig's seq

    def __len__(self) -> int:
        """Return how many digs are here."""
        return len(self._packed) * PACKED_DIGS + len(self._newest)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(len(packed) + 100 for packed in self._packed) + sum(len(f) + 40 for f in self._newest)

    def clear(self) -> None:
        """Forget all."""
        self._packed.clear()
        self._newest.clear()

    def append(self, seq: int, frames: bytes) -> None:
        """Add a dig. If it does not follow the last dig here, forget all earlier digs."""
        if len(self) and seq != self.last + 1:
            self.clear()
        self._newest.append(frames)
        self.last = seq
        if len(self._newest) == PACKED_DIGS:
            self._packed.append(zlib.compress(msgspec.msgpack.encode(self._newest)))
            self._newest.clear()
            if len(self) - PACKED_DIGS >= REPLAYED_DIGS:
                del self._packed[0]

    def after(self, since: int) -> bytes:
        """Return the frames of all digs after `since`; b"" if there are none, too many, or not all here."""
        missed = self.last - since
        if not 0 < missed <= min(REPLAYED_DIGS, len(self)):
            return b""
        frames = self._newest
        for packed in reversed(self._packed):
            if len(frames) >= missed:
                break
            frames = _unpacked(packed) + frames
        return b"".join(frames[-missed:])


@lru_cache(maxsize=32)  # a crowd that comes back missed the same digs
def _unpacked(packed: bytes) -> list[bytes]:
    return msgspec.msgpack.decode(zlib.decompress(packed), type=list[bytes])
