"""Logging in through the sandbox: it gives what wx.login and wx.getUserInfo give on a phone."""

import base64
from typing import Any

import httpx


def a_ticket(http: httpx.Client, user: str, nickname: str) -> dict[str, str]:
    """Return the values with which a mini-program calls userLogin: the code alone without a `nickname`."""
    given = http.get("/sandbox/authorize", params={"user": user, "nickname": nickname}).json()
    if "code" not in given:
        raise SystemExit(f"{user} gets no ticket: {given}")
    return {name: given[name] for name in ("code", *(("iv", "encryptedData") if nickname else ()))}


def log_in(http: httpx.Client, user: str, nickname: str) -> dict[str, Any]:
    """Log somebody in; return the reply's data."""
    reply = http.get("/userLogin", params=a_ticket(http, user, nickname)).json()
    if reply["status"]:
        raise SystemExit(f"{user} cannot log in: {reply}")
    data: dict[str, Any] = reply["data"]
    return data


def person_id_of(token: str) -> str:
    """Return the id in the database of the person whose token this is."""
    value = token.split("|")[4].partition(":")[2]
    return base64.b64decode(value).decode().split(" ")[0]
