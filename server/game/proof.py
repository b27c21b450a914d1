"""An ended task's proof as bytes: the reply of `/getProof`, compressed in parts.

Pure: no store, no clock. A part holds the digs of DIGS_A_PART depths. It is made from these digs and the
`Progress` after the part before it, so any process can continue an unfinished proof.

All parts in their order are one gzip stream. Each is compressed on its own, so parts made by different
versions of zlib still fit together.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import msgspec

from server.game import draw

DIGS_A_PART = 10_000

# Deflate, without a name or a time, so that the bytes depend on the content alone.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"


class Progress(msgspec.Struct, frozen=True):
    """The state after some parts. Lengths are in bytes; `crc` is gzip's, of the plain text.

    `digest` is SHA-256 of the digest before and the part's plain text; the last one identifies the content.
    """

    parts: int = 0
    plain_length: int = 0
    packed_length: int = 0
    crc: int = 0
    digest: bytes = b""


def part_count(depth: int) -> int:
    """Return how many parts the proof of a task of this depth has: at least one."""
    return max(1, -(-depth // DIGS_A_PART))


def encode_head(seed: bytes, params: str, commitment: str) -> bytes:
    """Return the reply up to its digs. It is an envelope like any other: `status` 0 and an empty `msg`."""
    proof = draw.make_proof(seed, params, commitment, [])
    return b'{"status":0,"msg":"",' + msgspec.json.encode(proof).removeprefix(b"{").removesuffix(b"]}")


def pack_part(
    before: Progress, head: bytes, digs: Iterable[dict[str, Any]], *, last: bool
) -> tuple[bytes, Progress]:
    """Return the next part and the progress after it; `head` is put into the first part only.

    Compresses some 300 KB: call it off the loop.
    """
    rows = [draw.ProvedDig(dig["depth"], dig["is_prize"]) for dig in digs]
    plain = (b"," if before.parts else head) + msgspec.json.encode(rows)[1:-1] + (b"]}" if last else b"")
    deflate = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    packed = deflate.compress(plain) + deflate.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
    crc, plain_length = zlib.crc32(plain, before.crc), before.plain_length + len(plain)
    if not before.parts:
        packed = _GZIP_HEADER + packed
    if last:
        packed += struct.pack("<II", crc, plain_length & 0xFFFFFFFF)
    return packed, Progress(
        parts=before.parts + 1,
        plain_length=plain_length,
        packed_length=before.packed_length + len(packed),
        crc=crc,
        digest=hashlib.sha256(before.digest + plain).digest(),
    )


class Unpacker:
    """Decompresses a proof's parts in order. Raises zlib.error if they are damaged."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def unpack(self, part: bytes) -> bytes:
        """Return a part's plain text, some 300 KB. Call it off the loop."""
        return self._inflate.decompress(part)
