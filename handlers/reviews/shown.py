"""Refusing what was taken down, or is not checked yet, to all but its publisher and its winners."""

from collections.abc import Mapping
from typing import Any

from server.context import Context
from server.errors import NotShown
from server.game.reasons import may_see
from server.game.review import review_of


async def require_shown(context: Context, code: str, task: Mapping[str, Any], person_id: str) -> None:
    """Raise NotShown unless a person may see a task. If this process watches the task, use
    `WatchedTask.opens_for`.

    Asks no store if everybody may see it.
    """
    if may_see(review_of(task), mine=task["publisher"] == person_id, won=False):
        return
    store = context.store
    view = await store.page_reads.answered(lambda: store.tasks.view(code, person_id))
    if view is None or view["won"] is None:
        raise NotShown
