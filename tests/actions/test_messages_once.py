"""A message whose sending got no answer: with one consent it is sent again, with several it never is."""

from __future__ import annotations

import pytest

from server import wechat as real
from server.actions.messages import send as sending
from server.actions.messages.send import send_messages
from server.context import Context
from support.client import Client
from support.meanwhile import failing
from support.messages import MESSAGES, allow, send_until_quiet, sent_to, states
from support.purse import find
from support.steps import Killed

UNANSWERED = ["timeout", "garbage"]


ENVIRONMENT = MESSAGES


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call to WeChat without an answer end soon."""
    monkeypatch.setattr(real, "MESSAGE_SECONDS", 0.5)


async def wins(client: Client, context: Context, *names: str, consents: int) -> None:
    """Let Bob allow this many messages of a win, and win goods with these names."""
    alice, bob = await client.log_in_all("alice", "bob")
    for _ in range(consents):
        await allow(client, "bob", "won")
    for name in names:
        await bob.win(await alice.publish(forecast_num=1, name=name))


async def told(client: Client) -> list[str]:
    """Return the names of the goods in Bob's messages of wins, oldest first."""
    return [shown["name"] for kind, shown in await sent_to(client, "bob") if kind == "won"]


@pytest.mark.parametrize("what", UNANSWERED)
async def test_with_several_consents_a_message_without_answer_is_not_sent_again(client, context, what):
    await wins(client, context, "茶壶", consents=2)
    await client.misbehave(what, call="message")
    await send_messages(context)
    assert (await states(context))["won"] == "waiting"
    await send_until_quiet(context)
    assert await told(client) == ["茶壶"]
    assert (await states(context))["won"] == "unclear"
    # The other consent is as good as before.
    bob = client.people["bob"]
    await bob.win(await client.people["alice"].publish(forecast_num=1, name="茶杯"))
    await send_until_quiet(context)
    assert await told(client) == ["茶壶", "茶杯"]


@pytest.mark.parametrize("what", UNANSWERED)
async def test_with_the_last_consent_it_is_asked_again_and_wechat_refuses_a_second(client, context, what):
    await wins(client, context, "茶壶", consents=1)
    await client.misbehave(what, call="message")
    await send_until_quiet(context)
    assert await told(client) == ["茶壶"]
    assert (await states(context))["won"] == "sent"


async def test_a_consent_given_meanwhile_is_not_used_for_what_got_no_answer(client, context):
    await wins(client, context, "茶壶", consents=1)
    await client.misbehave("disconnect", call="message")
    await send_messages(context)
    await allow(client, "bob", "won")
    await send_until_quiet(context)
    assert await told(client) == ["茶壶"]
    assert (await states(context))["won"] == "unclear"


@pytest.mark.parametrize("code", ["-1", "45009"])
async def test_with_several_consents_a_message_that_wechat_did_not_take_comes_later(client, context, code):
    await wins(client, context, "茶壶", consents=2)
    await client.misbehave("refuse", call="message", code=code, times=2)
    await send_messages(context)
    assert await told(client) == []
    await client.misbehave("behave")
    await send_until_quiet(context)
    assert await told(client) == ["茶壶"]
    assert (await states(context))["won"] == "sent"


async def test_two_messages_of_unknown_outcome_are_both_not_sent_again(client, context, monkeypatch):
    """If WeChat never saw one of them, its consent would let the other message be sent twice."""
    await wins(client, context, "茶壶", "茶杯", consents=2)
    monkeypatch.setattr(sending, "AT_ONCE", 1)
    with monkeypatch.context() as patched:
        patched.setattr(context.wechat, "send_message", failing(Killed()))
        with pytest.raises(Killed):
            await send_messages(context)
    (unseen,) = await find(context, "messages", state="sending")
    await client.misbehave("disconnect", call="message")
    await send_messages(context)
    assert len(await told(client)) == 1
    await context.store.messages.rows.update_one({"_id": unseen["_id"]}, {"$set": {"due_at": 1}})
    await send_messages(context)
    await send_until_quiet(context)
    assert len(await told(client)) == 1
    assert {each["state"] for each in await find(context, "messages", kind="won")} == {"unclear"}
