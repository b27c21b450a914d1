"""Thanks for prizes, and the story of an ended treasure."""

import msgspec
import pymongo

from server.store.digging.digs import stored

LEVELS = 1000
EMOJI = "🪏" * 32  # the longest name there is


async def test_only_winners_thank_once_a_win_and_the_giver_reads_it(open_page, alice, bob, carol):
    code = await alice.won_packet(bob)
    page = await open_page(alice, code)
    await page.until("snapshot")
    asked = [
        (carol, "heart", "not_won"),
        (alice, "heart", "not_won"),
        (bob, "thumb", "bad_request"),
        (bob, "clover", 0),
        (bob, "clover", 0),
        (bob, "heart", "already_thanked"),
    ]
    for who, sign, answer in asked:
        reply = await who.post("/thank", code=code, sign=sign)
        assert reply.get("error", reply["status"]) == answer
    await page.until("claim", depth=1)
    assert (await bob.get("/getTaskDetails", code=code))["thanks"] == "clover"
    assert [row["thanks"] for row in (await alice.get("/getWinners", code=code))["data"]] == ["clover"]


async def test_a_winner_thanks_though_the_prize_is_not_written_yet(context, alice, bob):
    code = await alice.won_packet(bob)
    await context.store.prizes.rows.delete_many({})
    assert (await bob.post("/thank", code=code, sign="heart"))["status"] == 0


async def test_a_story_whose_digs_are_not_all_there_is_told_later(context, alice, bob):
    code = await alice.publish(prize_num=1, interval=1, forecast_num=1, cd=0)
    await bob.dig(code)
    await context.background.finish()
    task = await context.store.tasks.get(code)
    await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"now_depth": task["now_depth"] + 1}})
    assert (await bob.get("/getStory", code=code))["error"] == "unavailable"
    await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"now_depth": task["now_depth"]}})
    assert (await bob.get("/getStory", code=code))["status"] == 0


async def test_an_ended_treasure_tells_who_dug_which_level_and_what_came_of_it(alice, bob, carol):
    code = await alice.publish(prize_num=2, interval=2, fluctuation=0, forecast_num=2, cd=0)
    assert (await bob.get("/getStory", code=code))["error"] == "not_ended"
    made = [await who.dig(code) for who in (bob, bob, carol, carol)]
    if not made[1]["is_prize"]:
        made = made[1:]
    await bob.post("/thank", code=code, sign="fire")
    story = await carol.get("/getStory", code=code)
    assert (story["status"], story["no"], story["first"]) == (0, 2, 1)
    assert story["who"] == [dug["no"] for dug in made if not dug["status"]]
    assert story["finds"] == [dug["find"] for dug in made if not dug["status"]]
    assert [bool(won) for won in story["won"]] == [bool(dug["is_prize"]) for dug in made if not dug["status"]]
    assert sum(story["thanks"]) == 2
    assert {person["wxname"]: person["digs"] for person in story["people"]} == {"bob": 2, "carol": 2}
    assert (await alice.get("/getStory", code=code))["no"] == 0


async def test_the_story_of_a_thousand_digs_by_people_with_long_names_has_60_kilobytes(context, alice, bob):
    code = await alice.publish(prize_num=1, interval=1, forecast_num=1, cd=0)
    await bob.dig(code)
    await context.background.finish()
    task = await context.store.tasks.get(code)
    face = {"wxname": EMOJI, "wxheadpic": "/files/0123456789abcdef0123456789abcdef.jpg"}
    people = []
    for depth in range(2, LEVELS + 1):
        place = {"_id": f"{code}:{depth}", "person_id": f"{depth}", "depth": depth, "no": depth, "n": depth}
        people.append({**task["last_dig"], **face, **place, "find": 48})
    for first in range(0, LEVELS, 100):
        digs = [pymongo.InsertOne(stored(dig)) for dig in people[first:][:100]]
        await context.store.digs.collection.bulk_write(digs)
    last = {"now_depth": LEVELS, "last_dig": people[-1]}
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": last})
    reply = await bob.fetch("/getStory", code=code)
    story = msgspec.json.decode(reply.content)
    assert len(story["who"]) == LEVELS
    assert len(reply.content) <= 60_000
