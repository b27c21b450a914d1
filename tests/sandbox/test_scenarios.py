"""Scenarios by name: to a person who logs in as `user=NAME`, the scenario NAME happens."""

from typing import Any, get_args

from jsonschema_rs import Draft202012Validator

from devtools.sandbox.scenarios import Scenario
from handlers.examples import examples
from server.context import Context
from server.settings import SANDBOX_APPID
from support.client import Client
from support.purse import rest
from support.reviews import CHECKED, settle

ENVIRONMENT = {**CHECKED, "RISK_HELD": "3"}


async def claimed_by(client: Client, context: Context, user: str) -> dict[str, Any]:
    """Let somebody of this name win a red packet; return the reply to their claim."""
    alice, winner = await client.log_in_all("alice", user)
    code = await alice.paid_packet()
    await settle(context)
    assert (await winner.dig(code))["is_prize"] == 1
    await rest(context)
    return await winner.claim(code)


async def test_what_a_risky_person_wins_is_held_and_a_payout_that_fails_says_why(client, context):
    assert (await claimed_by(client, context, "risky"))["error"] == "payout_held"
    assert (await claimed_by(client, context, "bob"))["package_info"]
    reply = await claimed_by(client, context, "payout_fails")
    assert (reply["error"], "收不了款" in reply["msg"]) == ("wechat_busy", True)


async def test_a_picture_that_is_refused_is_shown_to_nobody(client, context):
    refused, bob = await client.log_in_all("picture_refused", "bob")
    code = await refused.publish()
    await settle(context)
    page = await refused.get("/getTaskDetails", code=code)
    assert (page["review"], "图片" in page["review_note"]) == ("refused", True)
    assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"


async def test_the_reference_has_what_authors_call_with_examples_that_fit(client):
    for language, tag in (("zh", "沙箱"), ("en", "sandbox")):
        document = (await client.http.get("/openapi.json", params={"lang": language})).json()
        *_, about = document["tags"]
        assert (about["name"], SANDBOX_APPID in about["description"]) == (tag, True)
        assert all(f"`{name}`" in about["description"] for name in get_args(Scenario))
        ours = {path: of for path, of in document["paths"].items() if path.startswith("/sandbox/")}
        assert ours.keys() == examples("sandbox").keys()
        for path, of in ours.items():
            [operation] = of.values()
            assert operation["tags"] == [tag]
            assert all(parameter["description"] for parameter in operation.get("parameters", ()))
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                asked = Draft202012Validator({**schema, "components": document["components"]})
                asked.validate(examples("sandbox")[path]["request"])
