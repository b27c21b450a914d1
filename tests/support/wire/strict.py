"""Checks that a command has only the names in `manual.py`, because SecantusDB accepts what MongoDB refuses.

Names of commands, fields, operators, stages and options are checked where they stand, and the few rules that
SecantusDB is known not to have. An objection names forms and fields of a command, never a value.
"""

import itertools
import threading
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from support.wire import manual

_QUERY = manual.QUERY_OPERATORS | manual.LOGICAL_QUERY_OPERATORS
_GROUP = manual.EXPRESSIONS | manual.ACCUMULATORS
# Without killCursors: SecantusDB once let a delete wait for over 10 s after a cursor of its collection was
# killed, so such a database is not emptied for the next test.
_READS = {"aggregate", "count", "distinct", "find", "getMore", "listCollections", "listIndexes"}
_WRITES = {"delete", "findAndModify", "insert", "update"}
OTHER = "$other"


class Strict(CommandListener):
    """Hears of the commands of this process: objects to some, and notes what each database has of them."""

    def __init__(self) -> None:
        # By database: the collections that commands wrote (OTHER: one did something else, or lost its reply).
        self.changed: defaultdict[str, set[str]] = defaultdict(set)
        self.under_way: Counter[str] = Counter()
        self._objected: list[str] = []
        self._lock = threading.Lock()

    def take(self) -> list[str]:
        """Return the objections since the last call, each once."""
        with self._lock:
            objected = self._objected
            self._objected = []
        return list(dict.fromkeys(objected))

    def started(self, event: CommandStartedEvent) -> None:
        command = event.command
        found = objections(command)
        with self._lock:
            self._objected += [f"{each} in {shape(command)}" for each in found]
            self.under_way[event.database_name] += 1
            if event.command_name not in _READS:
                written = command[event.command_name] if event.command_name in _WRITES else OTHER
                self.changed[event.database_name].add(written)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        with self._lock:
            self.under_way[event.database_name] -= 1

    def failed(self, event: CommandFailedEvent) -> None:
        with self._lock:
            self.under_way[event.database_name] -= 1
            if "errtype" in event.failure:  # there was no reply: the store may still carry it out
                self.changed[event.database_name].add(OTHER)


def objections(command: Mapping[str, Any]) -> list[str]:
    """Return an objection for each form that is not in the list. An objection ends with the page to read."""
    name = next(iter(command), "")
    if name in manual.HANDSHAKES:
        return []
    if name not in manual.COMMANDS:
        return [f"command {name} is not in the list ({manual.MANUAL}command/)"]
    found = [*_fields(name, command, manual.COMMANDS[name]), *_concerns(name, command)]
    if name == "findAndModify":
        found += _upsert(command.get("upsert"), command.get("query"))
        if command.get("remove") and ("update" in command or command.get("new")):
            found.append("remove together with update or new")
    return [f"{name} {_collection(command)}: {each} ({manual.MANUAL}command/{name}/)" for each in found]


def shape(value: Any) -> str:
    """Return a command's form without its values."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shape(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        shapes = list(dict.fromkeys(map(shape, value)))
        return "[" + ", ".join(shapes) + "]"
    if isinstance(value, str) and value.startswith("$"):
        return f'"{value}"' if value.startswith("$$") else "field path"
    return type(value).__name__


def _collection(command: Mapping[str, Any]) -> str:
    value = command.get("collection") or next(iter(command.values()))
    return value if isinstance(value, str) else ""


def _fields(name: str, command: Mapping[str, Any], fields: dict[str, str]) -> Iterator[str]:
    for field, value in command.items():
        if field in fields:
            yield from _KINDS.get(fields[field], lambda _: ())(value)
        elif field not in manual.COMMON or (field == "maxTimeMS" and name in manual.WITHOUT_MAX_TIME):
            yield f"field {field} of {name}"


def _concerns(name: str, command: Mapping[str, Any]) -> Iterator[str]:
    if "readConcern" in command and name not in manual.WITH_READ_CONCERN:
        yield f"read concern of {name}"
    if "writeConcern" in command and name not in manual.WITH_WRITE_CONCERN:
        yield f"write concern of {name}"
    level = command.get("readConcern", {}).get("level", "local")
    if level not in manual.READ_CONCERNS or set(command.get("readConcern", {})) - {"level"}:
        yield f"read concern {level}"
    written = command.get("writeConcern") or {"w": "majority"}
    if written.get("w") not in manual.WRITE_CONCERNS or set(written) - {"w"}:
        yield f"write concern with {', '.join(sorted(written))}"


def _names(value: Any, allowed: Container[str], what: str) -> Iterator[str]:
    """Object to each operator in a query or an expression, however deep, that is not allowed there."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key.startswith("$") and key not in allowed:
                yield f"{what} {key}"
            if key == "$expr":
                yield from _expression(each)
            elif key != "$literal":
                yield from _names(each, allowed, what)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each, allowed, what)


def _query(value: Any) -> Iterator[str]:
    return _names(value, _QUERY, "query operator")


def _expression(value: Any) -> Iterator[str]:
    yield from _names(value, manual.EXPRESSIONS, "expression")
    yield from _variables(value)


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("$$"):
        if value[2:].partition(".")[0] not in manual.VARIABLES:
            yield f"variable {value.partition('.')[0]}"
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _variables(each)


def _pipeline(value: Any, allowed: Container[str] = manual.STAGES) -> Iterator[str]:
    for stage in value:
        ((name, argument),) = stage.items()
        if name not in allowed:
            yield f"stage {name}"
        elif name == "$match":
            yield from _query(argument)
        elif name == "$group":
            yield from _names(argument, _GROUP, "accumulator")
        elif isinstance(argument, Mapping) and "pipeline" in argument:
            yield from _pipeline(argument["pipeline"])
        else:
            yield from _projection(argument) if name == "$project" else _expression(argument)


def _projection(value: Any) -> Iterator[str]:
    """Check that, apart from _id, a projection only includes or only excludes fields.

    MongoDB refuses a mix (31253, 31254).
    """
    plain = [bool(each) for field, each in value.items() if field != "_id" and isinstance(each, int | float)]
    computed = [each for each in value.values() if not isinstance(each, int | float)]
    if len(set(plain)) > 1 or (computed and False in plain):
        yield "a projection that both includes and excludes"
    yield from _expression(computed)


def _update(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from _pipeline(value, manual.UPDATE_STAGES)
        return
    operators = [key for key in value if key.startswith("$")]
    yield from (f"update operator {each}" for each in operators if each not in manual.UPDATE_OPERATORS)
    paths = sorted(tuple(path.split(".")) for operator in operators for path in value[operator])
    for before, after in itertools.pairwise(paths):
        if after[: len(before)] == before:  # error 40
            yield f"two changes of {'.'.join(before)}, or of a part of it"


def _upsert(upsert: Any, query: Any) -> Iterator[str]:
    if upsert and "$expr" in repr(query):
        yield "$expr in an upsert's filter, which mongod refuses (224)"


def _updates(value: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in value:
        yield from (f"field {field} of an update" for field in each.keys() - manual.UPDATE_FIELDS)
        yield from _query(each["q"])
        yield from _update(each["u"])
        yield from _upsert(each.get("upsert"), each["q"])


def _deletes(value: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in value:
        yield from (f"field {field} of a delete" for field in each.keys() - manual.DELETE_FIELDS)
        yield from _query(each["q"])


def _indexes(value: list[Mapping[str, Any]]) -> Iterator[str]:
    told_apart = ("key", "unique", "sparse", "partialFilterExpression")  # core/index-partial/
    for one, other in itertools.combinations(value, 2):
        if all(repr(one.get(option)) == repr(other.get(option)) for option in told_apart):
            yield "two indexes of the same documents by the same key, which MongoDB refuses (85)"
    for index in value:
        yield from (f"index option {option}" for option in index.keys() - manual.INDEX_OPTIONS)
        partial = index.get("partialFilterExpression", {})
        if partial and "sparse" in index:
            yield "an index both sparse and partial"
        if "{'$exists': False}" in repr(partial):
            yield "$exists: false in a partial index's filter"
        yield from _names(partial, manual.PARTIAL_FILTER_OPERATORS, "a partial index's filter has")


_KINDS: dict[str, Any] = {
    "command": objections,
    "query": _query,
    "projection": _projection,
    "pipeline": _pipeline,
    "update": _update,
    "updates": _updates,
    "deletes": _deletes,
    "indexes": _indexes,
}
