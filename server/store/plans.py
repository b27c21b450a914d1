"""How MongoDB would answer a query: with which index, and whether it sorts. For `python -m server check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

_Document = dict[str, Any]

_ASKED = ("find", "aggregate", "distinct")
# Parts of an explanation that say nothing about the plan that was chosen.
_PASSED_OVER = {"rejectedPlans", "command", "parsedQuery", "slotBasedPlan", "serverInfo"}


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was sent by `method` (`collection.name` of the store), as `explain` takes it."""

    method: str
    command: _Document

    @property
    def shape(self) -> str:
        """The method and the query without its values: two of one shape get one plan."""
        return f"{self.method} {_shape(self.command)}"


class Recorder(CommandListener):
    """Keeps each query that is sent while `method` is set. PyMongo calls it in the thread that sends."""

    def __init__(self) -> None:
        self.method = ""
        self._found: dict[str, Query] = {}

    @property
    def queries(self) -> list[Query]:
        """One of each shape."""
        return list(self._found.values())

    def started(self, event: CommandStartedEvent) -> None:
        """Keep it."""
        if self.method:
            for command in explainable(event.command_name, event.command):
                query = Query(self.method, command)
                self._found.setdefault(query.shape, query)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """It was kept when it started."""

    def failed(self, event: CommandFailedEvent) -> None:
        """It was kept when it started."""


def explainable(name: str, command: Mapping[str, Any]) -> Iterator[_Document]:
    """Yield the queries of a command as `explain` takes them, a write's as a find of what it changes.

    Not included: a find of any one document, which needs no index.
    """
    collection = command.get(name)
    if name == "find" and not command["filter"] and command.get("limit") and not command.get("sort"):
        return
    if name in _ASKED:
        fields = ("query", "filter", "sort", "projection", "limit", "skip", "pipeline", "key")
        kept = {field: command[field] for field in fields if field in command}
        yield {name: collection, **kept, **({"cursor": {}} if name == "aggregate" else {})}
    elif name == "findAndModify":
        sort = {"sort": command["sort"]} if command.get("sort") else {}
        yield {"find": collection, "filter": command["query"], **sort, "limit": 1}
    elif name in ("update", "delete"):
        for part in command[f"{name}s"]:
            yield {"find": collection, "filter": part["q"]}


async def explain(database: AsyncIOMotorDatabase[_Document], query: Query) -> _Document:
    """Return MongoDB's plan for a query, with what it did when it was run."""
    return await database.command("explain", query.command, verbosity="executionStats")


def scans(plan: Any) -> Iterator[str]:
    """Yield each place where a plan reads a whole collection."""
    for node in _nodes(plan):
        if node.get("stage") == "COLLSCAN":
            yield "COLLSCAN"
        elif int(node.get("collectionScans", 0)) or node.get("strategy") == "NestedLoopJoin":
            yield "$lookup without an index"


def sorts(plan: Any) -> Iterator[str]:
    """Yield each place where a plan gathers all that a query found, and sorts it."""
    for node in _nodes(plan):
        if node.get("stage") == "SORT":
            yield f"SORT by {', '.join(node.get('sortPattern', {}))}"


def _nodes(plan: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(plan, Mapping):
        yield plan
        for name, value in plan.items():
            if name not in _PASSED_OVER:
                yield from _nodes(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from _nodes(value)


def _shape(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_shape(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dict.fromkeys(map(_shape, value))) + "]"
    return type(value).__name__
