"""Checks that a command has only the forms in `manual.py`, because SecantusDB accepts what MongoDB refuses.

An objection names forms and fields of a command, never a value.
"""

import itertools
from collections.abc import Iterator
from typing import Any

from support.wire import manual
from support.wire.messages import Document


def objections(command: Document) -> list[str]:
    """Return an objection for each form that is not in the list. An objection ends with the page to read."""
    name = next(iter(command), "")
    if name in manual.HANDSHAKES:
        return []
    if name not in manual.COMMANDS:
        return [f"command {name} is not in the list ({manual.MANUAL}command/)"]
    found = [*_fields(name, command, manual.COMMANDS[name]), *_concerns(name, command)]
    if command.get("upsert") and name == "findAndModify":
        found += _upsert(command.get("query") or {}, command.get("update"))
    if name == "findAndModify" and command.get("remove") and ("update" in command or command.get("new")):
        found.append("remove together with update or new")
    return [f"{name} {_collection(command)}: {each} ({manual.MANUAL}command/{name}/)" for each in found]


def shape(value: Any) -> str:
    """Return a command's form without its values."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shape(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        shapes = list(dict.fromkeys(map(shape, value)))
        return "[" + ", ".join(shapes) + "]"
    if isinstance(value, str) and value.startswith("$"):
        return f'"{value}"' if value.startswith("$$") else "field path"
    return type(value).__name__


def _collection(command: Document) -> str:
    value = command.get("collection") or next(iter(command.values()))
    return value if isinstance(value, str) else ""


def _fields(name: str, command: Document, fields: dict[str, str]) -> Iterator[str]:
    for field, value in command.items():
        kind = fields.get(field)
        if kind is not None:
            yield from _KINDS[kind](value)
        elif field not in manual.COMMON or (field == "maxTimeMS" and name in manual.WITHOUT_MAX_TIME):
            yield f"field {field} of {name}"


def _concerns(name: str, command: Document) -> Iterator[str]:
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


def _bool(value: Any) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{type(value).__name__} for bool"


def _name(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f"{type(value).__name__} for a name"


def _target(value: Any) -> Iterator[str]:
    """Check a collection's name, or 1 for the database itself."""
    if value != 1:
        yield from _name(value)


def _count(value: Any) -> Iterator[str]:
    if not isinstance(value, int) or value < 0:
        yield "a number below 0"


def _query(value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"query of type {type(value).__name__}"
        return
    for key, each in value.items():
        if key == "$expr":
            yield from _expression(each)
        elif key in manual.LOGICAL_QUERY_OPERATORS:
            if not isinstance(each, list) or not each:
                yield f"{key} without a list of queries"
            else:
                for part in each:
                    yield from _query(part)
        elif key.startswith("$"):
            yield f"query operator {key} where a field stands"
        elif isinstance(each, dict):
            yield from _predicate(each)


def _predicate(value: Document) -> Iterator[str]:
    """Check a condition on a field if it is a document, such as {"$gt": 0}."""
    operators = [key for key in value if key.startswith("$")]
    if operators and len(operators) < len(value):
        yield f"query operator {operators[0]} beside plain fields"
    for key in operators:
        each = value[key]
        if key not in manual.QUERY_OPERATORS:
            yield f"query operator {key}"
        elif key in ("$in", "$nin"):
            if not isinstance(each, list) or any(_has_operators(one) for one in each):
                yield f"{key} of something but a list of plain values"
        elif key == "$not":
            yield from _predicate(each) if isinstance(each, dict) and each else ["$not without a predicate"]
        elif key == "$elemMatch":
            yield from _predicate(each) if _has_operators(each) else _query(each)
        elif _has_operators(each):
            yield f"an operator inside {key}"


def _has_operators(value: Any) -> bool:
    return isinstance(value, dict) and any(key.startswith("$") for key in value)


def _expression(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("$$") and value[2:].partition(".")[0] not in manual.VARIABLES:
            yield f"variable {value.partition('.')[0]}"
    elif isinstance(value, list):
        for each in value:
            yield from _expression(each)
    elif isinstance(value, dict):
        operators = [key for key in value if key.startswith("$")]
        if not operators:
            for each in value.values():
                yield from _expression(each)
        elif len(value) > 1:
            yield f"expression {operators[0]} beside other fields"
        elif operators[0] not in manual.EXPRESSIONS:
            yield f"expression {operators[0]}"
        elif operators[0] != "$literal":
            yield from _expression(value[operators[0]])


def _pipeline(value: Any, allowed: Any = manual.STAGES) -> Iterator[str]:
    for stage in value:
        if not isinstance(stage, dict) or len(stage) != 1:
            yield "a stage that is not one operator"
            continue
        ((name, argument),) = stage.items()
        if name not in allowed:
            yield f"stage {name}"
        else:
            yield from _STAGE_KINDS[name](argument)


def _group(value: Document) -> Iterator[str]:
    if "_id" not in value:
        yield "$group without _id"
    yield from _expression(value.get("_id"))
    for field, accumulated in value.items():
        if field == "_id":
            continue
        if not isinstance(accumulated, dict) or len(accumulated) != 1:
            yield f"$group's {field} is no accumulator"
            continue
        ((name, argument),) = accumulated.items()
        yield from _expression(argument) if name in manual.ACCUMULATORS else [f"accumulator {name}"]


def _lookup(value: Document) -> Iterator[str]:
    known = {"from", "as", "localField", "foreignField", "pipeline"}
    yield from (f"$lookup's {field}" for field in value.keys() - known)
    if ("localField" in value) != ("foreignField" in value) or not {"from", "as"} <= value.keys():
        yield "$lookup without from, as, or one of its two fields"
    yield from _pipeline(value.get("pipeline", []))


def _union(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"$unionWith's {field}" for field in value.keys() - {"coll", "pipeline"})
        yield from _pipeline(value.get("pipeline", []))


def _unwind(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"$unwind's {field}" for field in value.keys() - {"path", "preserveNullAndEmptyArrays"})


def _replace_root(value: Document) -> Iterator[str]:
    yield from _expression(value["newRoot"]) if value.keys() == {"newRoot"} else ["$replaceRoot's fields"]


def _sort(value: Any) -> Iterator[str]:
    if not isinstance(value, dict) or not value or any(each not in (1, -1) for each in value.values()):
        yield "sort by something but 1 and -1"


def _limit(value: Any) -> Iterator[str]:
    if not isinstance(value, int) or value < 1:
        yield "$limit below 1"


def _projection(value: Any, *, may_be_empty: bool = True) -> Iterator[str]:
    """Check that, apart from _id, a projection only includes or only excludes fields.

    MongoDB refuses a mix (31253, 31254).
    """
    if not isinstance(value, dict) or not (value or may_be_empty):
        yield "a projection of nothing"
        return
    plain = [bool(each) for field, each in value.items() if field != "_id" and isinstance(each, int | float)]
    computed = [each for each in value.values() if not isinstance(each, int | float)]
    if len(set(plain)) > 1 or (computed and False in plain):
        yield "a projection that both includes and excludes"
    for each in computed:
        yield from _expression(each)


def _project(value: Any) -> Iterator[str]:
    return _projection(value, may_be_empty=False)


def _update(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from _pipeline(value, manual.UPDATE_STAGES)
        return
    operators = [key for key in value if key.startswith("$")]
    if operators and len(operators) < len(value):
        yield "update operators beside plain fields"
    paths: list[tuple[str, ...]] = []
    for operator in operators:
        if operator not in manual.UPDATE_OPERATORS:
            yield f"update operator {operator}"
        if not isinstance(value[operator], dict):
            yield f"{operator} without fields"
            continue
        paths += (tuple(path.split(".")) for path in value[operator])
    yield from (f"two changes of {'.'.join(path)}, or of a part of it" for path in _conflicts(paths))


def _conflicts(paths: list[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Find paths that begin with another path: MongoDB refuses such updates (error 40)."""
    ordered = sorted(paths)
    for before, after in itertools.pairwise(ordered):
        if after[: len(before)] == before:
            yield before


def _upsert(query: Document, update: Any) -> Iterator[str]:
    if _has_expr(query):
        yield "$expr in an upsert's filter, which mongod refuses (224)"
    if isinstance(update, dict) and any(
        part.startswith("$")
        for fields in update.values()
        if isinstance(fields, dict)
        for path in fields
        for part in path.split(".")
    ):
        yield "a positional path in an upsert"


def _has_expr(query: Any) -> bool:
    if isinstance(query, dict):
        return any(key == "$expr" or _has_expr(each) for key, each in query.items())
    return isinstance(query, list) and any(map(_has_expr, query))


def _updates(value: list[Document]) -> Iterator[str]:
    for each in value:
        yield from (f"field {field} of an update" for field in each.keys() - manual.UPDATE_FIELDS)
        yield from _query(each["q"])
        yield from _update(each["u"])
        if each.get("upsert"):
            yield from _upsert(each["q"], each["u"])
        if each.get("multi") and isinstance(each["u"], dict) and not _has_operators(each["u"]):
            yield "a replacement of many documents"


def _deletes(value: list[Document]) -> Iterator[str]:
    for each in value:
        yield from (f"field {field} of a delete" for field in each.keys() - manual.DELETE_FIELDS)
        yield from _query(each["q"])
        if each["limit"] not in (0, 1):
            yield "a limit of a delete that is neither 0 nor 1"


def _indexes(value: list[Document]) -> Iterator[str]:
    told_apart = ("key", "unique", "sparse", "partialFilterExpression")  # core/index-partial/
    for one, other in itertools.combinations(value, 2):
        if all(repr(one.get(option)) == repr(other.get(option)) for option in told_apart):
            yield "two indexes of the same documents by the same key, which MongoDB refuses (85)"
    for index in value:
        yield from (f"index option {option}" for option in index.keys() - manual.INDEX_OPTIONS)
        yield from _sort(index["key"])
        partial = index.get("partialFilterExpression", {})
        if partial and "sparse" in index:
            yield "an index both sparse and partial"
        if "expireAfterSeconds" in index and len(index["key"]) > 1:
            yield "an index of several fields that expires"
        for predicate in partial.values():
            for operator, argument in predicate.items() if isinstance(predicate, dict) else ():
                if operator not in manual.PARTIAL_FILTER_OPERATORS or (
                    operator == "$exists" and not argument
                ):
                    yield f"{operator} in a partial index's filter"


_KINDS: dict[str, Any] = {
    "any": lambda _: (),
    "bool": _bool,
    "name": _name,
    "target": _target,
    "count": _count,
    "command": objections,
    "query": _query,
    "projection": _projection,
    "sort": _sort,
    "pipeline": _pipeline,
    "update": _update,
    "updates": _updates,
    "deletes": _deletes,
    "indexes": _indexes,
}
_STAGE_KINDS: dict[str, Any] = {
    **dict.fromkeys(("$addFields", "$set", "$replaceWith"), _expression),
    **dict.fromkeys(("$currentOp", "$unset"), lambda _: ()),
    "$group": _group,
    "$match": _query,
    "$project": _project,
    "$sort": _sort,
    "$limit": _limit,
    "$skip": _count,
    "$lookup": _lookup,
    "$unionWith": _union,
    "$unwind": _unwind,
    "$replaceRoot": _replace_root,
    "$count": _name,
}
