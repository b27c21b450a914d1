"""One task as a process knows it: its state, its newest digs as bytes, who watches it.

It knows no clock, no loop and no store. It is told of digs and returns what to send to all; what only some
watchers get (`tell_claim`, `let_back`, `rename`, `take_visibility`) it sends itself. Pages are made from this
state too, so a page is never older than the last frame that was sent; `version` tells when to make pages
anew.
"""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from itertools import count
from typing import Any, Protocol

import msgspec

from server.errors import NotShown
from server.game.chance import Outlook, outlook
from server.game.dig import Dig, ToldDig, seconds_left
from server.game.draw import Rules, read_rules
from server.game.reasons import Standing, may_see
from server.game.review import ReviewShown, note_of, review_of
from server.game.task import Participant, Task, ends_by_ms
from server.realtime.frames import (
    Claim,
    End,
    Error,
    Frame,
    Review,
    Sign,
    Snapshot,
    Start,
    dig_frames,
    encode,
)
from server.realtime.news import News
from server.realtime.replay import Replay
from server.telemetry import metrics

# How many participants a task's page shows at once.
FIRST_PARTICIPANTS = 50
# How many announced claims are remembered.
KNOWN_CLAIMS = 32
# The fields of a task that its page and its frames show and that never change.
SHOWN = (
    "publisher", "publisher_id", "wxname", "wxheadpic", "signed", "contact", "created_at", "is_public",
    "name", "synopsis", "pic", "thumbnail", "edited", "place", "pickup_time", "not_sent_to",
    "goods_type", "draw_type", "money", "value", "ranks", "prize_num", "claim_days",
    "params", "commitment", "forecast_num", "interval", "fluctuation", "max_depth", "cd_ms", "starts_at",
)

# What a page shows of the dig with which somebody joined.
JOINED = ("person_id", "no", "wxname", "wxheadpic", "layers")

# Versions are unique over all tasks and states.
_versions = count(1)


class Sink(Protocol):
    """A connection that frames can be put into: `Socket` of `handlers/websocket.py`."""

    def send(self, frames: bytes) -> None:
        """Take finished frames; must neither block nor raise."""

    def cut_if_stuck(self, now: float) -> bool:
        """Drop the connection if it took nothing for too long; return whether bytes are still queued."""


class Watcher(Sink, Protocol):
    """A person's connection, which watches tasks: a `Push` (handlers/push.py).

    `generation` is that of their token, None for a bare id.
    """

    person_id: str
    generation: int | None
    unsent_bytes: int

    def say_goodbye(self) -> None:
        """Close with 1001."""

    def end_session(self) -> None:
        """Close with 4001."""


def send_to_all(sinks: Collection[Sink], frames: bytes) -> None:
    """Send finished frames to all of these connections, and count them."""
    for sink in list(sinks):
        # Called by its class: Python would look for `sink.send` in the dict of each connection first, and
        # fetching that from memory takes more time than all else here but the socket's own send.
        type(sink).send(sink, frames)
    metrics.DELIVERIES.inc(len(sinks))


class WatchedTask:
    """The state of one task after the dig `seq`. Until it is `loaded`, nothing of it is known.

    `waiting` counts the callers who wait for it, or use it at this moment.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.loaded = False
        self.gone = False  # the store has no such task any more
        self.waiting = 0
        self.watchers: dict[Watcher, None] = {}
        self.ticking: dict[Watcher, None] = {}
        # Watchers who may not see the task now, and whether they want ticks.
        self._away: dict[Watcher, bool] = {}
        self.people: dict[str, int] = {}  # who watches, and on how many sockets
        self.task: dict[str, Any]  # the fields in SHOWN
        self.rules: Rules
        self._public_url: str
        self._first: list[bytes] = []  # the first participants; packed, since a thousand tasks may be kept
        self.winners: dict[str, int] = {}  # the winners' places `no`, by person_id
        self.while_read: list[News] = []  # news that came while the task was read
        self.version = next(_versions)  # a new number after each change of what a page shows
        self.end_note = ""
        self.renamed = 0  # the task's `renamed` when the names were read
        self.seq = 0
        self.heard = 0  # the deepest dig that news or a read named
        self.cd_until = self.dug_at = 0  # `dug_at`: when the dig `seq` was made
        self.undone = False  # the store has less than is known here: the task must be read anew
        self._doubted = False  # the last poll read less than was known here
        self.prizes_left = 0
        self.last_won = 0  # the depth of the deepest prize found
        self.ranks_left: list[int] = []
        self.finds: set[int] = set()  # what came up
        self.participants = 0
        self.status = 0
        self.open = 1
        self.prepaid = 0
        self.review: ReviewShown = "shown"
        self.review_note = ""
        self.hidden = 0
        self.end_reason = ""
        self.ended_at = self.ends_by = 0
        self.replay = Replay()
        self._claims: deque[tuple[int, int]] = deque(maxlen=KNOWN_CLAIMS)
        self.read_again = False  # something may have changed since the read under way began
        self.read_ahead_at = float("-inf")  # the last read for watchers who know a later dig (loop's time)
        self.total_told = 0
        self.cheered: set[str] = set()  # who cheered since watchers were last told
        self.cheers: Counter[Sign] = Counter()  # cheers of this process since then
        self.other_cheers: Counter[Sign] = Counter()  # cheers of other processes since then
        self.elsewhere = 0  # how many people watch in other processes

    @property
    def in_use(self) -> bool:
        """Whether somebody watches it, or waits for it to be read or shown."""
        return bool(self.waiting or self.watchers or self._away)

    def size(self) -> int:
        """Return about how many bytes it takes."""
        return 4096 + len(self._first) * 220 + self.replay.size

    def join(self, watcher: Watcher, ticks: bool) -> None:
        """Add a watcher, or change whether it wants ticks."""
        self._away.pop(watcher, None)
        if watcher not in self.watchers:
            self.watchers[watcher] = None
            self.people[watcher.person_id] = self.people.get(watcher.person_id, 0) + 1
        if ticks:
            self.ticking[watcher] = None
        else:
            self.ticking.pop(watcher, None)

    def turn_away(self, watcher: Watcher, ticks: bool) -> None:
        """Send a watcher nothing until it may see the task."""
        self.part(watcher)
        self._away[watcher] = ticks

    def let_back(self, now_ms: int) -> None:
        """Let watchers back who were turned away and may see the task now; they get a snapshot."""
        for watcher, ticks in list(self._away.items()):
            if self.opens_for(watcher.person_id):
                self.join(watcher, ticks)
                watcher.send(self.welcome(None, now_ms))

    def part(self, watcher: Watcher) -> None:
        """Remove a watcher. It may be unknown."""
        self._away.pop(watcher, None)
        if watcher not in self.watchers:
            return
        del self.watchers[watcher]
        self.ticking.pop(watcher, None)
        self.people[watcher.person_id] -= 1
        if not self.people[watcher.person_id]:
            del self.people[watcher.person_id]

    def load(self, task: Task, digs: list[Dig], early: list[Dig], public_url: str) -> bool:
        """Take the task's state and its newest digs, some of which may have come after the task was read.

        If the task has more digs than `digs`, `early` has those of its first participants, then its wins.
        Returns False if a dig is missing: a new primary may not show at once all that a majority has. Digs
        before a missing one are not replayed.
        """
        self._take_names(task)
        self.rules = read_rules(task["params"])
        self._public_url = public_url
        self.seq = task["now_depth"]
        self.heard = max(self.heard, self.seq)
        self.cd_until = task["cd_until"]
        self.dug_at = _dug_at(task)
        self.prizes_left = task["prizes_left"]
        self.ranks_left = task.get("ranks_left", [])
        self.finds = set(task.get("finds", ()))
        self.participants = task["participants"]
        self.status = task["status"]
        self.open = task["open"]
        self.end_reason = task["end_reason"]
        self.end_note = task.get("end_note", "")
        self.ended_at = task["ended_at"]
        self.ends_by = ends_by_ms(task)
        self.take_visibility(task)
        self._first = []
        self.winners = {}
        self.last_won = 0
        self.version = next(_versions)
        whole = self._take_history(digs, early)
        for dig in digs:
            self.apply(dig)
        return whole

    def take_visibility(self, task: Task) -> None:
        """Take the task's visibility, and tell watchers. Turn away watchers who may no longer see it."""
        before = self.prepaid, self.review, self.review_note, self.hidden
        self.prepaid = task.get("prepaid", 0)
        self.review = review_of(task)
        self.review_note = note_of(task)
        self.hidden = task.get("hidden", 0)
        if before != (self.prepaid, self.review, self.review_note, self.hidden):
            self.version = next(_versions)
            self._tell_review()

    @property
    def standing(self) -> Standing:
        """The fields that tell who may dig in the task, and who has to pay for it."""
        return Standing(self.task["publisher"], self.review, self.open, self.status, self.prepaid)

    def opens_for(self, person_id: str) -> bool:
        """Whether a person may see the task. Winners always may: they claim their prizes on its page."""
        return may_see(self.review, mine=person_id == self.task["publisher"], won=person_id in self.winners)

    def _review(self) -> bytes:
        return encode([Review(code=self.code, review=self.review, edited=self.task.get("edited", 0))])

    def _tell_review(self) -> None:
        told = self._review()
        refused = encode([Error(error=NotShown.error, msg=NotShown.default_msg, code=self.code)])
        for watcher in list(self.watchers):
            if watcher.person_id == self.task["publisher"] or watcher.person_id in self.winners:
                watcher.send(told)
            elif self.review != "shown":
                watcher.send(refused)
                self.turn_away(watcher, watcher in self.ticking)

    def tell_claim(self, winner: str, depth: int, at_ms: int) -> None:
        """Tell a prize's winner and the publisher, if they watch, that its claim went on."""
        if (depth, at_ms) in self._claims:  # what this process announces comes back to it over Redis
            return
        self._claims.append((depth, at_ms))
        told = encode([Claim(code=self.code, depth=depth)])
        for watcher in list(self.watchers):
            if watcher.person_id in (winner, self.task["publisher"]):
                watcher.send(told)

    def rename(self, task: Task, digs: list[Dig], early: list[Dig]) -> bool:
        """Replace all names that are known, after somebody was erased or the publisher edited the task.

        After an edit its watchers are told, because a text that they read may have changed.

        Returns False and changes nothing if a known dig is not among `digs`: it was made meanwhile.
        """
        if self.seq and (not digs or digs[-1]["depth"] < self.seq):
            return False
        before = self._first, self.winners, self.replay
        self._first = []
        self.winners = {}
        self.replay = Replay()
        self.version = next(_versions)
        if not self._take_history(digs, early):
            self._first, self.winners, self.replay = before
            return False
        edited = self.task.get("edited")
        self._take_names(task)
        if not (self.seq or task["now_depth"]):  # the publisher may have moved the start
            self.cd_until = task["cd_until"]
            self.ends_by = ends_by_ms(task)
        if self.task.get("edited") != edited:
            for watcher in list(self.watchers):
                watcher.send(self._review())
        return True

    def _take_names(self, task: Task) -> None:
        self.task = {name: task[name] for name in SHOWN if name in task}  # type: ignore[literal-required]
        self.renamed = task.get("renamed", 0)

    def _take_history(self, digs: list[Dig], early: list[Dig]) -> bool:
        """Take who made the digs up to `seq`, and keep their frames for replays; return whether none is
        missing."""
        for dig in [*early, *digs]:
            if dig["depth"] <= self.seq:
                self._add_digger(dig)
        won = self.task["prize_num"] - self.prizes_left
        whole = len(self._first) == min(self.participants, FIRST_PARTICIPANTS) and len(self.winners) == won
        self.replay.clear()
        for dig in digs:
            if dig["depth"] > self.seq:
                break
            if len(self.replay) and self.replay.last != dig["depth"] - 1:
                whole = False
            self.replay.append(dig["depth"], self._frames(dig))
        if len(self.replay) and self.replay.last != self.seq:
            whole = False
            self.replay.clear()
        return whole

    def _frames(self, dig: ToldDig) -> bytes:
        return encode(dig_frames(dig, self.task, self.rules, self._public_url))

    def _add_digger(self, dig: ToldDig) -> None:
        """Add who made a dig to the people that a page shows. Repeating a dig changes nothing."""
        self.version = next(_versions)
        if dig["is_prize"]:
            self.winners[dig["person_id"]] = dig["no"]
            self.last_won = max(self.last_won, dig["depth"])
        if "n" in dig and dig["no"] == len(self._first) + 1 <= FIRST_PARTICIPANTS:
            shown = {name: dig[name] for name in JOINED if name in dig}  # type: ignore[literal-required]
            self._first.append(msgspec.msgpack.encode(shown))

    def first(self) -> list[Participant]:
        """Return the first participants, in the order in which they joined."""
        winning = set(self.winners.values())
        rows: list[Participant] = [msgspec.msgpack.decode(packed) for packed in self._first]
        for row in rows:
            row["is_prize"] = int(row["no"] in winning)
        return rows

    def apply(self, dig: ToldDig) -> bytes:
        """Take the next dig; return its frames, b"" if it is known or a dig before it is missing."""
        self.heard = max(self.heard, dig["depth"])
        if dig["depth"] != self.seq + 1:
            return b""
        self.seq = dig["depth"]
        self.cd_until = dig["cd_until"]
        self.dug_at = dig["at"]
        self.prizes_left = dig["prizes_left"]
        self.ranks_left = dig.get("ranks_left", self.ranks_left)
        self.finds.update({dig["find"]} if "find" in dig else ())
        self.participants = dig["participants"]
        if "end" in dig:
            self.status = 1
            self.end_reason = dig["end"]
            self.ended_at = dig["at"]
        self._add_digger(dig)
        frames = self._frames(dig)
        self.replay.append(self.seq, frames)
        return frames

    def end(self, end_reason: str, end_note: str, ended_at: int) -> bytes:
        """Take an end that no dig made; return its frame, b"" if it is known."""
        self.version = next(_versions)
        self.end_note = end_note or self.end_note
        self.ended_at = ended_at
        if self.status:
            return b""
        self.status = 1
        self.end_reason = end_reason
        return encode(
            [End(code=self.code, seq=self.seq, end_reason=end_reason, commitment=self.task["commitment"])]
        )

    def start(self, now_ms: int, ends_by: int) -> bytes:
        """Note that digging is open, and until when; return the frame that says so, b"" if it is known."""
        if self.open:
            return b""
        self.open = 1
        self.ends_by = ends_by
        self.version = next(_versions)
        return encode([Start(code=self.code, server_time=now_ms)])

    @property
    def behind(self) -> bool:
        """Whether this process has heard of a dig that is not here yet."""
        return self.seq < self.heard

    def differs(self, position: dict[str, Any]) -> bool:
        """Whether the task changed without a dig, judging by a row of `Tasks.positions`."""
        known = self.status, self.open, self.renamed, self.prepaid, self.review
        read = position["status"], position["open"], position.get("renamed", 0), position.get("prepaid", 0)
        return known != (*read, review_of(position))

    @property
    def known_position(self) -> tuple[int, int, int, int, int]:
        """What a later read of the store cannot contradict, unless the database was restored."""
        return self.seq, self.status, self.open, self.cd_until, self.dug_at

    def contradicts(self, position: dict[str, Any], known_position: tuple[int, int, int, int, int]) -> bool:
        """Whether what was known here is not so: the database was restored, or its clock set back.

        `position` is a row of `Tasks.positions`, and `known_position` what was known before it was read. A
        new primary may not know all yet, so two rows running must have less than was known.
        """
        depth, status, opened, *last = known_position
        if position["now_depth"] < depth or position["status"] < status or position["open"] < opened:
            self._doubted = not self._doubted
            return not self._doubted
        self._doubted = False
        if depth == 0:  # the publisher may move the start
            return False
        return position["now_depth"] == depth and last != [position["cd_until"], _dug_at(position)]

    def cheer(self, person_id: str, sign: Sign) -> bool:
        """Count a cheer; False if this person cheered already since watchers were last told."""
        if person_id in self.cheered:
            return False
        self.cheered.add(person_id)
        self.cheers[sign] += 1
        return True

    def take_cheers(self) -> tuple[Counter[Sign], Counter[Sign]]:
        """Return this process's cheers, and all cheers that are to be told now; then count anew."""
        own = self.cheers
        told = self.cheers + self.other_cheers
        self.cheered = set()
        self.cheers = Counter()
        self.other_cheers = Counter()
        return own, told

    @property
    def total(self) -> int:
        """How many people watch, over all processes. A person with pages at two processes counts twice."""
        return len(self.people) + self.elsewhere

    @property
    def cd_seconds(self) -> int:
        """How long a cooldown lasts."""
        return int(self.task["cd_ms"]) // 1000

    @property
    def outlook(self) -> Outlook:
        """What the draw's law says of the digs to come."""
        return outlook(self.rules, self.seq, self.last_won, self.prizes_left)

    def snapshot(self, now_ms: int) -> Snapshot:
        """Return the state as a frame."""
        left = 0 if self.status else seconds_left(self.cd_until, now_ms)
        return Snapshot(
            code=self.code,
            seq=self.seq,
            server_time=now_ms,
            is_cd=int(left > 0),
            time=left,
            cd=self.cd_seconds,
            cd_until=self.cd_until,
            now_depth=self.seq,
            max_depth=self.task["max_depth"],
            **msgspec.structs.asdict(self.outlook),
            prizes_left=self.prizes_left,
            ranks_left=self.ranks_left,
            participants=self.participants,
            status=self.status,
            end_reason=self.end_reason,
            commitment=self.task["commitment"],
            watchers=self.total,
        )

    def welcome(self, since: int | None, now_ms: int) -> bytes:
        """Return what a new watcher gets: the digs after `since`, if they can be replayed, and a snapshot."""
        snapshot: list[Frame] = [self.snapshot(now_ms)]
        replay = b"" if since is None else self.replay.after(since)
        return replay + encode(snapshot)


def _dug_at(task: Mapping[str, Any]) -> int:
    """Return when a task was dug last (unix ms), 0 if never."""
    return int(task["last_dig"]["at"]) if task.get("last_dig") else 0
