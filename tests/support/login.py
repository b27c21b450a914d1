"""Logging in through the sandbox: it gives what wx.login and wx.getUserInfo give on a phone."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec

from devtools.sandbox.login import wechat_id
from handlers.people.account import user_of
from server.context import Context
from server.store.people.people import Login

LOGIN_FIELDS = ("code", "iv", "encryptedData")
# What WeChat says if it is to be asked again: a busy machine's store is away for a moment.
BUSY = -1
TRIES = 5


async def a_ticket(http: httpx.AsyncClient, **wishes: Any) -> dict[str, str]:
    """Return the values with which a mini-program calls userLogin."""
    given: dict[str, str] = (await http.get("/sandbox/authorize", params=wishes)).json()
    return given


async def known_as(context: Context, user: str, nickname: str) -> dict[str, Any]:
    """Record a person as a login does, though without asking WeChat; return what the login's reply tells."""
    picture = hashlib.sha256(user.encode()).hexdigest()[:32]
    login = Login(
        unionid=wechat_id("unionid", user),
        openid=wechat_id("openid", user),
        nickName=nickname,
        avatarUrl=f"{context.settings.public_url}/sandbox/avatar/{picture}.png",
        gender=0,
        city="深圳",
        province="广东",
        country="中国",
    )
    if context.settings.checks_content:
        login |= {"nickName": "", "avatarUrl": ""}
    person = await context.store.people.save(login)
    assert "erasing" not in person
    told: dict[str, Any] = msgspec.to_builtins(user_of(context, person))
    return told


def log_in(
    address: str, user: str, fields: Sequence[str] = LOGIN_FIELDS, *, verify: bool = True, **wishes: Any
) -> dict[str, Any]:
    """Log somebody in with these fields of their ticket.

    Each request has a connection of its own, so it may reach any worker. `verify` is httpx's.
    """

    def get(path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        found = httpx.get(f"{address}/{path}", params=parameters, timeout=20, verify=verify)
        return dict(found.json())

    for _ in range(TRIES):
        given = get("sandbox/authorize", {"user": user, **wishes})
        if given.get("errcode") != BUSY:
            break
    assert "code" in given, given
    reply = get("userLogin", {name: given[name] for name in fields})
    assert reply["status"] == 0, reply
    person: dict[str, Any] = reply["data"]
    return person


def person_id_of(token: str) -> str:
    """Return the id in the database of the person whose token this is."""
    value = token.split("|")[4].partition(":")[2]
    return base64.b64decode(value).decode().split(" ")[0]
