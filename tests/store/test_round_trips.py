"""The number of commands that a request sends to MongoDB, counted by a PyMongo listener."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from devtools.sandbox import Sandbox
from server.actions.digging.dig import DigAttempt, dig
from server.actions.digging.visit import visit
from server.actions.messages import write
from server.actions.messages.send import send_messages
from server.context import Context
from server.errors import CoolingDown
from server.game.invariants import Totals
from server.memory.known_people import KnownPeople
from server.store import Store
from server.store.digging import square
from server.store.digging.digs import stored
from server.store.digging.tasks import Tasks
from server.store.people.follows import Follow
from support.client import Client, Someone
from support.meanwhile import meanwhile
from support.messages import MESSAGES
from support.trips import Trips


async def sent_during(trips: Trips, request: Awaitable[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Return a request's reply, and the commands that were sent before the reply."""
    before = len(trips.sent)
    reply = await request
    return reply, trips.sent[before:]


def waited_for(sent: list[str]) -> list[str]:
    """Leave out the update that notes a person's first use of a token: it is sent beside another command."""
    return [command for command in sent if command != "update people"]


async def digger(client: Client, user: str) -> Someone:
    """Return somebody whose token the server has already seen."""
    someone = await client.log_in(user)
    await someone.get("/getMyInfo")
    return someone


async def test_a_successful_dig_takes_four_trips_even_for_a_newcomer(client, context, trips):
    alice, newcomer = await client.log_in_all("alice", "newcomer")
    bob = await digger(client, "bob")
    code = await alice.publish(forecast_num=100_000)
    for who in (newcomer, bob, newcomer):
        reply, sent = await sent_during(trips, who.dig(code))
        assert reply["status"] == 0
        assert 3 <= len(sent) <= 4, sent
        await context.background.finish()


class TestWithMessages:
    ENVIRONMENT: ClassVar = MESSAGES

    async def test_messages_to_people_who_left_add_no_trip_to_a_dig(self, client, context, trips):
        alice, bob = [await digger(client, user) for user in ("alice", "bob")]
        code = await alice.publish(forecast_num=100_000)
        for _ in range(2):
            reply, sent = await sent_during(trips, bob.dig(code))
            assert reply["status"] == 0
            assert 3 <= len(sent) <= 4, sent
            await context.background.finish()

    async def test_turns_of_many_followers_cost_as_those_of_few(self, client, context, trips, monkeypatch):
        monkeypatch.setattr(write, "FOLLOWERS", 20)
        monkeypatch.setattr(write, "AT_ONCE", 10)
        template_id = context.settings.templates["announced"].template_id
        messages = context.store.database["messages"]

        async def turns(user: str, followers: int) -> list[tuple[int, int]]:
            """Return how many commands each of three turns sends, and how many messages it writes."""
            publisher = await client.log_in(user)
            fans = [f"{user}-{number:06}" for number in range(followers)]
            follows = [
                Follow(_id=f"{publisher.id}:{fan}", publisher=publisher.id, follower=fan, at=1, n=n)
                for n, fan in enumerate(fans, 1)
            ]
            followed = {"$set": {"followed": followers}}
            await context.store.people.collection.update_one({"_id": publisher.id}, followed)
            consents = [{"_id": f"{fan}:{template_id}", "person_id": fan, "left": 1} for fan in fans]
            await context.store.database["follows"].insert_many(follows)
            await context.store.database["consents"].insert_many(consents)
            await publisher.publish(name="灯")
            costs = []
            for _ in range(3):
                await messages.update_many({"after": {"$exists": True}}, {"$set": {"due_at": 1}})
                before = len(trips.sent), await messages.count_documents({})
                await send_messages(context)
                written = await messages.count_documents({}) - before[1]
                costs.append((len(trips.sent) - before[0], written))
            await messages.delete_many({})
            return costs

        few = await turns("alice", 60)
        many = await turns("bob", 300)
        assert many == few
        assert [written for _, written in many] == [20] * 3


async def test_a_dig_that_finds_a_pending_one_of_another_process_takes_four_trips(client, context, trips):
    alice, bob, carol = [await digger(client, user) for user in ("alice", "bob", "carol")]
    code = await alice.publish(forecast_num=100_000)
    await bob.dig(code)
    await context.background.finish()
    await context.store.digs.collection.delete_one({"_id": f"{code}:1"})
    pending = {"pending": 1, "last_dig.dig_id": "of another process"}
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": pending})
    reply, sent = await sent_during(trips, carol.dig(code))
    assert (reply["now_depth"], reply["no"]) == (2, 2)
    assert len(sent) == 4, sent
    assert await context.store.digs.totals(code) == Totals(2, 2, 0, 2)


async def test_digs_at_once_take_three_trips_and_leave_one_mark(client, context, trips, monkeypatch):
    monkeypatch.setattr("server.actions.digging.dig.MARK_SECONDS", 0.5)
    noted = meanwhile(monkeypatch, Tasks, "unmark_pending")
    alice, bob, carol = [await digger(client, user) for user in ("alice", "bob", "carol")]
    code = await alice.publish(forecast_num=100_000)
    await bob.dig(code)
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    reply, sent = await sent_during(trips, carol.dig(code))
    assert (reply["now_depth"], len(sent)) == (2, 3), sent
    await context.background.finish()
    assert [depth for _, _, depth in noted] == [2]
    assert "pending" not in await context.store.tasks.get(code)
    assert await context.store.digs.totals(code) == Totals(2, 2, 0, 2)


async def test_a_refusal_from_memory_takes_no_trip_and_any_other_takes_one(client, context, trips):
    alice, bob, carol = [await digger(client, user) for user in ("alice", "bob", "carol")]
    cooling = await alice.publish(cd=60, forecast_num=40_000)
    await bob.dig(cooling)
    won = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    await bob.dig(won)
    over = await alice.publish(prize_num=1, forecast_num=1)
    await bob.dig(over)
    unpaid = await alice.publish_packet()
    await context.background.finish()
    await context.database.answers()  # or the process would send this query now, as it does twice a second

    refused, sent = await sent_during(trips, carol.dig(cooling))
    assert (refused["error"], sent) == ("cooling_down", [])
    for request, error in (
        (carol.dig(cooling, dig_id="carols-dig-1"), "cooling_down"),
        (alice.dig(won), "own_task"),
        (bob.dig(won), "already_won"),
        (carol.dig(over), "ended"),
        (carol.dig(unpaid), "not_paid"),
        (carol.dig("A" * 12), "no_such_task"),
    ):
        refused, sent = await sent_during(trips, request)
        assert refused["error"] == error
        # Before a task counts as missing, the database is asked whether it is ours.
        assert len(sent) == 1 + (error == "no_such_task"), sent


async def test_a_dig_that_lost_the_race_takes_three_trips(client, context, trips, settings, monkeypatch):
    other_trips = Trips()
    monkeypatch.setattr("server.context.Store", partial(Store, listeners=[other_trips]))
    other = await Context.open(settings, Sandbox)
    alice, bob, carol = [await digger(client, user) for user in ("alice", "bob", "carol")]
    code = await alice.publish(cd=60, forecast_num=40_000)
    both_have_read = asyncio.Barrier(2)

    def once_both_have_read(record: Any) -> Any:
        async def late(*asked: Any) -> Any:
            await both_have_read.wait()
            return await record(*asked)

        return late

    for each in (context, other):
        monkeypatch.setattr(each.store.tasks, "record_dig", once_both_have_read(each.store.tasks.record_dig))

    async def attempt(where: Context, counted: Trips, who: Someone) -> tuple[bool, list[str]]:
        before = len(counted.sent)
        try:
            await dig(where, DigAttempt(code, who.id))
        except CoolingDown:
            return False, counted.sent[before:]
        return True, counted.sent[before:]

    ends = await asyncio.gather(attempt(context, trips, bob), attempt(other, other_trips, carol))
    await other.close()
    assert sorted(dug for dug, _ in ends) == [False, True]
    for dug, sent in ends:
        assert sent[:2] == ["aggregate tasks", "findAndModify tasks"]
        assert sent[2:] == (["insert digs"] if dug else ["aggregate tasks"])


async def test_a_new_persons_tap_takes_one_trip_whoever_brought_them(client, context, trips, monkeypatch):
    replied = asyncio.Event()
    meanwhile(monkeypatch, KnownPeople, "id_of", before=replied.wait)
    alice = await digger(client, "alice")
    code = await alice.publish(forecast_num=100_000)
    share = (await alice.get("/getTaskDetails", code=code))["share"]
    links: dict[str, dict[str, Any]] = {
        "nobody": {"code": code},
        "id": {"code": code, "is_share": 1, "from_unionid": alice.unionid},
        "token": {"code": code, "is_share": 1, "from_unionid": share},
        "token alone": {"code": share},
        "unknown": {"code": code, "is_share": 1, "from_unionid": "nobody"},
        "altered": {"code": code, "is_share": 1, "from_unionid": "x" * len(share)},
    }
    brought = {}
    for user, link in links.items():
        newcomer = await client.log_in(user)
        reply, sent = await sent_during(trips, newcomer.get("/getTaskDetails", **link))
        assert reply["code"] == code
        # The visit is written behind the reply, which may arrive later.
        assert [command for command in sent if command != "update visits"] == ["find people"]
        replied.set()
        await client.rest()
        replied.clear()
        [visit] = await context.store.visits.rows.find({"person_id": newcomer.id}).to_list(10)
        brought[user] = visit.get("sharer")
    by_alice = dict.fromkeys(("id", "token", "token alone"), alice.id)
    assert brought == {**dict.fromkeys(links), **by_alice}
    replied.set()
    await newcomer.get("/getTaskDetails", code=code, is_share=1, from_unionid=newcomer.unionid)
    await client.rest()
    assert await context.store.visits.rows.count_documents({"sharer": {"$exists": True}}) == len(by_alice)


async def test_a_list_of_any_length_takes_two_trips_the_square_one_more(client, context, trips, monkeypatch):
    monkeypatch.setattr(square, "MOST_OF_ONE", square.PAGE_SIZE)
    alice, bob, newcomer = [await client.log_in(user) for user in ("alice", "bob", "newcomer")]
    code = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0, synopsis="长" * 2000)
    assert (await bob.dig(code))["is_prize"] == 1
    await context.background.finish()
    task = await context.store.tasks.collection.find_one({"_id": code})
    made = await context.store.digs.collection.find_one({"code": code})
    codes = [f"{number:012}" for number in range(59)]
    await context.store.tasks.collection.insert_many([{**task, "_id": code, "terms": []} for code in codes])
    digs = [stored({**made, "_id": f"{code}:1", "code": code, "dig_id": code}) for code in codes]
    await context.store.digs.collection.insert_many(digs)
    prize = await context.store.prizes.find(f"{code}:1")
    prizes = [{**prize, "_id": f"{code}:1", "code": code} for code in codes]
    await context.store.prizes.collection.insert_many(prizes)
    lists: list[tuple[Someone, str, dict[str, int], int]] = [
        (newcomer, "/getTaskList", {}, 20),
        (bob, "/getTaskList", {"page": 3}, 20),
        (bob, "/getTaskList", {"page": 4}, 0),
    ]
    for who, path in ((alice, "/getMyRelease"), (bob, "/getMyPartake"), (bob, "/getMyPrize")):
        lists += [(who, path, {}, 60), (who, path, {"page": 1}, 20), (who, path, {"page": 4}, 0)]
    for who, path, page, length in lists:
        reply, sent = await sent_during(trips, who.get(path, **page))
        assert len(reply["data"]) == length, path
        assert len(waited_for(sent)) <= 2 + (path == "/getTaskList"), (path, sent)
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"status": 0}})
    context.database.featured = [code]
    context.square.forget()
    reply, sent = await sent_during(trips, newcomer.get("/getTaskList"))
    assert reply["featured"] == [code]
    assert waited_for(sent) == ["find tasks", "aggregate tasks"]


async def test_a_page_of_participants_takes_three_trips(client, context, trips):
    alice, newcomer = await client.log_in_all("alice", "newcomer")
    bob = await digger(client, "bob")
    code = await alice.publish(forecast_num=100_000)
    await bob.dig(code)
    visit(context, code, bob.id)
    await client.rest()
    made = await context.store.digs.collection.find_one({"code": code})
    await context.store.digs.collection.insert_many(
        [
            stored({**made, "_id": f"{code}:{n}", "depth": n, "n": n, "no": n, "person_id": f"person{n}"})
            for n in range(2, 151)
        ]
    )
    asked: list[Callable[[], Awaitable[dict[str, Any]]]] = [
        partial(newcomer.get, "/getTaskUser", code=code, page=3),
        partial(bob.get, "/getTaskUser", code=code, page=1),
        partial(bob.get, "/getTaskUser"),
        partial(newcomer.get, "/getDigs", code=code),
    ]
    for ask in asked:
        reply, sent = await sent_during(trips, ask())
        assert len(reply["data"]) == 50
        assert len(waited_for(sent)) <= 3, sent


async def test_the_first_act_of_money_locks_in_the_trip_that_reads_its_person(trips, alice):
    red_packet = {"goods_type": 1, "name": "红包", "prize_num": 1, "forecast_num": 5, "money": 2}
    published, sent = await sent_during(trips, alice.post("/postTask", **red_packet))
    assert [command for command in sent if command.endswith(" people")] == ["find people"]
    code = published["code"]
    for read in ("findAndModify people", "find people"):
        _, sent = await sent_during(trips, alice.post("/payTask", code=code, money=2))
        assert [command for command in sent if command.endswith(" people")] == [read]
    _, sent = await sent_during(trips, alice.get("/getTaskDetails", code=code))
    assert not [command for command in sent if command.endswith(" people")], "who was read must be known"


async def test_what_waits_for_somebody_costs_their_numbers_one_trip(client, trips):
    alice = await digger(client, "alice")
    _, sent = await sent_during(trips, alice.get("/getMyInfo"))
    assert waited_for(sent).count("aggregate prizes") == 1
    assert not [command for command in sent if command.endswith((" tasks", " prizes")) and "find" in command]
