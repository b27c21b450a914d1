"""JSON schemas of declared structs, each field with its meaning: the parts of both descriptions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from handlers.glossary import CASH, Glossary, Meaning
from handlers.languages import LANGUAGES, Language, say
from server.errors import REFUSALS, Refusal


def schemas_of(
    takes: Iterable[type[msgspec.Struct]],
    gives: Iterable[type[msgspec.Struct]],
    glossary: Glossary,
    language: Language,
) -> dict[str, dict[str, Any]]:
    """Return the schemas of what is taken and given, and of the structs within, by name.

    In English, a struct's description is the docstring of its class. Fields that the glossary does not
    describe are left out.
    """
    taken = {struct.__name__ for struct in takes}
    everything = [*takes, *gives]
    classes = {each.__name__: each for each in structs_within(msgspec.inspect.multi_type_info(everything))}
    _, schemas = msgspec.json.schema_components(everything, ref_template="#/components/schemas/{name}")
    bare = bool(glossary.undescribed)
    for name, schema in schemas.items():
        for part in _dicts(schema):
            if isinstance(part.get("pattern"), str):  # JSON Schema's regular expressions are JavaScript's
                part["pattern"] = part["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
        if name not in taken:
            _require_defaults(schema)
        for part in _dicts(schema):
            if part.get("default", "") is None:  # some generators cannot have it where null is no value
                del part["default"]
        for field, of in list(schema["properties"].items()):
            key = key_of(classes[name], field, glossary.fields)
            meaning = glossary.fields[key] if key is not None else None
            if meaning is not None:
                _explain(of, meaning, glossary, language)
            elif key is not None:
                del schema["properties"][field]
                schema["required"] = [each for each in schema.get("required", ()) if each != field]
        if language == "zh" or (bare and CASH.search(schema.get("description", ""))):
            schema.pop("description", None)
        else:
            for part in _dicts(schema["properties"]):
                if isinstance(part.get("title"), str):  # the label of a form
                    del part["title"]
                if isinstance(part.get("description"), str):
                    part["description"] = say(part["description"], "en")
    return {name: schema for name, schema in schemas.items() if not (bare and CASH.search(name))}


def key_of(struct: type[msgspec.Struct], field: str, meanings: Mapping[str, object]) -> str | None:
    """Return the key of a field's meaning, the struct's own before its base's; None if it has none."""
    keys = [*(f"{each.__name__}.{field}" for each in struct.__mro__), field]
    return next((key for key in keys if key in meanings), None)


def structs_within(types: Iterable[Any]) -> set[type[msgspec.Struct]]:
    """Return the structs among types that msgspec inspected, and those of their fields."""
    found: set[type[msgspec.Struct]] = set()
    waiting = list(types)
    while waiting:
        each = waiting.pop()
        if isinstance(each, msgspec.inspect.StructType):
            if each.cls not in found:
                found.add(each.cls)
                waiting += [field.type for field in each.fields]
        elif isinstance(each, msgspec.inspect.UnionType):
            waiting += each.types
        elif isinstance(each, msgspec.inspect.Metadata):
            waiting.append(each.type)
        elif isinstance(each, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
            waiting.append(each.item_type)
    return found


def named_refusals(*, cash: bool) -> dict[str, type[Refusal]]:
    """Return all refusals by their codes; without `cash`, those not about red packets."""
    return {
        error: refusal
        for error, refusal in REFUSALS.items()
        if cash or not any(CASH.search(say(refusal.default_msg, each)) for each in LANGUAGES)
    }


def refusal_table(language: Language, *, cash: bool) -> str:
    """Return the named refusals in Markdown: the code, what it means, the HTTP code if it is not 200."""
    return f"{say('Refusals (`error`):', language)}\n\n" + "\n".join(
        f"- `{error}`: {say(refusal.default_msg, language)}"
        + (f" (HTTP {refusal.http_status})" if refusal.http_status != 200 else "")
        for error, refusal in named_refusals(cash=cash).items()
    )


def _require_defaults(schema: dict[str, Any]) -> None:
    """Mark fields with a default as required: they may be left out of a request, but are in every reply."""
    schema["required"] = [
        field
        for field, of in schema["properties"].items()
        if field in schema.get("required", ()) or "default" in of
    ]


def _explain(schema: dict[str, Any], meaning: Meaning, glossary: Glossary, language: Language) -> None:
    """Add a field's meaning to its description. A parameter's description already has its condition; an
    optional parameter has its description in the first alternative.
    """
    first = schema.get("anyOf", [schema])[0]
    values = glossary.values.get(meaning.values, ())
    schema["description"] = meaning.sentence(first.pop("description", ""), values, language)
    if values:
        first["enum"] = [value for value, *_ in values]


def _dicts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all parts of it that are objects."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _dicts(part)
