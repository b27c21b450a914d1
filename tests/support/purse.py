"""Steps that most tests of money share: read the database, let time pass, sweep, audit."""

import sys
from typing import Any

from server.actions.digging.dig import settle_pending
from server.actions.reviews.review import settle_reviews
from server.cash.audit import audit
from server.context import Context
from server.leading.sweep import ADDRESS_DAYS, SWEPT, sweep
from server.store.agenda import Kind
from support.cash import cash_of
from support.client import rest

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
SWEEPS = 12
_TIMES = {
    "tasks": (
        *("created_at", "starts_at", "opened_at", "shown_at", "expires_at", "ends_at", "ended_at"),
        *("reported_at", "due_at"),
    ),
    "orders": ("created_at", "expires_at", "asked_at", "paid_at", "unknown_since", "refunding_at", "due_at"),
    "prizes": (
        *("won_at", "claimed_at", "given_at", "sent_at", "received_at", "withheld_at", "released_at"),
        *("waits_until", "due_at"),
    ),
    "people": ("created_at",),
    "digs": ("at",),
    "freezes": ("at", "due_at"),
    "bills": (
        *("created_at", "sent_at", "asked_at", "unknown_since", "due_at"),
        *("made_at", "refused_at", "remote_since"),
    ),
    "refunds": ("created_at", "unknown_since", "due_at"),
    "pickups": ("locked_until",),
    "messages": ("until", "created_at", "ended_at", "failing_since", "due_at"),
    "reviews": ("created_at", "asked_at", "due_at"),
    "reports": ("at", "due_at"),
    "sandbox_orders": ("paid_at_ms", "expires_at_ms", "refunded_at_ms"),
    "sandbox_bills": ("created_at_ms", "expires_at_ms"),
    "sandbox_notices": ("due_at_ms",),
}
_SWEPT = ("tasks", "reviews", "orders", "prizes", "bills", "refunds", "freezes")


async def find(context: Context, collection: str, **condition: Any) -> list[dict[str, Any]]:
    """Return documents as they are in the database."""
    return await context.store.database[collection].find(condition).to_list(None)


async def only(context: Context, collection: str, **condition: Any) -> dict[str, Any]:
    """Return the only such document as it is in the database."""
    [found] = await find(context, collection, **condition)
    return found


async def find_all(context: Context, *collections: str) -> dict[str, list[dict[str, Any]]]:
    """Return all documents of several collections, read with one command."""
    pipeline: list[dict[str, Any]] = [{"$set": {"_of": collections[0]}}]
    pipeline += [
        {"$unionWith": {"coll": name, "pipeline": [{"$set": {"_of": name}}]}} for name in collections[1:]
    ]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in collections}
    async for document in context.store.database[collections[0]].aggregate(pipeline):
        found[document.pop("_of")].append(document)
    return found


async def all_documents(context: Context) -> dict[str, list[dict[str, Any]]]:
    """Return the whole database by collection."""
    return await find_all(context, *sorted(await context.store.database.list_collection_names()))


async def put_back(context: Context, left: dict[str, list[dict[str, Any]]]) -> None:
    """Put the database back to what `all_documents` returned earlier."""
    for name, documents in (await all_documents(context)).items():
        if documents == left.get(name, []):
            continue
        await context.store.database[name].delete_many({})
        if left.get(name):
            await context.store.database[name].insert_many(left[name])


async def let_pass(context: Context, milliseconds: int) -> None:
    """Let time pass: move every stored time back by this many milliseconds."""
    for collection, found in (await find_all(context, *_TIMES)).items():
        if not found:
            continue
        earlier = {
            name: {"$cond": [{"$gt": [f"${name}", 0]}, {"$subtract": [f"${name}", milliseconds]}, f"${name}"]}
            for name in _TIMES[collection]
        }
        await context.store.database[collection].update_many({}, [{"$set": earlier}])


async def sweep_after(context: Context, milliseconds: int) -> None:
    """Let time pass, then sweep once."""
    await let_pass(context, milliseconds)
    await sweep(context)


async def sweep_until_quiet(context: Context, after_ms: int = 0) -> None:
    """Let time pass, then sweep until nothing changes. Work that waits for a retry is tried at once."""
    await rest(context)
    if after_ms:
        await let_pass(context, after_ms)
    before = None
    found = await find_all(context, *_SWEPT)
    for _ in range(SWEEPS):
        if any(task.get("pending") for task in found["tasks"]):
            await context.store.database["tasks"].update_many(
                {"pending": 1}, {"$inc": {"last_dig.at": -2000}}
            )
        now_ms = context.clock.now_ms()
        for collection in _SWEPT:
            # Only retries are less than two minutes away; a task's expiry and deadline stay as they are.
            until_ms = now_ms + 120_000 if collection == "tasks" else sys.maxsize
            if any(now_ms < document.get("due_at", 0) < until_ms for document in found[collection]):
                await context.store.database[collection].update_many(
                    {"due_at": {"$gt": now_ms, "$lt": until_ms}}, {"$set": {"due_at": now_ms}}
                )
        if any(refund["state"] == "asked" for refund in found["refunds"]):
            # WeChat accepts the next refund of an order only after a minute.
            for orders, at in (("orders", "refunding_at"), ("sandbox_orders", "refunded_at_ms")):
                await context.store.database[orders].update_many({at: {"$gt": 0}}, {"$inc": {at: -60_000}})
        if any("then" in order for order in found["orders"]):
            # WeChat lists a payment for delivery only after a minute.
            await context.store.database["sandbox_orders"].update_many(
                {"paid_at_ms": {"$gt": 0}}, {"$inc": {"paid_at_ms": -60_000}}
            )
        if not await do_what_is_due(context):
            return
        found = await find_all(context, *_SWEPT)
        after = [
            (each["_id"], each.get("state", each.get("status")), "due_at" in each, each.get("alarm"))
            for documents in found.values()
            for each in documents
        ]
        if after == before:
            return
        before = after
    raise AssertionError(f"{SWEEPS} sweeps were not enough")


async def do_what_is_due(context: Context) -> bool:
    """Do what the agenda names, as the leader does; return whether it named anything."""
    ages_ms: dict[Kind, int] = {"addresses": ADDRESS_DAYS * DAY_MS}
    asked: tuple[Kind, ...] = ("pending", *SWEPT, "people", "reviews")
    due = await context.store.agenda.look(context.clock.now_ms(), asked, ages_ms)
    assert due is not None
    if "pending" in due.kinds:
        await settle_pending(context)
    if due.kinds.intersection(("people", "reviews")):
        await settle_reviews(context)
    if due.kinds.intersection(SWEPT):
        await sweep(context)
    await rest(context)
    return bool(due.kinds)


async def expect_balance(context: Context, *, remote: bool = True) -> None:
    """Assert that the audit finds nothing; with `remote`, WeChat is asked too."""
    report = await audit(context.store, cash_of(context).pay if remote else None)
    assert report.differences == []
