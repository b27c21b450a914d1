"""What is kept of uploads while they come: who sends how many, how much of all of them, and in which files.

No request is read here and no picture is looked at.
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

AT_ONCE = 2  # uploads of one person
# So much of an upload is kept in memory; what is larger goes into a file.
MEMORY_BYTES = 64 << 10

log = logging.getLogger("wabao.uploads")

_Result = TypeVar("_Result")


class Uploads:
    """All uploads of this process. They hold `limit_bytes` at most, from the first byte to the reply."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_bytes = 0
        self.places: Counter[str] = Counter()
        # One thread: what is asked of a file is done in the order in which it was asked.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="uploads")

    def begin(self, unionid: str, expected_bytes: int) -> Upload:
        """Return a person's new upload, which must be closed. Raises Busy where there is no room for it."""
        if self.places[unionid] >= AT_ONCE:
            raise Busy(f"同时最多上传 {AT_ONCE} 张图片，请等前面的传完再试")
        self._check_room(expected_bytes)
        self.places[unionid] += 1
        return Upload(self, unionid)

    def take(self, size: int) -> None:
        """Count bytes that are to be kept."""
        self._check_room(size)
        self.held_bytes += size

    def end(self, unionid: str, size: int) -> None:
        """Give back a person's place and the bytes of one upload."""
        self.held_bytes -= size
        self.places[unionid] -= 1
        if not self.places[unionid]:
            del self.places[unionid]

    def _check_room(self, size: int) -> None:
        if self.held_bytes + size > self._limit_bytes:
            raise Busy

    async def in_thread(self, work: Callable[[], _Result]) -> _Result:
        """Do what waits for the disk, off the loop."""
        return await asyncio.wrap_future(self._thread.submit(work))

    def in_thread_later(self, work: Callable[[], object]) -> None:
        """Do it too, when what was asked before is done."""
        self._thread.submit(work)

    def close(self) -> None:
        """Take nothing more; what was asked is still done."""
        self._thread.shutdown(wait=False)


class Upload:
    """One upload: its bytes as they come. Its file has no name, so it ends with the process at the latest."""

    def __init__(self, uploads: Uploads, unionid: str) -> None:
        self._uploads = uploads
        self._unionid = unionid
        self._size = 0
        self._memory = bytearray()
        self._in_file = False
        self._file: IO[bytes] | None = None  # the thread's own
        self._closed = False

    async def write(self, data: bytes) -> None:
        """Keep more; returns when it is kept. Raises Busy, and Unavailable where the disk takes no more."""
        if self._closed:  # its sender hung up while we waited for something
            return
        self._uploads.take(len(data))
        self._size += len(data)
        self._memory += data
        if len(self._memory) <= MEMORY_BYTES:
            return
        lump, self._memory, self._in_file = bytes(self._memory), bytearray(), True
        try:
            await self._uploads.in_thread(lambda: self._write(lump))
        except OSError as error:
            log.error("an upload cannot be kept: %s", error)  # noqa: TRY400  (it says which)
            raise Unavailable from error

    async def read(self) -> bytes:
        """Return all of it."""
        if not self._in_file:
            return bytes(self._memory)
        return await self._uploads.in_thread(self._read)

    def close(self) -> None:
        """Let go of it; calling this again does nothing."""
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
