"""Any request to any address gets an envelope, never HTML and never an internal error."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from handlers.base import Interface
from handlers.ops.screen import OPS_INTERFACES
from server.app import INTERFACES
from server.settings import Settings
from support.client import Client, Someone, a_picture

OPS_TOKEN = "an operator's token, long enough"
EVERYTHING = [*INTERFACES, *OPS_INTERFACES]
NAMES = sorted({name for each in EVERYTHING for taken in each.takes for name in taken.__struct_fields__})
OTHER_PATHS = ["/", "/nowhere", "/files/", "/files/x.jpg", "/files/%ff", "/healthz", "/readyz", "/metrics"]
DOCUMENTS = ["/openapi.json", "/asyncapi.json"]
OTHER_PATHS += [*DOCUMENTS, "/miniProgramCode", "/ops", "/ops/feed", "/ws", "/static/app/0/x"]
NOTICES = ["/payNotify", "/refundNotify", "/transferNotify"]
OTHER_PATHS += NOTICES
METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"]

# Mistakes hide in values that are nearly right. A name in <> stands for a real person's or task's value.
RIGHT: dict[str, Any] = {
    "unionid": "<unionid>",
    "code": "<code>",
    "from_unionid": "<share>",
    "is_share": 1,
    "url": "<url>",
    "wxheadpic": "<url>",
    "wxname": "名字",
    "name": "猫",
    "goods_type": 2,
    "prize_num": 1,
    "forecast_num": 5,
    "draw_type": 1,
    "page": 1,
    "reason": "理由",
}
LIKELY: list[Any] = [
    0,
    1,
    2,
    -1,
    1.0,
    1.5,
    10**9,
    2**63,
    10**40,
    True,
    None,
    [],
    [1],
    {"$ne": None},
    {"": {}},
]
LIKELY += [
    "",
    "0",
    "1",
    "2",
    "01",
    "1e3",
    "null",
    "undefined",
    "NaN",
    "１",
    "猫",
    "$seed_box",
    "$$ROOT",
    "x" * 3000,
]
LIKELY += [
    "\x00",
    "\ud800",
    "A" * 12,
    "A" * 20,
    "000000",
    "/files/x.jpg",
    "<share>",
    "<token>",
    "<url>",
    "<unionid>",
]
VALUES = st.sampled_from(LIKELY) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ODD = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=3)
CONTENT_TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=gbk",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        'multipart/form-data; boundary="',
        "text/html",
        "",
        "a/b;;;=",
        "\xff",
    ]
)
FRAMING = {"content-length", "transfer-encoding", "host", "content-type"}
HEADER_NAMES = ["Authorization", "Cookie", "If-None-Match", "Range", "Content-Encoding", "Accept", "Origin"]
HEADER_NAMES += [
    "X-Forwarded-For",
    "Upgrade",
    "Connection",
    "Expect",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
]
HEADER_NAMES += ["Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial"]
HEADERS = st.dictionaries(
    st.sampled_from(HEADER_NAMES)
    | st.from_regex("[A-Za-z-]{1,12}", fullmatch=True).filter(lambda name: name.lower() not in FRAMING),
    st.sampled_from(["*", "websocket", "gzip", "bytes=0-1", "13", "Bearer x", "a=b; c", "0"])
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
    max_size=3,
)
MULTIPART = st.binary(max_size=60).map(
    lambda content: (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + content + b"\r\n--x--"
    )
)


MOSTLY = st.sampled_from([True, True, True, False])


class Asked(msgspec.Struct, frozen=True):
    """One request, as it goes over the wire."""

    method: str
    path: str
    query: bytes
    headers: dict[str, str]
    body: bytes


def encoded(value: object) -> bytes:
    """Return a value for a query or form, percent-encoded byte by byte, so that it can hold any byte."""
    text = value if isinstance(value, str) else repr(value)
    return b"".join(b"%%%02x" % byte for byte in text.encode("utf-8", "surrogatepass"))


def form(parameters: dict[str, Any]) -> bytes:
    """Return parameters as a form or query."""
    return b"&".join(encoded(name) + b"=" + encoded(value) for name, value in parameters.items())


def spelled(value: object) -> str:
    """Return a value as JSON, which can hold a lone surrogate."""
    return json.dumps(value)


@st.composite
def requests(draw: st.DrawFn, interface: Interface | None) -> Asked:
    """Draw a request, mostly a well-formed one."""
    method = (
        draw(st.sampled_from(METHODS))
        if interface is None or draw(st.integers(0, 9)) == 0
        else interface.method
    )
    path = draw(st.sampled_from(OTHER_PATHS)) if interface is None else interface.path
    parameters: dict[str, Any] = {}
    if draw(MOSTLY):
        parameters = RIGHT | {draw(st.sampled_from(["code", "goods_type"])): None}
        for name in draw(st.sets(st.sampled_from(sorted(RIGHT)), max_size=1)):
            del parameters[name]
    if draw(st.booleans()):
        parameters |= draw(ODD)
    headers = {} if draw(MOSTLY) else draw(HEADERS)
    if draw(MOSTLY):
        headers |= {"Authorization": "Bearer <token>", "Cookie": "wabao_operator=<operator>"}
    query, body = b"", b""
    kind = draw(st.integers(0, 5))
    if method == "GET" or kind == 0:
        query = draw(st.just(form(parameters)) | st.binary(max_size=40).map(quoted))
    elif kind <= 2:
        headers["Content-Type"] = "application/json"
        body = spelled(parameters).encode()
    elif kind == 3:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = form(parameters)
    elif kind == 4:
        headers["Content-Type"] = "multipart/form-data; boundary=x"
        query, body = form(parameters), draw(MULTIPART | st.binary(max_size=80))
    else:
        headers["Content-Type"] = draw(CONTENT_TYPES)
        body = draw(st.binary(max_size=80))
    return Asked(method, path, query, headers, body)


def quoted(query: bytes) -> bytes:
    """Drop the bytes that a request line cannot hold: those never reach the application."""
    return bytes(byte for byte in query if 33 <= byte < 127 and byte != ord("#"))


async def exchange(port: int, asked: Asked, marks: dict[bytes, bytes]) -> tuple[int, dict[str, str], bytes]:
    """Send a request on a connection of its own and read the reply until the server closes it."""
    headers = {"Host": "x", **asked.headers, "Connection": "close", "Content-Length": "<length>"}
    head = b"%s %s%s HTTP/1.1\r\n" % (
        asked.method.encode(),
        asked.path.encode(),
        b"?" + asked.query if asked.query else b"",
    )
    head += b"".join(b"%s: %s\r\n" % (n.encode(), v.encode("latin1")) for n, v in headers.items())
    body = asked.body
    for mark, real in marks.items():
        head, body = head.replace(mark, real), body.replace(mark, real)
        head = head.replace(encoded(mark.decode()), encoded(real.decode()))
        body = body.replace(encoded(mark.decode()), encoded(real.decode()))
    head = head.replace(b"<length>", str(len(body)).encode())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"\r\n" + body)
    reply = await reader.read()
    writer.close()
    top, _, content = reply.partition(b"\r\n\r\n")
    while top.startswith(b"HTTP/1.1 100"):
        top, _, content = content.partition(b"\r\n\r\n")
    lines = top.decode("latin1").split("\r\n")
    named = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return int(lines[0].split()[1]), named, content


def check(asked: Asked, status: int, headers: dict[str, str], content: bytes) -> int:
    """Assert what holds for every reply; return its `status`, or the HTTP status if it has none."""
    kind = headers.get("content-type", "")
    assert status < 500 or (asked.path in NOTICES and status == 500), (status, content)
    if kind.startswith("text/html"):
        assert (asked.path, status) in {("/", 200), ("/ops", 200)}
        return status
    # WeChat's notices are answered as WeChat asks; a websocket that opens speaks no HTTP any more.
    if asked.path in NOTICES or asked.method == "HEAD" or status == 101:
        return status
    if (asked.path, status) in {("/metrics", 200), ("/miniProgramCode", 200), ("/miniProgramCode", 302)}:
        return status
    if asked.path == "/getWinners" and kind.startswith("text/csv"):
        return status
    assert kind == "application/json; charset=utf-8", (status, headers)
    reply = msgspec.json.decode(content)
    if asked.path in DOCUMENTS and status == 200:
        return status
    assert status in (200, 404, 405, 413, 429) or (asked.path in ("/ws", "/ops/feed") and status == 426)
    assert reply["status"] in (0, 1)
    assert (reply["msg"] == "") == (reply["status"] == 0)
    assert ("error" in reply) == ("trace_id" in reply) == (reply["status"] == 1)
    assert reply.get("error") != "internal"
    return int(reply["status"])


@pytest.fixture
def environment() -> dict[str, str]:
    return {"OPS_TOKEN": OPS_TOKEN}


async def marks_of(client: Client) -> tuple[Someone, dict[bytes, bytes]]:
    """Return a person, and the values that the names in <> stand for."""
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=10_000, prize_num=2, interval=3000, fluctuation=0)
    url = (await bob.upload(a_picture()))["url"]
    share = (await bob.get("/getTaskDetails", code=code))["share"]
    found = {"unionid": bob.unionid, "code": code, "share": share, "url": url, "token": bob.token}
    reply = await client.http.post("/ops/login", json={"name": "运营", "token": OPS_TOKEN})
    found["operator"] = reply.cookies["wabao_operator"]
    return bob, {f"<{name}>".encode(): value.encode() for name, value in found.items()}


def throw(
    io_loop: Any, client: Client, port: int, drawn: st.SearchStrategy[Asked], examples: int
) -> Counter[tuple[str, int]]:
    """Send drawn requests to the server; return how often each path gave each status."""
    _, marks = io_loop.run_sync(lambda: marks_of(client))
    outcomes: Counter[tuple[str, int]] = Counter()

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def each(asked: Asked) -> None:
        outcomes[asked.path, check(asked, *io_loop.run_sync(lambda: exchange(port, asked, marks)))] += 1

    each()
    return outcomes


@pytest.mark.parametrize("part", range(3))
def test_any_request_to_an_interface_gets_an_envelope(
    io_loop: Any, client: Client, settings: Settings, part: int, caplog: pytest.LogCaptureFixture
) -> None:
    interfaces = EVERYTHING[part::3]
    drawn = st.sampled_from(interfaces).flatmap(requests)
    outcomes = throw(io_loop, client, settings.port, drawn, examples=500)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert {path for path, _ in outcomes} == {interface.path for interface in interfaces}
    assert sum(count for (_, status), count in outcomes.items() if status == 0) > 10


def test_any_request_to_any_other_address_gets_a_proper_reply(
    io_loop: Any, client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    throw(io_loop, client, settings.port, requests(None), examples=200)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
