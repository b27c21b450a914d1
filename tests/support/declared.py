"""Checks each reply and frame that a test reads against `/openapi.json` and `/asyncapi.json`."""

from functools import cache
from typing import Any

import msgspec
from jsonschema_rs import Draft202012Validator

from handlers import asyncapi, openapi
from handlers.languages import Language
from support.interfaces import ALL


@cache
def interfaces(language: Language = "zh") -> dict[str, Any]:
    return _decoded(openapi.document(ALL, "test", language))


@cache
def channel(language: Language = "zh") -> dict[str, Any]:
    return _decoded(asyncapi.document("test", language))


def _decoded(document: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return decoded


def check_reply(path: str, reply: dict[str, Any]) -> None:
    """Assert that a reply of an interface has only declared fields, with declared values."""
    if path in interfaces()["paths"]:
        problems = [error.message for error in _reply_validator(path).iter_errors(reply)]
        assert not problems, (path, problems, reply)
        [operation] = interfaces()["paths"][path].values()
        error = reply.get("error")
        assert error is None or error in operation["x-refusals"], (path, error, "not in refusals.json")


def check_frame(frame: dict[str, Any]) -> None:
    """Assert that a frame of `/ws` has only declared fields, with declared values."""
    problems = [error.message for error in _frame_validator(frame["type"]).iter_errors(frame)]
    assert not problems, (problems, frame)


@cache
def _reply_validator(path: str) -> Draft202012Validator:
    document = interfaces()
    [operation] = document["paths"][path].values()
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return _nothing_else(schema, document)


@cache
def _frame_validator(kind: str) -> Draft202012Validator:
    document = channel()
    sent = {message["name"]: message["payload"] for message in document["components"]["messages"].values()}
    return _nothing_else(sent[kind], document)


def _nothing_else(schema: dict[str, Any], document: dict[str, Any]) -> Draft202012Validator:
    closed = {
        name: {**of, "additionalProperties": False} for name, of in document["components"]["schemas"].items()
    }
    return Draft202012Validator({**schema, "components": {"schemas": closed}})
