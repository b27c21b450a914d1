"""Reads replies from a raw connection, and checks refusals."""

import asyncio
from typing import Any

import httpx
import msgspec

from server.settings import Settings


async def raw_reply(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
    """Read one HTTP reply with a Content-Length; return its status and its JSON."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    assert headers["content-type"].startswith("application/json")
    body = await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split()[1]), msgspec.json.decode(body)


async def raw_request(settings: Settings, request: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes over a new connection; return the status and the JSON of the reply, which comes at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(request)
    async with asyncio.timeout(10):
        reply = await raw_reply(reader)
    writer.close()
    return reply


def refusal_of(response: httpx.Response) -> dict[str, Any]:
    """Return a reply after checking that it is a mini-program's refusal: HTTP 200, JSON, no other fields.

    `param` is there only with `bad_request`.
    """
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    reply: dict[str, Any] = msgspec.json.decode(response.content)
    assert reply.keys() - {"param"} == {"status", "msg", "error", "trace_id"}
    assert "param" not in reply or reply["error"] == "bad_request"
    assert reply["status"] == 1
    return reply
