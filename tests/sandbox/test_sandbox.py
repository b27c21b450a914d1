"""The sandbox answers as WeChat does, and the real client of WeChat runs against it unchanged."""

import asyncio
import base64
import copy
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import msgspec
import pytest
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from devtools.sandbox import sandbox_routes
from server.actions.messages.send import PAGE
from server.context import Context
from server.errors import BadLoginCode, BadUserData
from server.settings import SANDBOX_APPID, SANDBOX_SECRET, Settings
from server.wechat import UserData, WeChat
from support.login import a_ticket

LOGIN = {"appid": SANDBOX_APPID, "secret": SANDBOX_SECRET, "grant_type": "authorization_code"}
GRANT = {"appid": SANDBOX_APPID, "secret": SANDBOX_SECRET, "grant_type": "client_credential"}
FORCED = {**GRANT, "force_refresh": True}


class Place:
    """A process that serves the sandbox, with an HTTP client and a client of WeChat that use it."""

    def __init__(self, context: Context) -> None:
        sock, port = bind_unused_port()
        settings = msgspec.structs.replace(
            context.settings, port=port, public_url=f"http://127.0.0.1:{port}", wechat_appid=""
        )
        here = copy.copy(context)
        here.settings = settings
        self.server = HTTPServer(Application(sandbox_routes(here), log_function=lambda handler: None))
        self.server.add_sockets([sock])
        self.http = httpx.AsyncClient(base_url=settings.wechat_api, trust_env=False)
        leases = context.store.leases
        self.wechat = WeChat(settings.appid, settings.app_secret, settings.wechat_api, leases)

    async def close(self) -> None:
        await self.http.aclose()
        await self.wechat.aclose()
        self.server.stop()
        await self.server.close_all_connections()

    async def ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        """GET an interface of WeChat; return its answer."""
        answer = await self.http.get(path, params=parameters)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    async def post(self, path: str, body: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(path, content=content)

    async def log_in(self, user: str, **wishes: Any) -> tuple[str | None, str, UserData]:
        """Return the session's unionid, its openid, and the person's data."""
        ticket = await self.ask("/authorize", user=user, **wishes)
        session = await self.wechat.code_to_session(ticket["code"])
        data = self.wechat.decrypt_user(session, ticket["iv"], ticket["encryptedData"])
        return session.unionid, session.openid, data


@pytest.fixture
def place(io_loop: Any, context: Context) -> Iterator[Place]:
    opened = Place(context)
    yield opened
    io_loop.run_sync(opened.close)


@pytest.fixture
def another_place(io_loop: Any, context: Context, place: Place) -> Iterator[Place]:
    opened = Place(context)
    yield opened
    io_loop.run_sync(opened.close)


# -- logging in


async def test_a_code_is_good_once(place):
    ticket = await place.ask("/authorize", user="alice")
    await place.wechat.code_to_session(ticket["code"])
    with pytest.raises(BadLoginCode, match="用过"):
        await place.wechat.code_to_session(ticket["code"])
    answer = await place.ask("/sns/jscode2session", js_code=ticket["code"], **LOGIN)
    assert answer == {"errcode": 40163, "errmsg": "code been used"}


async def test_a_code_used_many_times_at_once_in_two_processes_succeeds_once(place, another_place):
    ticket = await place.ask("/authorize", user="alice")
    answers = await asyncio.gather(
        *(
            where.ask("/sns/jscode2session", js_code=ticket["code"], **LOGIN)
            for where in [place, another_place] * 8
        )
    )
    assert sum("session_key" in answer for answer in answers) == 1
    assert sum(answer.get("errcode") == 40163 for answer in answers) == 15


async def test_a_code_lasts_five_minutes_and_is_then_forgotten(place, context):
    codes = context.sandbox.codes.collection
    ticket = await place.ask("/authorize", user="alice")
    kept = await codes.find_one({"_id": ticket["code"]})
    made = kept["expires_at_ms"] - 300_000
    assert await context.sandbox.codes.find_code(ticket["code"], made + 299_999) is not None
    await codes.update_one({"_id": ticket["code"]}, {"$set": {"expires_at_ms": made}})
    with pytest.raises(BadLoginCode, match="过期"):
        await place.wechat.code_to_session(ticket["code"])
    await place.ask("/authorize", user="bob")
    assert await codes.count_documents({}) == 1


async def test_a_mini_program_that_is_bound_to_no_platform_sees_no_unionid(place):
    unionid, openid, data = await place.log_in("alice", unionid=0)
    assert unionid is None
    assert data.union_id is None
    assert data.open_id == openid


async def test_the_unionid_may_be_only_in_the_encrypted_data(place):
    unionid, _, data = await place.log_in("alice", unionid="data")
    assert unionid is None
    assert data.union_id == (await place.log_in("alice"))[0]


async def test_data_for_another_mini_program_or_another_session_is_refused(place):
    with pytest.raises(BadUserData):
        await place.log_in("alice", appid="wxanother")
    alice, bob = [await place.ask("/authorize", user=user) for user in ("alice", "bob")]
    session = await place.wechat.code_to_session(alice["code"])
    with pytest.raises(BadUserData):
        place.wechat.decrypt_user(session, bob["iv"], bob["encryptedData"])


async def test_a_session_is_given_to_this_mini_program_only(place):
    for change, errcode in [
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"js_code": ""}, 41008),
        ({"appid": "wxanother"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"grant_type": "password"}, 40002),
    ]:
        ticket = await place.ask("/authorize", user="alice")
        answer = await place.ask("/sns/jscode2session", **{"js_code": ticket["code"], **LOGIN, **change})
        assert answer["errcode"] == errcode
        assert "session_key" in await place.ask("/sns/jscode2session", js_code=ticket["code"], **LOGIN)


async def test_user_login_refuses_as_wechat_does_and_records_nobody(client, context):
    for wishes, error in [
        ({"errcode": 40029}, "bad_login_code"),
        ({"errcode": 40226}, "login_blocked"),
        ({"errcode": 45011}, "wechat_busy"),
        ({"errcode": -1}, "wechat_busy"),
        ({"appid": "wxanother"}, "bad_user_data"),
    ]:
        ticket = await a_ticket(client.http, user="alice", **wishes)
        assert (await client.get("/userLogin", **ticket))["error"] == error
        assert await context.store.people.collection.count_documents({}) == 0


async def test_altered_data_makes_nobody_another_person_or_several(client, context, bob):
    found = set()
    for unionid in (bob.unionid, "one", "two"):
        ticket = await a_ticket(client.http, user="mallory", unionid=0)
        code = await context.sandbox.codes.find_code(ticket["code"], 0)
        key, iv = (base64.b64decode(part) for part in (code["session_key"], ticket["iv"]))
        bent = json.dumps({"unionId": unionid, "watermark": {"appid": SANDBOX_APPID}}).encode()
        ciphertext = AES.new(key, AES.MODE_CBC, iv).encrypt(pad(bent, 16))
        ticket["encryptedData"] = base64.b64encode(ciphertext).decode()
        reply = await client.get("/userLogin", **ticket)
        found.add((reply["data"]["unionid"], reply["data"]["openid"]))
    [(unionid, openid)] = found
    assert unionid == f"openid:{openid}"
    assert (await context.store.people.find(bob.id))["openid"] == bob.data["openid"] != openid


# -- the access token and the calls that need it


async def test_the_access_token_stays_the_same_until_a_new_one_is_forced(place, another_place):
    async def grant(where: Place, **wish: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (await where.post("/cgi-bin/stable_token", {**GRANT, **wish})).json()
        return answer

    first, second = await grant(place), await grant(another_place)
    assert first["access_token"] == second["access_token"]
    assert 7190 <= first["expires_in"] <= 7200
    forced = await grant(place, force_refresh=True)
    assert forced["access_token"] != first["access_token"]
    old = await place.post(f"/wxa/getwxacodeunlimit?access_token={first['access_token']}", {"scene": "a"})
    assert old.json()["errcode"] == 40001
    new = await place.post(f"/wxa/getwxacodeunlimit?access_token={forced['access_token']}", {"scene": "a"})
    assert new.headers["Content-Type"] == "image/jpeg"


async def test_a_code_that_wechat_would_not_draw_is_refused_in_json(place):
    for body, errcode in [
        ({"scene": ""}, 40169),
        ({}, 40169),
        ({"scene": "x" * 33}, 40169),
        ({"scene": "空"}, 40169),
        ({"scene": "a b"}, 40169),
        ({"scene": "a%20b"}, 40169),
        ({"scene": "a\n"}, 40169),
        ({"scene": "a", "page": f"/{PAGE}"}, 41030),
        ({"scene": "a", "page": f"{PAGE}?code=1"}, 41030),
        ({"scene": "a", "page": f"/{PAGE}", "check_path": False}, 41030),
        ({"scene": "a", "page": "pages/unreleased/unreleased"}, 41030),
        ({"scene": 5}, 47001),
        ({"scene": {"$ne": None}}, 47001),
        ({"scene": "a", "width": 10_000}, 47001),
        (b"{", 47001),
        (b"[]", 47001),
        (b"\xff", 47001),
        (b"", 47001),
    ]:
        token = await place.wechat.access_token()
        answer = await place.post(f"/wxa/getwxacodeunlimit?access_token={token}", body)
        assert (answer.status_code, answer.json()["errcode"]) == (200, errcode)


async def test_a_code_is_not_drawn_without_the_token(place):
    assert (await place.post("/wxa/getwxacodeunlimit", {"scene": "a"})).json()["errcode"] == 41001
    answer = await place.post("/wxa/getwxacodeunlimit?access_token=made-up", {"scene": "a"})
    assert answer.json()["errcode"] == 40001


async def test_a_token_is_given_to_this_mini_program_only(place, context):
    for body, errcode in [
        ({**GRANT, "appid": "wxanother"}, 40013),
        ({**GRANT, "secret": "wrong"}, 40125),
        ({**GRANT, "grant_type": "authorization_code"}, 40002),
        ({**GRANT, "force_refresh": "yes"}, 47001),
        ({}, 40002),
        (b"appid=1", 47001),
    ]:
        answer = await place.post("/cgi-bin/stable_token", body)
        assert (answer.status_code, answer.json()["errcode"]) == (200, errcode)
        assert await context.sandbox.codes.tokens.count_documents({}) == 0


# -- where it may exist


async def test_it_exists_neither_with_wechat_configured_nor_in_production(context):
    for configured in [
        Settings(wechat_appid="wx0123456789abcdef", wechat_secret="s"),
        Settings(app_env="production"),
        Settings(app_env="production", wechat_appid="wx0123456789abcdef", wechat_secret="s"),
    ]:
        elsewhere = copy.copy(context)
        elsewhere.settings = configured
        with pytest.raises(RuntimeError):
            sandbox_routes(elsewhere)


class TestWithWeChatConfigured:
    ENVIRONMENT: ClassVar = {"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_SECRET": "s" * 32}

    async def test_a_server_that_starts_makes_no_collection_for_it(self, context):
        made = await context.store.database.list_collection_names()
        assert "digs" in made
        assert [name for name in made if name.startswith("sandbox_")] == []
