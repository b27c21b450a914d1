"""How fast frames reach all open pages, and what that costs. Prints a table.

    python bench/fanout.py [--only cpu,dig,two,cluster,race,load,slow,tasks,cheers]

Needs the `bench` extra and some minutes. Servers and clients run in processes of their own, on free ports,
with new embedded stores. Exits with 1 if a bar is missed. Other work on the machine makes the delays longer;
the printed load averages show it.
"""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from parts import cpu, live, table
from parts.table import Row, Sections
from support.redis_cluster import RedisCluster
from support.servers import started

DIGS = 60
CLUSTER_ROUNDS = 12


def cpu_rows() -> Iterator[Row]:
    found = cpu.measure()
    medians = {kind: statistics.median(figures) for kind, figures in found.items()}
    for kind, figures in found.items():
        note = f"{min(figures):.2f} to {max(figures):.2f} in {len(figures)} rounds"
        yield Row(f"CPU a delivery, {cpu.SOCKETS} sockets: {kind}", medians[kind], "µs", note=note)
    for kind, bar in (("write_message", 0.4), ("websockets.broadcast", 0.9), ("bare loop", 1.1)):
        yield _ratio(f"CPU a delivery: ours / {kind}", found["ours"], found[kind], bar)


def _ratio(what: str, ours: list[float], others: list[float], bar: float) -> Row:
    """Compare two figures that were measured in turns: a slow minute of the machine then slows both."""
    ratios = [one / other for one, other in zip(ours, others, strict=True)]
    note = f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds"
    return Row(what, statistics.median(ratios), "", bar, note)


def dig_rows() -> Iterator[Row]:
    found = live.idle_watchers(workers=1, watchers=2000, digs=DIGS)
    yield from _delays("a dig to the last of 2000 watchers, 1 process", found, 150)


def two_rows() -> Iterator[Row]:
    found = live.idle_watchers(workers=2, watchers=1000, digs=DIGS)
    yield from _delays("a dig to the last of 1000 watchers, 2 processes", found, 100)


def cluster_rows() -> Iterator[Row]:
    with TemporaryDirectory() as directory, started(RedisCluster(Path(directory))) as cluster:
        digs = DIGS // CLUSTER_ROUNDS
        alone, through = live.in_turns(2, 1000, digs, CLUSTER_ROUNDS, REDIS_URL=cluster.uri)
    costs = {"one Redis": [found.cpu_us for found in alone], "a cluster": [found.cpu_us for found in through]}
    for what, figures in costs.items():
        yield Row(f"CPU a delivery, 1000 watchers, 2 processes: {what}", statistics.median(figures), "µs")
    yield _ratio("  through a cluster / through one Redis", costs["a cluster"], costs["one Redis"], 1.1)
    for what, rounds, bar in (("one Redis", alone, None), ("a cluster", through, 100)):
        last_ms = [delay for found in rounds for delay in found.last_ms]
        note = f"p50 {statistics.median(last_ms):.1f}, max {max(last_ms):.1f}, {len(last_ms)} digs"
        yield Row(f"  a dig to the last of them, {what}: p99", live.percentile(last_ms, 99), "ms", bar, note)


def _delays(what: str, found: live.Digs, bar: float) -> Iterator[Row]:
    note = f"p50 {found.p50_ms:.1f}, max {max(found.last_ms):.1f}, {len(found.last_ms)} digs"
    yield Row(f"{what}: p99", found.p99_ms, "ms", bar, note)
    note = f"median {statistics.median(found.waited_ms):.1f}"
    yield Row(
        "  while the server waited for a core, p99", live.percentile(found.waited_ms, 99), "ms", note=note
    )


def race_rows() -> Iterator[Row]:
    rounds = 6
    found = live.race(people=400, pages_each=5, rounds=rounds)
    note = f"{rounds} rounds; replies: " + ", ".join(
        f"{n} {word}" for word, n in sorted(found.replies.items())
    )
    yield Row("all 2000 pages dig at tick 0: a dig to the last, worst", max(found.last_ms), "ms", note=note)
    yield Row("  the same, median", statistics.median(found.last_ms), "ms")


def load_rows() -> Iterator[Row]:
    load, back = live.many(watchers=5000, seconds=26, missed_digs=5)
    yield Row("5000 watching sockets: memory of the server each", load.kb_each, "KB", 25)
    yield Row("5000 watching sockets: a tick each second", 100 * load.ticks, "% a core", 10)
    yield Row("5000 watching sockets: idle, pings and all", 100 * load.idle, "% a core", 5)
    note = f"{back.missed_digs} digs missed, all replayed"
    yield Row("5000 torn off, all back with `since`", back.seconds, "s", 15, note)
    yield Row("  replies with 500 meanwhile", back.replies_500, "", 0)
    note = f"median of {len(back.digs_meanwhile_ms)}, max {max(back.digs_meanwhile_ms):.0f}"
    yield Row(
        "  a dig meanwhile, request to reply", statistics.median(back.digs_meanwhile_ms), "ms", note=note
    )


def slow_rows() -> Iterator[Row]:
    found = live.slow_readers(watchers=2000, slow=20, digs=30, rounds=5)
    ratio = statistics.median(found.ratios)
    note = "of " + ", ".join(f"{value:.2f}" for value in found.ratios)
    yield Row("1 % never read: the others' p99 / without them, median", ratio, "", 1.2, note)
    for what, digs in (("without", found.without), ("beside", found.beside)):
        p99 = statistics.median(dig.deliveries_p99_ms for dig in digs)
        yield Row(f"  p99 of 2000 watchers' deliveries {what} them, median", p99, "ms")
    yield Row("  slow ones not counted as cut (4008)", found.slow - found.cut, "", 0, f"of {found.slow}")
    yield Row("  memory grown beside 20 of them", found.grown_kb / 1024, "MB", 16)


def tasks_rows() -> Iterator[Row]:
    grown_kb = live.watched_tasks_kb(tasks=1000, digs_each=2)
    note = "each with a watcher and 2 digs; less 1000 watchers of one"
    yield Row("1000 watched tasks: a process grows by", grown_kb / 1024, "MB", 30, note)


def cheers_rows(watchers: int = 5000) -> Iterator[Row]:
    found = live.cheers(watchers, seconds=10)
    tick = 100 * (found.ticks - found.idle)
    cheering = 100 * (found.cheers - found.ticks)
    yield Row(f"{watchers} watchers, one frame more a second", tick, "% a core")
    yield Row(f"{watchers} watchers all cheer: frames more a second each", found.frames, "", 1.1)
    yield Row("  the same: CPU for what they send and are told", cheering, "% a core")


SECTIONS: Sections = {
    "cpu": cpu_rows,
    "dig": dig_rows,
    "two": two_rows,
    "cluster": cluster_rows,
    "race": race_rows,
    "load": load_rows,
    "slow": slow_rows,
    "tasks": tasks_rows,
    "cheers": cheers_rows,
}


if __name__ == "__main__":
    sys.exit(table.run(__doc__, SECTIONS))
