"""What a crowd counts, and its report: a line every few seconds, a table at the end. Pure."""

from collections import Counter
from collections.abc import Mapping

from cachetools import LRUCache

# A dig's frames and its reply come in any order. At most this many digs are kept until both have come.
DIGS_REMEMBERED = 2_000
SHOWN_VIOLATIONS = 20

Dig = tuple[str, int]  # code, seq


class Delays:
    """Durations of something, and how often each occurred."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()  # by tenths of a millisecond

    def add(self, seconds: float) -> None:
        """Note a duration. A negative duration, which differing clocks can cause, counts as 0 s."""
        self._counts[max(0, round(seconds * 10_000))] += 1

    def total(self) -> int:
        """Return how many durations were noted."""
        return self._counts.total()

    def ms(self, share: float) -> float:
        """Return the quantile `share`, in milliseconds."""
        left = share * self.total()
        for tenths, count in sorted(self._counts.items()):
            left -= count
            if left <= 0:
                return tenths / 10
        return 0.0


class Tally:
    """Counts of everything that a crowd did and saw. Times are in seconds; the caller chooses the clock and
    always reads the same one."""

    def __init__(self, people: int) -> None:
        self.people = people
        self.logged_in = 0
        self.watching = 0
        self.running = 0
        self.published = 0
        self.ended = 0
        self.digs: Counter[str] = Counter()
        self.frames: Counter[str] = Counter()
        self.closes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        # From the last written byte of a dig's request to the dig's frame: at the observer, and at all
        # people.
        self.observed = Delays()
        self.seen = Delays()
        # The crowd's own delays: how long requests waited to be written, and how late its loop was.
        self.unwritten = Delays()
        self.late = Delays()
        self._written = LRUCache[Dig, tuple[str, float]](DIGS_REMEMBERED)
        self._early = LRUCache[Dig, list[tuple[Delays, float]]](DIGS_REMEMBERED)

    def observer_saw(self, dig: Dig, at: float) -> None:
        """Note that the observer got the frame of a dig just made, at the time `at`."""
        self._frame(dig, self.observed, at)

    def frame_seen(self, dig: Dig, at: float) -> None:
        """Note that a person took up the frame of a dig just made, at the time `at`."""
        self._frame(dig, self.seen, at)

    def _frame(self, dig: Dig, delays: Delays, at: float) -> None:
        written = self._written.get(dig)
        if written is not None:
            delays.add(at - written[1])
        else:
            self._early.setdefault(dig, []).append((delays, at))

    def dug(self, dig: Dig, who: str, written_at: float, again: bool) -> None:
        """Note to whom a dig was acknowledged, and when its request was written.

        With `again` the dig was asked for more than once. Nobody knows which request made it, so it is not
        timed.
        """
        other, _ = self._written.get(dig, (who, 0.0))
        if other != who:
            self.violations[f"task {dig[0]}: dig {dig[1]} was acknowledged to two people"] += 1
        early = self._early.pop(dig, [])
        if again:
            return
        self._written[dig] = (who, written_at)
        for delays, at in early:
            delays.add(at - written_at)

    def line(self, seconds: float) -> str:
        """Return the counts so far, in one line."""
        made = self.digs["dug"] + self.digs["won"]
        parts = [
            f"{seconds:5.0f} s",
            f"{self.watching} of {self.people} watch",
            f"tasks {self.running}, ended {self.ended}",
            f"digs {made:,}, won {self.digs['won']:,}, refused {self.digs.total() - made:,}",
            f"frames {self.frames.total():,}",
            f"the server's p50 {self.observed.ms(0.5):.1f} ms, p99 {self.observed.ms(0.99):.1f} ms",
            f"the crowd's own p99 {self.unwritten.ms(0.99) + self.late.ms(0.99):.1f} ms",
        ]
        if self.violations:
            parts.append(f"VIOLATIONS {self.violations.total():,}")
        return " | ".join(parts)

    def table(self, seconds: float) -> str:
        """Return all counts, as a table of several lines."""
        lines = [
            f"{self.people} people ({self.logged_in} logged in), {seconds:.0f} s",
            *_row("tasks published", self.published),
            *_row("tasks ended", self.ended),
            *_rows("digs by outcome", self.digs),
            *_rows("frames received by type", self.frames),
            *_rows("connections ended by code", self.closes),
            *_rows("requests that failed", self.failures),
            f"from a dig's request, written, to its frame: p50 and p99 in ms ({self.seen.total():,} frames)",
            *_delays("the server's, to an observer", self.observed),
            *_delays("to people of this crowd", self.seen),
            "of that the crowd's own",
            *_delays("its loop was late", self.late),
            "besides, before that",
            *_delays("a request was not written", self.unwritten),
            *_row("violations of what is promised", self.violations.total()),
        ]
        lines += [
            f"  {count} × {what}" for what, count in self.violations.most_common(SHOWN_VIOLATIONS)
        ]
        return "\n".join(lines)


def _delays(name: str, delays: Delays) -> list[str]:
    return [f"  {name:<28}{delays.ms(0.5):>12,.1f}{delays.ms(0.99):>12,.1f}"]


def _row(name: str, count: int) -> list[str]:
    return [f"{name:<30}{count:>12,}"]


def _rows(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return _row(title, 0)
    return [title, *(f"  {name:<28}{count:>12,}" for name, count in sorted(counts.items()))]
