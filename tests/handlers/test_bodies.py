"""Bodies: what those of strangers cost, and how large they may be."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from handlers.bodies import BODY_BYTES, LARGE_BYTES, LARGEST_BYTES, STRANGERS_BYTES
from handlers.prizes.shipping import ShipPrizes
from server.memory.large_bodies import LARGE_AT_ONCE, STRANGERS
from support.client import a_picture
from support.interfaces import ALL
from support.replies import raw_reply, raw_request, refusal_of
from support.stored import everything

MOST_CPU_SECONDS = 0.01
TRIES = 10  # now and then a try pays for what is made once, or for a garbage collection
PACE_SECONDS = 0.0035  # of CPU, that `allowed` takes where nothing else runs on the same core
# Of the interfaces that are only read, one: they all refuse a POST in the same place.
PATHS = [
    *(interface.path for interface in ALL if interface.method == "POST" or interface.path == "/getTaskList"),
    *("/payNotify", "/refundNotify", "/transferNotify", "/wxPush", "/nowhere", "/ws", "/healthz"),
]
Filling = Callable[[int], bytes]


def allowed() -> float:
    """Return 10 ms, or as much more as this machine is slower just now."""
    began = time.thread_time()
    sum(n * n for n in range(100_000))
    return MOST_CPU_SECONDS * max(1, (time.thread_time() - began) / PACE_SECONDS)


async def check_cheap(ask: Callable[[], Awaitable[float]], *what: object) -> None:
    """Assert that one of some tries takes no more CPU time than is allowed."""
    took = list[float]()
    while len(took) < TRIES:
        took.append(await ask())
        if took[-1] < MOST_CPU_SECONDS or took[-1] < allowed():
            return
    raise AssertionError((what, took))


def of(piece: str, begin: str = '{"a":[', end: str = "0]}") -> Filling:
    """Return what fills a size with a piece, again and again."""

    def fill(size: int) -> bytes:
        pieces, rest = divmod(size - len((begin + end).encode()), len(piece.encode()))
        return (begin + piece * pieces + end + " " * rest).encode()

    return fill


def keys(size: int) -> bytes:
    return ("{" + ",".join(f'"{key:07}":1' for key in range(size // 12 - 1)) + "}").encode()


VALUES: dict[str, Filling] = {
    "large numbers": of("1e308,"),
    "numbers near zero": of("2.2250738585072011e-308,"),
    "numbers with many digits": of("0." + "1" * 700 + ","),
    "numbers with a long exponent": of("1e" + "9" * 20 + ","),
    "one exponent": of("9", '{"a":1e', "}"),
    "one number": of("9", '{"a":', "}"),
    "one fraction": of("9", '{"a":0.', "}"),
    "whole numbers beyond 64 bits": of("9" * 20 + ","),
    "whole numbers of 4,299 digits": of("9" * 4299 + ","),
    "escapes": of("\\u4e2d", '{"a":"', '"}'),
    "pairs of surrogates": of("\\ud83d\\ude00", '{"a":"', '"}'),
    "lone surrogates": of("\\ud800", '{"a":"', '"}'),
    "nested lists": of("[", "", ""),
    "nested objects": of('{"a":', "", ""),
    "lists": of("[],"),
    "keys": keys,
    "one key again and again": of('"a":1e308,', "{", '"a":1}'),
    "a field again and again": of('"unionid":1e308,', "{", '"unionid":1}'),
    "spaces": of(" ", "", ""),
    "zeros": bytes,
    "kinds of prizes": of("1e308,", '{"goods_type":2,"unionid":"u","prizes":[', "0]}"),
    "kinds of prizes as a text": of("1e308,", '{"goods_type":2,"unionid":"u","prizes":"[', '0]"}'),
    "a sealed message": of("1e308,", '{"Encrypt":[', "0]}"),
    "a table": of("1e308,", '{"unionid":"u","code":"123456789012","table":[', "0]}"),
    "a table of escapes": of("\\u4e2d", '{"unionid":"u","code":"123456789012","table":"', '"}'),
    "tables": of('"table":"",', '{"unionid":"u","code":"123456789012",', '"a":1}'),
}
FORMS: dict[str, Filling] = {
    "fields": of("a&", "", ""),
    "fields with values": of("a=1&", "", ""),
    "escaped bytes": of("%ff", "a=", ""),
    "kinds of prizes": of(quote("1e308,"), "goods_type=2&unionid=u&prizes=[", "0]"),
}
PARTS: dict[str, Filling] = {
    "parts": of('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n', "", "--b--\r\n"),
    "a part's heads": of("a:b\r\n", "--b\r\n", "\r\n\r\n--b--\r\n"),
    "boundaries": of("--b\r\n", "", "--b--\r\n"),
}
TABLE = [
    ("application/json", VALUES),
    ("application/x-www-form-urlencoded", FORMS),
    ("multipart/form-data; boundary=b", PARTS),
]


def bodies(size: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield each body's name, type and bytes."""
    for kind, named in TABLE:
        for name, fill in named.items():
            yield f"{name} as {kind}", kind, fill(size)


async def test_no_body_of_a_stranger_costs_ten_milliseconds(client, settings):
    for path, (name, kind, body) in itertools.product(PATHS, [*bodies(STRANGERS_BYTES)]):
        assert len(body) <= STRANGERS_BYTES

        async def ask(path: str = path, kind: str = kind, body: bytes = body) -> float:
            began = time.thread_time()
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            async with asyncio.timeout(10):
                reply = await reader.read()
            writer.close()
            assert int(reply.split()[1]) < 500 or path.endswith("Notify"), reply
            return time.thread_time() - began

        await check_cheap(ask, path, name)


@pytest.mark.parametrize(
    "prizes", [r'[{"name":"\ud800"}]', r'[{"\udfff":1}]', "[{}]\udcff", b"\xff", "[" * 5000], ids=ascii
)
async def test_prizes_that_are_not_text_are_refused(client, alice, prizes):
    draft = await alice.draft()
    headers = {"Authorization": f"Bearer {alice.token}"}
    form = "&".join(f"{name}={value}" for name, value in draft.items() if name != "url")
    text = prizes if isinstance(prizes, bytes) else prizes.encode("utf-8", "surrogateescape")
    for kind, body in (
        ("application/x-www-form-urlencoded", f"{form}&prizes={quote(text)}".encode()),
        ("application/json", b'{"goods_type":2,"prizes":"%b"}' % text),
        ("application/json", b'{"goods_type":2,"prizes":%b}' % text),
    ):
        reply = await client.http.post("/postTask", content=body, headers={**headers, "Content-Type": kind})
        assert refusal_of(reply)["error"] == "bad_request", (kind, reply)


# Paths that take bodies, with the most bytes that somebody with a good token may send. Only one type of body
# may be above BODY_BYTES.
LIMITS = {
    "/postTask": BODY_BYTES,
    "/getTaskList": BODY_BYTES,
    "/shipPrizes": ShipPrizes.body_limit_bytes,
    "/uploadFile": LARGEST_BYTES,
    "/ops/login": STRANGERS_BYTES,
    "/payNotify": STRANGERS_BYTES,
    "/wxPush": STRANGERS_BYTES,
    "/nowhere": STRANGERS_BYTES,
    "/healthz": STRANGERS_BYTES,
    "/sandbox/authorize": STRANGERS_BYTES,
}
LARGE = {"/shipPrizes": "application/json", "/uploadFile": "multipart/form-data"}


def limit_of(path: str, kind: str) -> int:
    return LIMITS[path] if kind.startswith(LARGE.get(path, "")) else BODY_BYTES


ENCODINGS: dict[str, Filling] = {
    "application/json": of(" ", "{", "}"),
    "application/x-www-form-urlencoded": of("a", "a=", ""),
    "multipart/form-data; boundary=b": of(
        "a", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n', "\r\n--b--\r\n"
    ),
}


@pytest.mark.parametrize("kind", ENCODINGS)
async def test_a_body_is_taken_up_to_its_limit_and_refused_one_byte_above(client, context, kind, alice):
    before = await everything(context)
    good = f"Bearer {alice.token}"
    bad = f"Bearer {alice.token}x"
    limits = [
        (path, token, limit)
        for path in LIMITS
        for token, limit in (
            (good, limit_of(path, kind)),
            # Where no token is required, strangers may send as much.
            ("", limit_of(path, kind) if path == "/uploadFile" else STRANGERS_BYTES),
            (bad, STRANGERS_BYTES),
        )
    ]
    for path, token, limit in limits:
        headers = {"Content-Type": kind} | ({"Authorization": token} if token else {})
        for size, fits in ((limit, True), (limit + 1, False)):
            body = ENCODINGS[kind](size)
            assert len(body) == size

            async def pieces(body: bytes = body) -> Any:
                for at in range(0, len(body), 65536):
                    yield body[at : at + 65536]

            for content in (body, pieces()):
                reply = await client.http.post(path, content=content, headers=headers)
                error = reply.json().get("error", "") if reply.content.startswith(b"{") else ""
                refused = reply.status_code == 413 or error == "token_required"
                refused = refused or (token == bad and error == "bad_token" and size > STRANGERS_BYTES)
                what = (path, kind, token[-9:], size, reply.status_code, reply.content)
                assert refused != fits or (fits and error == "token_required"), what
                if not fits:
                    assert reply.headers["Connection"] == "close"
                    assert error in ("bad_request", "picture_too_large", "token_required", "bad_token")
    assert not context.large_bodies
    assert await everything(context) == before


async def test_a_reply_comes_in_the_middle_of_a_body_that_is_too_large(client, settings):
    for fields, body in (
        (f"Content-Length: {1 << 50}", b"x"),
        (f"Content-Length: {STRANGERS_BYTES + 1}", b"x"),
        ("Transfer-Encoding: chunked", b"%x\r\n" % (STRANGERS_BYTES + 1) + bytes(STRANGERS_BYTES + 1)),
        (f"Expect: 100-continue\r\nContent-Length: {STRANGERS_BYTES + 1}", b""),
    ):
        request = f"POST /nowhere HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n".encode() + body
        status, reply = await raw_request(settings, request)
        assert (status, reply["error"]) == (413, "bad_request")
        assert reply["msg"] == "请求的内容太大，应在 16 KB 以内"


class Stalled:
    """Requests whose bodies lack their last byte."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def begin(self, path: str, size: int, token: str = "", sent: int = 0) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.lines.append((reader, writer))
        known = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{known}Content-Type: multipart/form-data; boundary=b\r\n"
        writer.write(f"{head}Content-Length: {size}\r\n\r\n".encode() + bytes(sent))
        return reader

    async def end(self) -> None:
        for _, writer in self.lines:
            writer.transport.abort()
            await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
        self.lines.clear()


@pytest.fixture
def stalled(io_loop: Any, client: Any, settings: Any) -> Iterator[Stalled]:
    begun = Stalled(settings.port)
    yield begun
    io_loop.run_sync(begun.end)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  (the server tells nobody)
            await asyncio.sleep(0)


async def told(reader: asyncio.StreamReader) -> tuple[int, str]:
    async with asyncio.timeout(10):
        status, reply = await raw_reply(reader)
    return status, reply["error"]


async def test_of_the_bodies_above_64_kb_the_seventeenth_is_refused_at_its_headers(client, context, stalled):
    large = context.large_bodies
    people = await client.log_in_all(*(f"person {number}" for number in range(9)))
    for person in people[:8]:
        for path in ("/postTask", "/uploadFile"):
            await stalled.begin(path, LARGE_BYTES + 1, person.token)
    await until(lambda: len(large) == LARGE_AT_ONCE)
    for person in (people[8], people[0]):
        assert await told(await stalled.begin("/uploadFile", 1 << 20, person.token)) == (429, "too_many")
    headers = {"Authorization": f"Bearer {people[8].token}"}
    small = await client.http.post("/postTask", content=b"{}".ljust(LARGE_BYTES), headers=headers)
    assert small.json()["error"] == "bad_request"
    stalled.lines[0][1].transport.abort()  # who hangs up gives the place back
    await until(lambda: len(large) == LARGE_AT_ONCE - 1)
    stalled.lines[1][1].write(bytes(LARGE_BYTES + 1))  # and so does who is answered
    await until(lambda: len(large) == LARGE_AT_ONCE - 2)
    assert (await people[8].upload(a_picture()))["status"] == 0
    await stalled.end()
    await until(lambda: not large)


async def test_one_person_sends_two_large_bodies_at_once_and_strangers_eight(context, stalled, alice, bob):
    large = context.large_bodies
    for _ in range(2):
        await stalled.begin("/uploadFile", 1 << 20, alice.token)
    await until(lambda: len(large) == 2)
    assert await told(await stalled.begin("/uploadFile", 1 << 20, alice.token)) == (429, "too_many")
    for _ in range(STRANGERS):
        await stalled.begin("/uploadFile", 1 << 20)
    await until(lambda: len(large) == 2 + STRANGERS)
    assert await told(await stalled.begin("/uploadFile", 1 << 20)) == (429, "too_many")
    await stalled.begin("/uploadFile", 1 << 20, bob.token)
    await until(lambda: len(large) == 3 + STRANGERS)
