"""Rules of the code: pure modules, modules that may write, libraries' private names."""

import configparser
import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from tornado.websocket import WebSocketProtocol13

from server.store import Store

ROOT = Path(__file__).parents[1]
# Private names of libraries that we override or use, each after a library's method that must still use the
# name.
TORNADO: list[tuple[Callable[..., Any], str]] = [
    # handlers/websocket.py counts frames, since Tornado tells only of whole messages,
    (WebSocketProtocol13._receive_frame_loop, "_receive_frame"),
    (WebSocketProtocol13._receive_frame_loop, "client_terminated"),
    # drops a peer that floods or is silent at once, where Tornado waits for its close frame,
    (WebSocketProtocol13._receive_frame_loop, "_abort"),
    (WebSocketProtocol13.start_pinging, "periodic_ping"),
    # and learns of frames of Tornado's own before it writes into the socket.
    (WebSocketProtocol13.write_ping, "_write_frame"),
    (WebSocketProtocol13.close, "_write_frame"),
]
CLOCKS = {"time", "datetime", "loop", "io_loop"}  # what has the standard library's clocks
PATCHING = re.compile(r"\b(?:setattr|patch|object)\(\s*([^,()]+(?:,[^,()]+)?)")
USE = re.compile(r"(?:store|books)\s*\.(\w+)\s*\.(\w+)")
ALIAS = re.compile(r"(\w+) = [\w.]*(?:store|books)\.(\w+)$", re.MULTILINE)
EMBEDDED = re.compile(r"SecantusDB|embedded store|some (?:servers|stores)", re.IGNORECASE)
# What starts the embedded store, and what tells an operator of it.
OF_EMBEDDED = {f"server/{name}.py" for name in ("__main__", "check", "store/cluster", "store/schema")}
DECODING = re.compile(r"\bjson\.(decode|Decoder|loads?)\b|\bjson_decode\b")
# A method of a store counts as writing if it, or a method of the store that it calls, uses one of these
# names.
WRITING = {
    *("insert_one", "insert_many", "update_one", "update_many", "replace_one", "delete_one", "delete_many"),
    *("find_one_and_update", "find_one_and_delete", "find_one_and_replace", "bulk_write"),
}
STORES = ("server.store.", "server.cash.store.")
# The modules that may call methods of the store that write.
WRITERS = (
    "server/actions/",
    "server/cash/",
    "server/memory/visiting.py",  # writes visits together, for actions/digging/visit.py
    "server/leading/",  # the leader's lease, and what it deletes
    "server/operation/monitor.py",  # writes the alarms, and what it counted
    "server/running/worker.py",  # notes at its start which secret seals
)


def sources(*places: str) -> Iterator[Path]:
    for place in places:
        yield from sorted((ROOT / place).rglob("*.py"))


def matches(pattern: re.Pattern[str], *places: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield each match in the sources, with the path of its file."""
    for path in sources(*places):
        for match in pattern.finditer(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(ROOT)), match


def test_no_test_patches_a_clock_of_the_standard_library():
    """asyncio and all libraries read these clocks, too: what needs a clock takes one."""
    patching = [
        f"{place}: {match[0]}"
        for place, match in matches(PATCHING, "tests", "bench", "devtools")
        if CLOCKS & set(re.findall(r"\w+", match[1]))
    ]
    assert patching == []


def test_json_is_decoded_in_one_place():
    found = matches(DECODING, "server", "handlers", "devtools/sandbox")
    assert {place for place, _ in found} == {"server/decoding.py"}


def test_only_what_runs_the_embedded_store_or_tells_of_it_knows_it():
    knowing = {place for place, _ in matches(EMBEDDED, "server", "handlers")}
    assert {place for place in knowing if not place.startswith("server/running/")} == OF_EMBEDDED


async def test_only_actions_write_to_a_store():
    store = Store("mongodb://nowhere")
    writing = {
        name: writing_methods(type(kept))
        for name, kept in {**vars(store), **vars(store.books)}.items()
        if type(kept).__module__.startswith(STORES)
    }
    await store.close()
    assert sum(map(len, writing.values())) > 150
    assert "record_dig" in writing["tasks"]
    assert "view" not in writing["tasks"]
    written = {
        place: found
        for path in sources("server", "handlers")
        if not (place := str(path.relative_to(ROOT))).startswith(("server/store/", "server/cash/store/"))
        and (found := calls_of(writing, path.read_text(encoding="utf-8")))
    }
    assert {place: found for place, found in written.items() if not place.startswith(WRITERS)} == {}
    assert [writer for writer in WRITERS if not any(place.startswith(writer) for place in written)] == []


def writing_methods(kind: type) -> set[str]:
    """Return the methods of a store that write, directly or through other methods of their class."""
    uses = {name: names_within_store(method) for name, method in inspect.getmembers(kind, inspect.isfunction)}
    found: set[str] = set()
    while more := {name for name, used in uses.items() if used & (WRITING | found)} - found:
        found |= more
    return found


def names_within_store(function: FunctionType) -> set[str]:
    """Return the names that a function uses, and the names that it uses through functions of the store."""
    found = names(function.__code__)
    called = [function.__globals__.get(name) for name in found]
    own = [
        each
        for each in called
        if isinstance(each, FunctionType) and each.__module__.startswith("server.store") and each != function
    ]
    return found.union(*map(names_within_store, own))


def calls_of(writing: dict[str, set[str]], text: str) -> list[str]:
    """Return which of these methods a module uses, through `store.tasks` or a name assigned from it."""
    calls = [*USE.findall(text)]
    for alias, store in ALIAS.findall(text):
        calls += [(store, method) for method in re.findall(rf"\b{alias}\.(\w+)", text)]
    return [f"{store}.{method}" for store, method in calls if method in writing.get(store, ())]


def names(code: CodeType) -> set[str]:
    """Return the names that a function, and the functions within it, use."""
    inner = [names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


@pytest.mark.parametrize(
    ("method", "name"),
    [pytest.param(*used, id=f"{used[0].__qualname__} {used[1]}") for used in TORNADO],
)
def test_a_library_still_uses_what_we_override(method, name):
    assert name in names(inspect.unwrap(method).__code__)


@pytest.mark.parametrize("library", ["tornado", "wechatpayv3", "msgspec", "limits"])
def test_a_library_whose_privates_or_messages_we_use_has_an_upper_bound(library):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [line for line in setup["options"]["install_requires"].split("\n") if line]
    (asked,) = [found for found in map(Requirement, lines) if found.name == library]
    here = Version(version(library))
    assert here in asked.specifier
    assert Version(f"{here.major}.{here.minor + 1}") not in asked.specifier, (
        "the next minor version is allowed"
    )
