"""The methods of the store that change prizes do what the rows of its table do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.context import Context
from server.game import prize
from server.game.lifecycle import Move, Table, apply
from server.store import Store
from support.lifecycles import documents, is_from_clock

NUMBER = 24
SLACK_MS = 60_000
# Fields that a document of its collection always has; any other may be absent.
ALWAYS: dict[str, dict[str, Any]] = {
    "prize": {"attempt": 0, "amount_fen": 0, "given_at": 0, "claimed_at": 0},
}

Method = Callable[[Store, dict[str, Any], int], Awaitable[object]]


def pairs(now_ms: int) -> list[tuple[Table, Move, Method]]:
    """Return the rows with what the store has for each, called with the same values."""
    far_ms = now_ms + 60_000
    return [
        (
            prize.prize,
            prize.claimed(1, now_ms, far_ms, 2, 1),
            lambda s, d, _: s.prizes.begin_claiming(
                {**d, "attempt": 1},  # type: ignore[typeddict-item]
                now_ms,
                far_ms,
                young=2,
                private=1,
            ),
        ),
        (prize.prize, prize.approved(1), lambda s, d, _: s.held_prizes.let_through({**d, "attempt": 1})),  # type: ignore[typeddict-item]
        (
            prize.prize,
            prize.held(1, "pair", now_ms),
            lambda s, d, _: s.held_prizes.hold({**d, "attempt": 1}, "pair", now_ms),  # type: ignore[typeddict-item]
        ),
        (
            prize.prize,
            prize.put_off(1, "private", far_ms),
            lambda s, d, _: s.held_prizes.put_off({**d, "attempt": 1}, "private", far_ms),  # type: ignore[typeddict-item]
        ),
        (
            prize.prize,
            prize.withheld_unweighed(1),
            lambda s, d, _: s.held_prizes.withhold_unweighed({**d, "attempt": 1}),  # type: ignore[typeddict-item]
        ),
        (
            prize.prize,
            prize.given_by_bill(1, now_ms),
            lambda s, d, _: s.prizes.give_by_bill(d["_id"], 1, now_ms),
        ),
        (
            prize.prize,
            prize.freed(1, "won", False),
            lambda s, d, _: s.prizes.free_from_bill(d["_id"], 1, "won"),
        ),
        (
            prize.prize,
            prize.freed(1, "expiring", True),
            lambda s, d, _: s.prizes.free_from_bill(d["_id"], 1, "expiring", lost=True),
        ),
        (
            prize.prize,
            prize.given_by_mail(b"x", now_ms),
            lambda s, d, _: s.prizes.give_by_mail(d["_id"], b"x", now_ms),
        ),
        (
            prize.prize,
            prize.address_replaced(b"x", 1),
            lambda s, d, _: s.prizes.replace_address(d["_id"], b"x", 1),
        ),
        (
            prize.prize,
            prize.sent("c", "n", now_ms, far_ms),
            lambda s, d, _: s.prizes.mark_sent(d["_id"], "c", "n", now_ms, far_ms),
        ),
        (
            prize.prize,
            prize.parcel_corrected("c", "n", 1),
            lambda s, d, _: s.prizes.change_parcel(d["_id"], "c", "n", 1),
        ),
        (prize.prize, prize.arrives_later(7), lambda s, d, _: s.prizes.await_arrival(d["_id"], 7)),
        (prize.prize, prize.received(now_ms), lambda s, d, _: s.prizes.receive(d["_id"], now_ms)),
        (
            prize.prize,
            prize.awaits_pickup("123", now_ms),
            lambda s, d, _: s.prizes.await_pickup(d["_id"], "123", now_ms),
        ),
        (prize.prize, prize.handed_over(now_ms), lambda s, d, _: s.prizes.give_on_site(d["_id"], now_ms)),
        (prize.prize, prize.expired(1), lambda s, d, _: s.prizes.begin_expiring(d["_id"], 1)),
        (prize.prize, prize.returned(), lambda s, d, _: s.prizes.return_expired(d["_id"])),
        (
            prize.prize,
            prize.frozen(now_ms),
            lambda s, d, _: s.held_prizes.withhold({"_id": d["_id"]}, now_ms),
        ),
        (prize.prize, prize.released(now_ms), lambda s, d, _: s.held_prizes.release(d["_id"], now_ms)),
        (prize.prize, prize.released_alone(now_ms), lambda s, d, _: s.held_prizes.let_off(d["_id"], now_ms)),
        (prize.prize, prize.denied(), lambda s, d, _: s.held_prizes.give_back(d["_id"])),
        (
            prize.prize,
            prize.still_freezing(7),
            lambda s, d, _: s.held_prizes.look_again(d["_id"], 7),
        ),
    ]


@pytest.mark.gen_test(timeout=120)
async def test_a_method_does_what_its_row_does(context: Context) -> None:
    store = context.store
    now_ms = await store.now_ms()
    for seed, (table, move, method) in enumerate(pairs(now_ms)):
        rows = store.database[f"{table.name}s"]
        before = [
            # One task and one winner each, so that the unique indexes have nothing against it.
            possible(table, move, ALWAYS[table.name] | made | {"code": made["_id"], "unionid": made["_id"]})
            for made in documents(table, move, seed, NUMBER, now_ms)
        ]
        await rows.delete_many({})
        await rows.insert_many([dict(made) for made in before])
        fitted = 0
        for made in before:
            await method(store, dict(made), now_ms)
            found = await rows.find_one({"_id": made["_id"]})
            changed = apply(move, made, now_ms)
            fitted += changed is not None
            told = {name: value for name, value in (changed or made).items() if name != "then"}
            assert found is not None
            assert same(move, {n: v for n, v in found.items() if n != "then"}, told), (move, made, found)
        assert fitted, move.name


def possible(table: Table, move: Move, made: dict[str, Any]) -> dict[str, Any]:
    """Return the document as it could be when a method is called: methods ask less of what cannot be."""
    if move.name == "unanswered" and made["state"] not in move.rows[0].begins:
        return {**made, "state": move.rows[0].begins[0]}
    if table is not prize.prize:
        return made
    red_packet, never = made["amount_fen"] > 0, set[str]()
    if red_packet:
        never |= {"pickup", "address_box"}
        made = {**made, "given_at": made["given_at"] if made["state"] == "given" else 0}
    if made.get("freezing") != 1 or not red_packet or made["state"] != "claiming":
        never.add("freezing")
    if made.get("held_for") == "":
        never.add("held_for")
    return {name: value for name, value in made.items() if name not in never}


def same(move: Move, found: dict[str, Any], told: dict[str, Any]) -> bool:
    return found.keys() == told.keys() and all(
        abs(found[name] - value) < SLACK_MS
        if is_from_clock(move, name) and isinstance(value, int)
        else found[name] == value
        for name, value in told.items()
    )
