"""How MongoDB would answer a query: with which index, and whether it sorts. For `python -m server check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import OperationFailure
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from server.store.failures import DUPLICATE_KEY, refused_reason
from server.store.pipelines import Document

_ASKED = ("find", "aggregate", "distinct")
# Parts of an explanation that say nothing about the plan that was chosen.
_PASSED_OVER = {"rejectedPlans", "command", "parsedQuery", "slotBasedPlan", "serverInfo"}


class Recorder(CommandListener):
    """Keeps each query that is sent, and what MongoDB refuses. PyMongo calls it in the thread that sends."""

    def __init__(self) -> None:
        # Queries as `explain` takes them, by command, collection and shape: queries of one shape have one
        # plan.
        self.queries: dict[str, Document] = {}
        # What MongoDB said, by command. A taken key is no refusal: it decides who was first.
        self.refused: dict[str, str] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Keep the queries of a command, one of each shape."""
        for query in explainable(event.command_name, event.command):
            self.queries.setdefault(_named(query), query)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Keep why some of a command's writes were refused."""
        for error in event.reply.get("writeErrors", ()):
            self._note(event.command_name, error)

    def failed(self, event: CommandFailedEvent) -> None:
        """Keep why a command was refused."""
        self._note(event.command_name, event.failure)

    def _note(self, command: str, said: Mapping[str, Any]) -> None:
        if "code" in said and said["code"] != DUPLICATE_KEY:
            reason = refused_reason(OperationFailure(said.get("errmsg", ""), said["code"], said))
            if reason is not None:
                self.refused[command] = reason


def explainable(name: str, command: Mapping[str, Any]) -> Iterator[Document]:
    """Yield the queries of a command as `explain` takes them; for a write, a find of what it changes.

    A find of any one document is not included, since it needs no index.
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


async def explain(database: AsyncIOMotorDatabase[Document], query: Document) -> Document:
    """Return MongoDB's plan for a query, with what it did when it was run."""
    return await database.command("explain", query, verbosity="executionStats")


def slow_parts(plan: Any) -> Iterator[str]:
    """Yield each place where a plan reads a whole collection, or sorts all that a query found."""
    for node in _nodes(plan):
        if node.get("stage") == "COLLSCAN":
            yield "COLLSCAN"
        elif int(node.get("collectionScans", 0)) or node.get("strategy") == "NestedLoopJoin":
            yield "$lookup without an index"
        elif node.get("stage") == "SORT":
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


def _named(query: Document) -> str:
    (command, collection), *rest = query.items()
    return f"{command} {collection} {_shape(dict(rest))}"


def _shape(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_shape(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dict.fromkeys(map(_shape, value))) + "]"
    return type(value).__name__
