"""Uploads: who may, in which form, and what those that stall take."""

import asyncio
import os
import tracemalloc
from pathlib import Path
from typing import Any, ClassVar

import httpx
from PIL import Image

from handlers.bodies import LARGE_BYTES
from handlers.pictures.uploads import UploadFile
from server.memory.large_bodies import STRANGERS
from support.client import Someone, a_picture
from support.login import log_in
from support.pictures import encoded
from support.replies import raw_reply
from support.stored import stored_files

MB = 1 << 20
FORM = "multipart/form-data; boundary=x"
END = b"--x--\r\n"


def field(name: str, value: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)


def file(content: bytes, name: str = "file") -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'
    return head.encode() + content + b"\r\n"


def noise(size: int) -> bytes:
    """Return a picture of about this many bytes."""
    side = int((size / 3) ** 0.5)
    image = Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))
    return encoded(image, "PNG", compress_level=0)


async def upload(
    someone: Someone, form: bytes, token: str = "", kind: str = FORM, **query: str
) -> dict[str, Any]:
    """Send a form; return the reply."""
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    response = await someone.client.http.post("/uploadFile", content=form, headers=headers, params=query)
    return dict(response.json())


async def test_a_client_says_who_uploads_in_the_form_the_query_or_its_token(alice, bob):
    picture = file(noise(MB))
    assert (await upload(alice, picture + field("unionid", alice.unionid.encode()) + END))["status"] == 0
    assert (await upload(alice, picture + END, unionid=alice.unionid))["status"] == 0
    assert (await upload(bob, picture + END, bob.token))["status"] == 0


class TestWithTokensRequired:
    """With REQUIRE_TOKEN=1, as in production."""

    ENVIRONMENT: ClassVar = {"REQUIRE_TOKEN": "1"}

    async def test_a_bare_id_is_refused_before_the_form(self, settings, alice):
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
        writer.write(
            f"POST /uploadFile?unionid={alice.unionid} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
            f"Expect: 100-continue\r\nContent-Length: {5 * MB}\r\n\r\n".encode()
        )
        async with asyncio.timeout(10):
            assert (await raw_reply(reader))[1]["error"] == "token_required"
            assert await reader.read() == b""  # the connection is closed without asking for the form
        writer.close()


async def test_only_a_form_with_one_file_is_taken(alice):
    picture = a_picture()
    for kind in ("application/json", "application/x-www-form-urlencoded", "image/jpeg", "text/plain"):
        assert (await upload(alice, b"{}", alice.token, kind))["error"] == "bad_request"
    forms = {
        "two files": file(picture) * 2 + END,
        "no file": field("unionid", alice.unionid.encode()) + END,
        "a file that is a field": field("file", b"text") + END,
        "a file of another name": file(picture, "photo") + END,
        "no end": file(picture),
        "many parts": field("a", b"") * 200 + END,
        "a long header": b"--x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n\r\n" + END,
        "no name": b"--x\r\n\r\nvalue\r\n" + END,
        "no boundary": b"",
    }
    for what, form in forms.items():
        kind = "multipart/form-data" if what == "no boundary" else FORM
        reply = await upload(alice, form, alice.token, kind)
        assert reply["error"] == "bad_request", what
        assert reply["msg"]
    fine = field("a", b"1") + file(picture) + field("b", b"2") + END
    assert (await upload(alice, fine, alice.token))["status"] == 0
    spelled = FORM.replace("form-data", "Form-Data")
    assert (await upload(alice, fine, alice.token, spelled))["status"] == 0


async def test_a_picture_that_waits_its_turn_has_a_place_and_is_in_memory_once(context, monkeypatch, alice):
    begun = asyncio.Event()
    may_end = asyncio.Event()
    gone = asyncio.Event()
    normalise = context.pictures.normalise
    closed = UploadFile.on_connection_close

    async def waits(data: bytes, owner: str) -> Any:
        begun.set()
        await may_end.wait()
        return await normalise(data, owner)

    def noted(handler: UploadFile) -> None:
        closed(handler)
        gone.set()

    monkeypatch.setattr(context.pictures, "normalise", waits)
    monkeypatch.setattr(UploadFile, "on_connection_close", noted)
    form = file(noise(3 * MB)) + END
    assert len(form) > LARGE_BYTES
    tracemalloc.start()
    try:
        sending = asyncio.ensure_future(upload(alice, form, alice.token))
        await begun.wait()
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken_bytes < 5 * MB
    sending.cancel()  # the client hangs up
    await gone.wait()
    assert len(context.large_bodies) == 1
    may_end.set()
    async with asyncio.timeout(10):
        while context.large_bodies:  # noqa: ASYNC110  (the server tells nobody)
            await asyncio.sleep(0)
    assert await stored_files(context) == 2  # the picture and its thumbnail


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


async def test_forty_stalled_uploads_of_strangers_take_at_most_120_mb(server):
    person = log_in(server.address, "alice")
    headers = {"Authorization": f"Bearer {person['token']}"}
    async with httpx.AsyncClient(base_url=server.address, timeout=20) as http:
        await http.post("/uploadFile", files={"file": a_picture()}, headers=headers)
        (worker,) = server.children()["worker"]
        before = memory_mb(worker)
        ends = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(40)]
        head = f"POST /uploadFile HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
        head += f"Content-Length: {10 * MB}\r\n\r\n"
        for _, writer in ends:
            writer.write(head.encode() + bytes(9 * MB))
        sent = [asyncio.ensure_future(writer.drain()) for _, writer in ends]
        replies = [asyncio.ensure_future(raw_reply(reader)) for reader, _ in ends]
        async with asyncio.timeout(20):
            await asyncio.wait(sent)
            while sum(reply.done() for reply in replies) < len(ends) - STRANGERS:
                await asyncio.wait(
                    [each for each in replies if not each.done()], return_when=asyncio.FIRST_COMPLETED
                )
        assert {reply.result()[1]["error"] for reply in replies if reply.done()} == {"too_many"}
        assert memory_mb(worker) - before < 120
        uploaded = await http.post("/uploadFile", files={"file": noise(MB)}, headers=headers)
        assert uploaded.json()["status"] == 0
        for _, writer in ends:
            writer.transport.abort()
        await asyncio.gather(*replies, return_exceptions=True)
