"""How many people watch each task, over all processes, and what they cheer with.

Of each task some process is the teller: each other process tells it the numbers that changed, one message a
second to a teller, and hears from it in one message a second the sums of the tasks that it has watchers of.
So what goes over Redis grows with the watchers, and not with the square of the processes. All numbers are
told every 30 s, and whenever a process may have missed something, or tellers change. A process that is silent
for 15 s is no longer counted; without Redis a process then knows only its own watchers. Cheers are sent
along, and stored nowhere.
"""

import asyncio
import itertools
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

import msgspec

from server.realtime.bus import Bus
from server.realtime.frames import Sign, Watchers, encode
from server.realtime.known_tasks import KnownTasks
from server.realtime.news import Count, Living, Numbers, Sums
from server.realtime.watched_task import WatchedTask

# The name of what is said to all processes; of what is said to one process, with its name.
LIVING = "living"
TO = "watchers"
# If a task has more watchers than this, they are told their number only every 5 s.
CROWD = 500
SILENT_SECONDS = 15.0
WHOLE_RENEWALS = 6  # at every sixth renewal all numbers are told
# How many processes are tellers, and for how long a process hears of all tasks once an operator asked.
TELLERS = 8
OPERATOR_SECONDS = 60.0
# After the tellers changed, they wait for everybody's numbers before they tell sums.
SETTLED_SECONDS = 1.5
NO_CHEERS: Mapping[Sign, int] = {}
# What is told of a task that nobody watches any more at a process: how many do, and no name.
GONE: Count = (0, 0)
# How many of the short names have two bytes.
NAMES = 1 << 16


class Tally:
    """What a teller knows: how many watch each of its tasks, by process."""

    def __init__(self) -> None:
        self._by_code: dict[str, dict[str, int]] = {}
        # The tasks with watchers at a process, and the short names that it gave them.
        self._names: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._changed: set[str] = set()
        self._cheers: defaultdict[str, Counter[tuple[str, Sign]]] = defaultdict(Counter)
        self._asked: set[str] = set()  # the processes that are told all their sums
        self._missed: dict[str, Iterable[str]] = {}  # the tasks whose sums a process may not have heard
        self.of_all: set[str] = set()  # the processes that hear of all tasks

    def take(self, process: str, told: Numbers) -> None:
        """Take what a process told."""
        if told.of_all != (process in self.of_all):
            self._asked.add(process)
            (self.of_all.add if told.of_all else self.of_all.discard)(process)
        if told.whole:
            self._asked.add(process)
            self._put(process, dict.fromkeys(self._names[process].keys() - told.counts.keys(), GONE))
        self._put(process, told.counts)
        for code, cheers in told.cheers.items():
            self._changed.add(code)
            for sign, number in cheers.items():
                self._cheers[code][process, sign] += number

    def forget(self, process: str) -> None:
        """Count a process no more."""
        self._put(process, dict.fromkeys(self._names.pop(process, ()), GONE))
        self.of_all.discard(process)
        self._asked.discard(process)
        self._missed.pop(process, None)

    def miss(self, process: str, sums: Sums) -> None:
        """Tell a process these tasks again, since it may not have heard the sums. Cheers are lost."""
        self._missed[process] = sums.elsewhere

    def _put(self, process: str, counts: Mapping[str, Count]) -> None:
        for code, (count, name) in counts.items():
            self._changed.add(code)
            if count:
                self._by_code.setdefault(code, {})[process] = count
                self._names[process][code] = name
                continue
            self._names[process].pop(code, None)
            told = self._by_code.get(code, {})
            told.pop(process, None)
            if not told:
                self._by_code.pop(code, None)

    def sums(self) -> dict[str, Sums]:
        """Return for each process what it has not been told yet: how many watch elsewhere, and cheers."""
        found: defaultdict[str, Sums] = defaultdict(Sums)
        for process in self._asked:
            for code in self._by_code if process in self.of_all else self._names[process]:
                self._add(found, code, (process,))
        for code in self._changed:
            self._add(found, code, self._by_code.get(code, {}).keys() | self.of_all)
        for process, codes in self._missed.items():
            for code in codes:
                self._add(found, code, (process,))
        self._asked.clear()
        self._changed.clear()
        self._missed.clear()
        self._cheers.clear()
        return found

    def named(self, process: str, sums: Sums) -> Sums:
        """Return sums as a process is told them: by the short names that it gave its tasks."""
        names = self._names.get(process, {})
        named = {names[code]: number for code, number in sums.elsewhere.items() if code in names}
        others = {code: number for code, number in sums.elsewhere.items() if code not in names}
        return Sums(others, named, sums.cheers)

    def _add(self, found: Mapping[str, Sums], code: str, processes: Iterable[str]) -> None:
        told: Mapping[str, int] = self._by_code.get(code, {})
        cheers: Mapping[tuple[str, Sign], int] = self._cheers.get(code, {})
        total = sum(told.values())
        for process in processes:
            found[process].elsewhere[code] = total - told.get(process, 0)
            others = Counter[Sign]()
            for (whose, sign), number in cheers.items():
                others[sign] += number * (whose != process)
            if +others:
                found[process].cheers[code] = dict(+others)


class Audience:
    """One per process. `send(watched, frames)` sends to all watchers of a task."""

    def __init__(
        self,
        known: KnownTasks,
        bus: Bus,
        send: Callable[[WatchedTask, bytes], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known = known
        self._clock = clock
        self._bus = bus
        self._send = send
        # The other processes: when each was heard, and whether it needs numbers. While nobody does, all are
        # silent.
        self._others: dict[str, tuple[float, bool]] = {}
        self._tellers = [bus.process]
        self._settled_at = 0.0
        self._tally = Tally()
        self._elsewhere: dict[str, int] = {}
        # The numbers that the tellers know of this process, with the tasks' names; and these names' tasks.
        self._told: dict[str, Count] = {}
        self._named: dict[int, str] = {}
        self._numbers = itertools.count(NAMES)
        # What the next message has to do: tell all numbers, say that this process lives, and ask the others
        # to do both.
        self._whole = self._lives = self._asks = False
        self._renewals = 0
        self._of_all_until = 0.0
        self._told_of_all = False
        bus.on_name(LIVING, self._hear_living)
        bus.on_name(f"{TO}:{bus.process}", self._hear)

    def elsewhere(self, code: str) -> int:
        """Return how many people watch a task in other processes, if somebody watches it here, or an operator
        lately asked."""
        return self._elsewhere.get(code, 0)

    def ask_of_all(self) -> None:
        """Hear of all tasks for a minute from now, since an operator looks at them."""
        self._lives = self._lives or not self._of_all
        self._of_all_until = self._clock() + OPERATOR_SECONDS

    def totals(self) -> Counter[str]:
        """Return how many people watch each task, over all processes; tasks that nobody watches are left
        out. Right a second after the first `ask_of_all`."""
        here = {each.code: len(each.people) for each in self._known.loaded()}
        return Counter({code: number for code, number in self._elsewhere.items() if number}) + Counter(here)

    @property
    def _of_all(self) -> bool:
        return self._clock() < self._of_all_until

    @property
    def _needs(self) -> bool:
        return bool(self._told) or self._of_all

    async def tell(self) -> None:
        """Each second: tell the tellers what changed here, and the watchers of each task their number.

        Cheers are told too, even to crowds.
        """
        self._forget_silent()
        counts: dict[str, Count] = {}
        cheered: dict[str, dict[Sign, int]] = {}
        for watched in self._known.loaded():
            own, cheers = watched.take_cheers()
            if own:
                cheered[watched.code] = dict(own)
            if watched.people:
                counts[watched.code] = len(watched.people), self._name(watched.code)
            if cheers or watched.total <= CROWD:
                self._tell_total(watched, cheers)
        self._lives = self._lives or (bool(counts) and not self._told)
        await self._tell_tellers(counts, cheered)
        if self._lives or self._asks:
            living = Living(self._bus.process, self._asks, self._needs)
            if await self._bus.publish(LIVING, msgspec.msgpack.encode(living)) is not None:
                self._lives = self._asks = False
        if self._clock() >= self._settled_at:
            tally = self._tally
            sums = tally.sums()
            self._take(sums.pop(self._bus.process, Sums()))
            await asyncio.gather(*(self._tell_sums(tally, *each) for each in sums.items()))

    async def renew(self) -> None:
        """Every 5 s: let other processes hear of us if anybody needs numbers, and tell crowds theirs."""
        self._lives = self._lives or self._needs or any(needs for _, needs in self._others.values())
        self._renewals += 1
        self._whole = self._whole or self._renewals % WHOLE_RENEWALS == 0
        for watched in self._known.loaded():
            if watched.total > CROWD:
                self._tell_total(watched)

    async def _tell_sums(self, tally: Tally, process: str, sums: Sums) -> None:
        if await self._bus.publish(f"{TO}:{process}", _encode(tally.named(process, sums))) is None:
            tally.miss(process, sums)

    async def _tell_tellers(self, counts: dict[str, Count], cheered: dict[str, dict[Sign, int]]) -> None:
        whole = self._whole
        of_all = self._of_all
        self._whole = False
        told = {teller: Numbers(self._bus.process, whole, of_all) for teller in self._tellers}
        for code, count in (counts if whole else _changed(self._told, counts)).items():
            told[self._teller(code)].counts[code] = count
        for code, cheers in cheered.items():
            told[self._teller(code)].cheers[code] = cheers
        if not of_all:
            for code in self._elsewhere.keys() - counts.keys():
                self._show(code, 0)
        begins_or_ends = of_all != self._told_of_all
        self._told_of_all = of_all
        self._told = counts
        self._named = {name: code for code, (_, name) in counts.items()}
        for teller, numbers in told.items():
            if teller == self._bus.process:
                self._tally.take(teller, numbers)
            elif numbers.counts or numbers.cheers or begins_or_ends or (whole and self._needs):
                heard = await self._bus.publish(f"{TO}:{teller}", _encode(numbers))
                self._whole = self._whole or not heard
                if heard == 0:
                    self._forget(teller)  # it ended

    def _name(self, code: str) -> int:
        """Return the name that a watched task has until its last watcher leaves: of two bytes, if any is
        free. One that was free long ago is taken, since sums that are under way may still have the others."""
        if code in self._told:
            return self._told[code][1]
        name = next(self._numbers)
        if name % NAMES not in self._named:
            name %= NAMES
        self._named[name] = code
        return name

    def _teller(self, code: str) -> str:
        return self._tellers[zlib.crc32(code.encode()) % len(self._tellers)]

    def _hear_living(self, payload: bytes) -> None:
        """Take that another process lives; b"" means that this process has just connected to Redis."""
        if not payload:
            self._whole = self._asks = True
            return
        news = msgspec.msgpack.decode(payload, type=Living)
        if news.process == self._bus.process:
            return
        self._lives = self._lives or news.asks or news.process not in self._others
        self._whole = self._whole or news.asks
        self._others[news.process] = self._clock(), news.needs
        self._choose_tellers()

    def _hear(self, payload: bytes) -> None:
        """Take what a process tells this one as a teller, or what a teller tells this process."""
        if not payload:
            self._whole = self._asks = True
            return
        news = msgspec.msgpack.decode(payload, type=Numbers | Sums)
        if isinstance(news, Sums):
            self._take(news)
        else:
            self._tally.take(news.process, news)

    def _choose_tellers(self) -> None:
        """Choose the same tellers as all processes that know the same processes."""
        living = sorted((self._bus.process, *self._others), key=lambda name: zlib.crc32(name.encode()))
        if living[:TELLERS] == self._tellers:
            return
        self._tellers = living[:TELLERS]
        self._settled_at = self._clock() + SETTLED_SECONDS
        self._whole = True
        if self._bus.process not in self._tellers:
            self._tally = Tally()

    def _take(self, sums: Sums) -> None:
        named = {self._named[name]: number for name, number in sums.named.items() if name in self._named}
        for code, number in (sums.elsewhere | named).items():
            if number != self._elsewhere.get(code, 0):
                self._show(code, number)
        for code, cheers in sums.cheers.items():
            watched = self._known.by_code.get(code)
            if watched is not None:
                watched.other_cheers.update(cheers)

    def _show(self, code: str, number: int) -> None:
        if number:
            self._elsewhere[code] = number
        else:
            self._elsewhere.pop(code, None)
        watched = self._known.by_code.get(code)
        if watched is not None:
            watched.elsewhere = number

    def _forget_silent(self) -> None:
        """Forget the processes that told nothing for 15 s."""
        oldest = self._clock() - SILENT_SECONDS
        for process in [process for process, (heard_at, _) in self._others.items() if heard_at < oldest]:
            self._forget(process)

    def _forget(self, process: str) -> None:
        self._others.pop(process, None)
        self._tally.forget(process)
        self._choose_tellers()

    def _tell_total(self, watched: WatchedTask, cheers: Mapping[Sign, int] = NO_CHEERS) -> None:
        if cheers or watched.total != watched.total_told:
            watched.total_told = watched.total
            told = Watchers(code=watched.code, watchers=watched.total, cheers=dict(cheers) or msgspec.UNSET)
            self._send(watched, encode([told]))


def _encode(news: Numbers | Sums) -> bytes:
    return msgspec.msgpack.encode(news)


def _changed(before: Mapping[str, Count], after: Mapping[str, Count]) -> dict[str, Count]:
    """Return the numbers that differ; GONE for a task that nobody watches any more."""
    gone = dict.fromkeys(before.keys() - after.keys(), GONE)
    return gone | {code: count for code, count in after.items() if before.get(code) != count}
