"""Regular expressions: all are fast on any input, since strangers choose most inputs."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import permutations, product
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

import devtools
import handlers
import server

BYTES = 16 << 10
LIMIT_SECONDS = 0.0025  # at this speed, 64 KB take 10 ms
# The machine may be busy, so the best of these tries counts.
TRIES = 5
# Characters that are tried besides the pattern's own characters, since the pattern's classes may match them.
OTHERS = "a0A /?;=%.-_\n\t\x00é挖😀"
COMPILING = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
# Matches a class, an escaped character or a plain character.
ATOM = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|[^\\]", re.DOTALL)
PACKAGES = (server, handlers, devtools)
SOURCES = [path for package in PACKAGES for path in Path(package.__path__[0]).rglob("*.py")]


def modules() -> Iterator[Any]:
    """Yield every module of the project, including `server.__main__`, whose import runs nothing."""
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def patterns_in(value: Any, depth: int = 6) -> Iterator[re.Pattern[str]]:
    """Yield the patterns in a value: it may be a pattern, or a container or a declaration with patterns."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, msgspec.Meta):
        if value.pattern is not None:
            yield re.compile(value.pattern)
    elif depth == 0:
        return
    elif isinstance(value, dict):
        for part in value.values():
            yield from patterns_in(part, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from patterns_in(part, depth - 1)
    elif isinstance(value, type) and issubclass(value, msgspec.Struct):
        for declared in msgspec.structs.fields(value):
            yield from patterns_in(declared.type, depth - 1)
    else:  # X | None, Annotated[X, Meta(…)]
        for part in (*get_args(value), *getattr(value, "__metadata__", ())):
            yield from patterns_in(part, depth - 1)


def all_patterns() -> dict[str, re.Pattern[Any]]:
    return {
        str(pattern.pattern): pattern
        for module in modules()
        for value in vars(module).values()
        for pattern in patterns_in(value)
    }


PATTERNS = all_patterns()


def hostile_to(pattern: re.Pattern[Any]) -> Iterator[Any]:
    """Yield hostile inputs for a pattern: texts, or bytes if the pattern reads bytes."""
    if isinstance(pattern.pattern, str):
        yield from hostile(pattern.pattern)
    else:
        for text in hostile(pattern.pattern.decode("latin-1") + "\xff\xd8\xda"):
            yield text.encode("latin-1", "replace")


def kinds(pattern: str, characters: Iterable[str]) -> Iterable[str]:
    """Return a character of each kind that the pattern's parts tell apart."""
    atoms = [re.compile(r"\w"), re.compile(".")]
    for atom in set(ATOM.findall(pattern)):
        atoms.append(re.compile(re.escape(atom)))
        with suppress(re.error):  # a part that is no pattern by itself
            atoms.append(re.compile(atom))
    return {tuple(bool(atom.fullmatch(one)) for atom in atoms): one for one in characters}.values()


def hostile(pattern: str) -> Iterator[str]:
    """Yield 16 KB of each character and of each pair, alone and after the pattern's literal beginning.

    In pairs, one letter stands for all letters, one digit for all digits, one character for each other kind.
    """
    characters = sorted({*pattern, *OTHERS})
    of_pairs = [*kinds(pattern, (one for one in characters if not one.isalnum())), "a", "0"]
    beginning = re.match(r"(?:[^\\[\](){}.*+?|^$]|\\[^A-Za-z0-9])*", pattern)
    starts = {"", beginning[0].replace("\\", "") if beginning else ""}
    for start, unit in product(starts, [*characters, *map("".join, permutations(of_pairs, 2))]):
        yield start + unit * (BYTES // len(unit))


def seconds(pattern: re.Pattern[Any], text: Any) -> float:
    """Return the seconds that a search or a full match takes, whichever is slower."""
    return max(_seconds(pattern.search, text), _seconds(pattern.fullmatch, text))


def _seconds(use: Any, text: Any) -> float:
    best = float("inf")
    for _ in range(TRIES):
        began = time.thread_time()
        use(text)
        best = min(best, time.thread_time() - began)
        if best < LIMIT_SECONDS:
            break
    return best


def slow(pattern: re.Pattern[Any], texts: Iterable[Any]) -> Any:
    """Return the beginning of the first text that takes too long; None if none does."""
    return next((text[:80] for text in texts if seconds(pattern, text) >= LIMIT_SECONDS), None)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())
def test_no_pattern_is_slow_on_16_kb_of_anything(pattern):
    assert slow(pattern, hostile_to(pattern)) is None


def test_a_pattern_that_once_took_twelve_seconds_is_found():
    assert slow(re.compile(r"(/[^\s?]*)\?\S+"), ["/" * (8 << 10)]) is not None


def test_every_pattern_is_found_by_the_test_above():
    """A pattern that is compiled within a function would not be found."""
    inline = []
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                inline += [
                    f"{path.name}:{call.lineno}"
                    for call in ast.walk(function)
                    if isinstance(call, ast.Attribute)
                    and isinstance(call.value, ast.Name)
                    and call.value.id == "re"
                    and call.attr in COMPILING
                ]
    assert inline == []
    for known in (r"\A[0-9A-Za-z]{12}\Z", r"\S", "-?[0-9]{1,19}", r"([?;])\S+", r"\A[0-9]{6}\Z"):
        assert known in PATTERNS
