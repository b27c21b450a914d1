"""What the leader does for all processes: it asks what is due, and does it.

One query asks all collections at once. Each kind of work runs in its own asyncio task, so that no kind has to
wait while another waits for WeChat. A kind is not begun again while it runs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from server.actions.digging.dig import settle_pending
from server.actions.messages.send import delete_old_messages, send_messages
from server.actions.people.account import settle_names
from server.actions.people.leave import erase_leavers
from server.actions.reviews.report import settle_reports
from server.actions.reviews.review import settle_reviews
from server.context import Context
from server.game.amounts import DAY_MS
from server.leading.sweep import ADDRESS_DAYS, SWEPT, sweep
from server.leading.tidy import tidy
from server.runtime.background import Background
from server.store.agenda import Kind

# How often the leader asks what is due: while somebody uses its process, and while nobody does.
LOOK_SECONDS = 1.0
IDLE_LOOK_SECONDS = 2.0
# After an answer the leader rests this many times as long as the answer took: a slow MongoDB is asked less.
REST_TIMES = 5

Work: TypeAlias = Callable[[Context, frozenset[Kind]], Coroutine[Any, Any, None]]


async def _send_notices(context: Context) -> None:
    if context.sandbox is not None:
        await context.sandbox.send_notices(context)


# The work that is done once something of these kinds is due. Only the sweep asks which of its kinds are.
WORKS: tuple[tuple[tuple[Kind, ...], Work], ...] = (
    (("pending",), lambda context, _: settle_pending(context)),
    (SWEPT, sweep),
    (("people", "reviews"), lambda context, _: settle_reviews(context)),
    (("reports",), lambda context, _: settle_reports(context)),
    (("messages",), lambda context, _: send_messages(context)),
    (("notices",), lambda context, _: _send_notices(context)),
    (("leavers",), lambda context, _: erase_leavers(context)),
    (("names",), lambda context, _: settle_names(context)),
)
# Other work that the leader repeats, each with the seconds between two runs.
PERIODIC: tuple[tuple[Callable[[Context], Awaitable[None]], float], ...] = (
    (tidy, 60),
    (delete_old_messages, 600),
)


class Leading:
    """One per process. It does nothing until `begin`, and then only while the process leads."""

    def __init__(self, context: Context, working: Background) -> None:
        """All work that is begun runs in `working`."""
        self._context = context
        self._ages_ms: dict[Kind, int] = {"addresses": ADDRESS_DAYS * DAY_MS}
        unused: set[Kind] = set()
        if not context.settings.templates:
            unused.add("messages")
        if context.cash is None:
            unused |= {"orders", "bills", "refunds"}
        if not context.settings.sandboxed:
            unused.add("notices")
        self._kinds = [kind for kinds, _ in WORKS for kind in kinds if kind not in unused]
        self._took_seconds = 0.0
        self._running: dict[Work, asyncio.Task[None]] = {}
        self._working = working

    def begin(self) -> None:
        """Do what is due, until `working` ends."""
        self._working.repeat(self.look, self._rest, at_once=True)
        for work, seconds in PERIODIC:
            self._working.repeat(partial(self._lead, work), seconds, name=work.__name__)

    async def finish(self) -> None:
        """Wait until all work that was begun is done, except repeated work."""
        await asyncio.gather(*self._running.values())

    async def _rest(self) -> None:
        least = IDLE_LOOK_SECONDS if self._context.hub.activity.idle() else LOOK_SECONDS
        await asyncio.sleep(max(least, REST_TIMES * self._took_seconds))

    async def look(self) -> None:
        """Once this process leads: ask what is due, and begin to do it."""
        context = self._context
        await context.leader.lead()
        began = time.monotonic()
        due = await context.store.agenda.look(context.clock.now_ms(), self._kinds, self._ages_ms)
        self._took_seconds = time.monotonic() - began
        # Do nothing with a database that is not ours: work there might pay what somebody else owes.
        if due is None or context.database.wrong is not None or due.identity != context.database.identity:
            return
        context.clock.see(due.now_ms)
        for kinds, work in WORKS:
            if due.kinds.intersection(kinds) and work not in self._running:
                begun = self._working.spawn(work(context, due.kinds))
                self._running[work] = begun
                begun.add_done_callback(lambda _, work=work: self._running.pop(work))  # type: ignore[misc]

    async def _lead(self, work: Callable[[Context], Awaitable[None]]) -> None:
        if self._context.leader.leads and self._context.database.wrong is None:
            await work(self._context)
