"""Which addresses a publisher of goods by mail may read: ten unsent ones at a time, over all their tasks."""

from __future__ import annotations

from typing import NamedTuple

from server.context import Context
from server.game.prize import GIVEN
from server.game.ranks import is_mailed
from server.game.review import is_shown
from server.game.task import Task
from server.store.money.freezes import freeze_key
from server.store.money.prizes import Prize

OPEN_AT_ONCE = 10
# At most this many hidden tasks of a publisher are left out; a publisher with more has to ask an operator.
HIDDEN = 100


class ShownAddresses(NamedTuple):
    """`prize_ids` are the prizes whose addresses are shown. `closed` says why none is shown, or is ""."""

    prize_ids: frozenset[str]
    closed: str


async def show_addresses(context: Context, task: Task, prizes: list[Prize]) -> ShownAddresses:
    """Return which addresses a task's publisher may read now; `prizes` are the prizes of this task.

    These are the earliest addresses among all goods that this publisher can send and has not sent. Each is
    noted in its prize (`address_shown_at`) before it is shown, and can be read from then on.
    """
    if not any(map(is_mailed, task.get("ranks", [task]))):
        return ShownAddresses(frozenset(), "")
    closed = await _why_closed(context, task)
    if closed:
        return ShownAddresses(frozenset(), closed)
    here = [prize for prize in prizes if prize["state"] in GIVEN and "address_box" in prize]
    if any(_waits(prize) for prize in here):
        opened = await _first_unsent(context, task["publisher"])
        unread = [prize["_id"] for prize in here if _waits(prize) and prize["_id"] in opened]
        if unread:
            await context.store.prizes.note_address_shown(unread, context.clock.now_ms())
        here = [prize for prize in here if not _waits(prize) or prize["_id"] in opened]
    return ShownAddresses(frozenset(prize["_id"] for prize in here), "")


async def is_address_open(context: Context, prize: Prize) -> bool:
    """Whether the publisher may read the address of this prize, which is not sent yet."""
    return not _waits(prize) or prize["_id"] in await _first_unsent(context, prize["publisher"])


async def _first_unsent(context: Context, publisher: str) -> set[str]:
    """Return the prizes whose addresses may be read now: the earliest ones that are not sent.

    Prizes of hidden tasks cannot be sent, so they are skipped.
    """
    hidden = await context.store.tasks.hidden_of(publisher, HIDDEN)
    return await context.store.prizes.unsent(publisher, hidden, OPEN_AT_ONCE)


def _waits(prize: Prize) -> bool:
    """Whether nobody has noted yet that the publisher may read this address."""
    return prize["state"] == "given" and "address_shown_at" not in prize


async def _why_closed(context: Context, task: Task) -> str:
    if task.get("reported"):
        return "有多人举报，这期间看不到收货地址；没有人处理的话，最多 24 小时后恢复"
    if not is_shown(task):
        return "平台下架了它，看不到收货地址；有疑问请联系客服"
    frozen = [freeze_key("task", task["_id"]), freeze_key("person", task["publisher"])]
    if await context.store.freezes.frozen(frozen):
        return "运营者冻结了它的奖品，看不到收货地址；有疑问请联系客服"
    return ""
