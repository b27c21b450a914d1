"""Checks the frames that one watcher gets of one task: each dig comes once and in order. Pure.

A connection may end between the frames of one dig, and the watcher cannot know that some are missing. So a
new subscription asks for the last dig again. The effect that this dig had is undone first, unless a later
frame showed that all of the dig's frames had come.
"""

import msgspec

from server.realtime.frames import Cd, End, Frame, Join, Prize, Snapshot, Tick
from server.realtime.replay import REPLAYED_DIGS

_ORDER = (Cd, Join, Prize, End)


class Known(msgspec.Struct, frozen=True):
    """A task's state after the dig `seq`; `cd_until` is unix ms."""

    seq: int
    participants: int
    prizes_left: int
    cd_until: int
    ended: bool


class FrameCheck:
    """What one watcher of one task is sent, over all its connections."""

    def __init__(self) -> None:
        self.known: Known | None = None
        self.live = False  # whether the subscription's snapshot has come: later frames are new
        self._before: Known | None = None  # the state before the last dig, while more of its frames may come
        self._last: type[Frame] | None = None  # the type of the last dig's latest frame

    def subscribe(self) -> int | None:
        """Begin a subscription; return its `since`, None if nothing is known yet."""
        if self._before is not None:
            self.known = self._before
        self._complete()
        self.live = False
        return None if self.known is None else self.known.seq

    def _complete(self) -> None:
        """Note that all frames of the last dig have come."""
        self._before = None
        self._last = None

    def take(self, frame: Frame) -> str:
        """Take the next frame of the task; return what is wrong with it, "" if it is right.

        A wrong frame changes the state too, so that one mistake is reported only once.
        """
        if isinstance(frame, Snapshot):
            return self._take_snapshot(frame)
        if self.known is None:
            return f"a {_name(frame)} came before any snapshot"
        if isinstance(frame, _ORDER):
            return self._take_dig(self.known, frame)
        self._complete()
        if isinstance(frame, Tick) and self.known.ended:
            return "a tick came after the end"
        return ""

    def _take_snapshot(self, frame: Snapshot) -> str:
        known = self.known
        asked = not self.live
        told = Known(frame.seq, frame.participants, frame.prizes_left, frame.cd_until, bool(frame.status))
        self.known = told
        self.live = True
        self._complete()
        if known is None:
            return ""
        if frame.seq - known.seq > REPLAYED_DIGS:
            return ""
        if frame.seq != known.seq:
            return f"a snapshot at {frame.seq} came after dig {known.seq}"
        if not asked:
            return "a snapshot came that neither a subscription nor a gap explains"
        # An end without a dig is not replayed; only the snapshot shows it.
        if msgspec.structs.replace(known, ended=told.ended) != told or (known.ended and not told.ended):
            return f"the frames up to dig {known.seq} make {known}, but the snapshot says {told}"
        return ""

    def _take_dig(self, known: Known, frame: Frame) -> str:
        if isinstance(frame, Cd):
            self._before = known
            self._last = Cd
            self.known = msgspec.structs.replace(known, seq=frame.seq, cd_until=frame.cd_until)
            if known.ended:
                return f"dig {frame.seq} came after the end"
            return "" if frame.seq == known.seq + 1 else f"dig {frame.seq} came after dig {known.seq}"
        assert isinstance(frame, Join | Prize | End)  # noqa: S101  (the caller checked it)
        if frame.seq != known.seq:
            return f"a {_name(frame)} of dig {frame.seq} came after dig {known.seq}"
        if isinstance(frame, End):
            self.known = msgspec.structs.replace(known, ended=True)
            self._complete()
            return "the end came twice" if known.ended else ""
        out_of_order = self._last is None or _ORDER.index(self._last) >= _ORDER.index(type(frame))
        self._last = type(frame)
        if isinstance(frame, Join):
            self.known = msgspec.structs.replace(known, participants=frame.participants)
            counts = frame.no == frame.participants == known.participants + 1
        else:
            self.known = msgspec.structs.replace(known, prizes_left=frame.prizes_left)
            counts = frame.prizes_left == known.prizes_left - 1
        if out_of_order:
            return f"a {_name(frame)} of dig {frame.seq} came twice or late"
        return "" if counts else f"the {_name(frame)} of dig {frame.seq} does not count on: {known}"


def _name(frame: Frame) -> str:
    return type(frame).__name__.lower()
