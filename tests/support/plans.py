"""How MongoDB would answer each query that was sent: with which index, and whether it sorts."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from server.store import Store
from server.store.cluster import look
from support.planner import without_index

_ASKED = ("find", "aggregate", "distinct")
# Parts of an explanation that say nothing about the plan that was chosen.
_PASSED_OVER = {"rejectedPlans", "command", "parsedQuery", "slotBasedPlan", "serverInfo"}


async def slow_queries(store: Store, commands: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the queries that read a whole collection or sort what they find, and what is wrong with each.

    MongoDB is asked for its plans. SecantusDB plans otherwise, so there the rules of MongoDB's manual judge.
    """
    embedded = (await look(store.client)).embedded
    found: dict[str, list[str]] = {}
    for name, query in _one_of_each_shape(commands).items():
        if embedded:
            wrong = list(without_index(query, store.indexes()))
        else:
            plan = await store.database.command("explain", query, verbosity="executionStats")
            wrong = list(slow_parts(plan))
        if wrong:
            found[name] = wrong
    return found


def _one_of_each_shape(commands: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return queries by command, collection and shape: queries of one shape have one plan."""
    queries = [query for command in commands for query in explainable(next(iter(command)), command)]
    return {_named(query): query for query in queries}


def explainable(name: str, command: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
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


def _named(query: dict[str, Any]) -> str:
    (command, collection), *rest = query.items()
    return f"{command} {collection} {_shape(dict(rest))}"


def _shape(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_shape(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dict.fromkeys(map(_shape, value))) + "]"
    return type(value).__name__
