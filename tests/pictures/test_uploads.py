"""Uploads as they arrive: no byte of a stranger is kept, and other people's only while there is room."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from PIL import Image

from handlers.base import Receiver, uploads_of
from handlers.uploads import UploadFile
from server.actions.pictures import pictures_of
from server.context import Context
from server.pictures.decode import MAX_BYTES
from server.pictures.uploads import Uploads
from support.client import Someone, a_picture
from support.login import log_in
from support.replies import raw_reply
from support.servers import Running, a_server
from support.stored import stored_files

MB = 1 << 20
PATIENCE_SECONDS = 10


ENVIRONMENT = {"UPLOAD_MEMORY_MB": "16"}


class Sender:
    """A client that sends an upload piece by piece."""

    begun: ClassVar[list[Sender]] = []

    def __init__(self, port: int, person: Someone | None = None, **fields: str) -> None:
        self.port, self.person, self.fields = port, person, fields
        self.query = ""
        self.headers: dict[str, str] = {}

    async def begin(self, content: bytes = b"", length: int | None = None) -> Sender:
        """Send the head, the form and the file's beginning, `content`. `length` is that of the whole file."""
        form = b"".join(part(name, value.encode()) for name, value in self.fields.items())
        form += b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        self.tail = b"\r\n--x--\r\n"
        length = len(content) if length is None else length
        headers = {"Host": "x", "Content-Type": "multipart/form-data; boundary=x"} | self.headers
        headers["Content-Length"] = str(len(form) + length + len(self.tail))
        if self.person is not None:
            headers["Authorization"] = f"Bearer {self.person.token}"
        head = f"POST /uploadFile{self.query} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.begun.append(self)
        self.writer.write(head.encode())
        if "Expect" not in headers:
            await self.send(form + content)
        return self

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def end(self, content: bytes = b"") -> dict[str, Any]:
        """Send the rest and read the reply."""
        await self.send(content + self.tail)
        return (await self.reply())[1]

    async def reply(self) -> tuple[int, dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await raw_reply(self.reader)

    def hang_up(self) -> None:
        """Abort the connection, as when the client's process dies."""
        self.writer.transport.abort()


@pytest.fixture(autouse=True)
def _hung_up(io_loop: Any) -> Iterator[None]:
    """Abort the connections that a test left open, before its server ends."""
    yield

    async def hang_up() -> None:
        for sender in Sender.begun:
            sender.hang_up()
            await asyncio.wait([asyncio.ensure_future(sender.writer.wait_closed())])
        Sender.begun.clear()

    io_loop.run_sync(hang_up)


def part(name: str, value: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110  (the server tells nobody)
            await asyncio.sleep(0)


def is_empty(context: Context) -> bool:
    """Return whether no byte of an upload is held."""
    return uploads_of(context).held_bytes == 0 and not uploads_of(context).places


def noise(size: int) -> bytes:
    """Return a picture of about this many bytes."""
    side = int((size / 3) ** 0.5)
    image = Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=0)
    return file.getvalue()


async def sent_in_chunks(someone: Someone, megabytes: int) -> httpx.Response:
    """Upload without a length."""

    async def chunks() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(megabytes):
            yield bytes(MB)

    headers = {"Authorization": f"Bearer {someone.token}", "Content-Type": "multipart/form-data; boundary=x"}
    return await someone.client.http.post("/uploadFile", content=chunks(), headers=headers)


# ---------------------------------------------------------------- who may upload


async def test_a_client_says_who_uploads_in_the_form_the_query_or_its_token(settings, alice, bob):
    picture = a_picture()
    by_form = Sender(settings.port, None, unionid=alice.unionid)
    by_query = Sender(settings.port)
    by_query.query = f"?unionid={alice.unionid}"
    by_token = Sender(settings.port, bob)
    for sender in (by_form, by_query, by_token):
        assert (await (await sender.begin(picture)).end())["status"] == 0


async def test_nothing_is_kept_of_an_upload_that_is_refused(client, context, settings):
    alice, bob, carol, dave = await client.log_in_all("alice", "bob", "carol", "dave")
    await bob.lock()
    forger = Someone(client, carol.unionid, "undefined", {})
    other = {"unionid": carol.unionid}
    senders = {
        "bad_request": Sender(settings.port),
        "not_logged_in": Sender(settings.port, unionid="nobody"),
        "token_required": Sender(settings.port, unionid=bob.unionid),
        "bad_token": Sender(settings.port, forger),
    }
    senders["bad_token "] = Sender(settings.port, alice, **other)
    senders["bad_request "] = Sender(settings.port, unionid=carol.unionid)
    senders["bad_request "].query = f"?unionid={dave.unionid}"
    for error, sender in senders.items():
        await sender.begin(bytes(MB), length=5 * MB)
        _, reply = await sender.reply()  # long before the end of the file
        assert reply["error"] == error.strip()
        assert is_empty(context)
        await sender.send(bytes(MB))  # the server throws away what still comes
    assert await stored_files(context) == 0


class TestWithTokensRequired:
    """With REQUIRE_TOKEN=1, as in production."""

    ENVIRONMENT: ClassVar = {"REQUIRE_TOKEN": "1"}

    async def test_a_bare_id_is_refused_before_the_form(self, settings, alice):
        sender = Sender(settings.port, unionid=alice.unionid)
        sender.headers["Expect"] = "100-continue"
        await sender.begin(length=5 * MB)
        assert (await sender.reply())[1]["error"] == "token_required"
        assert await sender.reader.read() == b""  # the connection is closed without asking for the form


async def test_a_client_that_may_upload_is_asked_for_the_body(client, settings):
    sender = Sender(settings.port, await client.log_in("alice"))
    sender.headers["Expect"] = "100-continue"
    picture = a_picture()
    await sender.begin(length=len(picture))
    assert b" 100 " in await sender.reader.readuntil(b"\r\n\r\n")
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    assert (await sender.end(form + picture))["status"] == 0


async def test_only_a_form_is_taken(settings, context, alice):
    for content_type in ("application/json", "application/x-www-form-urlencoded", "image/jpeg", ""):
        sender = Sender(settings.port, alice)
        sender.headers["Content-Type"] = content_type
        await sender.begin(b"[" * MB, length=5 * MB)
        _, reply = await sender.reply()
        assert (reply["error"], reply["param"]) == ("bad_request", "file")
    assert is_empty(context)


async def test_a_form_of_another_shape_is_refused(client, settings, alice):
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + a_picture() + b"\r\n"
    end = b"--x--\r\n"
    headers = {"Authorization": f"Bearer {alice.token}", "Content-Type": "multipart/form-data; boundary=x"}
    forms = {
        "two files": file + file + end,
        "no file": part("unionid", alice.unionid.encode()) + end,
        "a file that is none": part("file", b"text") + end,
        "a file of another name": file.replace(b"file", b"photo", 1) + end,
        "no end": file,
        "many parts": part("a", b"") * 30 + end,
        "a long field": part("a", bytes(100_000)) + end,
        "a long header": b"--x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n\r\n" + end,
        "many headers": b"--x\r\n" + b"A: b\r\n" * 100 + b"\r\n\r\n" + end,
        "no name": b"--x\r\n\r\nvalue\r\n" + end,
    }
    for what, form in forms.items():
        reply = (await client.http.post("/uploadFile", content=form, headers=headers)).json()
        assert reply["error"] == "bad_request", what
    fine = part("a", b"1") + file + part("b", b"2") + end
    assert (await client.http.post("/uploadFile", content=fine, headers=headers)).json()["status"] == 0


# ---------------------------------------------------------------- how much is held


async def test_a_large_upload_is_held_as_it_comes_and_stored_whole(client, settings, context, alice):
    picture = noise(9 * MB)
    sender = await Sender(settings.port, alice).begin(picture[: 5 * MB], length=len(picture))
    await until(lambda: uploads_of(context).held_bytes == 5 * MB)
    url = (await sender.end(picture[5 * MB :]))["url"]
    stored = await client.http.get(url.removeprefix(settings.public_url))
    assert stored.headers["Content-Type"] == "image/jpeg"
    await until(lambda: is_empty(context))


def test_a_picture_that_waits_for_its_turn_is_in_memory_once_and_counts_until_it_is_stored():
    uploads = Uploads(16 * MB)
    upload = uploads.begin("alice", 9 * MB)
    tracemalloc.start()
    try:
        for _ in range(9):
            upload.write(bytes(MB))
        data = upload.hand_over()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data) == 9 * MB
    assert taken < 10 * MB
    assert uploads.held_bytes == 9 * MB
    upload.close()
    assert uploads.held_bytes == 0


async def test_a_client_that_dies_in_the_middle_leaves_nothing_behind(settings, context, alice):
    for _ in range(3):
        sender = await Sender(settings.port, alice).begin(bytes(2 * MB), length=5 * MB)
        await until(lambda: uploads_of(context).held_bytes == 2 * MB)
        sender.hang_up()
        await until(lambda: is_empty(context))
    assert await stored_files(context) == 0


async def test_a_client_that_dies_while_its_upload_is_counted_leaves_nothing_behind(
    client, settings, context, monkeypatch
):
    alice = await client.log_in("alice")
    asked, may_answer, told = asyncio.Event(), asyncio.Event(), asyncio.Event()
    closed = UploadFile.on_connection_close

    async def counts(*_: object) -> None:
        asked.set()
        await may_answer.wait()

    def noted(handler: UploadFile) -> None:
        closed(handler)
        told.set()

    monkeypatch.setattr("handlers.uploads.limit", counts)
    monkeypatch.setattr(UploadFile, "on_connection_close", noted)
    sender = await Sender(settings.port, alice).begin(bytes(MB), length=5 * MB)
    await asked.wait()
    sender.hang_up()
    may_answer.set()
    await told.wait()
    await until(lambda: is_empty(context))


async def test_a_third_upload_of_one_person_is_refused_until_one_of_the_first_two_is_over(
    client, settings, context, alice, bob
):
    picture = a_picture()
    first = await Sender(settings.port, alice).begin(picture[:9], length=len(picture))
    second = await Sender(settings.port, alice).begin(picture[:9], length=len(picture))
    await until(lambda: uploads_of(context).places[alice.id] == 2)
    third = await client.http.post(
        "/uploadFile", files={"file": picture}, headers={"Authorization": f"Bearer {alice.token}"}
    )
    assert (third.status_code, third.headers["Retry-After"]) == (429, "5")
    assert third.json()["error"] == "too_many"
    assert (await bob.upload(picture))["status"] == 0
    assert (await first.end(picture[9:]))["status"] == 0
    assert (await alice.upload(picture))["status"] == 0
    assert (await second.end(picture[9:]))["status"] == 0
    await until(lambda: is_empty(context))


async def test_all_uploads_together_are_bounded_and_free_their_room_when_they_end(client, settings, context):
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    held = [await Sender(settings.port, who).begin(bytes(7 * MB), length=8 * MB) for who in (alice, bob)]
    await until(lambda: uploads_of(context).held_bytes == 14 * MB)
    # An upload with a length is refused at once, an upload without a length when it reaches the limit.
    said = await Sender(settings.port, carol).begin(b"", length=5 * MB)
    silent = await sent_in_chunks(carol, 5)
    for status, reply in (await said.reply(), (silent.status_code, silent.json())):
        assert (status, reply["error"]) == (429, "too_many")
    assert silent.headers["Retry-After"] == "5"
    assert uploads_of(context).held_bytes == 14 * MB
    assert uploads_of(context).places.keys() == {alice.id, bob.id}
    assert (await carol.upload(a_picture()))["status"] == 0  # a small upload still fits
    for sender in held:
        sender.hang_up()
    await until(lambda: is_empty(context))
    assert (await carol.upload(noise(9 * MB)))["status"] == 0


class TestEighths:
    """On a server whose memory for uploads is eight times what one person may take."""

    ENVIRONMENT: ClassVar = {"UPLOAD_MEMORY_MB": "96"}

    async def test_four_people_with_stalled_uploads_leave_room_for_the_others(
        self, client, settings, context
    ):
        *strangers, bob = await client.log_in_all("one", "two", "three", "four", "bob")
        for stranger in strangers:
            await Sender(settings.port, stranger).begin(bytes(9 * MB), length=10 * MB)
        await until(lambda: uploads_of(context).held_bytes == 36 * MB)
        for stranger in strangers:
            second = await Sender(settings.port, stranger).begin(b"", length=9 * MB)
            status, reply = await second.reply()
            assert (status, reply["error"]) == (429, "too_many")
            assert "加起来太大" in reply["msg"]
        assert (await strangers[0].upload(a_picture()))["status"] == 0  # this fits into the person's share
        # An upload without a length is refused as soon as it exceeds the share.
        assert (await sent_in_chunks(strangers[0], 9)).json()["error"] == "too_many"
        assert uploads_of(context).held_bytes == 36 * MB
        assert (await bob.upload(noise(9 * MB)))["status"] == 0


async def test_bodies_of_other_requests_count_with_the_uploads_until_the_requests_are_answered(
    client, settings, context
):
    head = b"POST /postTask HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    connections = [await asyncio.open_connection("127.0.0.1", settings.port) for _ in range(3)]
    for _, writer in connections:
        writer.write(head + bytes(90_000))
    await until(lambda: uploads_of(context).held_bytes == 270_000)
    taken = 16 * MB - 270_000  # as if uploads held this much
    uploads_of(context).held_bytes += taken
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(head + bytes(90_000))
    status, reply = await raw_reply(reader)
    assert (status, reply["error"]) == (429, "too_many")
    alice = await client.log_in("alice")  # a small body, as digs have, needs no room
    assert (await alice.post("/postTask", code="abcdefghijkl"))["error"] == "no_such_task"
    uploads_of(context).held_bytes -= taken
    answered, gone, stopped = connections
    answered[1].write(bytes(10_000))
    assert (await raw_reply(answered[0]))[1]["error"] == "bad_request"
    gone[1].transport.abort()
    await until(lambda: uploads_of(context).held_bytes == 90_000)
    for _, each in (answered, stopped, (reader, writer)):
        each.transport.abort()
        await asyncio.wait([asyncio.ensure_future(each.wait_closed())])
    await asyncio.wait([asyncio.ensure_future(gone[1].wait_closed())])
    await until(lambda: is_empty(context))


# ---------------------------------------------------------------- how long a body may take


async def test_a_body_that_stops_arriving_is_refused(settings, context, monkeypatch, alice):
    monkeypatch.setattr(Receiver, "silence_seconds", 0.05)
    stopped = await Sender(settings.port, alice).begin(bytes(MB), length=5 * MB)
    status, reply = await stopped.reply()
    assert (status, reply["error"]) == (408, "bad_request")
    assert await stopped.reader.read() == b""
    refused = await Sender(settings.port).begin(bytes(MB), length=5 * MB)
    assert (await refused.reply())[1]["error"] == "bad_request"
    assert await refused.reader.read() == b""  # nor does the server wait for the rest of a refused body
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(b"POST /postTask HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    assert (await raw_reply(reader))[0] == 408
    assert await reader.read() == b""
    await until(lambda: is_empty(context))
    writer.close()


async def test_nothing_is_waited_for_from_a_client_that_hung_up_before_its_handler_began(
    client, settings, monkeypatch
):
    handlers: list[tuple[Receiver, bool]] = []
    prepare = Receiver.prepare

    def prepared(handler: Receiver) -> Any:
        handlers.append((handler, handler.hung_up))
        return prepare(handler)

    monkeypatch.setattr(Receiver, "prepare", prepared)
    with socket.create_connection(("127.0.0.1", settings.port)) as hurried:
        hurried.sendall(b"POST /postTask HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    await until(lambda: bool(handlers))
    ((handler, hung_up),) = handlers
    assert hung_up
    assert handler._silence is None


async def test_a_body_that_trickles_is_refused_too(settings, context, monkeypatch, alice):
    monkeypatch.setattr(Receiver, "body_seconds", 0.3)
    sender = await Sender(settings.port, alice).begin(bytes(9), length=5 * MB)
    reply = asyncio.ensure_future(sender.reply())
    while not reply.done():
        await sender.send(b"a")
        await asyncio.wait([reply], timeout=0.01)
    assert reply.result()[0] == 408
    await until(lambda: is_empty(context))


async def test_a_body_that_is_slower_than_the_least_rate_is_refused_and_a_faster_one_is_not(
    settings, context, monkeypatch, alice, bob
):
    monkeypatch.setattr(Receiver, "silence_seconds", 0.5)
    slow = await Sender(settings.port, alice).begin(b"", length=5 * MB)
    fast = await Sender(settings.port, bob).begin(b"", length=5 * MB)
    reply = asyncio.ensure_future(slow.reply())
    began = asyncio.get_running_loop().time()
    while not reply.done():
        assert asyncio.get_running_loop().time() - began < PATIENCE_SECONDS
        await slow.send(b"a")
        await fast.send(bytes(1000))
        await asyncio.wait([reply], timeout=0.01)
    assert reply.result()[0] == 408
    await until(lambda: uploads_of(context).places.keys() == {bob.id})
    fast.hang_up()
    await until(lambda: is_empty(context))


async def test_an_upload_that_is_being_stored_still_counts_after_its_sender_has_gone(
    settings, context, monkeypatch, alice
):
    begun, may_end = asyncio.Event(), asyncio.Event()
    normalise = pictures_of(context).normalise

    async def waits(data: bytes, owner: str) -> Any:
        begun.set()
        await may_end.wait()
        return await normalise(data, owner)

    monkeypatch.setattr(pictures_of(context), "normalise", waits)
    picture = noise(MB)
    sender = await Sender(settings.port, alice).begin(picture)
    await sender.send(sender.tail)
    await begun.wait()
    gone = asyncio.Event()
    closed = UploadFile.on_connection_close

    def noted(handler: UploadFile) -> None:
        closed(handler)
        gone.set()

    monkeypatch.setattr(UploadFile, "on_connection_close", noted)
    sender.hang_up()
    may_end.set()
    assert uploads_of(context).held_bytes == len(picture)
    await until(lambda: is_empty(context))
    assert await stored_files(context) == 2  # the picture and its thumbnail


# ---------------------------------------------------------------- a real process


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with a_server(tmp_path_factory.mktemp("uploads")) as server:
        yield server


async def test_stalled_uploads_of_strangers_take_no_memory(running):
    person = log_in(running.address, "alice")
    headers = {"Authorization": f"Bearer {person['token']}"}
    file = {"file": ("a.png", noise(MB))}
    async with httpx.AsyncClient(base_url=running.address, timeout=20) as http:
        assert (await http.post("/uploadFile", files=file, headers=headers)).json()["status"] == 0
        claim = {"unionid": person["unionid"], "code": "A" * 12}
        await http.post("/drawPrize", json=claim, headers=headers)  # now the server refuses her bare id
        (worker,) = running.children()["worker"]
        before = memory_mb(worker)
        strangers = [
            await Sender(running.port, None, **who).begin(bytes(4 * MB), length=9 * MB)
            for who in [{}, {"unionid": "nobody"}, {"unionid": person["unionid"]}] * 20
        ]
        errors = {(await sender.reply())[1]["error"] for sender in strangers}
        assert errors == {"bad_request", "not_logged_in", "token_required"}
        assert memory_mb(worker) - before < 12
        assert (await http.get("/healthz")).status_code == 200


async def test_the_memory_of_uploads_that_grow_side_by_side_goes_back_to_the_system(running):
    tokens = [log_in(running.address, f"person {number}")["token"] for number in range(9)]
    (worker,) = running.children()["worker"]
    before = memory_mb(worker)
    for _ in range(3):
        senders = []
        for token in tokens:
            sender = Sender(running.port)
            sender.headers = {"Authorization": f"Bearer {token}"}
            senders.append(await sender.begin(length=9 * MB))
        for _ in range(8):
            await asyncio.gather(*(sender.send(bytes(MB)) for sender in senders))
        await until(lambda: memory_mb(worker) - before > 60)
        for sender in senders:
            sender.hang_up()
        await until(lambda: memory_mb(worker) - before < 20)


assert MAX_BYTES < 16 * MB  # so that the largest upload fits into the memory that the fixture sets
