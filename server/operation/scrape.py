"""The metrics of all processes: a process that is asked for them asks the others through Redis.

Each process counts in its own memory, so a full disk and a full /dev/shm end no process. Without Redis, a
process shows its own metrics alone.
"""

import asyncio
import secrets
import zlib
from collections.abc import Collection

import msgspec
from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from server.realtime.bus import PROCESS, Bus
from server.runtime.background import Background

# The names under which processes ask, and answer.
ASK = "metrics"
ANSWER = "metrics_of"
ANSWER_SECONDS = 1.0


class Family(msgspec.Struct, array_like=True, frozen=True):
    """A metric of one process. A sample is a name, labels and a value; the label `process` names the
    process."""

    name: str
    help: str
    type: str
    samples: list[tuple[str, dict[str, str], float]]


class Question(msgspec.Struct, array_like=True, frozen=True):
    """Asks for the metrics with these names, for all if there are none. `number` stands in the answers."""

    asker: str
    number: str
    names: list[str]


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """The metrics of one process: a list of Family, in msgpack, compressed by zlib."""

    number: str
    families: bytes


class Scrape:
    """One per process. It asks the other processes, and answers them."""

    def __init__(self, bus: Bus, background: Background) -> None:
        self._bus = bus
        self._background = background
        self._waiting: dict[str, asyncio.Queue[list[Family]]] = {}
        bus.on_name(ASK, self._hear_question)
        bus.on_name(ANSWER, self._hear_answer)

    async def gather(self, names: Collection[str] = ()) -> list[Family]:
        """Return the metrics of all processes that answer within ANSWER_SECONDS."""
        question = Question(self._bus.process, secrets.token_hex(8), list(names))
        answers = self._waiting[question.number] = asyncio.Queue()
        families: list[Family] = []
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                heard = await self._bus.publish(ASK, msgspec.msgpack.encode(question)) or 1
                for _ in range(heard - 1):  # we heard it too
                    families += await answers.get()
        except TimeoutError:
            pass  # a process that stands still is left out
        finally:
            del self._waiting[question.number]
        return families + await asyncio.to_thread(own_families, question.names)

    def _hear_question(self, payload: bytes) -> None:
        if not payload:  # we have just connected
            return
        question = msgspec.msgpack.decode(payload, type=Question)
        if question.asker != self._bus.process:
            self._background.spawn(self._answer(question))

    async def _answer(self, question: Question) -> None:
        families = await asyncio.to_thread(_packed, question.names)
        await self._bus.publish(ANSWER, msgspec.msgpack.encode(Answer(question.number, families)))

    def _hear_answer(self, payload: bytes) -> None:
        if not payload:
            return
        answer = msgspec.msgpack.decode(payload, type=Answer)
        answers = self._waiting.get(answer.number)
        if answers is not None:
            families = msgspec.msgpack.decode(zlib.decompress(answer.families), type=list[Family])
            answers.put_nowait(families)


def own_families(names: Collection[str] = ()) -> list[Family]:
    """Return the metrics of this process. Safe in any thread."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [(each.name, {**each.labels, "process": PROCESS}, each.value) for each in metric.samples],
        )
        for metric in REGISTRY.collect()
        if not names or metric.name in names
    ]


def _packed(names: Collection[str]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(own_families(names)), 1)


class _Families(Collector):
    def __init__(self, families: list[Family]) -> None:
        self._metrics: dict[str, Metric] = {}
        for family in families:
            metric = self._metrics.setdefault(family.name, Metric(family.name, family.help, family.type))
            for name, labels, value in family.samples:
                metric.add_sample(name, labels, value)

    def collect(self) -> list[Metric]:
        return list(self._metrics.values())


def exposition(families: list[Family]) -> bytes:
    """Return metrics in Prometheus' text format. Run it in a thread: some thousand samples take a while."""
    return generate_latest(_Families(families))
