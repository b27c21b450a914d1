"""Decoding JSON, in this one place, and how a field that people send is named. Pure."""

from functools import cache
from typing import Any, TypeVar, overload

import msgspec
from msgspec import Meta

_T = TypeVar("_T")


@overload
def decode(text: bytes | bytearray | str | msgspec.Raw) -> object: ...
@overload
def decode(text: bytes | bytearray | str | msgspec.Raw, kind: type[_T]) -> _T: ...
@overload
def decode(text: bytes | bytearray | str | msgspec.Raw, kind: Any) -> Any: ...
def decode(text: bytes | bytearray | str | msgspec.Raw, kind: Any = Any) -> Any:
    """Return what a text of JSON says, as a `kind`. Raises ValueError if it is not JSON, or no `kind`."""
    try:
        return _decoder(kind).decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    # msgspec's own reading of a number such as 1e308 takes 8 µs, so 120 KB of them would take 0.2 s.
    return msgspec.json.Decoder(kind, float_hook=float)


def named(title: str, must_be: str, **bounds: Any) -> Meta:
    """Return what a field is called for people, what it must be, and its bounds, as `msgspec.Meta` has them.

        prize_num: Annotated[int, named("奖品数量", "1 到 1000 的整数", ge=1, le=1000)]

    A refusal says so: “奖品数量”应为 1 到 1000 的整数.
    """
    return Meta(title=title, description=must_be, **bounds)
