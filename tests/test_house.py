"""The house's rules: how long a function and a file may be, what is pure, which privates we use."""

from __future__ import annotations

import ast
import configparser
import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.iostream import BaseIOStream
from tornado.websocket import WebSocketProtocol13
from wechatpayv3.async_ import AsyncWeChatPay
from wechatpayv3.async_.core import AsyncCore

ROOT = Path(__file__).parents[1]
FUNCTION_LINES = 45
FILE_LINES = {"server": 400, "handlers": 400, "tests": 500}

# The privates that we override or use, each with a method of the library that must still name it.
TORNADO: list[tuple[Callable[..., Any], str]] = [
    # handlers/websocket.py
    (WebSocketProtocol13._receive_frame_loop, "_receive_frame"),
    (WebSocketProtocol13._receive_frame_loop, "client_terminated"),
    (WebSocketProtocol13._receive_frame_loop, "_abort"),
    (WebSocketProtocol13.start_pinging, "periodic_ping"),
    # server/running/bounded.py
    (HTTPServer.handle_stream, "HTTP1ServerConnection"),
    (HTTP1ServerConnection.__init__, "stream"),
    (HTTP1ServerConnection._server_request_loop, "start_request"),
    (HTTP1ServerConnection._server_request_loop, "on_close"),
    (HTTP1Connection.__init__, "stream"),
    # server/running/listening.py and long_heads.py
    (BaseIOStream.close, "close_fd"),
    (BaseIOStream.close, "error"),
    (BaseIOStream._read_to_buffer, "read_from_fd"),
]
# Words of one meaning, each with where functions may be called by it.
WORDS = {
    "claim": ("server/actions/claim", "server/game/amounts", "server/store/prizes"),  # a winner's
    "hold": ("server/store/held_prizes", "server/store/shown_tasks"),  # until an operator decides
    "settle": ("server/actions/",),  # what is due, to its next state
}
# server/wechat/pay/client.py
WECHATPAY: list[tuple[Callable[..., Any], str]] = [
    (AsyncWeChatPay.__init__, "_core"),
    (AsyncWeChatPay.sign, "_core"),
    (AsyncWeChatPay.callback, "_core"),
    (AsyncCore.request, "_gate_way"),
    (AsyncCore.request, "_client"),
    (AsyncCore.callback, "decrypt_callback"),
    (AsyncCore.decrypt_callback, "_verify_signature"),
    (AsyncCore._verify_signature_async, "_update_certificates"),
    *((AsyncCore.__init__, name) for name in ("_mchid", "_cert_serial_no", "_private_key", "_public_key_id")),
]


def sources(*places: str) -> Iterator[Path]:
    for place in places:
        yield from sorted((ROOT / place).rglob("*.py"))


def test_no_function_of_the_server_is_longer_than_45_lines():
    too_long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines"
        for path in sources("server", "handlers")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert too_long == []


@pytest.mark.parametrize("place", FILE_LINES)
def test_no_file_is_too_long(place: str):
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(place)
    }
    too_long = {name: lines for name, lines in lengths.items() if lines > FILE_LINES[place]}
    assert too_long == {}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_means_one_thing(word: str):
    elsewhere = [
        f"{place}:{node.lineno} {node.name}"
        for path in sources("server", "handlers")
        if not (place := str(path.relative_to(ROOT))).startswith(WORDS[word])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.strip("_").startswith(word)
    ]
    assert elsewhere == []


def test_what_calls_itself_pure_is_held_to_it():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    held = tuple(f"{name}." for name in setup["importlinter:contract:pure"]["source_modules"].split())
    pure = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sources("server", "handlers")
        if re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
    ]
    assert len(pure) > 20
    assert [module for module in pure if not f"{module}.".startswith(held)] == []


def names(code: CodeType) -> set[str]:
    """Return the names that a function, and the functions within it, use."""
    inner = [names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


@pytest.mark.parametrize(
    ("method", "name"),
    [pytest.param(*used, id=f"{used[0].__qualname__} {used[1]}") for used in TORNADO + WECHATPAY],
)
def test_a_library_still_uses_what_we_override(method: Callable[..., Any], name: str):
    assert name in names(inspect.unwrap(method).__code__)


@pytest.mark.parametrize("library", ["tornado", "wechatpayv3"])
def test_a_library_whose_privates_we_override_has_an_upper_bound(library: str):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [line for line in setup["options"]["install_requires"].split("\n") if line]
    (asked,) = [found for found in map(Requirement, lines) if found.name == library]
    here = Version(version(library))
    assert here in asked.specifier
    assert Version(f"{here.major}.{here.minor + 1}") not in asked.specifier, (
        "the next minor version is allowed"
    )
