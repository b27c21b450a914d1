"""A clock of MongoDB that was set back by an hour. As seen by it, all that was written is an hour ahead."""

from server.leading.tidy import tidy
from server.telemetry import metrics
from support.purse import find

HOUR_MS = 3_600_000
LASTS_MS = 8000


async def test_a_dead_lease_ends_within_its_length(context):
    leases, taken = context.store.leases, {"_id": "lease"}
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


async def test_a_treasure_is_dug_after_one_more_cooldown_and_open_pages_know(
    context, log, open_page, alice, bob, carol
):
    code = await alice.publish(cd=60)
    page = await open_page(carol, code)
    await page.until("snapshot")
    assert (await bob.dig(code))["now_depth"] == 1
    tasks, this = context.store.tasks, {"_id": code}
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


async def test_a_step_that_a_process_sees_is_counted_for_the_alarm(context):
    context.clock.see(await context.store.now_ms())
    before = metrics.CLOCK_STEPS._value.get()
    context.clock.see(await context.store.now_ms() + HOUR_MS)
    assert metrics.CLOCK_STEPS._value.get() == before + 1
