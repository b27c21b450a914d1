"""How a websocket proves whose it is: in the head of its request, or in its first message."""

from handlers import push
from server.realtime import hub
from server.realtime.sockets import Sockets
from support.client import Someone


def head(who: Someone) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.token}"}


ENVIRONMENT = {"REQUIRE_TOKEN": "1", "SOCKETS_A_PERSON": "2"}


async def test_a_client_says_who_it_is_in_its_head_or_in_its_first_message(open_page, context, alice, code):
    by_head = await open_page(None, code, headers=head(alice))
    assert (await by_head.next())["type"] == "snapshot"
    by_hello = await open_page(None, code, since=0)
    await by_hello.ask(action="hello", token=alice.token)
    assert (await by_hello.next())["type"] == "snapshot"
    later = await open_page(None)  # her third: the oldest is closed, so each of the three counts as hers
    for message in ({"action": "hello", "token": alice.token}, {"action": "subscribe", "code": code}):
        await later.ask(**message)
    assert (await later.next())["type"] == "snapshot"
    assert await by_head.closed() == 4010
    await alice.post("/logout")
    assert [await page.closed() for page in (by_hello, later)] == [4001, 4001]
    assert context.hellos._of == {}


async def test_nothing_but_a_hello_with_a_good_token_comes_first(open_page, alice, bob, code):
    first = {
        '{"action":"ping"}': ("not_logged_in", 4001),
        f'{{"action":"subscribe","code":"{code}"}}': ("not_logged_in", 4001),
        '{"action":"hello","token":"undefined"}': ("bad_token", 4001),
        '{"action":"hello","token":""}': ("bad_token", 4001),
        '{"action":"hello"}': ("bad_request", 4009),
        "{": ("bad_request", 4009),
    }
    for message, (error, close_code) in first.items():
        page = await open_page(None, code)
        await page.connection.write_message(message)
        assert await page.closed() == close_code, message
        assert [frame["error"] for frame in page.frames] == [error], message
    binary = await open_page(None, code)
    await binary.connection.write_message(b'{"action":"ping"}', binary=True)
    assert await binary.closed() == 4009
    too_long = await open_page(None, code)
    await too_long.connection.write_message("x" * 5000)
    assert await too_long.closed() == 4009
    nowhere = await open_page(None, "A" * 12)
    await nowhere.ask(action="hello", token=alice.token)
    assert await nowhere.closed() == 4004
    for refused in (
        await open_page(None, code, headers={"Authorization": "Basic xyz"}),
        await open_page(None, code, headers=head(bob), unionid=alice.unionid),
        await open_page(None, code, unionid=alice.unionid),
    ):
        assert await refused.closed() == 4001


async def test_who_is_known_cannot_become_somebody_else(open_page, alice, bob):
    page = await open_page(None, headers=head(alice))
    await page.ask(action="hello", token=bob.token)
    assert (await page.next())["error"] == "bad_request"
    await bob.post("/logout")
    await page.answers()


async def test_who_does_not_say_who_they_are_is_closed_in_time_and_may_return(open_page, monkeypatch, alice):
    monkeypatch.setattr(push, "HELLO_SECONDS", 0.05)
    silent = await open_page(None)
    assert await silent.closed() == 4008
    assert [frame["error"] for frame in silent.frames] == ["not_logged_in"]
    monkeypatch.setattr(push, "HELLO_SECONDS", 0.3)
    known = await open_page(None)
    await known.ask(action="hello", token=alice.token)
    later = await open_page(None)
    assert await later.closed() == 4008
    await known.ask(action="ping")  # by now, the time for its hello is over, too
    await known.until("pong")


async def test_of_too_many_that_are_silent_the_oldest_goes_and_may_come_back(open_page, context, alice):
    context.hellos = Sockets(2)
    known = await open_page(None)
    await known.ask(action="hello", token=alice.token)
    await known.answers()
    oldest, *others = [await open_page(None) for _ in range(3)]
    assert await oldest.closed() == 4029
    assert [frame["error"] for frame in oldest.frames] == ["too_many"]
    for page in others:
        await page.ask(action="hello", token=alice.token)
        await page.answers()
    assert await known.closed() == 4010  # only now, as the oldest of her three


async def test_who_has_not_said_who_they_are_is_sent_away_too(open_page, context, monkeypatch):
    monkeypatch.setattr(hub, "DRAIN_SECONDS", 0)
    page = await open_page(None)
    await context.hub.drain()
    assert context.hellos._of == {}
    assert await page.closed() == 1001
