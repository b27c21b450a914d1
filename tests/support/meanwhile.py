"""Acts before, after or in place of a call of a coroutine."""

from collections.abc import Callable
from typing import Any

import pytest


def meanwhile(
    patch: pytest.MonkeyPatch,
    of: Any,
    name: str,
    *,
    before: Callable[[], Any] | None = None,
    after: Callable[[], Any] | None = None,
    once: bool = False,
) -> list[tuple[Any, ...]]:
    """Do something before or after each call of a coroutine, or with `once` only the first call.

    Returns a list that gets the arguments of each call. The results of `before` and `after` are awaited.
    """
    call = getattr(of, name)
    calls = list[tuple[Any, ...]]()

    async def followed(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        acts = len(calls) == 1 or not once
        if before and acts:
            await before()
        answer = await call(*arguments, **named)
        if after and acts:
            await after()
        return answer

    patch.setattr(of, name, followed)
    return calls


def failing(error: BaseException) -> Callable[..., Any]:
    """Return a coroutine function that fails with any arguments."""

    async def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail
