"""Limits for each person and for each address, over HTTP and websockets."""

import asyncio
import random
from dataclasses import replace
from typing import Any, ClassVar

import httpx
import pytest
from PIL import Image

from handlers.people import account as people
from handlers.websocket import TOO_MANY
from server.context import DOUBTED_AT_ONCE, Context
from server.operation.heartbeats import add_up
from server.pictures.decode import normalise
from server.realtime import bus
from server.settings.limits import BOUNDS, Bound, Limited
from server.telemetry import metrics
from support.client import Client, Someone, a_picture
from support.login import a_ticket
from support.meanwhile import meanwhile
from support.pictures import encoded
from support.stored import person_of, stored_files

PROXY = {"TRUSTED_PROXIES": "127.0.0.1"}
HERE = {"X-Forwarded-For": "198.51.100.7"}
THERE = {"X-Forwarded-For": "198.51.100.8"}


ENVIRONMENT = {"LIMITS_A_PERSON": "1", "LIMITS_AN_ADDRESS": "1", **PROXY}
# The limits of a test, unless its class has others: of a person, and of an address.
OF_MODULE: dict[Limited, Bound] = {
    "publishes": Bound(2, 0),
    "uploads": Bound(3, 0),
    "posters": Bound(1, 2),
    "logins": Bound(4, 5, seconds=60),
    "profiles": Bound(2, 0),
    "consents": Bound(2, 0),
    "new_sockets": Bound(2, 3, seconds=60),
}


@pytest.fixture(autouse=True)
def _of_this_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = getattr(request.cls, "BOUNDS", OF_MODULE)
    for what in BOUNDS:
        monkeypatch.setitem(BOUNDS, what, bounds.get(what, Bound(0, 0)))


@pytest.fixture(autouse=True)
def _counted_by_redis(io_loop: Any, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for Redis, however long it takes: until it answers, a process counts by itself."""
    monkeypatch.setattr(bus, "QUICK_SECONDS", 30.0)
    io_loop.run_sync(context.bus.connected.wait)


def check_refused(reply: httpx.Response, least: int, most: int) -> None:
    """Assert that body and headers of a reply say when to try again, and name the same time."""
    said = reply.json()
    assert (reply.status_code, said["status"], said["error"]) == (429, 1, "too_many")
    assert least <= said["retry_after"] <= most
    assert reply.headers["Retry-After"] == str(said["retry_after"])
    assert "后再试" in said["msg"]


async def test_an_act_too_many_is_refused_to_its_person_alone_and_saves_nothing(client, context, alice, bob):
    draft = await alice.draft()
    headers = {"Authorization": f"Bearer {alice.token}"}
    for path, asked in (("/postTask", draft), ("/setProfile", {}), ("/subscribed", {"templates": "x" * 20})):
        for name in ("甲", "乙"):
            assert (await alice.post(path, **asked, wxname=name)).get("error") != "too_many"
        for _ in range(3):
            mine = {"unionid": alice.unionid, "wxname": "丙", **asked}
            check_refused(await client.http.post(path, json=mine, headers=headers), 3500, 3600)
        assert (await bob.post(path, **asked, wxname="甲")).get("error") != "too_many", path
    for path in ("/remind", "/thank"):  # these count as consents
        assert (await alice.post(path, code="A" * 12, sign="heart"))["error"] == "too_many"
    assert await context.store.tasks.released_number(alice.id) == 2
    assert (await person_of(context, alice))["wxname"] == "乙"


async def test_uploads_stop_at_the_limit_before_the_picture_is_read(alice):
    assert [(await alice.upload(a_picture()))["status"] for _ in range(4)] == [0, 0, 0, 1]


async def test_only_posters_that_are_drawn_count(alice):
    one = await alice.publish()
    other = await alice.publish()
    for _ in range(3):
        assert (await alice.post("/getSharePic", code=one))["status"] == 0
    assert (await alice.post("/getSharePic", code=other))["error"] == "too_many"
    assert (await alice.post("/getSharePic", code=one))["status"] == 0


async def test_codes_of_the_mini_program_count_as_posters_of_an_address_once_they_are_drawn(client, alice):
    codes = ["", await alice.publish(), await alice.publish()]

    async def ask(code: str, headers: dict[str, str]) -> httpx.Response:
        return await client.http.get("/miniProgramCode", params={"code": code}, headers=headers)

    for code in (codes[0], codes[1], codes[0]):
        assert (await ask(code, HERE)).status_code == 302
    check_refused(await ask(codes[2], HERE), 3500, 3600)
    assert (await ask(codes[1], HERE)).status_code == 302
    assert (await ask(codes[2], THERE)).status_code == 302


async def test_a_hundred_who_ask_for_one_code_at_once_have_wechat_draw_it_once(client, context, monkeypatch):
    drawn = meanwhile(monkeypatch, context.wechat, "mini_program_code")
    replies = await asyncio.gather(*(client.http.get("/miniProgramCode", headers=HERE) for _ in range(100)))
    assert {reply.status_code for reply in replies} == {302}
    assert [scene for scene, *_ in drawn] == ["square"]


async def log_in(client: Client, code: str, headers: dict[str, str] = HERE) -> httpx.Response:
    return await client.http.get("/userLogin", params={"code": code}, headers=headers)


async def test_wrong_codes_shut_out_nobody_else_and_reach_wechat_few_at_once(client, context, monkeypatch):
    asked = 0
    most = 0
    wechat = context.wechat.code_to_session

    async def counted(code: str) -> Any:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        try:
            return await wechat(code)
        finally:
            asked -= 1

    monkeypatch.setattr(context.wechat, "code_to_session", counted)
    monkeypatch.setattr(people, "TURN_SECONDS", 30)  # long enough for all turns on a slow machine
    for _ in range(2):
        given = await a_ticket(client.http, user="alice")
        wrong = (log_in(client, f"wrong{k}") for k in range(30))
        replies = await asyncio.gather(*wrong, log_in(client, given["code"]))
        assert {reply.json()["error"] for reply in replies[:-1]} == {"bad_login_code"}
        assert replies[-1].json()["status"] == 0
        assert most <= DOUBTED_AT_ONCE + 5  # requests within the limit need no turn
        most = 0


async def test_a_login_whose_turn_does_not_come_is_told_to_come_back_later(client, context, monkeypatch):
    monkeypatch.setattr(people, "TURN_SECONDS", 0.1)
    for k in range(5):
        await log_in(client, f"wrong{k}")
    for _ in range(DOUBTED_AT_ONCE):
        await context.doubted_logins.acquire()
    code = (await a_ticket(client.http, user="alice"))["code"]
    refused = await log_in(client, code)
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many")
    assert refused.headers["Retry-After"] == "5"
    assert (await log_in(client, code, THERE)).json()["status"] == 0


async def test_logins_that_succeed_count_for_the_person_and_not_for_the_address(client, context):
    found = []
    for user in (*"abcdefg", *"aaaa"):
        given = await a_ticket(client.http, user=user)
        found.append(await log_in(client, given["code"]))
        await context.background.finish()
    assert [reply.status_code for reply in found] == [200] * 10 + [429]
    check_refused(found[-1], 1, 60)


async def test_who_knows_only_an_id_uses_up_nothing_of_its_owners(open_page, alice):
    stranger = replace(alice, send_token=False)
    code = await alice.publish()
    asked = {"goods_type": 2, "name": "猫", "prize_num": 1, "forecast_num": 9, "draw_type": 1}
    for _ in range(3):
        uploaded = await stranger.upload(a_picture())
        assert uploaded["status"] == 0
    for _ in range(2):
        assert (await stranger.post("/postTask", url=uploaded["url"], **asked))["status"] == 0
        assert (await (await open_page(None, code, unionid=alice.unionid)).next())["type"] == "snapshot"
    assert (await stranger.upload(a_picture()))["error"] == "too_many"
    assert (await stranger.post("/postTask", url=uploaded["url"], **asked))["error"] == "too_many"
    third = await open_page(None, code, unionid=alice.unionid)
    told = await third.until("error")
    assert (told["error"], 1 <= told["retry_after"] <= 60) == ("too_many", True)
    assert await third.closed() == TOO_MANY
    assert await alice.publish() != code  # the stranger's requests did not count as hers
    for _ in range(2):
        assert (await (await open_page(alice, code)).next())["type"] == "snapshot"
    assert await (await open_page(alice, code)).closed() == TOO_MANY


async def test_a_refusal_and_an_ended_worker_are_in_the_heartbeat_of_their_second(context, alice):
    for _ in range(5):
        await alice.upload(a_picture())
    context.heartbeats.take(0)
    before = metrics.LIMITED.labels("uploads")._value.get()
    await alice.upload(a_picture())
    assert metrics.LIMITED.labels("uploads")._value.get() == before + 1
    metrics.WORKERS_ENDED.labels("hung").inc()  # as a worker that begins does for the one before it
    beat = context.heartbeats.take(1)
    assert beat.counts["limited.uploads"] == 1
    assert beat.counts["replaced.hung"] == 1
    assert add_up([beat, beat])[0].limited == {"uploads": 2}


class TestBytes:
    """The limit on the megabytes that a person uploads in an hour."""

    BOUNDS: ClassVar = {"upload_kb": Bound(1024, 0)}

    async def test_bytes_count_by_what_a_request_says_that_it_sends_until_they_are_stored(self, alice):
        no_picture = bytes(400 << 10)
        before = metrics.LIMITED.labels("upload_kb")._value.get()
        errors = [(await alice.upload(no_picture))["error"] for _ in range(3)]
        assert errors == ["not_a_picture", "not_a_picture", "too_many"]
        assert (await alice.upload(a_picture()))["status"] == 0
        assert metrics.LIMITED.labels("upload_kb")._value.get() == before + 1

    async def test_pictures_count_by_what_is_stored_of_them(self, context, alice, bob):
        padded = a_picture() + bytes(400 << 10)
        assert [(await alice.upload(padded))["status"] for _ in range(6)] == [0] * 6
        stored = await stored_files(context)
        noise = random.Random(1)
        rows = [noise.randbytes(16) * 100 for _ in range(1600)]
        swelling = encoded(Image.frombytes("L", (1600, 1600), b"".join(rows)), "PNG")
        times = (1 << 20) // normalise(swelling).stored_bytes
        assert len(swelling) * 4 < normalise(swelling).stored_bytes
        errors = [(await bob.upload(swelling)).get("error") for _ in range(times + 1)]
        assert errors == [None] * times + ["too_many"]
        assert await stored_files(context) == stored + 2 * times


async def upload(someone: Someone, headers: dict[str, str]) -> int:
    """Upload by a bare id, or by a token in `headers`; return the HTTP status."""
    reply = await someone.client.http.post(
        "/uploadFile", data={"unionid": someone.unionid}, files={"file": a_picture()}, headers=headers
    )
    return reply.status_code


class TestOfAnAddress:
    """Many people behind one address."""

    BOUNDS: ClassVar = {"uploads": Bound(0, 2)}

    async def test_an_address_is_what_the_proxy_says_and_the_proxy_itself_is_none(self, client):
        people = await client.log_in_all("alice", "bob", "carol")
        assert [await upload(person, HERE) for person in people] == [200, 200, 429]
        assert await upload(people[2], THERE) == 200
        assert [await upload(people[0], {}) for _ in range(4)] == [200] * 4

    async def test_who_has_a_token_counts_for_themselves_alone(self, client):
        people = await client.log_in_all("alice", "bob", "carol", "dave")
        tokens = [{**HERE, "Authorization": f"Bearer {person.token}"} for person in people]
        found = [await upload(*each) for each in zip(people, tokens, strict=True)]
        assert found == [200] * 4
        assert [await upload(person, HERE) for person in people] == [200, 200, 429, 429]


class TestUnderHttpsWithoutATrustedProxy:
    """Everybody seems to come from the proxy, so that addresses have no limit."""

    BOUNDS: ClassVar = {"uploads": Bound(0, 2)}
    ENVIRONMENT: ClassVar = {"LIMITS_AN_ADDRESS": "1", "PUBLIC_URL": "https://wabao.example"}

    async def test_no_address_is_counted(self, alice):
        assert [await upload(alice, HERE) for _ in range(4)] == [200] * 4
