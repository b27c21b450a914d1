"""Uploads while they arrive, in memory: how many per person, and how many bytes in all.

Nothing here reads a request or looks at a picture.
"""

from __future__ import annotations

from collections import Counter

from server.errors import Busy
from server.pictures.decode import MAX_BYTES

AT_ONCE = 2  # The most uploads of one person.
# One person's uploads together may take this part of the room, or one largest upload if that is more.
PERSON_PART = 8
LARGEST_BYTES = MAX_BYTES + (64 << 10)  # The largest form: a picture, and the rest of the form around it.
# Bodies of other requests, whose senders are not known yet, may take this part of UPLOAD_MEMORY_MB.
BODIES_PART = 4


class Uploads:
    """All uploads of this process. Together they hold at most `limit_bytes`, from first byte to reply."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._person_bytes = max(limit_bytes // PERSON_PART, LARGEST_BYTES)
        self.held_bytes = 0
        self._held_by: Counter[str] = Counter()
        self.places: Counter[str] = Counter()

    def begin(self, unionid: str, expected_bytes: int) -> Upload:
        """Return a person's new upload; the caller must close it. Raises Busy if there is no room for it."""
        if self.places[unionid] >= AT_ONCE:
            raise Busy(f"同时最多上传 {AT_ONCE} 张图片，请等前面的传完再试")
        self._check(unionid, expected_bytes)
        self.places[unionid] += 1
        return Upload(self, unionid)

    def take(self, owner: str, size: int) -> None:
        """Count bytes that will be kept of a person's upload or, without an owner, of another request's body.

        Raises Busy if there is no room for them, or if the owner's part, or the part of bodies, is full.
        """
        self._check(owner, size)
        self.held_bytes += size
        self._held_by[owner] += size

    def give_back(self, owner: str, size: int) -> None:
        """Count bytes that are no longer kept."""
        self.held_bytes -= size
        self._held_by[owner] -= size

    def end(self, unionid: str, size: int) -> None:
        """Give back a person's place and the bytes of one upload."""
        self.give_back(unionid, size)
        self.places[unionid] -= 1
        if not self.places[unionid]:
            del self.places[unionid], self._held_by[unionid]

    def _check(self, owner: str, size: int) -> None:
        held_bytes = self._held_by[owner] + size
        if owner and held_bytes > self._person_bytes:
            raise Busy("你正在上传的图片加起来太大，请等前面的传完再试")
        if not owner and held_bytes > self._limit_bytes // BODIES_PART:
            raise Busy
        if self.held_bytes + size > self._limit_bytes:
            raise Busy


class Upload:
    """The bytes of one upload."""

    def __init__(self, uploads: Uploads, unionid: str) -> None:
        self._uploads = uploads
        self._unionid = unionid
        self._data = bytearray()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Keep more bytes. Raises Busy."""
        self._uploads.take(self._unionid, len(data))
        self._data += data
        self._size += len(data)

    def hand_over(self) -> bytes:
        """Return all bytes, and keep none, since a picture may wait long for its turn. They still count."""
        data = bytes(self._data)
        self._data.clear()
        return data

    def close(self) -> None:
        """Drop the bytes and give the person's place back. Call it once."""
        self._uploads.end(self._unionid, self._size)
        self._data.clear()
