"""Messages to people who left: templates, consents in WeChat and in the server, and what was sent."""

from typing import Any

from server.actions.messages.send import send_messages
from server.context import Context
from server.settings.messages import SHOWN
from support.client import Client
from support.purse import find

TEMPLATES: dict[str, str] = {kind: f"template_of_{kind}_0123456789" for kind in SHOWN}
FIELDS = {
    "won": "thing1=name thing2=prize time3=until phrase4=status thing5=note",
    "claim_ends": "thing1=name thing2=prize date3=until phrase4=status thing5=note",
    "ended": "thing1=name thing2=how time3=at amount4=refund phrase5=status thing6=note",
    "refused": "thing1=name thing2=why time3=at phrase4=status thing5=note",
    "cooldown_over": "thing1=name time2=at phrase3=status thing4=note",
    "announced": "thing1=name thing2=who time3=at phrase4=status thing5=note",
}
MESSAGES = {f"MESSAGE_{kind.upper()}": f"{TEMPLATES[kind]} {FIELDS[kind]}" for kind in SHOWN}


async def allow(client: Client, user: str, *kinds: str) -> None:
    """Let a person allow one message of each kind, in WeChat and in the server."""
    ids = [TEMPLATES[kind] for kind in kinds]
    answer = await client.http.post("/sandbox/subscribe", json={"user": user, "tmplIds": ids})
    assert answer.json() == {"errMsg": "requestSubscribeMessage:ok", **dict.fromkeys(ids, "accept")}
    reply = await client.people[user].post("/subscribed", templates=",".join(ids))
    assert reply["status"] == 0, reply


async def sent_to(client: Client, user: str) -> list[tuple[str, dict[str, str]]]:
    """Return the messages that a person got, oldest first: the kind and the fields' values of each."""
    response = await client.http.get("/sandbox/messages", params={"user": user})
    assert response.status_code == 200, response.text
    kinds: dict[str, str] = {template_id: kind for kind, template_id in TEMPLATES.items()}
    told = []
    for message in reversed(response.json()["messages"]):
        kind = kinds[message["template_id"]]
        data = message["data"]
        fields = (field.split("=") for field in FIELDS[kind].split())
        told.append((kind, {shown: data[name]["value"] for name, shown in fields}))
    return told


async def states(context: Context) -> dict[str, str]:
    """Return the state of each message, by its kind."""
    return {message["kind"]: message["state"] for message in await find(context, "messages")}


async def send_until_quiet(context: Context) -> None:
    """Send until nothing changes any more. A message that waits for a retry is tried at once."""
    before: list[Any] | None = None
    for _ in range(8):
        now_ms = context.clock.now_ms()
        await context.store.database["messages"].update_many(
            {"due_at": {"$gt": now_ms}, "asleep": {"$exists": False}}, {"$set": {"due_at": now_ms}}
        )
        await send_messages(context)
        found = await find(context, "messages")
        after = [(each["_id"], each["state"], each["tries"], each.get("after")) for each in found]
        if after == before:
            return
        before = after
    raise AssertionError("eight turns were not enough")
