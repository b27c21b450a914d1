"""A clock of MongoDB that was set back by an hour. As seen by it, all that was written is an hour ahead."""

import pytest

from server.leading.leader import LEASE
from server.leading.tidy import tidy
from server.store.due import LEASE_MS, DueDocuments
from server.store.people.people import ERASING_MS
from server.telemetry import metrics
from support.purse import HOUR_MS, find

LASTS_MS = 8000


async def test_a_dead_lease_ends_within_its_length(context):
    leases = context.store.leases
    taken = {"_id": "lease"}
    await leases.acquire("lease", "dead", LASTS_MS)
    await leases.rows.update_one(taken, {"$inc": {"until": HOUR_MS}})
    for _ in range(2):
        lease = await leases.acquire("lease", "next", 1000)
        assert (lease["holder"], lease["lasts"]) == ("dead", LASTS_MS)
        assert 0 < lease["until"] - await context.store.now_ms() <= LASTS_MS
    await leases.rows.update_one(taken, {"$inc": {"until": -LASTS_MS}})
    assert (await leases.acquire("lease", "next", 1000))["holder"] == "next"


async def test_a_lease_is_not_cut_by_who_asks_for_a_shorter_one(context):
    leases = context.store.leases
    until = (await leases.acquire("lease", "holder", HOUR_MS))["until"]
    assert await leases.acquire("lease", "next", 1000) == await leases.acquire("lease", "third", 1000)
    assert (await leases.acquire("lease", "next", 1000))["until"] == until


async def test_a_treasure_is_dug_after_one_more_cooldown(context, log, open_page, alice, bob, carol):
    code = await alice.publish(cd=60)
    page = await open_page(carol, code)
    await page.until("snapshot")
    assert (await bob.dig(code))["now_depth"] == 1
    tasks = context.store.tasks
    this = {"_id": code}
    ahead = {"cd_until": HOUR_MS, "last_dig.at": HOUR_MS, "last_dig.cd_until": HOUR_MS}
    await tasks.rows.update_one(this, {"$inc": ahead})
    await tidy(context)
    assert "cut the cooldowns of 1 treasures" in log.getvalue()
    await context.hub._poll()
    assert 0 < (await page.until("snapshot", seq=1, is_cd=1))["time"] <= 60
    context.hub.cooldowns.forget(code)
    assert 0 < (await carol.dig(code))["time"] <= 60
    assert 0 < (await carol.dig(code))["time"] <= 60  # from memory
    assert (await bob.dig(code))["repeated"] == 1
    await tidy(context)
    context.hub.cooldowns.forget(code)
    await tasks.rows.update_one(this, {"$inc": {"cd_until": -60_000}})
    assert (await bob.dig(code))["now_depth"] == 2
    assert [dig["depth"] for dig in await find(context, "digs", code=code)] == [1, 2]


@pytest.mark.parametrize("given_back", [True, False])
async def test_what_was_leased_or_hidden_waits_no_longer_than_without_the_step(context, alice, given_back):
    """Nobody who saw the step lives any more: all processes were restarted after it."""
    code = await alice.publish()
    now_ms = await context.store.now_ms()
    tasks = context.store.tasks
    this = {"_id": code}
    await tasks.rows.update_one(this, {"$set": {"hidden": 1, "reported": 1, "reported_at": now_ms + HOUR_MS}})
    stores = [store for store in context.store.stores if isinstance(store, DueDocuments)]
    assert {"bills", "messages", "orders", "people", "refunds", "reviews"} < {store.NAME for store in stores}
    times = {"leased": now_ms + HOUR_MS + LEASE_MS, "later": now_ms + 2 * HOUR_MS}
    for store in stores:
        keys = {name: dict.fromkeys(("_id", "openid", "code"), name) for name in times}
        await store.rows.insert_many([{**keys[name], "due_at": at} for name, at in times.items()])
    leaving = {"until": now_ms + 60_000, "due_at": now_ms + HOUR_MS + ERASING_MS}
    await context.store.people.rows.update_one({"_id": "later"}, {"$set": {"leaving": leaving}})
    naming = {"naming_at": times["leased"]}
    await context.store.people.rows.update_one({"_id": "leased"}, {"$set": naming})
    leases = context.store.leases
    await leases.acquire(LEASE, "before", LEASE_MS)
    if given_back:
        await leases.release(LEASE, "before")
    await leases.rows.update_one({"_id": LEASE}, {"$inc": {"until": HOUR_MS}})
    for _ in range(2):
        await leases.acquire(LEASE, "after", LEASE_MS)
    for _ in range(2):  # the second time there is nothing to do
        await tidy(context)
        for store in stores:
            assert (await store.get("leased"))["due_at"] <= await context.store.now_ms(), store.NAME
            assert (await store.get("later"))["due_at"] == times["later"], store.NAME
    assert (await context.store.people.get("leased"))["naming_at"] <= await context.store.now_ms()
    assert (await context.store.people.get("later"))["leaving"]["due_at"] == leaving["until"]
    assert now_ms <= (await tasks.get(code))["reported_at"] <= await context.store.now_ms()


async def test_a_step_that_a_process_sees_is_counted_for_the_alarm(context):
    context.clock.see(await context.store.now_ms())
    before = metrics.CLOCK_STEPS._value.get()
    context.clock.see(await context.store.now_ms() + HOUR_MS)
    assert metrics.CLOCK_STEPS._value.get() == before + 1
