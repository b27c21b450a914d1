"""Every method about payouts that are held or frozen, and about risky people, called once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from server.operation.check.seeds import NOW, a_prize, code_of, person_of
from server.store import Store
from server.store.freezes import Freeze

_ONE, _WHO = code_of(1), person_of(2)
_PRIZE = f"{_ONE}:1"


def _now() -> int:
    return NOW


async def _all(found: AsyncIterator[Any]) -> None:
    async for _ in found:
        pass


def _freeze() -> Freeze:
    return Freeze(
        _id=f"task:{_ONE}",
        what="task",
        of=_ONE,
        code=_ONE,
        depth=0,
        state="frozen",
        at=NOW,
        reason="a check",
    )


PAYOUTS: tuple[Callable[[Store], Awaitable[Any]], ...] = (
    lambda store: store.held_prizes.paid_out_fen(_WHO, _WHO, 0, NOW),
    lambda store: store.held_prizes.were_paid(_WHO, _WHO, 100, NOW),
    lambda store: store.held_prizes.under_limit({"unionid": _WHO}, 0, _PRIZE, 20),
    lambda store: store.held_prizes.under_limit({"publisher": _WHO, "private": 1}, 0, _PRIZE, 20),
    lambda store: store.held_prizes.under_limit({"young": {"$gt": 0}}, 0, _PRIZE, 20),
    lambda store: store.held_prizes.under_limit({"young": 2}, 0, _PRIZE, 20),
    lambda store: store.held_prizes.under_limit(
        {"publisher": {"$in": [_WHO, person_of(3)]}, "unionid": {"$in": [_WHO, person_of(3)]}}, 0, _PRIZE, 20
    ),
    lambda store: store.held_prizes.paid_around([_WHO, person_of(3)], 0, 20),
    lambda store: store.held_prizes.paid_in_all([_WHO, person_of(3)], 0),
    lambda store: store.held_prizes.won_of(_WHO, person_of(3), 0),
    lambda store: store.held_prizes.number_won(_WHO, 0),
    lambda store: store.held_prizes.held_among([_WHO, person_of(3)], "ring"),
    lambda store: store.digs.joined_before(_WHO, NOW, 20),
    lambda store: store.visits.brought_around([_WHO, person_of(3)], 20),
    lambda store: store.places.note(_WHO, "place", NOW),
    lambda store: store.places.shared([_WHO, person_of(3)], 0, 20, 20),
    lambda store: store.places.delete_old(NOW - 1, 20),
    lambda store: store.held_prizes.put_off(a_prize(1), "private", NOW),
    lambda store: store.held_prizes.let_through(a_prize(1)),
    lambda store: store.held_prizes.hold(a_prize(1), "pair", NOW),
    lambda store: store.held_prizes.withhold({"code": _ONE}, NOW),
    lambda store: store.held_prizes.withhold({"unionid": _WHO}, NOW),
    lambda store: store.held_prizes.withhold({"publisher": _WHO}, NOW),
    lambda store: store.held_prizes.withhold_unweighed(a_prize(1)),
    lambda store: store.held_prizes.look_again(_PRIZE, NOW),
    lambda store: store.held_prizes.of_scope({"code": _ONE}),
    lambda store: store.held_prizes.of_scope({"unionid": _WHO}),
    lambda store: store.held_prizes.of_scope({"publisher": _WHO}),
    lambda store: store.held_prizes.waiting(20),
    lambda store: store.held_prizes.waiting_fen(),
    lambda store: store.held_prizes.release(_PRIZE, NOW),
    lambda store: store.held_prizes.let_off(_PRIZE, NOW),
    lambda store: store.held_prizes.give_back(_PRIZE),
    lambda store: store.risks.begin(_WHO, 1, "place", _ONE),
    lambda store: store.risks.crowded(1, 1, 5),
    lambda store: store.held_prizes.won_since(0, ["publisher", "unionid"], 1, 20),
    lambda store: store.risks.save(_WHO, 1, 3),
    lambda store: store.risks.find_rank(_WHO),
    lambda store: store.traces.delete_risk(_WHO),
    lambda store: store.freezes.put(_freeze()),
    lambda store: store.freezes.find(_freeze()["_id"]),
    lambda store: store.freezes.frozen([_freeze()["_id"]]),
    lambda store: store.freezes.reasons([_freeze()["_id"]]),
    lambda store: store.freezes.newest(20),
    lambda store: store.freezes.lease(_freeze()["_id"]),
    lambda store: _all(store.freezes.lease_due(_now)),
    lambda store: store.freezes.finish(_freeze()),
    lambda store: store.freezes.look_again(_freeze(), NOW),
    lambda store: store.freezes.begin_end(_freeze()["_id"], "releasing", NOW),
    lambda store: store.freezes.delete(_freeze()["_id"]),
)
