"""Checks of what must always hold in the store."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from server.context import Context
from server.game import draw
from server.game.review import is_taken_down
from support.purse import expect_balance, find, find_all


def broken_by_digs(
    task: Mapping[str, Any], digs: Sequence[Mapping[str, Any]], winning_depths: Sequence[int]
) -> list[str]:
    """Return the contradictions within a task's whole history, and between the history and the task.

    `digs` are ordered by depth and include a pending dig. Only clients know what was acknowledged.
    """
    found = []
    depths = [dig["depth"] for dig in digs]
    if depths != list(range(1, task["now_depth"] + 1)):
        found.append("depths")
    for before, after in pairwise(digs):
        if after["at"] < before["at"] + task["cd_ms"]:
            found.append(f"cooldown of depth {after['depth']}")
    won = [dig["depth"] for dig in digs if dig["is_prize"]]
    if won != [depth for depth in winning_depths if depth <= task["now_depth"]]:
        found.append("winning depths")
    winners = [dig["person_id"] for dig in digs if dig["is_prize"]]
    if len(winners) != len(set(winners)) or len(winners) > task["prize_num"]:
        found.append("winners")
    places: dict[str, int] = {}
    for dig in digs:
        joins = dig["person_id"] not in places
        place = places.setdefault(dig["person_id"], len(places) + 1)
        if dig["no"] != place or dig.get("n") != (place if joins else None):
            found.append(f"place of depth {dig['depth']}")
        if dig["participants"] != len(places):
            found.append(f"participants at depth {dig['depth']}")
    if task["participants"] != len(places):
        found.append("participants")
    return found


async def check_history(context: Context, code: str) -> list[dict[str, Any]]:
    """Assert what README says must always hold, as far as the database alone shows it; return the digs."""
    [task] = await find(context, "tasks", _id=code)
    digs = await context.store.digs.after(code, 0, 10_000)
    rules = draw.read_rules(task["params"])
    prizes = draw.prizes_at(context.keys.open("seed", task["seed_box"], code), rules)
    depths = list(prizes)
    assert broken_by_digs(task, digs, depths) == []
    won = {dig["depth"]: (dig.get("rank", 0), dig.get("fen", 0)) for dig in digs if dig["is_prize"]}
    assert won == {depth: prizes[depth] for depth in won}
    return [dict(dig) for dig in digs]


async def check_nothing_is_half_done(context: Context) -> None:
    """Assert that each document is in a state it can stay in, and that the ledger balances."""
    await expect_balance(context)
    names = ("tasks", "orders", "prizes", "bills", "refunds", "freezes")
    stored = await find_all(context, *names)
    allowed = {
        "orders": {"asked", "spent", "unusable", "closed"},
        "prizes": {"won", "claiming", "given", "sent", "received", "held", "frozen", "returned"},
        "bills": {"waiting", "given", "failed"},
        "refunds": {"refunded"},
    }
    for name, states in allowed.items():
        # A denied prize waits for its task's deadline.
        assert {found["state"] for found in stored[name] if "denied" not in found} <= states, name
    tasks = {task["_id"]: task for task in stored["tasks"]}
    for order in stored["orders"]:
        task = tasks[order["code"]]
        useless = task["open"] or task["status"] or is_taken_down(task)
        assert order["state"] != "asked" or not useless, "it would be paid in vain"
    following = ("orders", "prizes", "bills", "refunds")
    owing = [found for name in following for found in stored[name] if "then" in found]
    assert not owing, "what it owes is not done"
    check_freezes(stored)
    for prize in stored["prizes"]:
        assert prize["state"] != "sent" or "due_at" in prize, "nobody will count it as received"
        if prize["state"] == "claiming" and prize["amount_fen"] > 0:
            bills = [bill for bill in stored["bills"] if bill["prize"] == prize["_id"]]
            states_now = [bill["state"] for bill in bills if bill["attempt"] == prize["attempt"]]
            assert states_now == ["waiting"]


def check_freezes(stored: dict[str, list[dict[str, Any]]]) -> None:
    """Assert that each freeze is done, and that all its prizes are frozen."""
    freezes = stored["freezes"]
    prizes = stored["prizes"]
    assert {(freeze["state"], "due_at" in freeze) for freeze in freezes} <= {("frozen", False)}, "freezes"
    assert not [prize for prize in prizes if prize.get("freezing") == 1], "not all are frozen yet"
    assert freezes or not [prize for prize in prizes if prize["state"] == "frozen"], "nothing is frozen"
    frozen = {freeze["of"] for freeze in freezes}
    for prize in prizes:
        if frozen.isdisjoint(prize.get(field) for field in ("code", "_id", "person_id", "publisher")):
            continue
        assert prize["state"] not in ("won", "claiming"), "it is frozen, and can be claimed"
        assert prize["state"] != "given" or "address_box" not in prize, "it is frozen, and can be sent"
