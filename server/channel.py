"""One watched task as a process knows it: its state, its newest digs as bytes, who watches. Pure.

A channel knows no clock, no loop and no store: it is told of digs and says what to send.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from server.events import (
    End,
    Frame,
    Setting,
    Snapshot,
    Start,
    dig_frames,
    encode,
    seconds_left,
)

if TYPE_CHECKING:
    from server.events import Dig
    from server.store.tasks import Task

# How many missed digs are replayed; a client that missed more gets the state alone.
REPLAYED_DIGS = 300


class Watcher(Protocol):
    """A connection that watches."""

    def send(self, frames: bytes) -> None:
        """Take finished frames; must neither block nor raise."""

    def cut_if_stuck(self, now: float) -> bool:
        """Drop the connection where nothing was taken for too long; return whether anything still waits."""


class Channel:
    """The state of one task after the dig `seq`."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.watchers: dict[Watcher, None] = {}
        self.ticking: dict[Watcher, None] = {}
        self.setting: Setting
        self.seq = 0
        self.heard = 0  # the deepest dig that somebody spoke of
        self.cd_until = 0
        self.prizes_left = 0
        self.participants = 0
        self.status = 0
        self.open = 1
        self.end_reason = ""
        self.recent: deque[tuple[int, bytes]] = deque(maxlen=REPLAYED_DIGS)
        self.read_again = False  # something may have changed since the read under way began
        self.own_count_told = 0
        self.total_told = 0
        self.others: dict[str, tuple[int, int]] = {}

    def load(self, task: Task, digs: list[Dig], public_url: str) -> bool:
        """Take the task's state, and its newest digs, which may have gone on since the task was read.

        Returns whether the digs are whole; where one is missing, what lies before it cannot be replayed.
        """
        self.setting = Setting(
            code=self.code,
            cd=task["cd_ms"] // 1000,
            max_depth=task["max_depth"],
            money=task["money"],
            goods_type=task["goods_type"],
            commitment=task["commitment"],
            public_url=public_url,
        )
        self.seq = task["now_depth"]
        self.heard = max(self.heard, self.seq)
        self.cd_until = task["cd_until"]
        self.prizes_left = task["prizes_left"]
        self.participants = task["participants"]
        self.status, self.open, self.end_reason = task["status"], task["open"], task["end_reason"]
        # Where a dig moved from its task to the history while both were read, it may be in neither.
        whole = True
        self.recent.clear()
        for dig in digs:
            if dig["depth"] > self.seq:
                break
            if self.recent and self.recent[-1][0] != dig["depth"] - 1:
                whole = False
                self.recent.clear()
            self.recent.append((dig["depth"], encode(dig_frames(dig, self.setting))))
        if self.recent and self.recent[-1][0] != self.seq:
            whole = False
            self.recent.clear()
        for dig in digs:
            self.apply(dig)
        return whole

    def apply(self, dig: Dig) -> bytes:
        """Take the next dig; return its frames, b"" where it is known or others come before it."""
        self.heard = max(self.heard, dig["depth"])
        if dig["depth"] != self.seq + 1:
            return b""
        self.seq = dig["depth"]
        self.cd_until = dig["cd_until"]
        self.prizes_left = dig["prizes_left"]
        self.participants = dig["participants"]
        if "end" in dig:
            self.status, self.end_reason = 1, dig["end"]
        frames = encode(dig_frames(dig, self.setting))
        self.recent.append((self.seq, frames))
        return frames

    def end(self, end_reason: str) -> bytes:
        """Take an end that no dig made; return its frame, b"" where it is known."""
        if self.status:
            return b""
        self.status, self.end_reason = 1, end_reason
        return encode(
            [End(code=self.code, seq=self.seq, end_reason=end_reason, commitment=self.setting.commitment)]
        )

    def start(self, now_ms: int) -> bytes:
        """Take that digging is open; return its frame, b"" where it is known."""
        if self.open:
            return b""
        self.open = 1
        return encode([Start(code=self.code, server_time=now_ms)])

    @property
    def behind(self) -> bool:
        """Whether somebody spoke of a dig that is not here yet."""
        return self.seq < self.heard

    def total(self, now_ms: int) -> int:
        """Return how many watch, over all processes that were heard of within 15 s."""
        others = sum(count for count, at in self.others.values() if now_ms - at <= 15_000)
        return len(self.watchers) + others

    def snapshot(self, now_ms: int) -> Snapshot:
        """Return the state as a frame."""
        left = 0 if self.status else seconds_left(self.cd_until, now_ms)
        return Snapshot(
            code=self.code,
            seq=self.seq,
            server_time=now_ms,
            is_cd=int(left > 0),
            time=left,
            cd=self.setting.cd,
            cd_until=self.cd_until,
            now_depth=self.seq,
            max_depth=self.setting.max_depth,
            prizes_left=self.prizes_left,
            participants=self.participants,
            status=self.status,
            end_reason=self.end_reason,
            commitment=self.setting.commitment,
            watchers=self.total(now_ms),
        )

    def welcome(self, since: int | None, now_ms: int) -> bytes:
        """Return what a new watcher gets: the digs after `since`, if they can be replayed; a snapshot."""
        snapshot: list[Frame] = [self.snapshot(now_ms)]
        replay = b""
        if since is not None and since < self.seq and self.recent and self.recent[0][0] <= since + 1:
            replay = b"".join(frames for seq, frames in self.recent if seq > since)
        return replay + encode(snapshot)
