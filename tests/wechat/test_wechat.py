"""WeChat's client against a server that gives the answers of a script, good and bad."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tornado.ioloop import PeriodicCallback
from tornado.web import Application, RequestHandler

from server.context import Context
from server.errors import BadLoginCode, BadUserData, LoginBlocked, WeChatBusy
from server.wechat import Session, Unanswered, WeChat, WeChatError
from server.wechat.api import Api
from support.user_data import APPID, encrypted, user

SECRET = "the-secret-of-the-mini-program"
SESSION = {"openid": "oAlice", "session_key": "a-session-key", "unionid": "uAlice"}
PNG = b"\x89PNG\r\n\x1a\n rest"

Answer = bytes | dict[str, Any] | Callable[[RequestHandler], Any]


class Script:
    """A server's answers by path, and the requests that it got. A path's last answer is repeated."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, path: str, *answers: Answer) -> Script:
        self.answers[path] = list(answers)
        return self

    def to(self, path: str) -> list[dict[str, Any]]:
        """Return the parameters of each request to `path`."""
        return [parameters for asked, parameters in self.asked if asked == path]


class Scripted(RequestHandler):
    def initialize(self, script: Script) -> None:
        self.script = script

    async def get(self, path: str) -> None:
        parameters = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        if self.request.method == "POST":
            parameters |= json.loads(self.request.body)
        self.script.asked.append((path, parameters))
        answers = self.script.answers[path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            await answer(self)
        else:
            self.finish(answer)

    post = get


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def base(serve: Callable[[Application], int], script: Script) -> str:
    """The address of a server that follows the script."""
    routes = [(r"(/.*)", Scripted, {"script": script})]
    return f"http://127.0.0.1:{serve(Application(routes, log_function=lambda handler: None))}"


@asynccontextmanager
async def connected(context: Context, base: str, **options: Any) -> AsyncIterator[WeChat]:
    """Open a client of `base`, as a process has it."""
    wechat = WeChat(APPID, SECRET, base, context.store.leases, **options)
    try:
        yield wechat
    finally:
        await wechat.aclose()


def token(name: str, expires_in: int = 7200) -> dict[str, Any]:
    return {"access_token": name, "expires_in": expires_in}


# -- login codes


async def test_a_login_code_is_exchanged_as_wechat_documents_it(context, base, script):
    script("/sns/jscode2session", SESSION)
    async with connected(context, base) as wechat:
        session = await wechat.code_to_session("a-code")
    assert session == Session("oAlice", "a-session-key", "uAlice")
    asked = {"appid": APPID, "secret": SECRET, "js_code": "a-code", "grant_type": "authorization_code"}
    assert script.asked == [("/sns/jscode2session", asked)]


async def test_wechats_error_codes_become_refusals_at_once_or_errors_without_secrets(context, base, script):
    for asked, (errcode, refusal, said) in enumerate(
        [
            (40029, BadLoginCode, "无效"),
            (41008, BadLoginCode, "无效"),
            (40163, BadLoginCode, "用过"),
            (40226, LoginBlocked, "限制"),
            (45011, WeChatBusy, "频繁"),
            (45009, WeChatBusy, "几分钟"),
            (40013, WeChatError, "/sns/jscode2session answered 40013: in English"),  # the operator's to mend
        ],
        1,
    ):
        script("/sns/jscode2session", {"errcode": errcode, "errmsg": "in English, rid: 1-2-3"})
        async with connected(context, base) as wechat:
            with pytest.raises(refusal, match=said) as raised:
                await wechat.code_to_session("a-code")
        assert not [secret for secret in (SECRET, "a-code") if secret in str(raised.value)]
        assert len(script.asked) == asked


async def test_a_busy_wechat_is_asked_once_more(context, base, script):
    script("/sns/jscode2session", {"errcode": -1, "errmsg": "system error"}, SESSION)
    async with connected(context, base) as wechat:
        assert (await wechat.code_to_session("a-code")).openid == "oAlice"
    assert len(script.asked) == 2


async def test_garbage_is_a_busy_wechat(context, base, script):
    for garbage in [
        b"[]",
        b"\xff\xfe",
        b'{"openid": "\xff", "session_key": "k"}',
        b'{"openid": 5, "session_key": "k"}',
        b'{"openid": "", "session_key": "k"}',
        b'{"openid": "$where", "session_key": "k"}',
        b'{"errcode": "x"}',
    ]:
        script("/sns/jscode2session", garbage)
        async with connected(context, base) as wechat:
            with pytest.raises(WeChatBusy):
                await wechat.code_to_session("a-code")


async def test_an_answer_that_trickles_for_ever_is_a_busy_wechat(context, base, script):
    done = asyncio.Event()

    async def trickle(handler: RequestHandler) -> None:
        def write() -> None:
            if not handler.request.connection.stream.closed():
                handler.write(b" ")
                handler.flush()

        drops = PeriodicCallback(write, 50)
        drops.start()
        await done.wait()
        drops.stop()

    script("/sns/jscode2session", trickle)
    async with connected(context, base, call_seconds=0.4) as wechat:
        async with asyncio.timeout(3):
            with pytest.raises(WeChatBusy):
                await wechat.code_to_session("a-code")
    done.set()


async def test_no_secret_is_ever_logged(context, base, script, caplog):
    caplog.set_level(logging.DEBUG)
    script("/sns/jscode2session", SESSION, b"{", {"errcode": 40029}, {"errcode": -1})
    script("/cgi-bin/stable_token", token("the-access-token"))
    script("/wxa/getwxacodeunlimit", {"errcode": 40001}, PNG, b"no picture")
    async with connected(context, base) as wechat:
        assert "a-session-key" not in repr(await wechat.code_to_session("a-code"))
        for refusal in (WeChatBusy, BadLoginCode, WeChatBusy):
            with pytest.raises(refusal):
                await wechat.code_to_session("a-code")
        await wechat.mini_program_code("scene", "")
        with pytest.raises(WeChatBusy):
            await wechat.mini_program_code("scene", "")
    own = [record.getMessage() for record in caplog.records if not record.name.startswith("pymongo")]
    assert any("broken JSON" in message for message in own)
    for secret in (SECRET, "a-code", "a-session-key", "the-access-token", "oAlice"):
        assert not [message for message in own if secret in message]


# -- the access token and the calls that need it


async def test_each_process_asks_for_the_access_token_once(context, base, script):
    script("/cgi-bin/stable_token", token("the-token"))
    async with connected(context, base) as one, connected(context, base) as another:
        for wechat in (one, another, one):
            assert await wechat.access_token() == "the-token"
    wish = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, "force_refresh": False}
    assert script.asked == [("/cgi-bin/stable_token", wish)] * 2


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_refused_token_is_asked_for_as_always_and_the_call_repeated(context, base, script, errcode):
    script("/cgi-bin/stable_token", token("old"), token("new"))
    script("/wxa/getwxacodeunlimit", {"errcode": errcode, "errmsg": "…"}, PNG)
    async with connected(context, base) as wechat:
        assert await wechat.mini_program_code("scene", "pages/dig") == PNG
        assert await wechat.access_token() == "new"
    assert [asked["force_refresh"] for asked in script.to("/cgi-bin/stable_token")] == [False, False]
    asked = {"scene": "scene", "page": "pages/dig"}
    assert script.to("/wxa/getwxacodeunlimit") == [asked | {"access_token": used} for used in ("old", "new")]


@pytest.mark.parametrize(("opens", "named"), [("trial", "trial"), ("developer", "develop")])
async def test_a_code_may_open_a_version_that_is_not_published(context, base, script, opens, named):
    script("/cgi-bin/stable_token", token("one"))
    script("/wxa/getwxacodeunlimit", PNG)
    async with connected(context, base) as wechat:
        assert await wechat.mini_program_code("scene", "pages/dig", opens) == PNG
    [asked] = script.to("/wxa/getwxacodeunlimit")
    assert (asked["env_version"], asked["check_path"]) == (named, False)


async def test_a_renewal_is_forced_once_what_wechat_gave_was_refused_too(context, base, script):
    script("/cgi-bin/stable_token", token("old"), token("old"), token("new"))
    script("/wxa/getwxacodeunlimit", {"errcode": 40001}, {"errcode": 40001}, PNG)
    async with connected(context, base) as wechat:
        assert await wechat.mini_program_code("scene", "") == PNG
        assert await wechat.access_token() == "new"
    assert [asked["force_refresh"] for asked in script.to("/cgi-bin/stable_token")] == [False, False, True]
    assert [asked["access_token"] for asked in script.to("/wxa/getwxacodeunlimit")] == ["old", "old", "new"]


async def test_all_processes_together_force_at_most_twenty_renewals_a_day(context, base, script):
    script("/cgi-bin/stable_token", token("one"))
    script("/wxa/getwxacodeunlimit", {"errcode": 40001, "errmsg": "…"})

    async def forced() -> int:
        async with connected(context, base) as wechat:
            with pytest.raises((WeChatError, WeChatBusy)):
                await wechat.mini_program_code("scene", "")
        return sum(asked["force_refresh"] for asked in script.to("/cgi-bin/stable_token"))

    assert [await forced(), await forced()] == [1, 1]
    [lease] = await context.store.leases.rows.find({"_id": f"token:{APPID}"}).to_list(2)
    a_twentieth = 86_400_000 // 20
    assert abs(lease["until"] - await context.store.now_ms() - a_twentieth) < 60_000
    await context.store.leases.rows.update_one({"_id": lease["_id"]}, {"$inc": {"until": -a_twentieth}})
    assert [await forced(), await forced()] == [2, 2]


async def test_calls_that_are_refused_together_renew_once(context, base, script):
    names = iter(["old", "new", "newer"])

    async def grant(handler: RequestHandler) -> None:
        await handler.finish(token(next(names)))

    async def draw(handler: RequestHandler) -> None:
        good = handler.get_query_argument("access_token") != "old"
        await handler.finish(PNG if good else {"errcode": 40001})

    script("/cgi-bin/stable_token", grant)
    script("/wxa/getwxacodeunlimit", draw)
    async with connected(context, base) as wechat:
        await wechat.access_token()
        drawn = await asyncio.gather(*(wechat.mini_program_code("scene", "") for _ in range(10)))
    assert drawn == [PNG] * 10
    assert [asked["force_refresh"] for asked in script.to("/cgi-bin/stable_token")] == [False, False]


async def test_data_of_another_person_than_the_sessions_is_refused(context, base):
    key, iv, data = encrypted(user(openId="oBob"))
    async with connected(context, base) as wechat:
        assert wechat.decrypt_user(Session("oBob", key), iv, data).open_id == "oBob"
        with pytest.raises(BadUserData):
            wechat.decrypt_user(Session("oAlice", key), iv, data)


# -- content checks

PASS, REVIEW, RISKY = (
    {"errcode": 0, "result": {"suggest": suggest, "label": label}, "trace_id": "t", "detail": []}
    for suggest, label in (("pass", 100), ("review", 10001), ("risky", 20002))
)


async def test_a_text_is_checked_in_pieces_of_2500_characters_and_the_worst_counts(context, base, script):
    script("/cgi-bin/stable_token", token("one"))
    async with connected(context, base) as wechat:
        script("/wxa/msg_sec_check", PASS)
        assert (await wechat.check_text("oAlice", 3, "😀" * 2501)).suggest == "pass"
        assert [asked["content"] for asked in script.to("/wxa/msg_sec_check")] == ["😀" * 2500, "😀"]
        (first, *_) = script.to("/wxa/msg_sec_check")
        assert (first["version"], first["openid"], first["scene"]) == (2, "oAlice", 3)
        script("/wxa/msg_sec_check", REVIEW, PASS)
        assert (await wechat.check_text("oAlice", 3, "猫" * 2501)).risk == "广告"
        script("/wxa/msg_sec_check", RISKY)
        assert (await wechat.check_text("oAlice", 1, "\u200b")).suggest == "risky"


async def test_an_unchecked_text_is_for_an_operator_and_an_unanswered_check_for_later(context, base, script):
    script("/cgi-bin/stable_token", token("one"))
    for path in ("/wxa/msg_sec_check", "/wxa/media_check_async"):
        script(path, {"errcode": 61010, "errmsg": "code is expired"})
    async with connected(context, base) as wechat:
        assert (await wechat.check_text("oAlice", 3, "猫")).suggest == "review"
        assert await wechat.check_picture("oAlice", 3, "https://wabao.invalid/1.jpg") is None
        for answer in (b"<html>", {"errcode": -1}, {"errcode": 0}, {"result": {"suggest": "maybe"}}):
            script("/wxa/msg_sec_check", answer)
            with pytest.raises(WeChatBusy):
                await wechat.check_text("oAlice", 3, "猫")
        script("/wxa/msg_sec_check", {"errcode": 48001, "errmsg": "api unauthorized"})
        with pytest.raises(WeChatError):
            await wechat.check_text("oAlice", 3, "猫")


# -- reports of deliveries


async def cut(handler: RequestHandler) -> None:
    handler.request.connection.stream.close()


async def fail(handler: RequestHandler) -> None:
    handler.set_status(502)
    await handler.finish({"errcode": 0})


MESSAGE = "/cgi-bin/message/subscribe/send"
BUSY: list[Answer] = [{"errcode": -1, "errmsg": "system error"}, {"errcode": 45009, "errmsg": "quota"}]
SILENT: list[Answer] = [cut, fail, b"<html>", b"{", {}]


async def failure(wechat: WeChat) -> type[BaseException]:
    """Send a message; return the type of the error that is raised."""
    with pytest.raises(WeChatBusy) as raised:
        await wechat.send_message("oAlice", "template", {}, "", "formal")
    return raised.type


async def test_nobody_knows_of_a_message_without_answer_and_none_goes_without_token(context, base, script):
    script("/cgi-bin/stable_token", token("one"))
    async with connected(context, base) as wechat:
        for answer in [*SILENT, *BUSY]:
            script(MESSAGE, answer)
            assert await failure(wechat) is (WeChatBusy if answer in BUSY else Unanswered)
        await wechat._patient.aclose()
        wechat._patient = Api("http://127.0.0.1:1", 5.0)  # nobody listens there
        assert await failure(wechat) is WeChatBusy
    for answer in [*BUSY, *SILENT]:
        script("/cgi-bin/stable_token", answer)
        async with connected(context, base) as wechat:
            assert await failure(wechat) is WeChatBusy


# The connections of an httpx pool; a further request has to wait.
CONNECTIONS = 100


async def test_a_login_waits_for_no_query_that_is_sent_aside(context, base, script):
    asked = asyncio.Semaphore(0)
    may_answer = asyncio.Event()

    async def late(handler: RequestHandler) -> None:
        asked.release()
        await may_answer.wait()
        handler.finish({"errcode": 0, "risk_rank": 0, "result": {"suggest": "pass"}, "trace_id": "t"})

    for path in ("/wxa/getuserriskrank", "/wxa/msg_sec_check", "/wxa/media_check_async"):
        script(path, late)
    script("/sns/jscode2session", SESSION)
    script("/cgi-bin/stable_token", token("one"))
    async with connected(context, base, call_seconds=30.0) as wechat:
        queries = [
            lambda: wechat.risk_rank("oAlice", "127.0.0.1"),
            lambda: wechat.check_text("oAlice", 3, "猫"),
            lambda: wechat.check_picture("oAlice", 3, "https://a/b.jpg"),
        ]
        waiting = [asyncio.ensure_future(queries[number % 3]()) for number in range(CONNECTIONS)]
        try:
            for _ in waiting:
                await asyncio.wait_for(asked.acquire(), 10)
            session = await asyncio.wait_for(wechat.code_to_session("a-code"), 5)
            assert session.openid == "oAlice"
        finally:
            may_answer.set()
            await asyncio.gather(*waiting)
