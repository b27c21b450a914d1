"""`/openapi.json`, made from what each interface declares: what it takes, and what it gives."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from handlers.base import Interface, RefusalReply
from handlers.examples import examples
from handlers.glossary import CASH, GLOSSARIES, MEANINGS, summary_of
from handlers.languages import Language, say, say_paragraphs
from handlers.ops.operators import COOKIE, OperatorInterface
from handlers.schemas import named_refusals, refusal_table, schemas_of
from server.decoding import decode

# The HTTP statuses of requests that no interface answered, and when they are sent.
NOT_HTTP = "400"
NO_ANSWER = {
    NOT_HTTP: "The request is not valid HTTP. Only this reply has no body.",
    "405": "The interface takes another method.",
    "413": "The body is too large.",
    "429": "Too many tries, uploads or connections. `Retry-After` says when to ask again.",
    "500": "A bug. The log has the `trace_id`.",
    "503": "A store does not answer. `Retry-After` says when to ask again.",
}

# The codes of refusals by interface. Those of all, of a method, of people, and of a role of operators stand
# once.
REFUSED = decode(Path(__file__).with_name("refusals.json").read_bytes(), dict[str, dict[str, list[str]]])

# Generated clients are simpler for one kind of body.
FORMS = "The same fields as a form, in either encoding, are taken too."
FILES = "A form with files."

NO_IDENTITY = (
    "A request without an identity is refused as `not_logged_in`, or where a token is required "
    "(always in production) as `token_required`."
)


@functools.cache
def document(
    interfaces: tuple[type[Interface], ...], version: str, language: Language, *, cash: bool = True
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these interfaces, without the server's address.

    Without `cash`, nothing in it names red packets.
    """
    interfaces = tuple(each for each in interfaces if summary_of(each, language, cash=cash))
    takes = [struct for interface in interfaces for struct in interface.takes]
    gives: list[type[msgspec.Struct]] = [RefusalReply]
    gives += [struct for interface in interfaces for struct in interface.gives]
    components = schemas_of(takes, gives, GLOSSARIES[cash], language)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wabao",
            "version": version,
            "description": f"{say(NO_IDENTITY, language)}\n\n{refusal_table(language, cash=cash)}",
        },
        "tags": [{"name": say(room, language)} for room in dict.fromkeys(map(_room, interfaces))],
        "paths": {
            interface.path: {interface.method.lower(): _operation(interface, components, language, cash=cash)}
            for interface in interfaces
        },
        "components": {
            "schemas": components,
            "responses": {status: _no_answer(status, language) for status in NO_ANSWER},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "operator": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def with_sandbox(
    document: dict[str, Any], sandbox: Mapping[str, Any], *, cash: bool = True
) -> dict[str, Any]:
    """Return a document with what a sandbox adds: its `tag`, `paths` and `schemas`.

    Without `cash` it adds nothing: a sandbox plays mostly how money is paid.
    """
    if not cash:
        return document
    components = document["components"]
    return {
        **document,
        "tags": [*document["tags"], sandbox["tag"]],
        "paths": {**document["paths"], **sandbox["paths"]},
        "components": {**components, "schemas": {**components["schemas"], **sandbox["schemas"]}},
    }


def _room(interface: type[Interface]) -> str:
    """Return the package of `handlers/` that an interface is in, or "texts" if it is in no package."""
    parts = interface.__module__.split(".")
    return parts[1] if len(parts) > 2 else "texts"


def refusals_of(interface: type[Interface], *, cash: bool = True) -> list[str]:
    """Return the codes with which an interface may refuse; without `cash`, those not about red packets."""
    always = REFUSED["always"]
    codes = {*always["every"], *always[interface.method], *REFUSED["own"][interface.path]}
    if issubclass(interface, OperatorInterface):
        codes.update(always[interface.role])
    elif any("unionid" in taken.__struct_fields__ for taken in interface.takes):
        codes.update(always["person"])
    return [code for code in named_refusals(cash=cash) if code in codes]


def _operation(
    interface: type[Interface], components: dict[str, Any], language: Language, *, cash: bool
) -> dict[str, Any]:
    refusals = refusals_of(interface, cash=cash)
    listed = f"{say('Refusals (`error`):', language)} {', '.join(f'`{code}`' for code in refusals)}"
    operation: dict[str, Any] = {
        "operationId": interface.__name__,
        "tags": [say(_room(interface), language)],
        "summary": summary_of(interface, language, cash=cash),
        "description": f"{say_paragraphs(interface.explained, language)}\n\n{listed}".strip(),
        "x-refusals": refusals,
        "security": _security(interface),
        "responses": {
            "200": {
                "description": say("`status` 0: done. `status` 1: refused, and `error` says why.", language),
                "content": {"application/json": {"schema": _any_of([*interface.gives, RefusalReply])}},
            },
            **{status: {"$ref": f"#/components/responses/{status}"} for status in NO_ANSWER},
        },
    }
    noted = examples("interfaces").get(interface.path, {})
    if not cash:
        noted = shown_examples(noted)
    replies = operation["responses"]["200"]["content"]
    for kind in interface.gives_texts:
        replies[kind] = {"schema": {"type": "string"}}
    for kind, of in replies.items():
        is_json = kind == "application/json"
        fitting = {name: each for name, each in noted.items() if isinstance(each["reply"], dict) == is_json}
        of.update(_examples(fitting, "reply"))
    if interface.method == "GET":
        operation["parameters"] = [
            parameter
            for taken in interface.takes
            for parameter in query_parameters(
                components[taken.__name__], noted.get(taken.__name__, {"request": {}})["request"]
            )
        ]
    else:
        kind = "application/json"
        schema = _any_of(interface.takes)
        said = FORMS
        if interface.takes_files:
            kind = "multipart/form-data"
            said = FILES
            schema = {"allOf": [schema, _files(interface.takes_files, language)]}
        content = {"schema": schema, **({} if interface.takes_files else _examples(noted, "request"))}
        operation["requestBody"] = {
            "required": True,
            "description": say(said, language),
            "content": {kind: content},
        }
    return operation


def _no_answer(status: str, language: Language) -> dict[str, Any]:
    said = {"description": say(NO_ANSWER[status], language)}
    if status == NOT_HTTP:
        return said
    return {**said, "content": {"application/json": {"schema": _any_of([RefusalReply])}}}


def _security(interface: type[Interface]) -> list[dict[str, list[str]]]:
    if issubclass(interface, OperatorInterface):
        return [{"operator": []}]
    return [{"token": []}] if interface.needs_token else [{}, {"token": []}]


def _files(names: Sequence[str], language: Language) -> dict[str, Any]:
    properties = {
        name: {"type": "string", "format": "binary", "description": MEANINGS[name].sentence("", (), language)}
        for name in names
    }
    return {"type": "object", "properties": properties, "required": list(names)}


def _examples(noted: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Return the field of a media type that has the examples of what an interface takes or replies."""
    if not noted:
        return {}
    return {"examples": {name: {"value": example[part]} for name, example in noted.items()}}


def shown_examples(noted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the examples that name no red packets, without the fields that are not described."""
    hidden = GLOSSARIES[False].undescribed
    bare = {name: _bare(example, hidden) for name, example in noted.items()}
    return {name: each for name, each in bare.items() if not CASH.search(msgspec.json.encode(each).decode())}


def _bare(part: Any, hidden: set[str]) -> Any:
    if isinstance(part, dict):
        return {name: _bare(value, hidden) for name, value in part.items() if name not in hidden}
    return [_bare(each, hidden) for each in part] if isinstance(part, list) else part


def query_parameters(schema: dict[str, Any], example: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of a query with these fields."""
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": of.get("description", ""),
            "schema": of,
            **({"example": example[name]} if name in example else {}),
        }
        for name, of in schema["properties"].items()
    ]


def _any_of(structs: Sequence[type[msgspec.Struct]]) -> dict[str, Any]:
    references = [{"$ref": f"#/components/schemas/{struct.__name__}"} for struct in structs]
    return references[0] if len(references) == 1 else {"anyOf": references}
