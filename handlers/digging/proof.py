"""The proof of an ended task's draw, sent as it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from handlers.base import Interface, Reply
from handlers.parameters import Code
from server.actions.digging.prove import find_proof
from server.errors import ProofNotReady
from server.game import draw
from server.game.proof import Unpacker
from server.runtime.deadline import paused
from server.store.digging.proofs import WrittenProof

RETRY_SECONDS = 1
# A client that has not read a part after this long is cut off.
TAKEN_SECONDS = 20.0


class GetProofRequest(msgspec.Struct):
    """Needs no login."""

    code: Code


class GetProofReply(Reply, kw_only=True):
    """All that recomputing the draw needs. `seed` and `commitment` are hex; `params` is hashed as it is.

    `winning_ranks` and `winning_fen` are of the prizes at `winning_depths`; `[]` if there are no ranks.
    """

    seed: str
    params: str
    commitment: str
    winning_depths: list[int]
    winning_ranks: list[int]
    winning_fen: list[int]
    digs: list[draw.ProvedDig]


class GetProof(Interface):
    """The proof of an ended task's draw."""

    path = "/getProof"
    takes = (GetProofRequest,)
    gives = (GetProofReply,)
    gives_etag = True

    _etag: str | None = None

    def compute_etag(self) -> str | None:
        """Return the proof's ETag; None for a refusal."""
        return self._etag

    async def answer(self, request: GetProofRequest) -> None:
        """Send the stored bytes, or 304 if the client has them. Raises what `find_proof` raises."""
        try:
            proof = await find_proof(self.context, request.code)
        except ProofNotReady:
            self.set_header("Retry-After", str(RETRY_SECONDS))
            raise
        gzipped = accepts_gzip(self.request.headers.get("Accept-Encoding", ""))
        self._etag = f'"{proof["etag"]}{"-gzip" if gzipped else ""}"'
        self.set_header("Cache-Control", "public, no-cache")  # may be cached, but must be checked each time
        self.set_header("Vary", "Accept-Encoding")
        self.set_etag_header()
        if self.check_etag_header():
            self.set_status(304)
            return
        if gzipped:
            self.set_header("Content-Encoding", "gzip")
        self.set_header("Content-Length", str(proof["packed_length" if gzipped else "plain_length"]))
        with paused():
            await self._send(self._packed(proof) if gzipped else self._plain(proof))

    async def _packed(self, proof: WrittenProof) -> AsyncIterator[bytes]:
        for number in range(proof["parts"]):
            yield await self.context.proofs.part(proof["_id"], number)

    async def _plain(self, proof: WrittenProof) -> AsyncIterator[bytes]:
        unpacker = Unpacker()
        async for part in self._packed(proof):
            yield await asyncio.to_thread(unpacker.unpack, part)

    async def _send(self, parts: AsyncIterator[bytes]) -> None:
        """Send the parts, each after the client has read the one before."""
        try:
            async for part in parts:
                self.write(part)
                await self._taken()
        except Exception as error:
            if not self._headers_written:
                raise
            # Too late for a refusal: cut the reply off. The client sees that by its length.
            self.log_exception(type(error), error, error.__traceback__)
            if isinstance(self.request.connection, HTTP1Connection):
                self.request.connection.close()

    async def _taken(self) -> None:
        try:
            async with asyncio.timeout(TAKEN_SECONDS):
                await self.flush()
        except TimeoutError:
            raise StreamClosedError from None  # treat it like a client that hung up


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding names gzip, and not with `q=0`."""
    for coding in accept_encoding.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False
