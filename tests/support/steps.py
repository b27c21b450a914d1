"""The steps after which a process can die: each write to certain collections, each call to WeChat."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from server.context import Context
from server.game.lifecycle import Move
from support.cash import cash_of

COLLECTIONS = (
    *("tasks", "digs", "orders", "prizes", "bills", "refunds", "ledger", "pickups"),
    *("alarms", "leases", "freezes", "messages", "consents", "reviews"),
    "media_checks",
)
_READS = (
    *("fen", "find", "get", "of_", "view", "outcomes", "won_", "number", "pending", "seed_box"),
    *("frozen", "newest", "waiting", "were_paid", "paid_out_fen", "open_number", "hidden_of", "unsent"),
    *("reported", "is_hidden", "by_mail", "pictures_among", "shows_picture", "hides_picture"),
    *("under_limit", "paid_around", "is_trusted", "joins_of"),
)


MODERATION = "moderation"  # writes to tasks, as a store of its own


class Killed(BaseException):
    """The process is dead. This is a BaseException, so that no code of the server catches it."""


def die() -> None:
    """End the process here, as if it was killed."""
    raise Killed


@contextmanager
def noting(kill_after: int, step: str) -> Iterator[None]:
    """If an assertion fails in the `with` block, add to its message after which step the process died."""
    try:
        yield
    except AssertionError as error:
        error.add_note(f"killed after step {kill_after}, {step}")
        raise


class Steps:
    """Wraps a context's collections, WeChat and Pay, and notes the name of each step in `names`.

    With `kill_after`, a number from 1, the process is killed right after the step with this number. `also`
    has further collections. `look` is awaited after each step, before the process goes on.
    """

    def __init__(
        self,
        context: Context,
        kill_after: int = 0,
        kill: Callable[[], None] = die,
        also: tuple[str, ...] = (),
        look: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.names: list[str] = []
        self._kill_after = kill_after
        self._kill = kill
        self._look = look
        cash = cash_of(context)
        for name in (*COLLECTIONS, MODERATION, *also):
            among = cash.books if hasattr(cash.books, name) else cash.store
            setattr(among, name, _Traced(name, getattr(among, name), self))
        cash.pay = _Traced("pay", cash.pay, self)  # type: ignore[assignment]
        context.wechat = _Traced("wechat", context.wechat, self)  # type: ignore[assignment]

    @property
    def killed(self) -> bool:
        """Whether the step `kill_after` was reached."""
        return 0 < self._kill_after <= len(self.names)

    async def done(self, name: str) -> None:
        """Note a step. After the step `kill_after`, no part of the process does anything more."""
        if self.killed:
            self._kill()
        self.names.append(name)
        if self.killed:
            self._kill()
        if self._look:
            await self._look()

    def begin(self) -> None:
        """Begin a step, unless the process is dead."""
        if self.killed:
            self._kill()


class _Traced:
    def __init__(self, name: str, target: Any, steps: Steps) -> None:
        self._name = name
        self._target = target
        self._steps = steps

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._target, attribute)
        step = f"{self._name}.{attribute}"
        if attribute.startswith("lease_due"):
            return lambda *arguments: self._lease(f"{self._name}.lease_due", found(*arguments))
        reads = attribute == "aclose" or (self._name != "pay" and attribute.startswith(_READS))
        if reads or not inspect.iscoroutinefunction(found):
            return found

        async def traced(*arguments: Any, **named: Any) -> Any:
            self._steps.begin()
            result = await found(*arguments, **named)
            # A move of a lifecycle has the name of its row.
            moved = next((each for each in arguments if isinstance(each, Move)), None)
            await self._steps.done(step if moved is None else f"{self._name}.{moved.name}")
            return result

        return traced

    async def _lease(self, step: str, due: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for document in due:
            await self._steps.done(step)
            yield document
