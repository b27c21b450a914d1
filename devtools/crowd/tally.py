"""What a crowd counts, and its report: a line every few seconds, a table at the end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cachetools import LRUCache

# A dig's frames and its reply come in any order. Only this many digs wait for their other half.
DIGS_REMEMBERED = 2_000
SHOWN_VIOLATIONS = 20

Dig = tuple[str, int]  # code, seq


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
        self._delays: Counter[int] = Counter()  # by tenths of a millisecond
        self._asked = LRUCache[Dig, tuple[str, float]](DIGS_REMEMBERED)
        self._seen = LRUCache[Dig, list[float]](DIGS_REMEMBERED)

    def frame_seen(self, dig: Dig, at: float) -> None:
        """Note that a watcher got the frame of a dig just made, at the time `at`."""
        asked = self._asked.get(dig)
        if asked is not None:
            self._delays[_tenths(at - asked[1])] += 1
            return
        self._seen.setdefault(dig, []).append(at)

    def dug(self, dig: Dig, who: str, asked_at: float, again: bool) -> None:
        """Note to whom a dig was acknowledged, and when it was asked for.

        With `again` it was asked for more than once. Nobody knows which request made it, so it is not timed.
        """
        other, _ = self._asked.get(dig, (who, 0.0))
        if other != who:
            self.violations[f"task {dig[0]}: dig {dig[1]} was acknowledged to two people"] += 1
        seen = self._seen.pop(dig, [])
        if again:
            return
        self._asked[dig] = (who, asked_at)
        self._delays.update(_tenths(at - asked_at) for at in seen)

    def delay_ms(self, share: float) -> float:
        """Return the quantile `share` of the times from a dig's request to its frames, in milliseconds."""
        left = share * self._delays.total()
        for tenths, count in sorted(self._delays.items()):
            left -= count
            if left <= 0:
                return tenths / 10
        return 0.0

    def line(self, seconds: float) -> str:
        """Return the counts so far, in one line."""
        made = self.digs["dug"] + self.digs["won"]
        parts = [
            f"{seconds:5.0f} s",
            f"{self.watching} of {self.people} watch",
            f"tasks {self.running}, ended {self.ended}",
            f"digs {made:,}, won {self.digs['won']:,}, refused {self.digs.total() - made:,}",
            f"frames {self.frames.total():,}",
            f"p50 {self.delay_ms(0.5):.1f} ms, p99 {self.delay_ms(0.99):.1f} ms",
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
            f"from a dig to its frame ({self._delays.total():,} frames)",
            f"  {'p50':<28}{self.delay_ms(0.5):>12,.1f} ms",
            f"  {'p99':<28}{self.delay_ms(0.99):>12,.1f} ms",
            *_row("violations of what is promised", self.violations.total()),
        ]
        lines += [
            f"  {count} × {what}" for what, count in self.violations.most_common(SHOWN_VIOLATIONS)
        ]
        return "\n".join(lines)


def _tenths(seconds: float) -> int:
    return round(seconds * 10_000)


def _row(name: str, count: int) -> list[str]:
    return [f"{name:<30}{count:>12,}"]


def _rows(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return _row(title, 0)
    return [title, *(f"  {name:<28}{count:>12,}" for name, count in sorted(counts.items()))]
