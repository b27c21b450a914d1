"""The realtime channel as a client sees it: frames over real websockets."""

import json
from collections import Counter
from typing import ClassVar

from support.watchers import Collecting


async def test_a_dig_reaches_every_open_page_as_cd_join_prize_end(open_page, alice, bob):
    code = await alice.publish(prize_num=1, forecast_num=1, cd=5)
    page = await open_page(alice, code)
    snapshot = await page.until("snapshot")
    assert (snapshot["seq"], snapshot["is_cd"], snapshot["watchers"], snapshot["status"]) == (0, 0, 1, 0)
    reply = await bob.dig(code)
    await page.until("end")
    frames = [frame for frame in page.frames if frame["type"] not in ("snapshot", "watchers")]
    assert [frame["type"] for frame in frames] == ["cd", "join", "prize", "end"]
    assert all(frame["seq"] == 1 and frame["code"] == code for frame in frames)
    cd, join, prize, end = frames
    assert (cd["time"], cd["cd_until"], cd["now_depth"]) == (0, 0, 1)
    assert (join["no"], join["wxname"], join["wxheadpic"], join["is_prize"]) == (
        1,
        reply["wxname"],
        reply["wxheadpic"],
        1,
    )
    assert (prize["prizes_left"], prize["money"], prize["goods_type"]) == (0, 0, 2)
    assert (end["end_reason"], end["commitment"]) == ("prizes_gone", snapshot["commitment"])
    fresh = await (await open_page(bob, code)).until("snapshot")
    assert fresh["status"] == 1


async def test_a_cooldown_ticks_each_second_to_zero(open_page, alice, bob):
    code = await alice.publish(forecast_num=100_000, cd=2)
    ticking = await open_page(alice, code)
    silent = await open_page(alice, code, ticks=0)
    for page in (ticking, silent):
        await page.until("snapshot")
    await bob.dig(code)
    assert (await ticking.until("cd"))["time"] == 2
    assert [(await ticking.until("tick"))["time"] for _ in range(2)] == [1, 0]
    await silent.answers()
    assert "tick" not in [frame["type"] for frame in silent.frames]


async def test_a_bad_message_gets_an_error_and_the_socket_stays_open(open_page, alice, code):
    page = await open_page(alice)
    wrong = [
        "{", "[]", '"x"', '{"action":"dance"}', '{"action":"subscribe"}',
        '{"action":"subscribe","code":7}',
    ]  # fmt: skip
    wrong += [
        json.dumps({"action": "subscribe", "code": code, "since": -1}),
        '{"action":"subscribe","code":{"$ne":1}}',
    ]
    for message in wrong:
        await page.connection.write_message(message)
        assert (await page.until("error"))["error"] == "bad_request"
    await page.connection.write_message(b'{"action":"ping"}', binary=True)
    assert (await page.until("error"))["error"] == "bad_request"
    await page.ask(action="subscribe", code="A" * 12)
    assert (await page.until("error"))["code"] == "A" * 12
    await page.ask(action="subscribe", code=code)
    assert (await page.until("snapshot"))["code"] == code
    await page.ask(action="unsubscribe", code=code)
    await page.answers()


async def test_a_refused_connection_closes_with_a_code_the_client_sees(open_page, alice, bob, code):
    await alice.lock()
    assert await (await open_page(alice, "A" * 12)).closed() == 4004
    assert await (await open_page(alice, "broken")).closed() == 4004
    assert await (await open_page(alice, code, token=bob.token)).closed() == 4001
    assert await (await open_page(None, code, unionid="nobody")).closed() == 4001
    assert await (await open_page(None, code, unionid=alice.unionid)).closed() == 4001
    # A blank id counts as missing: the close code is 4001, which asks for a login.
    assert await (await open_page(None, code, unionid="%20")).closed() == 4001
    assert await (await open_page(alice, code, since="soon")).closed() == 4009
    assert (await (await open_page(None, code, unionid=bob.unionid)).next())["type"] == "snapshot"


class TestFewSockets:
    ENVIRONMENT: ClassVar = {"SOCKETS_A_PERSON": "2"}

    async def test_who_knows_only_an_id_closes_none_of_its_owners_sockets(self, open_page, alice, code):
        own = [await open_page(alice, code) for _ in range(2)]
        strangers = [await open_page(None, code, unionid=alice.unionid) for _ in range(3)]
        assert await strangers[0].closed() == 4010
        for page in (*own, *strangers[1:]):
            await page.answers()
        newest = await open_page(alice, code)
        refusal = await own[0].until("error")
        assert (refusal["error"], refusal["code"]) == ("too_many", "")
        assert await own[0].closed() == 4010
        newest.connection.close()
        await newest.closed()  # which makes room for another
        another = await open_page(alice, code)
        for page in (own[1], another, *strangers[1:]):
            await page.answers()


async def test_too_long_or_too_many_messages_close_with_4009(open_page, alice):
    for size in (5_000, 500_000):
        page = await open_page(alice)
        await page.connection.write_message("x" * size)
        assert await page.closed() == 4009
    flood = await open_page(alice)
    for _ in range(45):
        await flood.ask(action="ping")
    assert await flood.closed() == 4009


async def test_the_101st_subscription_is_refused(open_page, context, alice):
    page = await open_page(alice)
    await page.answers()
    (push,) = context.hub.connections
    codes = [await alice.publish() for _ in range(2)]
    push._watched |= {f"{k:012}" for k in range(99)}
    await page.ask(action="subscribe", code=codes[0])
    await page.until("snapshot")
    await page.ask(action="subscribe", code=codes[1])
    assert (await page.until("error"))["error"] == "too_many"


async def test_cheers_of_all_are_told_each_second_and_one_counts_a_person(open_page, other, bob, carol, code):
    pages = [await open_page(who, code) for who in (bob, bob, carol)]
    there = Collecting()
    await other.hub.watch(there, code, None, False)
    for page in pages:
        await page.until("watchers", watchers=3)  # only a process that is known to watch is told of cheers
    other.hub.cheer(there, code, "heart")
    for page, sign in zip(pages, ("fire", "wow", "fire"), strict=True):
        await page.ask(action="cheer", code=code, sign=sign)
    refused = await pages[1].until("error")
    assert (refused["error"], refused["retry_after"]) == ("too_many", 1)
    told: Counter[str] = Counter()
    while told.total() < 3:
        told.update((await pages[0].until("watchers")).get("cheers", {}))
    assert told == {"heart": 1, "fire": 2}
    for wrong in ({"sign": "text"}, {"code": "A" * 12, "sign": "wow"}):
        await pages[0].ask(**{"action": "cheer", "code": code} | wrong)
        assert (await pages[0].until("error"))["error"] == "bad_request"
