"""One task as a process knows it: its state, its newest digs as bytes, who watches it. Pure.

A channel knows no clock, no loop and no store: it is told of digs and says what to send. Pages are made from
it too, so a page is never older than the last frame that was sent.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

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
    from server.news import News
    from server.store.digs import Participant
    from server.store.tasks import Task

# How many missed digs are replayed; a client that missed more gets the state alone.
REPLAYED_DIGS = 300
# How many participants a task's page shows at once.
FIRST_PARTICIPANTS = 50


class Sink(Protocol):
    """A connection that frames can be put into."""

    def send(self, frames: bytes) -> None:
        """Take finished frames; must neither block nor raise."""

    def cut_if_stuck(self, now: float) -> bool:
        """Drop the connection where nothing was taken for too long; return whether anything still waits."""


class Watcher(Sink, Protocol):
    """A connection that watches tasks; `unionid` is the person behind it."""

    unionid: str


class Channel:
    """The state of one task after the dig `seq`. Until `loaded`, nothing of it is known yet.

    `waiting` counts those who wait for it or read it now: a channel with people waiting is not empty.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.loaded = False
        self.gone = False  # the store has no such task any more
        self.waiting = 0
        self.watchers: dict[Watcher, None] = {}
        self.ticking: dict[Watcher, None] = {}
        self.people: dict[str, int] = {}  # who watches, and on how many sockets
        self.setting: Setting
        self.task: Task  # what of it never changes; the rest is below
        self.first: list[Participant] = []
        self.winners: set[str] = set()
        self.kept: list[News] = []  # what came while it was read
        self.prepared: Any = None  # what a page has made of this state, dropped at each change of it
        self.end_note = ""
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

    @property
    def in_use(self) -> bool:
        """Whether somebody watches it, or waits for it."""
        return bool(self.waiting or self.watchers)

    def size(self) -> int:
        """Return about how many bytes it takes."""
        return 4096 + len(self.first) * 500 + sum(len(frames) + 100 for _, frames in self.recent)

    def join(self, watcher: Watcher, ticks: bool) -> None:
        """Take a watcher, or what it wants now."""
        if watcher not in self.watchers:
            self.watchers[watcher] = None
            self.people[watcher.unionid] = self.people.get(watcher.unionid, 0) + 1
        if ticks:
            self.ticking[watcher] = None
        else:
            self.ticking.pop(watcher, None)

    def part(self, watcher: Watcher) -> None:
        """Let go of a watcher."""
        if watcher not in self.watchers:
            return
        del self.watchers[watcher]
        self.ticking.pop(watcher, None)
        self.people[watcher.unionid] -= 1
        if not self.people[watcher.unionid]:
            del self.people[watcher.unionid]

    def load(self, task: Task, digs: list[Dig], early: list[Dig], public_url: str) -> bool:
        """Take the task's state, and its newest digs, which may have gone on since the task was read.

        `early` is what the newest digs of a long task do not show: its first participants, then its wins.
        Returns whether all is whole: a dig that moved from its task to the history while both were read
        may be in neither. What lies before a missing dig is not replayed.
        """
        self.task = task
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
        self.end_note = task.get("end_note", "")
        self.first, self.winners, self.prepared = [], set(), None
        for dig in [*early, *digs]:
            if dig["depth"] <= self.seq:
                self._count(dig)
        won = task["prize_num"] - task["prizes_left"]
        whole = len(self.first) == min(self.participants, FIRST_PARTICIPANTS) and len(self.winners) == won
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

    def _count(self, dig: Dig) -> None:
        """Take a dig into what a page shows of people; the same dig again changes nothing."""
        self.prepared = None
        if dig["is_prize"]:
            self.winners.add(dig["unionid"])
        if dig["no"] > FIRST_PARTICIPANTS:
            return
        row: Participant = {
            "unionid": dig["unionid"],
            "no": dig["no"],
            "wxname": dig["wxname"],
            "wxheadpic": dig["wxheadpic"],
            "is_prize": dig["is_prize"],
        }
        if "n" in dig and dig["no"] == len(self.first) + 1:
            self.first.append(row)
        elif dig["is_prize"] and dig["no"] <= len(self.first):
            self.first[dig["no"] - 1]["is_prize"] = 1

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
        self._count(dig)
        frames = encode(dig_frames(dig, self.setting))
        self.recent.append((self.seq, frames))
        return frames

    def end(self, end_reason: str, end_note: str = "") -> bytes:
        """Take an end that no dig made; return its frame, b"" where it is known."""
        self.prepared = None
        self.end_note = end_note or self.end_note
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
        self.open, self.prepared = 1, None
        return encode([Start(code=self.code, server_time=now_ms)])

    @property
    def behind(self) -> bool:
        """Whether somebody spoke of a dig that is not here yet."""
        return self.seq < self.heard

    def total(self, now_ms: int) -> int:
        """Return how many people watch, over all processes that were heard of within 15 s.

        Somebody with pages open on two processes counts twice.
        """
        others = sum(count for count, at in self.others.values() if now_ms - at <= 15_000)
        return len(self.people) + others

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
