"""The calls of `walk.py` about messages to people who left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from server.operation.check.seeds import NOW, TASKS, a_message, person_of
from server.store import Store

Call: TypeAlias = Callable[[Store], Awaitable[Any]]

_WHO = person_of(2)


async def _lease_due(store: Store) -> None:
    async for _ in store.messages.lease_due(lambda: NOW):
        pass


MESSAGES: tuple[Call, ...] = (
    lambda store: store.messages.insert(a_message(TASKS + 1)),
    lambda store: store.messages.wake(person_of(1), ["won"]),
    lambda store: store.messages.lease(a_message(1)["_id"]),
    lambda store: _lease_due(store),
    lambda store: store.messages.postpone(a_message(1), NOW, NOW),
    lambda store: store.messages.sleep(a_message(1), NOW),
    lambda store: store.messages.begin_sending(a_message(2)),
    lambda store: store.messages.try_later(a_message(2), NOW, NOW, "CHECK", unsure=True),
    lambda store: store.messages.alarms(),
    lambda store: store.messages.unclear_number(NOW),
    lambda store: store.messages.end(a_message(2), "sent", NOW),
    lambda store: store.messages.renew(a_message(2)),
    lambda store: store.messages.open_number([a_message(2)["_id"]]),
    lambda store: store.messages.unsent_number([a_message(2)["_id"]]),
    lambda store: store.messages.delete_ended(NOW),
    lambda store: store.consents.add(_WHO, "template"),
    lambda store: store.consents.left(_WHO, ["template", "other"]),
    lambda store: store.consents.take(_WHO, "template", "message"),
    lambda store: store.consents.take(_WHO, "template", "message"),
    lambda store: store.consents.give_back(_WHO, "template", "message"),
    lambda store: store.consents.spend(_WHO, "template", "message"),
    lambda store: store.consents.forget(_WHO, "template"),
    lambda store: store.traces.delete_messages(_WHO),
)
