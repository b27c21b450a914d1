"""Held treasures wait for an operator, who sees all their parts and decides."""

from support.client import Client
from support.purse import expect_balance, find, sweep_until_quiet
from support.reviews import CHECKED, settle, state_of

ENVIRONMENT = {**CHECKED, "OPS_TOKENS": "小林:act:a-token-that-may-act,赵会计:money:a-token-that-moves-money"}


async def operate(client: Client, token: str) -> None:
    """Log the client in as an operator."""
    assert (await client.post("/ops/login", name="", token=token))["status"] == 0


async def decide(client: Client, key: str, shown: int) -> str:
    """Decide; return the code of the refusal, or ""."""
    reply = await client.post("/ops/decide", key=key, shown=shown, reason="图片不合适")
    return str(reply.get("error", ""))


async def test_the_queue_has_the_oldest_first_and_each_decision_is_logged(client, context, alice, bob):
    first = await alice.publish(name="【存疑】的猫", synopsis="一只猫")
    second = await alice.publish(name="【存疑】的狗")
    await alice.post("/setProfile", wxname="【存疑】的人")
    await settle(context)
    assert (await client.get("/ops/reviews"))["error"] == "token_required"
    await operate(client, "a-token-that-may-act")
    held = (await client.get("/ops/reviews"))["data"]
    assert [row["code"] for row in held] == [first, second, ""]
    assert held[0]["text"].splitlines()[0] == "【存疑】的猫"
    assert (await client.http.get(held[0]["pic"])).headers["Content-Type"] == "image/jpeg"
    assert held[2]["text"] == "【存疑】的人"
    assert alice.id not in str(held)

    assert await decide(client, held[0]["key"], shown=1) == ""
    assert (await bob.get("/getTaskDetails", code=first))["review"] == "shown"
    assert (await bob.dig(first))["status"] == 0
    assert await decide(client, held[1]["key"], shown=0) == ""
    assert (await bob.get("/getTaskDetails", code=second))["error"] == "no_such_task"
    mine = await alice.get("/getTaskDetails", code=second)
    assert (mine["review"], mine["review_note"], mine["end_reason"]) == ("refused", "图片不合适", "refused")
    assert await decide(client, held[2]["key"], shown=1) == ""
    person = await context.store.people.find(alice.id)
    assert person["wxname"] == "【存疑】的人"
    assert await decide(client, held[2]["key"], shown=0) == "bad_request"
    assert (await client.get("/ops/reviews"))["data"] == []
    log = (await client.get("/ops/log"))["data"]
    assert [(act["act"], act["outcome"]) for act in reversed(log)] == [
        ("approve", "done"),
        ("refuse", "done"),
        ("approve", "done"),
        ("refuse", "bad_request"),
    ]


async def test_only_who_may_move_money_refuses_a_red_packet_and_it_goes_back_whole(client, context, alice):
    code = await alice.paid_packet(name="【存疑】的红包")
    await settle(context)
    await operate(client, "a-token-that-may-act")
    assert await decide(client, f"task:{code}", shown=0) == "not_allowed"
    await operate(client, "a-token-that-moves-money")
    assert await decide(client, f"task:{code}", shown=0) == ""
    await sweep_until_quiet(context)
    (refund,) = await find(context, "refunds")
    assert (refund["kind"], refund["amount_fen"], refund["state"]) == ("whole", 200, "refunded")
    await expect_balance(context)


async def test_an_edited_red_packet_is_decided_like_a_new_one(client, context, alice):
    code = await alice.paid_packet(name="改过的红包")
    assert (await alice.post("/editTask", code=code, name="【存疑】的红包"))["status"] == 0
    await settle(context)
    await operate(client, "a-token-that-may-act")
    [held] = (await client.get("/ops/reviews"))["data"]
    assert (await client.get("/ops/person", key=held["key"]))["wxname"] == held["wxname"]
    events = (await client.get("/ops/timeline", of="task", code=code))["data"]
    [event] = [each for each in events if each["what"] == "review_made"]
    assert (event["state"], event["why"]) == ("held", held["why"])
    assert await decide(client, held["key"], shown=0) == "not_allowed"
    await operate(client, "a-token-that-moves-money")
    assert await decide(client, held["key"], shown=1) == ""
    task = await state_of(context, code)
    assert (task["name"], task["review"], task["open"]) == ("【存疑】的红包", "shown", 1)
