"""The sender of a request: tokens and bare ids, and which interfaces accept which of them."""

import time
from base64 import b64encode
from typing import Any, ClassVar

import pytest
from tornado.web import create_signed_value

from handlers.base import Interface
from server.security.keys import Keys, Proven
from support.client import Someone, a_picture
from support.interfaces import OURS
from support.leading import lead, let_first_names_age
from support.login import a_ticket
from support.stored import person_of

ASKING_WHO = [each for each in OURS if any("unionid" in taken.__struct_fields__ for taken in each.takes)]


def bare(someone: Someone) -> Someone:
    """Return this person with an old client, which sends no token."""
    return Someone(someone.client, someone.unionid, "", {}, send_token=False)


async def ask(someone: Someone, interface: type[Interface], code: str) -> dict[str, Any]:
    """Send an interface a request with all its parameters."""
    if interface.path == "/uploadFile":
        return await someone.upload(a_picture())
    asked = {
        "code": code,
        "name": "一只猫",
        "publisher_id": "A" * 11,
        "table": b64encode("深度,中奖者,快递公司,运单号".encode()).decode(),
        "wxname": "名字",
        "wxheadpic": "/files/none.jpg",
        "money": 1,
        "pickup": "123456",
        "depth": 1,
        "carrier": "顺丰",
        "number": "SF123456",
        "reason": "other",
        "sign": "heart",
        "templates": "t" * 32,
    }
    if interface.method == "GET":
        return await someone.get(interface.path, **asked)
    return await someone.post(interface.path, **asked)


async def test_who_does_not_say_who_they_are_or_never_logged_in_is_told_so(client, code):
    nobody = Someone(client, "nobody", "", {}, send_token=False)
    for interface in ASKING_WHO:
        error = "token_required" if interface.needs_token else "not_logged_in"
        assert (await ask(nobody, interface, code))["error"] == error, interface
        if interface.path not in ("/uploadFile", "/report", "/setProfile"):
            sent = {"goods_type": 2} if interface.path == "/postTask" else {}
            asked = {"json": sent} if interface.method == "POST" else {}
            reply = (await client.http.request(interface.method, interface.path, **asked)).json()
            assert reply["error"] == error, interface


async def test_a_bare_id_reads_and_digs_until_the_first_act_of_money_or_claim(elsewhere, bob, carol, code):
    for times in (1, 2):  # an old and a new version of the client, used in turn
        for interface in ASKING_WHO:
            reply = await ask(bare(bob), interface, code)
            assert (reply.get("error") == "token_required") == interface.needs_token, interface
        for interface in ASKING_WHO:
            if not interface.locks and interface.path != "/logout":
                assert (await ask(bob, interface, code)).get("error") != "token_required", interface
        assert (await bob.get("/getMyInfo"))["digging_num"] == 2 * times
    there = Someone(elsewhere, bob.unionid, "", {}, send_token=False)
    assert (await there.get("/getMyInfo"))["status"] == 0
    await bob.claim(code)
    assert (await there.get("/getMyInfo"))["error"] == "token_required"
    for interface in ASKING_WHO:
        assert (await ask(bare(bob), interface, code))["error"] == "token_required", interface
    assert (await bob.get("/getMyInfo"))["digging_num"] == 4
    assert (await bare(carol).get("/getMyInfo"))["status"] == 0
    await bob.client.log_in("bob")
    assert (await bare(bob).get("/getMyInfo"))["error"] == "token_required"


async def test_each_act_of_money_or_claim_locks_before_it_acts(client):
    for number, interface in enumerate(each for each in OURS if each.locks):
        alice = await client.log_in(f"alice {number}")
        assert (await bare(alice).get("/getMyInfo"))["status"] == 0
        reply = await ask(alice, interface, "0" * 12)
        assert reply.get("error", "done") in ("no_such_task", "not_won", "done")
        assert (await bare(alice).get("/getMyInfo"))["error"] == "token_required"


def test_interfaces_that_move_money_prizes_or_an_account_lock():
    assert {each.path for each in OURS if each.locks} == {
        "/payTask", "/drawPrize", "/confirmDraw", "/shipPrize", "/shipPrizes", "/receivePrize", "/endTask",
        "/editTask",
        "/deleteAccount", "/keepAccount",
    }  # fmt: skip


async def test_a_token_that_is_invalid_or_somebody_elses_is_refused(client, context, alice, bob, code):
    month_old = create_signed_value(
        context.keys._derive("token").hex(),
        "token",
        f"{bob.id} 0 {bob.unionid}",
        clock=lambda: time.time() - 31 * 86_400,
    ).decode()
    tokens = {
        "somebody else's": alice.token,
        "expired": month_old,
        "of another server": Keys(b"another secret, as long as needed").sign_token(
            Proven(bob.id, 0, bob.unionid)
        ),
        "cut short": bob.token[:-1],
        "bent": bob.token[:-1] + ("0" if bob.token[-1] != "0" else "1"),
        "twice": f"{bob.token} {bob.token}",
        "no token": "undefined",
        "an older format": "bob|1700000000|" + "0" * 40,
        "absurd lengths": "2|1:0|99999999999999999999:1|5:token|0:|" + "0" * 64,
    }
    for kind, token in tokens.items():
        forged = Someone(client, bob.unionid, token, {})
        assert (await forged.get("/getMyInfo"))["error"] == "bad_token", kind
    forged = Someone(client, bob.unionid, alice.token, {})
    for interface in ASKING_WHO:
        assert (await ask(forged, interface, code))["error"] == "bad_token", interface
    wrong = (bob.token, f"Basic {bob.token}", f"Bearer\t{bob.token}", f"Token {bob.token}", "\xff")
    # The first two of the others count as no token, and the last as a good one.
    for header in (*wrong, "", "Bearer", f"bearer {bob.token}"):
        headers = {"Authorization": header.encode("latin1")}
        reply = (await client.http.get("/getMyInfo", params={"unionid": bob.unionid}, headers=headers)).json()
        assert reply.get("error", "") == ("bad_token" if header in wrong else ""), header


async def test_logins_and_proofs_need_no_token_and_ignore_a_bad_one(client, alice, bob):
    code = await alice.won_goods(bob)
    given = await a_ticket(client.http, user="alice")
    stale = {"Authorization": "Bearer expired"}
    assert (await client.get("/userLogin", headers=stale, **given))["data"]["unionid"] == alice.unionid
    for headers in ({}, stale, {"Authorization": f"Bearer {bob.token}"}):
        assert (await client.get("/getProof", headers=headers, code=code))["status"] == 0


async def test_only_the_tokens_owner_sets_a_profile_and_others_see_it(client, alice, bob):
    anonymous = await client.log_in("carol", anonymous=1)
    # WeChat calls everybody 微信用户, and its grey picture is no face.
    assert (anonymous.data["named"], anonymous.data["avatarUrl"]) == (0, "")
    assert "微信" not in anonymous.data["nickName"]
    chosen = {"wxname": "卡萝", "wxheadpic": (await anonymous.upload(a_picture()))["url"]}
    headers = {"Authorization": f"Bearer {anonymous.token}"}
    for unionid in ({}, {"unionid": anonymous.unionid}):
        reply = await client.post("/setProfile", headers=headers, **chosen, **unionid)
        assert reply == {"status": 0, "msg": "", "review": "shown"}
    for sent, someone, error in (
        (None, {}, "token_required"),
        (None, {"unionid": bob.unionid}, "token_required"),
        (None, {"unionid": "nobody"}, "token_required"),
        (headers, {"unionid": bob.unionid}, "bad_token"),
    ):
        reply = await client.post("/setProfile", headers=sent, **chosen | {"wxname": "x"}, **someone)
        assert reply["error"] == error
    shown = ("卡萝", chosen["wxheadpic"].partition("?")[0])  # without its signature
    dug = await anonymous.dig(await alice.publish(forecast_num=100_000))
    assert (dug["wxname"], dug["wxheadpic"]) == shown
    code = await anonymous.publish()
    [card] = [card for card in (await bob.get("/getTaskList"))["data"] if card["code"] == code]
    assert (card["wxname"], card["wxheadpic"]) == shown


@pytest.mark.parametrize("killed", [False, True])
async def test_a_first_name_reaches_earlier_digs_and_a_later_does_not(client, context, killed, alice, bob):
    newcomer = await client.log_in("carol", anonymous=1)
    given = newcomer.data["nickName"]
    won = await alice.publish(prize_num=1, forecast_num=1, cd=0)
    lost = await alice.publish(forecast_num=100_000, cd=0)
    for code in (won, lost):
        await newcomer.dig(code)

    async def shown() -> set[str]:
        rows = (await alice.get("/getWinners", code=won))["data"]
        for code in (won, lost):
            rows += (await bob.get("/getDigs", code=code))["data"]
            await bob.get("/getTaskDetails", code=code)  # from now on its page is remembered
            await context.hub.read_now(context.hub.known.by_code[code])  # as the poll does
            rows += (await bob.get("/getTaskDetails", code=code))["data"]["users"]
        assert len(rows) == 5
        return {row["wxname"] for row in rows}

    assert await shown() == {given}
    if killed:
        await context.store.people.set_profile(newcomer.id, "卡萝", None)
        await lead(context)
        assert await shown() == {given}, "the process may only be slow"
        await let_first_names_age(context)
        await lead(context)
        assert await shown() == {"卡萝"}
        assert "naming_at" not in await person_of(context, newcomer)
    for chosen in ("卡萝", "卡罗尔"):
        assert (await newcomer.post("/setProfile", wxname=chosen))["status"] == 0
        assert await shown() == {"卡萝"}
        await let_first_names_age(context)
        await lead(context)


async def test_a_signature_that_is_not_ones_own_name_is_marked(alice, bob):
    own = alice.data["nickName"]
    theirs = bob.data["nickName"]
    for wxname, shown, signed in ((None, own, 0), (own, own, 0), (theirs, theirs, 1), ("匿名", "匿名", 1)):
        code = await alice.publish(wxname=wxname)
        details = await bob.get("/getTaskDetails", code=code)
        [card] = [card for card in (await bob.get("/getTaskList"))["data"] if card["code"] == code]
        for found in (details, details["data"], card):
            assert (found["wxname"], found["signed"]) == (shown, signed)
            assert found["wxheadpic"] == alice.data["avatarUrl"]


class TestWhereTokensAreRequired:
    ENVIRONMENT: ClassVar = {"REQUIRE_TOKEN": "1"}

    async def test_nobody_is_believed_without_a_token(self, client, alice, bob):
        code = await alice.publish(forecast_num=1)
        for interface in ASKING_WHO:
            assert (await ask(bare(bob), interface, code))["error"] == "token_required", interface
        assert (await bob.dig(code))["is_prize"] == 1
        assert (await client.get("/getProof", code=code))["status"] == 0
