"""`/asyncapi.json`: the websocket `/ws`, from the classes that parse its messages and encode its frames."""

import functools
from typing import Any
from urllib.parse import urlsplit

import msgspec

from handlers.examples import examples
from handlers.glossary import GLOSSARIES, summary_of
from handlers.languages import Language, say
from handlers.openapi import shown_examples
from handlers.push import CLOSES, Cheer, ConnectRequest, Hello, Ping, Subscribe, Unsubscribe
from handlers.schemas import refusal_table, schemas_of
from server.realtime.frames import Frame

MESSAGES: list[type[msgspec.Struct]] = [Hello, Subscribe, Unsubscribe, Cheer, Ping]


def servers(url: str) -> dict[str, Any]:
    """Return the field of the document that says where `/ws` is."""
    parts = urlsplit(url)
    protocol = "wss" if parts.scheme == "https" else "ws"
    return {"this": {"host": parts.netloc, "protocol": protocol, "pathname": parts.path}}


@functools.cache
def document(version: str, language: Language, *, cash: bool = True) -> dict[str, Any]:
    """Return the AsyncAPI 3.1 document of `/ws`, without `servers`.

    Without `cash`, nothing in it names red packets.
    """
    frames = [each for each in Frame.__subclasses__() if summary_of(each, language, cash=cash)]
    schemas = schemas_of([ConnectRequest, *MESSAGES], frames, GLOSSARIES[cash], language)
    query = schemas.pop(ConnectRequest.__name__)
    closes = "\n".join(f"- {code}: {say(meaning, language)}" for code, meaning in CLOSES.items())
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Wabao",
            "version": version,
            "description": say("Live treasures: text frames of JSON, uncompressed.", language)
            + f"\n\n{refusal_table(language, cash=cash)}",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "description": f"{say('Close codes:', language)}\n\n{closes}",
                "messages": {each.__name__: _reference("messages", each) for each in [*MESSAGES, *frames]},
                "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "receive": _operation("receive", say("What a client sends.", language), MESSAGES),
            "send": _operation("send", say("What the server sends.", language), frames),
        },
        "components": {
            "schemas": schemas,
            "messages": {each.__name__: _message(each, language, cash=cash) for each in [*MESSAGES, *frames]},
        },
    }


def _operation(action: str, summary: str, messages: list[Any]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/ws"},
        "messages": [{"$ref": f"#/channels/ws/messages/{each.__name__}"} for each in messages],
    }


def _message(struct: type[msgspec.Struct], language: Language, *, cash: bool) -> dict[str, Any]:
    name = str(struct.__struct_config__.tag)
    known = examples("messages") | examples("frames")
    known = known if cash else shown_examples(known)
    return {
        "name": name,
        "summary": summary_of(struct, language, cash=cash),
        "payload": _reference("schemas", struct),
        **({"examples": [{"payload": known[name]}]} if name in known else {}),
    }


def _reference(kind: str, struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{struct.__name__}"}
