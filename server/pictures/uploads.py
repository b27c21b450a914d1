"""Uploads while they arrive: how many per person, how many bytes in all, and the files that hold them.

Nothing here reads a request or looks at a picture.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TypeVar

from server.errors import Busy, Unavailable
from server.pictures.decode import MAX_BYTES

AT_ONCE = 2  # the most uploads of one person
# One person's uploads together may take this part of the room, or one largest upload if that is more.
PERSON_PART = 8
LARGEST_BYTES = MAX_BYTES + (64 << 10)  # the largest form: a picture, and what is around it
# A larger upload goes into a file.
MEMORY_BYTES = 64 << 10
# Bodies of other requests, whose senders are not known yet, may take this part of UPLOAD_MEMORY_MB.
BODIES_PART = 4

log = logging.getLogger("wabao.uploads")

_Result = TypeVar("_Result")


class Uploads:
    """All uploads of this process. Together they hold at most `limit_bytes`, from first byte to reply."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._person_bytes = max(limit_bytes // PERSON_PART, LARGEST_BYTES)
        self.held_bytes = 0
        self._held_by: Counter[str] = Counter()
        self._bodies_bytes = 0
        self.places: Counter[str] = Counter()
        # One thread, so that work on a file is done in the order in which it was given.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="uploads")

    def begin(self, unionid: str, expected_bytes: int) -> Upload:
        """Return a person's new upload; the caller must close it. Raises Busy if there is no room for it."""
        if self.places[unionid] >= AT_ONCE:
            raise Busy(f"同时最多上传 {AT_ONCE} 张图片，请等前面的传完再试")
        self._check_part(unionid, expected_bytes)
        self._check_room(expected_bytes)
        self.places[unionid] += 1
        return Upload(self, unionid)

    def take(self, size: int) -> None:
        """Count bytes that will be kept. Raises Busy if there is no room for them."""
        self._check_room(size)
        self.held_bytes += size

    def take_upload(self, unionid: str, size: int) -> None:
        """Count bytes of a person's upload. Raises Busy if there is no room, or none in their part."""
        self._check_part(unionid, size)
        self.take(size)
        self._held_by[unionid] += size

    def give_back(self, size: int) -> None:
        """Count bytes that are no longer kept."""
        self.held_bytes -= size

    def take_body(self, size: int) -> None:
        """Count bytes of another request's body. Raises Busy if there is no room, or none in their part."""
        if self._bodies_bytes + size > self._limit_bytes // BODIES_PART:
            raise Busy
        self.take(size)
        self._bodies_bytes += size

    def give_back_body(self, size: int) -> None:
        """Count bytes of another request's body that are no longer kept."""
        self._bodies_bytes -= size
        self.give_back(size)

    def end(self, unionid: str, size: int) -> None:
        """Give back a person's place and the bytes of one upload."""
        self.give_back(size)
        self._held_by[unionid] -= size
        self.places[unionid] -= 1
        if not self.places[unionid]:
            del self.places[unionid], self._held_by[unionid]

    def _check_part(self, unionid: str, size: int) -> None:
        if self._held_by[unionid] + size > self._person_bytes:
            raise Busy("你正在上传的图片加起来太大，请等前面的传完再试")

    def _check_room(self, size: int) -> None:
        if self.held_bytes + size > self._limit_bytes:
            raise Busy

    async def in_thread(self, work: Callable[[], _Result]) -> _Result:
        """Do blocking work on a file in the thread; return its result."""
        return await asyncio.wrap_future(self._thread.submit(work))

    def in_thread_later(self, work: Callable[[], object]) -> None:
        """Do blocking work on a file in the thread, after all work given before. Does not wait."""
        self._thread.submit(work)

    def close(self) -> None:
        """Accept no more work. Work already given is still done."""
        self._thread.shutdown(wait=False)


class Upload:
    """The bytes of one upload. Its file has no name, so it is gone at the latest when the process ends."""

    def __init__(self, uploads: Uploads, unionid: str) -> None:
        self._uploads = uploads
        self._unionid = unionid
        self._size = 0
        self._memory = bytearray()
        self._in_file = False
        self._file: IO[bytes] | None = None  # used only in the thread
        self._closed = False

    async def write(self, data: bytes) -> None:
        """Keep more bytes; return once they are kept. Raises Busy; Unavailable if the disk fails."""
        if self._closed:  # the client hung up while we waited
            return
        self._uploads.take_upload(self._unionid, len(data))
        self._size += len(data)
        self._memory += data
        if len(self._memory) <= MEMORY_BYTES:
            return
        lump, self._memory, self._in_file = bytes(self._memory), bytearray(), True
        try:
            await self._uploads.in_thread(lambda: self._write(lump))
        except OSError as error:
            log.error("an upload cannot be kept: %s", error)  # noqa: TRY400  (the message is enough)
            raise Unavailable from error

    async def read(self) -> bytes:
        """Return all bytes kept so far."""
        if not self._in_file:
            return bytes(self._memory)
        return await self._uploads.in_thread(self._read)

    def close(self) -> None:
        """Drop the bytes and give the person's place back. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._uploads.end(self._unionid, self._size)
            self._memory = bytearray()
            if self._in_file:
                self._uploads.in_thread_later(self._close_file)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (`close` closes it)
        self._file.write(data)

    def _read(self) -> bytes:
        assert self._file is not None  # noqa: S101
        self._file.seek(0)
        return self._file.read() + self._memory

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
