"""A treasure's life in a scratch database, by the interfaces that people and operators use.

It is published, dug, won, claimed, sent, looked at and verified. Nobody pays, and WeChat is asked nothing.
"""

from __future__ import annotations

import io
import secrets
from typing import Any

import httpx
import msgspec
from PIL import Image
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from handlers.ops.screen import OPS_INTERFACES
from handlers.people.account import UserLogin
from server.actions.gauges import money_gauges
from server.app import INTERFACES, make_app
from server.context import Context
from server.game import draw
from server.operation.alarms import check_invariants, check_ledger, check_queues
from server.operation.patterns import check_patterns
from server.running.leading import PERIODIC, WORKS
from server.security.random_codes import random_code
from server.store.people.people import PUBLIC_CHARACTERS, Login

PUBLISHER, WINNER, SECOND, VISITOR = "publisher", "winner", "second", "visitor"
SECONDS = 10


class WentWrong(Exception):
    """The treasure's life was not as promised. The message is one line."""


class _Client:
    """Asks the server as one of the people. Raises WentWrong for any reply but a success."""

    def __init__(self, http: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        self._http, self._tokens = http, tokens

    async def get(self, who: str, path: str, **parameters: Any) -> dict[str, Any]:
        return await self._ask("GET", who, path, params={"unionid": who, **parameters})

    async def post(self, who: str, path: str, **parameters: Any) -> dict[str, Any]:
        return await self._ask("POST", who, path, json={"unionid": who, **parameters})

    async def upload(self, who: str, picture: bytes) -> str:
        return str((await self._ask("POST", who, "/uploadFile", files={"file": picture}))["url"])

    async def _ask(self, method: str, who: str, path: str, **request: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._tokens[who]}"}
        answer = await self._http.request(method, path, headers=headers, **request)
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        reply: dict[str, Any] = answer.json() if is_json else {}
        if answer.status_code != 200 or reply.get("status"):
            said = f"{reply.get('error', '')} {reply.get('msg', '')}"
            raise WentWrong(f"{path} answers {answer.status_code} {said}".strip())
        return reply


async def live(context: Context) -> None:
    """Take a treasure through its life in a prepared, empty database. Raises WentWrong, and what MongoDB
    refuses."""
    context.clock.see(await context.store.now_ms())
    tokens = {who: await _log_in(context, who) for who in (PUBLISHER, WINNER, SECOND, VISITOR)}
    server = HTTPServer(make_app(context))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False) as http:
            await _live(context, _Client(http, tokens))
    except httpx.HTTPError as error:
        raise WentWrong(f"no answer in {SECONDS} s: {type(error).__name__}") from error
    finally:
        server.stop()
        await server.close_all_connections()


async def _log_in(context: Context, who: str) -> str:
    person = await context.store.people.save(
        Login(
            _id=who,
            openid=who,
            nickName=who,
            avatarUrl="",
            gender=0,
            city="",
            province="",
            country="",
            public_id=random_code(PUBLIC_CHARACTERS),
        )
    )
    return context.keys.sign_token(who, person["generation"])


async def _live(context: Context, client: _Client) -> None:
    given = await client.get(PUBLISHER, "/commitment")
    nonce = secrets.token_hex(16)
    code = await _publish(client, given["sealed_seed"], nonce)
    page = await client.get(WINNER, "/getTaskDetails", code=code)
    await client.get(VISITOR, "/getTaskDetails", code=code, is_share=1, from_unionid=page["share"])
    await client.post(VISITOR, "/report", code=code, reason="other")
    for who in (WINNER, SECOND, SECOND):  # the last one repeats a request
        await client.post(who, "/postTask", code=code, dig_id=f"{who}check")
    await _get_prize(client, code)
    await _operate(context, client, code)
    for kinds, work in WORKS:
        await work(context, frozenset(kinds))
    for periodic, _ in PERIODIC:
        await periodic(context)
    await client.post(WINNER, "/follow", publisher_id=page["publisher_id"])
    await client.get(WINNER, "/getTaskList", name="check")
    await _look(client, {"code": code, "depth": 2, "publisher_id": page["publisher_id"]})
    await money_gauges(context, SECONDS)
    store, now_ms = context.store, context.clock.now_ms()
    alarms = await check_ledger(store) + await check_queues(store, now_ms)
    alarms += await check_patterns(store, now_ms)
    alarms += await check_invariants(store, await store.tasks.matter_now([], 1))
    proof = msgspec.convert(await client.get(VISITOR, "/getProof", code=code), draw.Proof)
    found = draw.differences(proof, page["commitment"], seed_hash=given["seed_hash"], nonce=nonce)
    found += [alarm.what for alarm in alarms]
    if found:
        raise WentWrong(found[0])


async def _publish(client: _Client, sealed_seed: str, nonce: str) -> str:
    """Return the code of a treasure of goods by mail in which each dig wins."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "orange").save(picture, "PNG")
    published = await client.post(
        PUBLISHER,
        "/postTask",
        goods_type=2,
        draw_type=2,
        name="check",
        prize_num=2,
        forecast_num=1,
        interval=1,
        fluctuation=0,
        cd=0,
        url=await client.upload(PUBLISHER, picture.getvalue()),
        sealed_seed=sealed_seed,
        nonce=nonce,
    )
    return str(published["code"])


async def _get_prize(client: _Client, code: str) -> None:
    where = {"receiver": "check", "phone": "12345", "address": "check"}
    await client.post(WINNER, "/drawPrize", code=code, **where)
    await client.get(PUBLISHER, "/getWinners", code=code)  # the list decrypts the address
    await client.post(PUBLISHER, "/shipPrize", code=code, depth=1, carrier="其他", number="12345")
    await client.post(WINNER, "/receivePrize", code=code)


async def _operate(context: Context, client: _Client, code: str) -> None:
    """Freeze the second prize and return it, hide and show the task, ban a winner; list and export."""
    token = context.operators[0].token
    await client.post(VISITOR, "/ops/login", token=token, name="check")
    named, depth = {"code": code, "reason": "check"}, {"depth": 2}
    await client.post(VISITOR, "/ops/freeze", what="prize", **named, **depth)
    await client.post(VISITOR, "/ops/return", what="prize", **named, **depth)
    for hidden in (1, 0):
        await client.post(VISITOR, "/ops/hide", hidden=hidden, **named)
    await client.post(VISITOR, "/ops/ban", days=1, **named, **depth)
    await client.post(VISITOR, "/ops/unban", **named, **depth)
    await client.post(VISITOR, "/ops/search", query="check")
    await client.post(VISITOR, "/ops/winners", month="2026-01", reason="check")
    for of in ("hidden", "unpaid", "held"):
        await client.get(VISITOR, "/ops/list", of=of)


async def _look(client: _Client, known: dict[str, Any]) -> None:
    """Ask each interface that only reads, if `known` has all that it needs. Logging in is left out: it asks
    WeChat."""
    for interface in (*INTERFACES, *OPS_INTERFACES):
        fields = [field for kind in interface.takes for field in msgspec.structs.fields(kind)]
        needed = {field.name for field in fields if field.required} - {"unionid", *known}
        if interface.method == "GET" and interface is not UserLogin and not needed:
            await client.get(PUBLISHER, interface.path, **known)
