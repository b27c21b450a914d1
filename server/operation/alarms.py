"""The alarms: one table over the numbers that `/metrics` shows, for Prometheus and for our own comparison.

`deploy/alerts.yml` has the same rows as rules; a test lets `promtool` compare the two. Whoever has no
Prometheus is told by the webhook: the leader compares the same numbers with this table (`monitor.py`).
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

import msgspec

from server.game.findings import PaymentKind
from server.operation.own_database import OwnDatabase
from server.operation.scrape import Family
from server.store.gauges import Gauge

Kind: TypeAlias = Literal[
    "redis", "mongodb", "database", "disk", "ended", "clock", "work", "calls",
    "invariant", "books", "unchecked", "message", "review", "queue", "held", PaymentKind,
]
How: TypeAlias = Literal["above", "grown", "failed"]

# What `grown` looks back at, and `failed`.
GROWN_SECONDS = 600.0
FAILED_SECONDS = 60.0
# So many calls must have failed, and this share of all.
LEAST_FAILED = 3
FAILED_SHARE = 0.3
UNCOUNTED_SECONDS = 600


class Alarm(msgspec.Struct, frozen=True):
    """Something is wrong. `what` says which store, call or reason, "" if the kind says it all.

    `values` has the number that is too high or too low, as text; for a database that is not ours, what
    `OwnDatabase` says. `code` is a task to look at, "" if there is none.
    """

    kind: Kind
    code: str = ""
    what: str = ""
    values: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What it is about. At most one alarm per key holds; it has the newest values."""
        return f"{self.kind}:{self.what}"


class Row(msgspec.Struct, frozen=True):
    """When an alarm holds: for each value of the label `by`, among the series with the labels `where`.

    - above: the largest value is above `bound`.
    - grown: the counter grew by `bound` or more within GROWN_SECONDS.
    - failed: LEAST_FAILED calls, and the share FAILED_SHARE, failed within FAILED_SECONDS. `metric` is a
      histogram with the label `outcome`.

    `what` is what the alarm is about if there is no label `by`.
    """

    kind: Kind
    title: str
    metric: str
    how: How = "above"
    bound: float = 0
    by: str = ""
    where: dict[str, str] = {}
    what: str = ""


# Red packets have rows of their own: `server/cash/counting.py`.
TABLE: tuple[Row, ...] = (
    Row("redis", "Redis 没有响应", "wabao_store_silent", where={"store": "redis"}),
    Row("mongodb", "MongoDB 没有响应", "wabao_store_silent", where={"store": "mongodb"}),
    Row("disk", "磁盘快满了，不能发布和上传", "wabao_disk_low"),
    Row("calls", "很多调用失败", "wabao_wechat_seconds", "failed", by="call"),
    Row("calls", "很多调用失败", "wabao_store_seconds", "failed", what="mongodb"),
    Row("calls", "很多调用失败", "wabao_redis_seconds", "failed", what="redis"),
    Row("ended", "十分钟内有三个以上的工作进程中途结束", "wabao_workers_lost", bound=2),
    Row("work", "有后台工作出错", "wabao_failed_work", "grown", 1, by="work"),
    Row("clock", "MongoDB 的时钟跳变了", "wabao_clock_steps", "grown", 1),
    Row("invariant", "数据前后矛盾", "wabao_findings", where={"kind": "invariant"}),
    Row("unchecked", "没有按时核对", "wabao_counted_age_seconds", bound=UNCOUNTED_SECONDS),
    Row("held", "有奖品等你处理", "wabao_waiting", where={"what": "prizes"}),
    Row("message", "微信不收通知消息", "wabao_messages_refused", by="why"),
    Row("review", "微信迟迟没有检查完内容", "wabao_waiting", where={"what": "checks"}),
    Row("queue", "有内容等你处理", "wabao_waiting", where={"what": "reviews"}, what="reviews"),
    Row("queue", "有内容等你处理", "wabao_waiting", where={"what": "reports"}, what="reports"),
    Row("queue", "有内容等你处理", "wabao_waiting", where={"what": "hidden"}, what="hidden"),
)
AGE = "wabao_process_age_seconds"
# The metrics of processes that a comparison needs.
COMPARED = (AGE, *sorted({row.metric for row in TABLE}))


def titles_of(table: tuple[Row, ...]) -> dict[str, str]:
    """Return the titles of a table's alarms, and of the one that is seen where nothing can be compared: by
    whoever may not serve."""
    return {**{row.kind: row.title for row in table}, "database": "数据库不对，已停止服务"}


def silence(database: OwnDatabase) -> Alarm:
    """Return the alarm for a MongoDB that counts as silent: it does not answer, or may not be served from."""
    wrong = database.wrong
    return Alarm("mongodb") if wrong is None else Alarm("database", "", wrong.what, wrong.values)


class _Sample(msgspec.Struct, frozen=True):
    name: str
    labels: dict[str, str]
    value: float
    code: str = ""

    def fits(self, row: Row, suffix: str = "") -> bool:
        return self.name == row.metric + suffix and row.where.items() <= self.labels.items()


class Comparison:
    """Compares numbers with a table, and remembers by how much counters grew."""

    def __init__(self, table: tuple[Row, ...]) -> None:
        self._table = table
        # Each counter of each process: when it was seen last, and what it said.
        self._last: dict[tuple[str, ...], tuple[float, float]] = {}
        self._compared_at = float("inf")
        # How much counters grew, by name and labels but for the process, between two comparisons.
        self._grown: deque[tuple[float, list[_Sample]]] = deque()

    def alarms(self, families: Iterable[Family], counted: Iterable[Gauge], now: float) -> list[Alarm]:
        """Return the alarms that hold. `now` is in seconds, by a clock that never goes back.

        Of a process that is older than the last comparison, but new here, nobody knows when it counted what
        it says: that does not count as growth.
        """
        samples = [_Sample(*sample) for family in families for sample in family.samples]
        samples += [_Sample(g["name"], g["labels"], g["value"], g["code"]) for g in counted]
        self._note_growth(samples, now)
        return [alarm for row in self._table for alarm in self._of(row, samples, now)]

    def _note_growth(self, samples: list[_Sample], now: float) -> None:
        known = {key[0] for key in self._last}
        since = now - self._compared_at
        known |= {s.labels.get("process", "") for s in samples if s.name == AGE and s.value <= since}
        self._compared_at = now
        grown = []
        for each in samples:
            if not each.name.endswith(("_total", "_count")):
                continue
            labels = dict(each.labels)
            process = labels.pop("process", "")
            key = (process, each.name, *sorted(f"{name}={value}" for name, value in labels.items()))
            _, before = self._last.get(key, (now, 0.0 if process in known else each.value))
            self._last[key] = now, each.value
            growth = each.value - before if each.value >= before else each.value
            if growth:
                grown.append(_Sample(each.name, labels, growth))
        oldest = now - GROWN_SECONDS
        self._last = {key: seen for key, seen in self._last.items() if seen[0] >= oldest}
        self._grown.append((now, grown))
        while self._grown[0][0] <= oldest:
            self._grown.popleft()

    def _growth(self, row: Row, suffix: str, now: float, seconds: float) -> Iterator[_Sample]:
        for at, grown in self._grown:
            if at > now - seconds:
                yield from (each for each in grown if each.fits(row, suffix))

    def _of(self, row: Row, samples: list[_Sample], now: float) -> Iterator[Alarm]:
        if row.how == "failed":
            yield from self._failed(row, now)
            return
        if row.how == "grown":
            sums = Counter[str]()
            for each in self._growth(row, "_total", now, GROWN_SECONDS):
                sums[each.labels.get(row.by, row.what)] += round(each.value)
            yield from (_alarm(row, what, n) for what, n in sums.items() if n >= row.bound)
            return
        most: dict[str, _Sample] = {}
        for each in samples:
            what = each.labels.get(row.by, row.what)
            if each.value > row.bound and each.fits(row):
                most[what] = max(each, most.get(what, each), key=lambda sample: sample.value)
        yield from (_alarm(row, what, each.value, each.code) for what, each in most.items())

    def _failed(self, row: Row, now: float) -> Iterator[Alarm]:
        calls = Counter[str]()
        failed = Counter[str]()
        for each in self._growth(row, "_count", now, FAILED_SECONDS):
            what = each.labels.get(row.by, row.what)
            calls[what] += round(each.value)
            if each.labels.get("outcome") == "failed":
                failed[what] += round(each.value)
        for what, number in failed.items():
            if number >= LEAST_FAILED and number > FAILED_SHARE * calls[what]:
                yield _alarm(row, what, round(100 * number / calls[what]))


def _alarm(row: Row, what: str, value: float, code: str = "") -> Alarm:
    return Alarm(row.kind, code, what, (f"{value:g}",))
