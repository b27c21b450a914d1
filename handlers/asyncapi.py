"""`/asyncapi.json`: the websocket `/ws`, from the classes that parse its messages and encode its frames."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import urlsplit

import msgspec

from handlers.examples import examples
from handlers.glossary import MEANINGS
from handlers.push import CLOSES, Cheer, ConnectRequest, Hello, Ping, Subscribe, Unsubscribe
from handlers.schemas import refusal_table, schemas_of
from server.realtime.frames import Frame

MESSAGES: list[type[msgspec.Struct]] = [Hello, Subscribe, Unsubscribe, Cheer, Ping]


def describe(version: str, url: str) -> bytes:
    """Return the AsyncAPI 3.0 document of `/ws` at `url`, as JSON."""
    parts = urlsplit(url)
    protocol = "wss" if parts.scheme == "https" else "ws"
    server = {"host": parts.netloc, "protocol": protocol, "pathname": parts.path}
    return msgspec.json.encode({**_document(version), "servers": {"this": server}})


@functools.cache
def _document(version: str) -> dict[str, Any]:
    frames = Frame.__subclasses__()
    schemas = schemas_of([ConnectRequest, *MESSAGES], frames, MEANINGS)
    query = schemas.pop(ConnectRequest.__name__)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Wabao",
            "version": version,
            "description": f"Live tasks: text frames of JSON, uncompressed.\n\n{refusal_table()}",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "description": _close_table(),
                "messages": {each.__name__: _reference("messages", each) for each in [*MESSAGES, *frames]},
                "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "receive": _operation("receive", "What a client sends.", MESSAGES),
            "send": _operation("send", "What the server sends.", frames),
        },
        "components": {
            "schemas": schemas,
            "messages": {each.__name__: _message(each) for each in [*MESSAGES, *frames]},
        },
    }


def _operation(action: str, summary: str, messages: list[Any]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/ws"},
        "messages": [{"$ref": f"#/channels/ws/messages/{each.__name__}"} for each in messages],
    }


def _message(struct: type[msgspec.Struct]) -> dict[str, Any]:
    name = str(struct.__struct_config__.tag)
    known = examples("messages") | examples("frames")
    return {
        "name": name,
        "summary": (struct.__doc__ or "").split("\n")[0],
        "payload": _reference("schemas", struct),
        **({"examples": [{"payload": known[name]}]} if name in known else {}),
    }


def _reference(kind: str, struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{struct.__name__}"}


def _close_table() -> str:
    return "Close codes:\n\n" + "\n".join(f"- {code}: {meaning}" for code, meaning in CLOSES.items())
