"""Attackers, in a process of their own: an attack runs for some seconds and returns what its clients got.

They use other loopback addresses than honest people, and stay below the limit of connections per address.
An attack has many clients. Each connects, sends something, waits until the server replies or hangs up, and
starts over after a pause.
"""

import asyncio
import io
import itertools
import os
import resource
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from PIL import Image

from parts.lines import get
from parts.serving import Person

ADDRESSES = 20
PIECE_BYTES = 64 << 10
SLASHES = 60_000
FEWER_SLASHES = 8_000
UPLOAD_BYTES = 10_000_000
UPLOADS = 60
OWN_UPLOADS = 20
PIECE_SECONDS = 0.1
CHUNK = b"1\r\n \r\n"
CHUNKS_AT_ONCE = 10_000
CHUNKERS = 10
SLOW_PIECES = 250
STALLED_PEOPLE = 4
STALLED = 7
STALLED_BYTES = 9_900_000
FLAT_PEOPLE = 10
FLAT = 20
HALF_HEADERS = 2_000
SILENT = 1_000
SOCKETS = 50
HEADS = 190
HEAD_LINES = 10_400
IDLE = 200
WRONG_CODES = 10
STALLED_BODIES = 250
READERS = 16
LAZY_READERS = 40
LAZY_SECONDS = 10
SCANS = 400
SIXTEEN_MEGAPIXELS = (4096, 3900)
FIFTY_MEGAPIXELS = (10_000, 5_000)
FORM_HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
FORM_END = b"\r\n--b--\r\n"


@dataclass
class Weapons:
    """The attackers' means: accounts, an ended task with a long history, pictures by kind."""

    people: list[Person]
    long_task: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)

    def draw(self) -> None:
        """Draw the pictures."""
        width, height = SIXTEEN_MEGAPIXELS
        noise = Image.effect_noise((width // 8, height // 8), 80).resize(SIXTEEN_MEGAPIXELS)
        photo = Image.merge("RGB", [noise] * 3)
        flat, flatter = (Image.new("RGB", size) for size in (SIXTEEN_MEGAPIXELS, FIFTY_MEGAPIXELS))
        scanned = _encoded(flat, "jpeg", progressive=True)
        last_scan = scanned[scanned.rindex(b"\xff\xda") : -2]
        more = SCANS - scanned.count(b"\xff\xda")
        self.pictures = {
            "16 MP JPEG": _encoded(photo, "jpeg"),
            "16 MP WebP": _encoded(photo, "webp"),
            "16 MP PNG": _encoded(flat, "png"),
            "50 MP PNG": _encoded(flatter, "png"),
            f"{SCANS} scans": scanned[:-2] + last_scan * more + scanned[-2:],
        }


def a_photo() -> bytes:
    """Return a photo as phones take them: 12 megapixels and 3 MB."""
    detail = Image.effect_noise((1000, 750), 80).resize((4000, 3000))
    return _encoded(Image.merge("RGB", [detail] * 3), "jpeg", quality=90)


def _encoded(image: Image.Image, kind: str, **how: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


class Attack:
    """A running attack. `got` counts its results, such as "stranger 413" or "silent hung up"."""

    def __init__(self, port: int, weapons: Weapons) -> None:
        self.weapons = weapons
        self.got: Counter[str] = Counter()
        self.addresses = [f"127.0.2.{number}" for number in range(1, ADDRESSES + 1)]
        self._port = port
        self._numbers = itertools.count()

    async def again(
        self,
        who: str,
        pieces: list[bytes],
        pause_seconds: float,
        piece_seconds: float = 0,
        lazy: bool = False,
        together: bool = False,
    ) -> None:
        """Connect, send the pieces, read to the end, pause; repeat until cancelled. If `lazy`, never read."""
        number = next(self._numbers)
        if not together:
            await asyncio.sleep(pause_seconds * (number % 16) / 16)
        while True:
            try:
                told = await self._once(number, pieces, piece_seconds, lazy)
            except OSError as error:
                told = type(error).__name__
            self.got[f"{who} {told}"] += 1
            await asyncio.sleep(pause_seconds)

    async def _once(self, number: int, pieces: list[bytes], piece_seconds: float, lazy: bool) -> str:
        with socket.socket() as sock:
            if lazy:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            sock.bind((self.addresses[number % len(self.addresses)], 0))
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, ("127.0.0.1", self._port))
            sending = asyncio.ensure_future(_send(sock, pieces, piece_seconds))
            try:
                if not lazy:
                    return await _read(sock)
                await asyncio.sleep(LAZY_SECONDS)
                return "left"
            finally:
                sending.cancel()


async def _send(sock: socket.socket, pieces: list[bytes], piece_seconds: float) -> None:
    try:
        for piece in pieces:
            await asyncio.get_running_loop().sock_sendall(sock, piece)
            await asyncio.sleep(piece_seconds)
    except OSError:
        return  # the server hung up, which the reader notices too


async def _read(sock: socket.socket) -> str:
    """Read a reply, or a websocket to its end; return its status and error code."""
    loop = asyncio.get_running_loop()
    data = b""
    while b"\r\n\r\n" not in data:
        more = await loop.sock_recv(sock, PIECE_BYTES)
        if not more:
            return "hung up"
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    status = head.split(maxsplit=2)[1].decode()
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    left = int(length or 1 << 30) - len(body)
    start = body[:4096]
    while left > 0:
        more = await loop.sock_recv(sock, PIECE_BYTES)
        if not more:
            break
        left -= len(more)
        start = start or more[:4096]
    error = start.partition(b'"error":"')[2].partition(b'"')[0].decode("ascii", "replace")
    return f"{status} {error}".rstrip()


Clients: TypeAlias = Iterable[Coroutine[Any, Any, None]]


def slashes(attack: Attack) -> Clients:
    """Ask for paths that repeat one character: for long ones and, more often, for shorter ones."""
    for character in "/;?%.":
        path = "/" + character * SLASHES
        yield attack.again("long path", [get(path, "x")], 1.0)
    for _ in range(10):
        yield attack.again("8 KB path", [get("/" * FEWER_SLASHES + "?token=x", "x")], 0.5)


def uploads(attack: Attack) -> Clients:
    """Begin uploads of 10 MB and never end them, as strangers and as logged-in people; send 10 MB of JSON."""
    rest = [bytes(PIECE_BYTES)] * (UPLOAD_BYTES // PIECE_BYTES - 1)
    for _ in range(UPLOADS):
        head = _upload_head("", "multipart/form-data; boundary=b", UPLOAD_BYTES)
        yield attack.again("stranger", [head, FORM_HEAD, *rest], 1.0, PIECE_SECONDS)
    for number in range(OWN_UPLOADS):
        person = attack.weapons.people[number % len(attack.weapons.people)]
        head = _upload_head(person.token, "multipart/form-data; boundary=b", UPLOAD_BYTES)
        yield attack.again("person", [head, FORM_HEAD, *rest], 1.0, PIECE_SECONDS)
    person = attack.weapons.people[0]
    text = b'{"unionid":"' + b"[" * UPLOAD_BYTES
    for path in ("/uploadFile", "/postTask"):
        head = _upload_head(person.token, "application/json", len(text), path)
        yield attack.again("JSON", [head, text], 1.0)


def _upload_head(token: str, content_type: str, length: int, path: str = "/uploadFile") -> bytes:
    known = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{known}"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def chunks(attack: Attack) -> Clients:
    """Send bodies in one-byte chunks, some fast, some slowly. Each chunk costs the loop some work."""
    person = attack.weapons.people[0]
    rest = [CHUNK * CHUNKS_AT_ONCE] * (UPLOAD_BYTES // 10 // CHUNKS_AT_ONCE)
    for path, content_type in (
        ("/postTask", "application/json"),
        ("/uploadFile", "multipart/form-data; boundary=b"),
        ("/nowhere", "application/json"),
    ):
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {person.token}\r\n"
            f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ).encode()
        for _ in range(CHUNKERS):
            yield attack.again(f"at once to {path}", [head, *rest], 0.5)
            yield attack.again(f"slowly to {path}", [head, *[CHUNK * 10] * SLOW_PIECES], 0.5, PIECE_SECONDS)


def connections(attack: Attack) -> Clients:
    """Open 3,000 connections that send half a request or nothing, and 50 websockets of one person."""
    half = b"GET /getTaskList HTTP/1.1\r\nHost: localhost\r\nX-Half: "
    for _ in range(HALF_HEADERS):
        yield attack.again("half headers", [half], 5.0)
    for _ in range(SILENT):
        yield attack.again("silent", [], 5.0)
    person = attack.weapons.people[0]
    shake = (
        f"GET /ws?{person.query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    for _ in range(SOCKETS):
        yield attack.again("websocket", [shake], 2.0)


def heads(attack: Attack) -> Clients:
    """Send 190 heads of 51 KB in short lines at once, again and again."""
    head = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n" + b"a:b\r\n" * HEAD_LINES + b"\r\n"
    for _ in range(HEADS):
        yield attack.again("51 KB", [head], 1.0, together=True)


def campus(attack: Attack) -> Clients:
    """From honest people's address, open idle connections, send half heads, wrong codes, endless bodies."""
    attack.addresses = ["127.0.0.1"]
    half = b"GET /getTaskList HTTP/1.1\r\nHost: localhost\r\nX-Half: "
    for number in range(IDLE):
        yield attack.again("idle", [half] if number % 2 else [], 0.5)
    for number in range(WRONG_CODES):
        yield attack.again("wrong code", [get(f"/userLogin?code=wrong{number}", "")], 1.0)
    head = b"POST /postTask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    for _ in range(STALLED_BODIES):
        yield attack.again("stalled", [head], 0.5)


def pictures(attack: Attack) -> Clients:
    """Upload pictures that take long to decode: one person sends those of 16 megapixels, another the rest."""
    owners = dict.fromkeys(attack.weapons.pictures, attack.weapons.people[0])
    owners |= {kind: attack.weapons.people[1] for kind in owners if "scans" in kind or "50" in kind}
    for kind, data in attack.weapons.pictures.items():
        body = FORM_HEAD + data + FORM_END
        head = _upload_head(owners[kind].token, "multipart/form-data; boundary=b", len(body))
        for _ in range(2):
            yield attack.again(kind, [head, body], 0.2)


def stalled(attack: Attack) -> Clients:
    """Begin seven uploads of 10 MB as four people, and send all but the end of each."""
    rest = [bytes(PIECE_BYTES)] * (STALLED_BYTES // PIECE_BYTES)
    for number in range(STALLED):
        person = attack.weapons.people[number % STALLED_PEOPLE]
        head = _upload_head(person.token, "multipart/form-data; boundary=b", UPLOAD_BYTES)
        yield attack.again("stalled", [head, FORM_HEAD, *rest], 0.2)


def flat(attack: Attack) -> Clients:
    """Upload twenty flat PNGs of 16 megapixels at once, as ten people, again and again."""
    body = FORM_HEAD + attack.weapons.pictures["16 MP PNG"] + FORM_END
    for number in range(FLAT):
        person = attack.weapons.people[number % FLAT_PEOPLE]
        head = _upload_head(person.token, "multipart/form-data; boundary=b", len(body))
        yield attack.again("flat", [head, body], 0.2)


def proofs(attack: Attack) -> Clients:
    """Ask for the pages of a long task's proof. Some clients never read the reply."""
    for page in range(1, READERS + LAZY_READERS + 1):
        query = f"code={attack.weapons.long_task}&page={page}"
        request = f"GET /getProof?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        lazy = page > READERS
        yield attack.again("lazy proof" if lazy else "proof", [request], 0.2, lazy=lazy)


KINDS: dict[str, Callable[[Attack], Clients]] = {
    each.__name__: each
    for each in (slashes, uploads, chunks, connections, pictures, proofs, stalled, flat, heads, campus)
}


def run(name: str, port: int, weapons: Weapons, seconds: float) -> Counter[str]:
    """Attack for this many seconds; return what clients got."""
    return asyncio.run(_run(KINDS[name], Attack(port, weapons), seconds))


async def _run(kind: Callable[[Attack], Clients], attack: Attack, seconds: float) -> Counter[str]:
    clients = [asyncio.ensure_future(client) for client in kind(attack)]
    done, _ = await asyncio.wait(clients, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    for client in done:
        client.result()  # a client ends only if this code has a bug: raise its error
    return attack.got


def begin() -> None:
    """Allow the process many open files, and give it the lowest priority."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Real attackers run on other machines: here they get only CPU time that the server leaves idle.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
