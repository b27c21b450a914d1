"""What must hold in the store, whatever happened."""

from __future__ import annotations

from typing import Any

import msgspec

from server.context import Context
from server.game import draw
from server.game.invariants import broken_by_digs
from server.game.review import is_taken_down
from support.purse import check_books, find


async def check_history(context: Context, code: str) -> list[dict[str, Any]]:
    """Assert the engine's five statements from the database alone; return the digs."""
    task = await context.store.tasks.collection.find_one({"_id": code})
    assert task is not None
    digs = await context.store.digs.after(code, 0, 10_000)
    rules = msgspec.json.decode(task["params"], type=draw.Rules)
    depths = draw.winning_depths(context.keys.open("seed", task["seed_box"], code), rules)
    assert broken_by_digs(task, digs, depths) == []  # type: ignore[arg-type]
    return [dict(dig) for dig in digs]


async def check_nothing_is_half_done(context: Context) -> None:
    """Assert that each document is in a state it can stay in, and that the books balance."""
    await check_books(context)
    allowed = {
        "orders": {"asked", "spent", "unusable", "closed"},
        "prizes": {"won", "claiming", "given", "sent", "received", "held", "withheld", "returned"},
        "bills": {"waiting", "given", "failed"},
        "refunds": {"refunded"},
    }
    for name, states in allowed.items():
        returned = {"denied": {"$exists": False}} if name == "prizes" else {}  # waits for its task's deadline
        assert {document["state"] for document in await find(context, name, **returned)} <= states, name
    for order in await find(context, "orders", state="asked"):
        [task] = await find(context, "tasks", _id=order["code"])
        useless = task["open"] or task["status"] or is_taken_down(task)
        assert not useless, "it would be paid in vain"
    freezes = await find(context, "freezes")
    assert {(freeze["state"], "due_at" in freeze) for freeze in freezes} <= {("frozen", False)}
    assert await find(context, "prizes", freezing=1) == []
    if await find(context, "prizes", state="withheld"):
        assert freezes, "it is withheld, and nothing is frozen"
    for frozen in freezes:
        whose = [{field: frozen["of"]} for field in ("code", "_id", "unionid", "publisher")]
        free = await find(context, "prizes", **{"$or": whose}, state={"$in": ["won", "claiming"]})
        assert free == [], "it is frozen, and can be claimed"
        unsent = await find(context, "prizes", **{"$or": whose}, state="given", address_box={"$exists": True})
        assert unsent == [], "it is frozen, and can be sent"
    for task in await find(context, "tasks", status=1):
        assert await find(context, "proofs", _id=task["_id"]), "nobody will write its proof"
    for prize in await find(context, "prizes", state="sent"):
        assert "due_at" in prize, "nobody will count it as received"
    for prize in await find(context, "prizes", state="claiming", amount_fen={"$gt": 0}):
        bills = await find(context, "bills", prize=prize["_id"], attempt=prize["attempt"])
        assert [bill["state"] for bill in bills] == ["waiting"]
