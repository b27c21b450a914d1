"""JSON schemas of declared structs, each field with what it means: what the two descriptions are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from handlers.glossary import Meaning
from server.errors import REFUSALS


def schemas_of(
    takes: Iterable[type[msgspec.Struct]],
    gives: Iterable[type[msgspec.Struct]],
    meanings: Mapping[str, Meaning],
) -> dict[str, dict[str, Any]]:
    """Return the schemas of what is taken and given, and of the structs within, by name."""
    taken = {struct.__name__ for struct in takes}
    _, schemas = msgspec.json.schema_components([*takes, *gives], ref_template="#/components/schemas/{name}")
    for name, schema in schemas.items():
        _respell_patterns(schema)
        if name not in taken:
            _require_defaults(schema)
        for field, of in schema["properties"].items():
            meaning = meanings.get(f"{name}.{field}") or meanings.get(field)
            if meaning is not None:
                _explain(of, meaning)
    return schemas


def refusal_table() -> str:
    """Return all refusals in Markdown: the code, what the person reads, the HTTP code if it is not 200."""
    return "Refusals (`error`):\n\n" + "\n".join(
        f"- `{error}`: {refusal.default_msg}"
        + (f" (HTTP {refusal.http_status})" if refusal.http_status != 200 else "")
        for error, refusal in REFUSALS.items()
    )


def _require_defaults(schema: dict[str, Any]) -> None:
    """Require what has a default: it may be left out of a request, and is always in a reply."""
    schema["required"] = [
        field
        for field, of in schema["properties"].items()
        if field in schema.get("required", ()) or "default" in of
    ]


def _explain(schema: dict[str, Any], meaning: Meaning) -> None:
    """Describe a field. What a parameter must be is already there; of an optional one, in its first form."""
    first = schema.get("anyOf", [schema])[0]
    schema["description"] = meaning.sentence(first.pop("description", ""))
    if meaning.values:
        first["enum"] = list(meaning.values)


def _respell_patterns(schema: Any) -> None:
    r"""Replace `\A` and `\Z` by `^` and `$`: JSON Schema's regular expressions are JavaScript's."""
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _respell_patterns(part)
    if isinstance(schema, dict) and isinstance(schema.get("pattern"), str):
        schema["pattern"] = schema["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
