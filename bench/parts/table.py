"""Runs a bench: prints its table row by row, with bars, and returns 1 if a bar is missed."""

import argparse
import math
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True)
class Row:
    """A line of the table. `bar` is the greatest value that passes."""

    what: str
    value: float
    unit: str
    bar: float | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        return self.bar is not None and self.value > self.bar

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"≤ {self.bar:g}"
        verdict = "" if self.bar is None else "MISSED" if self.missed else "reached"
        return f"{self.what:<58}{self.value:>9.4g} {self.unit:<10}{bar:>8}  {verdict:<9}{self.note}".rstrip()


def spread(what: str, values: list[float], unit: str, bar: float | None = None) -> Row:
    """Return a row with the median (infinite without values); its note has the least and the greatest."""
    note = f"{min(values):.4g} to {max(values):.4g} in {len(values)} rounds" if len(values) > 1 else ""
    return Row(what, statistics.median(values or [math.inf]), unit, bar, note)


Sections: TypeAlias = dict[str, Callable[[], Iterator[Row]]]


def run(doc: str | None, sections: Sections, prepare: Callable[[], None] = lambda: None) -> int:
    """Print the rows of all sections, or of those that the command line names; return the exit code.

    `prepare` is called before the first section, but not for --help.
    """
    arguments = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    arguments.add_argument("--only", default=",".join(sections), help=f"of {', '.join(sections)}")
    only = arguments.parse_args().only.split(",")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that contexts end and stop the servers
    began = time.perf_counter()
    rows = []
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    prepare()
    for name in only:
        before = os.getloadavg()[0]
        for row in sections[name]():
            rows.append(row)
            print(row, flush=True)
        print(f"  [load average {before:.1f} before, {os.getloadavg()[0]:.1f} after]", flush=True)
    barred = [row for row in rows if row.bar is not None]
    missed = sum(row.missed for row in barred)
    print(f"{missed} of {len(barred)} bars missed; {time.perf_counter() - began:.0f} s")
    return int(missed > 0)
