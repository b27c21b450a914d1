"""Logging in through the sandbox: it gives what wx.login and wx.getUserInfo give on a phone."""

import base64
from collections.abc import Sequence
from typing import Any

import httpx

LOGIN_FIELDS = ("code", "iv", "encryptedData")


async def a_ticket(http: httpx.AsyncClient, **wishes: Any) -> dict[str, str]:
    """Return the values with which a mini-program calls userLogin."""
    given: dict[str, str] = (await http.get("/sandbox/authorize", params=wishes)).json()
    return given


def log_in(
    address: str, user: str, fields: Sequence[str] = LOGIN_FIELDS, *, verify: bool = True, **wishes: Any
) -> dict[str, Any]:
    """Log somebody in with these fields of their ticket.

    Each request has a connection of its own, so it may reach any worker. `verify` is httpx's.
    """

    def get(path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        found = httpx.get(f"{address}/{path}", params=parameters, timeout=20, verify=verify)
        return dict(found.json())

    given = get("sandbox/authorize", {"user": user, **wishes})
    reply = get("userLogin", {name: given[name] for name in fields})
    assert reply["status"] == 0, reply
    person: dict[str, Any] = reply["data"]
    return person


def person_id_of(token: str) -> str:
    """Return the id in the database of the person whose token this is."""
    value = token.split("|")[4].partition(":")[2]
    return base64.b64decode(value).decode().split(" ")[0]
